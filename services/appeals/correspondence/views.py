"""The shapes of correspondence."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from libs.common.http.written import Moment
from services.appeals.correspondence.promises import Ending, PromiseIs
from services.appeals.filing.views import Day, Number

Kind = Literal["call", "letter", "portal_message", "fax", "email", "electronic"]
Direction = Literal["in", "out"]
Party = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Promise = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class LogEntry(BaseModel):
    """A call, letter or message as it took place, and what the payer promised in it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "kind": "call",
                    "direction": "out",
                    "party": "Appeals desk",
                    "at": "2026-03-02T15:04:00Z",
                    "reference_number": "C-4711",
                    "said": "The appeal is with a reviewer.",
                    "promise": "A decision.",
                    "promised_on": "2026-03-16",
                }
            ]
        },
    )

    kind: Kind
    direction: Direction = Field(description="in: from the payer; out: from us")
    party: Party = Field(description="with whom: the organisation, the role")
    at: Moment = Field(description="when it took place")
    reference_number: Number | None = Field(None, description="what the payer calls it")
    said: Said = Field(description="shown here and nowhere else")
    promise: Promise | None = Field(None, description="what the payer promised, with `promised_on`")
    promised_on: Day | None = Field(None, description="by which day")

    @model_validator(mode="after")
    def _a_promise_has_a_day(self) -> Self:
        if (self.promise is None) is not (self.promised_on is None):
            raise ValueError("a promise and its day come together")
        return self


class EndPromise(BaseModel):
    """What became of a promise: `given_up` where nobody waits for it any more, such as when another was made in its place."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"promise_is": "fulfilled"}]})

    promise_is: Ending


class EntryView(BaseModel):
    """One entry of the log. What was said stays as it was logged, for its time; only what becomes of the promise changes."""

    entry_id: UUID
    case_id: UUID
    version: int = Field(description="for If-Match")
    kind: Kind
    direction: Direction
    party: str
    at: datetime
    reference_number: str | None
    said: str
    promise: str | None
    promised_on: Day | None
    promise_is: PromiseIs | None = Field(description="`missed`: its day is over; a task of the case. null: nothing was promised")
    missed_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    logged_at: datetime
    logged_by: str
    forgotten_at: datetime | None = Field(
        None, description="since when its words are gone: kept for as long as the tenant keeps such"
    )
