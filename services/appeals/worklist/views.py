"""The shapes of the worklist over HTTP."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from libs.common.http.written import Day
from services.appeals.deadlines.clocks import DeadlineIs, Way
from services.appeals.views import PlainCommand, Why
from services.appeals.worklist.bulk_store import Action, Bulk, State
from services.appeals.worklist.choosing import Chosen, Task
from services.appeals.worklist.editing import Edit

# A team's name, or a tag: as people write it on one line.
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f/]+$")]
# A person: the subject of their token.
Person = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000, pattern=r"^[^\x00]*$")]
LeaseSeconds = Annotated[int, Field(ge=60, le=14_400, description="how long nobody else gets the case")]
LEASE_SECONDS = 900


class NextBody(BaseModel):
    """For how long the case is taken; `payer` narrows it to one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"lease_seconds": 900}})

    lease_seconds: LeaseSeconds = LEASE_SECONDS
    payer: str | None = Field(None, max_length=80, description="payer id (TRN03)")


class LeaseBody(BaseModel):
    """For how long a case is taken, or held, from now on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"lease_seconds": 900}})

    lease_seconds: LeaseSeconds = LEASE_SECONDS


class EditBody(BaseModel):
    """What is said about a case beside its workflow; what is left out stays, null takes it away."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"assignee": "marie", "team": "appeals", "add_tags": ["root-cause-7"]}}
    )

    assignee: Person | None = None
    team: Name | None = None
    snoozed_until: Day | None = Field(None, description="the day on which it comes back; before its deadline")
    received_on: Day | None = Field(
        None, description="when the last notice really came, where there is evidence of it: it counts instead of the presumed day"
    )
    add_tags: list[Name] = Field([], max_length=20)
    remove_tags: list[Name] = Field([], max_length=20)

    def to_edit(self) -> Edit:
        told: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        for name in ("add_tags", "remove_tags"):
            if name in told:
                told[name] = tuple(told[name])
        return Edit(**told)


class ChosenBody(BaseModel):
    """Which cases are meant: as the filters of `GET /v1/cases`. At least one is told."""

    model_config = ConfigDict(extra="forbid")

    state: str | None = Field(None, max_length=40)
    payer: str | None = Field(None, max_length=80)
    category: str | None = Field(None, max_length=40)
    action: str | None = Field(None, max_length=40)
    carc: str | None = Field(None, max_length=10)
    first_on: Day | None = Field(None, description="first payment day, included")
    last_on: Day | None = Field(None, description="last payment day, included")
    assignee: Person | None = None
    team: Name | None = None
    tag: Name | None = None
    snoozed: bool | None = None
    deadline: Literal["firm", "assumed", "unknown", "none"] | None = None
    due_before: Day | None = None
    submission_id: UUID | None = None
    task: Task | None = None
    open_only: bool = Field(True, description="only what is ours to act on")

    def to_chosen(self) -> Chosen:
        return Chosen(**self.model_dump())


class BulkBody(BaseModel):
    """One thing to do to all cases of a filter: exactly one of `edit`, `command` (with `why`) and `submission_id`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"chosen": {"payer": "1999999999", "carc": "197"}, "command": "write_off", "why": "Not worth a contest."}
        },
    )

    chosen: ChosenBody
    edit: EditBody | None = None
    command: PlainCommand | None = None
    why: Why | None = None
    submission_id: UUID | None = None

    def to_action(self) -> Action | None:
        """Return what is to be done; None where it is not exactly one thing."""
        told = [self.edit is not None, self.command is not None, self.submission_id is not None]
        if sum(told) != 1 or (self.command is not None) != (self.why is not None):
            return None
        if self.edit is not None:
            return Action("edit", edit=self.edit.to_edit())
        if self.command is not None:
            return Action("step", command=self.command.value, why=self.why or "")
        return Action("submit", submission_id=self.submission_id)


class BulkView(BaseModel):
    bulk_id: UUID
    kind: Literal["edit", "step", "submit", "reckon"] = Field(description="reckon: deadlines, after a payer's levels were settled")
    state: State
    total: int = Field(description="cases of the filter when it was asked for")
    passed: int = Field(description="gone through so far")
    done: int
    refused: int = Field(description="left as they are; `/refusals` says why")
    who: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, bulk: Bulk) -> Self:
        return cls.model_validate(msgspec.structs.asdict(bulk) | {"kind": bulk.action.kind})


class RefusalView(BaseModel):
    case_id: UUID
    reason: str = Field(description="a stable word")
    detail: str


class CommentBody(BaseModel):
    """A comment; who is meant is told in `mentions`. No patient data."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"words": "The letter is with the physician.", "mentions": ["jo"]}},
    )

    words: Words
    mentions: list[Person] = Field([], max_length=20)


class CommentView(BaseModel):
    comment_id: UUID
    case_id: UUID
    author: str
    words: str
    mentions: list[str]
    at: datetime
    forgotten_at: datetime | None = Field(
        None, description="since when its words are gone: kept for as long as the tenant keeps such"
    )


class TeamBody(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"members": ["jo", "marie"]}})

    members: list[Person] = Field(max_length=500)


class TeamView(BaseModel):
    team: str
    members: list[str]


class WorkEdit(BaseModel):
    changes: dict[str, list[str | None]] = Field(description="field -> [before, after]; add_tags, remove_tags -> the tags")
    who: str
    at: datetime


class WarningView(BaseModel):
    deadline_on: date
    days_before: int
    raised_at: datetime


class WorkView(BaseModel):
    """What was said and warned about a case beside its workflow, oldest first."""

    edits: list[WorkEdit]
    warnings: list[WarningView]


class ClockView(BaseModel):
    """One way that is open, and until when."""

    way: Way
    level: str | None = Field(description="of an appeal")
    due_on: date | None = Field(description="null: nobody knows it, and somebody has to settle the payer")
    firm: bool = Field(description="false: a state or a contract may set an earlier day")
    rule: str
    source: str
    trigger: str = Field(description="what it is counted from: notice, receipt, service, payment_on, ...")
    trigger_on: date | None
    floor_cents: int | None = Field(description="amount in controversy of this level; null: none, or that year's is not known")
    reaches_floor: bool | None = Field(description="whether the refused amount does by itself; claims may be put together")


class DeadlinesView(BaseModel):
    """Why a case's deadline is the day that it is. A late filing needs `good_cause`."""

    due_on: date | None
    deadline_is: DeadlineIs
    clocks: list[ClockView] = Field(description="that of the action first; none where it is not ours to act")


class SubmissionBody(BaseModel):
    """A submission to be filled with cases of one payer and category."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"payer": "1999999999", "category": "authorization", "note": "July outage"}}
    )

    payer: str = Field(max_length=80)
    category: str = Field(max_length=40)
    note: str = Field("", max_length=500)


class SubmissionView(BaseModel):
    submission_id: UUID
    payer_id: str
    category: str
    note: str
    created_by: str
    created_at: datetime
    cases: int
