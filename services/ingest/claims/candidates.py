"""Claims and answers that came in together, named, before it is known whether they are new. Pure."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from libs.common.contracts.claim_submitted import CheckFinding
from libs.common.contracts.envelope import MAX_EVENT_BYTES, encode
from libs.common.ids import claim_key, uuid7
from libs.x12 import Claim, SetAnswer
from services.ingest.claims import identity
from services.ingest.claims.life import Acknowledgement, Known
from services.ingest.claims.requests import RequestCandidate
from services.ingest.claims.translation import FINDINGS_MAX, to_event

_LONG_FINDING = CheckFinding("R" * 32, "warning", "236", 999)
Place = tuple[UUID | None, int | None, int | None]  # interchange, ordinal of the transaction, ordinal of the claim


@dataclass
class ClaimCandidate:
    """One claim that came in, named, before it is known whether it is new."""

    claim: Claim
    content: bytes
    claim_id: UUID
    claim_key: UUID
    member_reference: str
    service_span: tuple[date, date] | tuple[None, None]
    transaction_ordinal: int | None = None
    sent_on: date | None = None  # as its file says
    group_control_number: str = ""
    set_control_number: str = ""
    coder: str = ""  # no X12 file tells it
    row_id: UUID = field(default_factory=uuid7)

    @classmethod
    def of(cls, tenant_id: str, key: bytes, claim: Claim, **beside: Any) -> "ClaimCandidate":
        """Name a claim. `key` is the tenant's pseudonym key; `beside`: where in a file it stood, or who coded it."""
        content = identity.encoded(claim)
        return cls(
            claim,
            content,
            identity.claim_id(tenant_id, content),
            claim_key(tenant_id, claim.patient_control_number),
            identity.member_reference(key, tenant_id, claim),
            claim.service_span(),
            **beside,
        )

    def is_too_large(self) -> bool:
        """Say whether the claim is more than an event can hold. Its content is about as long as its event."""
        if len(self.content) < MAX_EVENT_BYTES // 4:
            return False
        name = self.claim_id
        event = to_event(
            self.claim,
            claim_id=name,
            claim_key=self.claim_key,
            interchange_id=name,
            replaces_claim_id=name,
            member_reference=self.member_reference,
            submitted_at=datetime.max.replace(tzinfo=UTC),
            findings=[_LONG_FINDING] * FINDINGS_MAX,
            coder=self.coder,
        )
        return len(encode(event)) > MAX_EVENT_BYTES

    def known(self, received_on: date) -> Known:
        claim = self.claim
        return Known(
            self.claim_id,
            claim.payer.payer_id,
            claim.charge_cents,
            self.service_span[0],
            self.sent_on or received_on,
            frequency_code=claim.frequency_code,
            original_number=claim.original_control_number,
        )

    def place(self, interchange_id: UUID | None) -> Place:
        """Return where in which file it stands."""
        return interchange_id, self.transaction_ordinal, self.claim.ordinal or None


@dataclass(frozen=True)
class AnswerCandidate:
    """One answer to a claim, and the transaction of the file that holds it."""

    acknowledgement: Acknowledgement
    transaction_ordinal: int


@dataclass
class Intake:
    """What came in together."""

    claims: list[ClaimCandidate] = field(default_factory=list)
    answers: list[AnswerCandidate] = field(default_factory=list)
    sets: list[SetAnswer] = field(default_factory=list)
    requests: list[RequestCandidate] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.claims) + len(self.answers) + len(self.sets) + len(self.requests)

    def clear(self) -> None:
        for part in (self.claims, self.answers, self.sets, self.requests):
            part.clear()


def tally(
    candidates: Iterable[ClaimCandidate | AnswerCandidate | RequestCandidate], new: Collection[int]
) -> dict[int, Counter[str]]:
    """Count new and repeated ones by transaction. `new` holds the `id()` of those that are new to this file's reading."""
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for each in candidates:
        counts[each.transaction_ordinal or 0]["new" if id(each) in new else "duplicate"] += 1
    return counts
