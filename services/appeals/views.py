"""The shapes of answers about cases, and of what is asked of them."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.appeals.deadlines.clocks import DeadlineIs
from services.appeals.deadlines.levels import CheckIs
from services.appeals.records.views import RecordsRequestView
from services.appeals.workflow import FILINGS, OUTCOMES, TRANSITIONS, CaseState, Command
from services.appeals.worklist.choosing import Task
from services.appeals.worklist.placing import Place

Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
PlainCommand = Literal[
    Command.START_REVIEW, Command.GATHER, Command.MARK_READY, Command.ACKNOWLEDGE, Command.REQUEST_INFORMATION, Command.ESCALATE,
    Command.WRITE_OFF, Command.BILL_PATIENT, Command.BILL_OTHER_PAYER, Command.WITHDRAW, Command.REOPEN,
]  # fmt: skip


class ReasonView(BaseModel):
    """One refused adjustment."""

    line: int | None = None
    group_code: str
    carc: str
    rarcs: list[str] = []
    amount_cents: int
    category: str


class CaseView(BaseModel):
    """The work on one denial."""

    case_id: UUID
    state: CaseState
    version: int = Field(description="for If-Match")
    due_on: date | None = Field(description="the nearest last day that is not over; null: there is none, or nobody knows it")
    deadline_is: DeadlineIs = Field(description="firm, assumed (somebody has to settle the payer), unknown, or none")
    level: str | None = Field(description="the level of appeal that comes next")
    expected_cents: int = Field(description="what working it is worth: chance x refused - cost of the work")
    place: Place = Field(description="free, leased (somebody works on it), snoozed, or away: not ours to act on")
    assignee: str | None
    team: str | None
    holder: str | None = Field(description="who works on it")
    leased_until: datetime | None
    snoozed_until: date | None
    tags: list[str]
    denial_id: UUID
    denial_revision: int
    remit_id: UUID
    claim_key: UUID
    patient_control_number: str
    payer_claim_control_number: str
    payer_id: str
    payer_name: str
    payment_on: date
    category: str
    action: str
    denied_cents: int
    explanation: str
    reasons: list[ReasonView]
    opened_at: datetime
    changed_at: datetime

    @staticmethod
    def told(row: Mapping[Any, Any]) -> dict[str, Any]:
        return {**row, "due_on": row["deadline_on"]}

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Self:
        return cls.model_validate(cls.told(row))


class HistoryView(BaseModel):
    """One step. No step is ever taken out; a person's words are after their time."""

    version: int
    state: CaseState = Field(description="after it")
    command: Command
    why: str = Field(
        description="a person's words, or: denial_classified, denial_not_recoverable, denial_retracted, deadline_passed,"
        " remittance, records_requested, not_delivered; `forgotten`: the words were kept for as long as the tenant keeps such"
    )
    who: str = Field(description="`recours`: by itself")
    at: datetime


class NextStep(BaseModel):
    """Something that may be asked of a case now."""

    command: Command
    state: CaseState = Field(description="where it leads")
    by: str = Field(description="the route that takes it")


class AppealView(BaseModel):
    """Something that was sent to the payer, and what came of it; of what the payer changed unasked, the outcome alone."""

    appeal_id: UUID
    action: str = Field(description="appeal, correct_and_resubmit, send_documents; none: nothing was filed")
    level: str | None
    channel: str | None
    tracking_number: str | None
    packet_sha256: str | None
    packet_id: UUID | None = Field(description="of the case's packets the one that was filed")
    packet_is: Literal["built", "document", "records_answer", "foreign"] | None = Field(
        description="a packet of the case, a PDF among its documents, a 275 that Recours wrote, or made elsewhere: Recours knows"
        " nothing of it but its hash"
    )
    submission_id: UUID | None = Field(None, description="the submission that it went in, with other cases")
    corrected_claim_id: UUID | None
    disputed_cents: int | None
    due_on: date | None
    good_cause: str | None
    filed_on: date | None
    filed_at: datetime | None
    filed_by: str | None
    next_check_on: date | None = Field(description="ask the payer from this day on, and send nothing again before")
    next_check_is: CheckIs | None = Field(
        description="channel: the days that the payer's entry names for the channel; level: the days that the payer has to decide;"
        " assumed: nobody knows either, and it is 30"
    )
    delivery: Literal["waiting", "sent", "failed"] | None = Field(description="of what Recours sends itself")
    receipt: str | None = Field(description="what proves that it was sent")
    delivery_problem: str | None = Field(description="why it could not be sent; file it another way")
    outcome: Literal["overturned", "partly_overturned", "upheld"] | None
    recovered_cents: int | None = Field(description="what later remittances brought")
    decided_by: Literal["remittance", "person"] | None
    decided_on: date | None
    deciding_remit_id: UUID | None
    revision: int | None = Field(description="of the outcome")
    said_outcome: Literal["overturned", "partly_overturned", "upheld"] | None = Field(description="what a person recorded")
    said_on: date | None
    said_by: str | None
    said_reference: str | None


class TaskView(BaseModel):
    """Something that somebody has to see to."""

    task: Task
    entry_id: UUID = Field(description="the entry of the correspondence that it is about")
    promised_on: date
    raised_at: datetime


class SiblingView(BaseModel):
    """Another case of the same account and payer: another refusal of this claim, or of one under the same account number."""

    case_id: UUID
    state: CaseState
    payment_on: date
    payer_claim_control_number: str = Field(description="the same number: the same claim")
    denied_cents: int


class CaseDetail(CaseView):
    tasks: list[TaskView] = Field(description="what somebody has to see to: the payer has not done what it promised by a day")
    next_steps: list[NextStep] = Field(description="what may be asked of it now; anything else is refused")
    appeals: list[AppealView] = Field(description="what was filed and how it was decided, oldest first")
    records_requests: list[RecordsRequestView] = Field([], description="what the payer asked for, oldest first")
    siblings: list[SiblingView] = Field([], description="other cases of the account and payer, oldest first; the first 100")
    history: list[HistoryView] = Field(description="oldest first")

    @classmethod
    def build(
        cls,
        row: Mapping[Any, Any],
        history: Iterable[Mapping[Any, Any]],
        appeals: Iterable[Mapping[Any, Any]],
        tasks: Iterable[Mapping[Any, Any]],
        asked: Iterable[Mapping[Any, Any]],
        siblings: Iterable[Mapping[Any, Any]],
        allowed: Iterable[Command],
    ) -> Self:
        state = CaseState(row["state"])
        steps = [NextStep(command=each, state=TRANSITIONS[state, each], by=_route(each)) for each in allowed]
        told = [HistoryView.model_validate(dict(each)) for each in history]
        filed = [AppealView.model_validate(dict(each)) for each in appeals]
        left = [TaskView.model_validate(dict(each)) for each in tasks]
        requests = [RecordsRequestView.model_validate(dict(each)) for each in asked]
        return cls.model_validate(
            {
                **cls.told(row),
                "tasks": left,
                "next_steps": steps,
                "appeals": filed,
                "records_requests": requests,
                "siblings": [SiblingView.model_validate(dict(each)) for each in siblings],
                "history": told,
            }
        )


def _route(command: Command) -> str:
    name = "file" if command in FILINGS else "outcome" if command in OUTCOMES else "transitions"
    return f"POST /v1/cases/{{case_id}}/{name}"


class MoveCase(BaseModel):
    """What a person asks of a case, and why."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"command": "start_review", "why": "The authorization was on file."}]}
    )

    command: PlainCommand
    why: Why = Field(description="kept in the history; no patient data")
