"""What `recours trace` reads of the services' answers; fields that it does not know are ignored."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct


class SentClaim(Struct, frozen=True):
    claim_id: UUID
    patient_control_number: str


class ToldEvent(Struct, frozen=True):
    event_id: UUID
    type: str
    at: datetime
    cause: str | None
    trace_id: str | None
    sent: bool | None


class TakenEvent(Struct, frozen=True):
    event_id: UUID
    at: datetime


class Trail(Struct, frozen=True):
    told: list[ToldEvent]
    taken: list[TakenEvent]
