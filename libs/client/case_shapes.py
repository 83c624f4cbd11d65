"""What the client reads of one case."""

from datetime import date, datetime
from uuid import UUID

from msgspec import Struct


class NextStep(Struct, frozen=True):
    command: str
    state: str


class CaseStep(Struct, frozen=True):
    command: str
    state: str
    who: str
    why: str
    at: datetime


class AppealOfCase(Struct, frozen=True):
    action: str
    level: str | None
    channel: str | None
    filed_on: date | None
    next_check_on: date | None
    outcome: str | None
    recovered_cents: int | None
    delivery: str | None
    delivery_problem: str | None


class AskedOfCase(Struct, frozen=True):
    code: str


class RequestOfCase(Struct, frozen=True):
    """What a payer asks for before it decides."""

    request_id: UUID
    trace: str
    due_on: date | None
    answered_by: UUID | None
    codes: tuple[AskedOfCase, ...]


class TaskOfCase(Struct, frozen=True):
    task: str
    entry_id: UUID
    promised_on: date


class SiblingOfCase(Struct, frozen=True):
    """Another case of the account and payer."""

    case_id: UUID
    state: str
    payment_on: date
    payer_claim_control_number: str
    denied_cents: int


class LoggedEntry(Struct, frozen=True):
    entry_id: UUID
    promised_on: date | None


class CaseDetail(Struct, frozen=True):
    case_id: UUID
    state: str
    version: int
    due_on: date | None
    patient_control_number: str
    payer_name: str
    denied_cents: int
    payer_claim_control_number: str
    explanation: str
    siblings: tuple[SiblingOfCase, ...]
    tasks: tuple[TaskOfCase, ...]
    records_requests: tuple[RequestOfCase, ...]
    next_steps: tuple[NextStep, ...]
    appeals: tuple[AppealOfCase, ...]
    history: tuple[CaseStep, ...]
