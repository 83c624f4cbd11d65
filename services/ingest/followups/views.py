"""The shapes of answers about follow-ups and deposits."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from libs.common.http.written import Day
from services.ingest.followups.rules import STEPS, Kind, Subject

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Resolution = Literal["done", "not_needed", "written_off"]


class FollowupView(BaseModel):
    """Something that somebody should act on."""

    followup_id: UUID = Field(description="the same for this cause at this subject, whenever it comes back")
    kind: Kind
    subject: Subject = Field(description="what it is about; `subject_id` is its id")
    subject_id: UUID
    patient_control_number: str = Field(description="of a claim or remit; else empty")
    payer_id: str
    payer_name: str
    due_on: date
    amount_cents: int = Field(description="what is at stake")
    reason: str
    suggested_step: str
    status: Literal["open", "snoozed", "resolved"]
    resolution: str | None = Field(description="`cause_gone`: by itself; else what a person said")
    resolved_by: Literal["system", "person"] | None
    resolved_at: datetime | None
    owner: str | None
    note: str | None
    snoozed_until: date | None
    version: int = Field(description="for If-Match")
    opened_at: datetime
    changed_at: datetime

    @classmethod
    def of(cls, row: Mapping[Any, Any], today: date) -> Self:
        """Build the view of a row as it stands on a day."""
        snoozed = row["status"] == "open" and row["snoozed_until"] is not None and row["snoozed_until"] > today
        told = {**row, "suggested_step": STEPS[row["kind"]]}
        return cls.model_validate({**told, "status": "snoozed"} if snoozed else told)


class FieldChange(BaseModel):
    field: str
    before: str | int | None
    after: str | int | None


class FollowupStep(BaseModel):
    """Who did what when; nothing is ever taken out of this."""

    what: Literal["opened", "changed", "resolved", "reopened", "edited"]
    who: str = Field(description="`recours`: by itself")
    at: datetime
    version: int
    changes: list[FieldChange]


class FollowupDetail(FollowupView):
    history: list[FollowupStep] = Field(description="oldest first")

    @classmethod
    def build(cls, row: Mapping[Any, Any], steps: Iterable[Mapping[Any, Any]], today: date) -> Self:
        told = [
            {**each, "changes": [{"field": field, "before": was, "after": now} for field, (was, now) in each["changes"].items()]}
            for each in steps
        ]
        return cls.model_validate({**FollowupView.of(row, today).model_dump(), "history": told})


class EditFollowup(BaseModel):
    """What a person says; what is left out stays, null takes away."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"owner": "billing-2", "snoozed_until": "2026-04-01"}, {"resolution": "done"}]},
    )

    owner: Name | None = Field(None, description="who takes care of it")
    note: Text | None = Field(None, description="no patient data")
    snoozed_until: Day | None = Field(None, description="not before this day; it must lie in the future")
    resolution: Resolution | None = Field(None, description="ends it, and it stays ended; null opens it again")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("nothing is to be changed")
        return self


class DepositView(BaseModel):
    """Money that the bank told of."""

    deposit_id: UUID
    deposited_on: date
    amount_cents: int
    trace_number: str
    payer_name: str
    reference: str
    remittance_id: UUID | None = Field(description="the payment that announced it; null: none yet")
    received_at: datetime


class DepositAnswer(BaseModel):
    """The answer to one line."""

    line: int = Field(description="of the body, from 1; the header of a CSV is one")
    status: Literal["new", "known", "invalid", "unavailable"] = Field(
        description="known: this deposit was here; invalid: nothing was stored; unavailable: send this line again later"
    )
    deposit_id: UUID | None = None
    field: str | None = Field(default=None, description="of an invalid line; left out: the line as a whole")
    problem: str | None = None
