"""A payer's requests for records: which claim each is about, and how it is told. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from libs.common.contracts.records_requested import AskedCode, RecordsRequestedV1
from libs.common.ids import claim_key, named_id
from libs.x12 import RecordsRequest
from services.ingest.claims.life import Known, account_of

CODES_MAX: Final = 500  # of one request; an event has a size


@dataclass(frozen=True)
class RequestCandidate:
    """One request, and the transaction of the file that holds it."""

    request: RecordsRequest
    transaction_ordinal: int

    def claim_key(self, tenant_id: str) -> UUID:
        return claim_key(tenant_id, self.request.patient_control_number)


def named(requests: Iterable[RequestCandidate], by_number: Mapping[str, Collection[str]]) -> list[RequestCandidate]:
    """Give requests without an account number that of the claim that they name by the payer's; leave out those of none of ours.

    `by_number` holds the account numbers of each payer's number: where they are several, nobody knows which is meant.
    """
    found = []
    for each in requests:
        pcn = each.request.patient_control_number or account_of(each.request.payer_claim_control_number, by_number)
        if pcn:
            found.append(RequestCandidate(replace(each.request, patient_control_number=pcn), each.transaction_ordinal))
    return found


def to_event(
    tenant_id: str, each: RequestCandidate, interchange_id: UUID, received_at: datetime, known: Sequence[Known]
) -> RecordsRequestedV1:
    """Tell of a request. `known` are the claims of its account."""
    request, key = each.request, each.claim_key(tenant_id)
    codes = [AskedCode(code.category, code.code, code.code_list or None) for code in request.codes]
    for line in request.lines:
        number = line.line_control_number or None
        codes += [AskedCode(code.category, code.code, code.code_list or None, number) for code in line.codes]
    asked = ",".join(f"{code.category}:{code.code}:{code.line_control_number or ''}" for code in codes)
    names = (request.payer_id, request.trace, request.payer_claim_control_number, str(key), asked, str(request.due_on))
    return RecordsRequestedV1(
        request_id=named_id("records_request", tenant_id, *names),
        claim_key=key,
        interchange_id=interchange_id,
        payer_id=request.payer_id,
        payer_name=request.payer_name,
        trace=request.trace,
        payer_claim_control_number=request.payer_claim_control_number,
        codes=tuple(codes[:CODES_MAX]),
        received_at=received_at,
        due_on=request.due_on,
        claim_id=_meant(request, known),
    )


def _meant(request: RecordsRequest, known: Sequence[Known]) -> UUID | None:
    """Return the claim that the payer's number names, else the only one of the account."""
    named_ones = [claim.claim_id for claim in known if claim.number and claim.number == request.payer_claim_control_number]
    if named_ones:
        return named_ones[-1]
    return known[0].claim_id if len(known) == 1 else None
