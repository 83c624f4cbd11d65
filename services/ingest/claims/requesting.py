"""Booking requests for records, in the transaction that holds their accounts."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.records_requested import RecordsRequestedV1
from services.ingest.claims import requests, store
from services.ingest.claims.life import Known
from services.ingest.claims.requests import RequestCandidate
from services.ingest.received import Received


async def name_requests(tx: AsyncConnection, tenant_id: str, asked: list[RequestCandidate]) -> None:
    """Find the accounts of requests that name their claim by the payer's number alone; those of none of ours are left out."""
    numbers = {each.request.payer_claim_control_number for each in asked if not each.request.patient_control_number}
    if numbers:
        _, by_number = await store.account_numbers(tx, tenant_id, (), numbers)
        asked[:] = requests.named(asked, by_number)


async def admit(
    tx: AsyncConnection, received: Received, asked: Sequence[RequestCandidate], known: Mapping[UUID, Sequence[Known]]
) -> tuple[set[int], list[RecordsRequestedV1]]:
    """Note requests that have come. Returns the `id()` of those that are new to this file's reading, and what there is to tell."""
    told: dict[UUID, tuple[RequestCandidate, RecordsRequestedV1]] = {}
    tenant_id = received.tenant_id
    for each in asked:
        of_account = known.get(each.claim_key(tenant_id), ())
        event = requests.to_event(tenant_id, each, received.interchange_id, received.received_at, of_account)
        told.setdefault(event.request_id, (each, event))
    here = await store.admit_requests(tx, tenant_id, received.interchange_id, told) if told else {}
    new = {id(each) for name, (each, _) in told.items() if here.get(name, received.interchange_id) == received.interchange_id}
    return new, [event for name, (_, event) in told.items() if name not in here]
