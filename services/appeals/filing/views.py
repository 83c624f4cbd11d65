"""The shapes of what is said of a filing."""

from datetime import date
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from libs.common.http import written
from services.appeals.deadlines.levels import LevelName
from services.appeals.payers.views import Channel
from services.appeals.views import Why

Action = Literal["appeal", "correct_and_resubmit", "send_documents"]
_CENTS_MAX: Final = 10**12


def _of_this_time(day: date) -> date:
    if not 2000 <= day.year <= 2100:  # noqa: PLR2004 - years that a filing can lie in
        raise ValueError("not a day of this time")
    return day


Day = Annotated[written.Day, AfterValidator(_of_this_time)]
Number = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class FileCase(BaseModel):
    """What was sent, or is to be sent, to the payer."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"channel": "portal", "level": "redetermination", "tracking_number": "A-17", "why": "The notes show the approval."}
            ]
        },
    )

    action: Action = "appeal"
    level: LevelName | None = Field(None, description="of an appeal, and of nothing else")
    channel: Channel
    tracking_number: Number | None = Field(None, description="what the payer, the carrier or the fax machine calls it")
    packet_id: UUID | None = Field(None, description="the packet of the case that was sent")
    packet_sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="of what was sent; one that is not ours is marked as `foreign`"
    )
    amount_cents: int | None = Field(
        None, ge=1, le=_CENTS_MAX, strict=True, description="what is asked for; left out: all that was denied"
    )
    filed_on: Day | None = Field(None, description="the day on which it went; left out: today")
    good_cause: Why | None = Field(None, description="why it may still be filed after the last day; no patient data")
    corrected_claim_id: UUID | None = Field(None, description="of a corrected claim: the claim as it was sent anew")
    why: Why = Field(description="kept in the history; no patient data")

    @model_validator(mode="after")
    def _a_level_belongs_to_an_appeal(self) -> Self:
        if (self.level is not None) is not (self.action == "appeal"):
            raise ValueError("an appeal has a level, and nothing else has one")
        return self


class FileTogether(BaseModel):
    """What was sent, or is to be sent, for each case of a submission."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"channel": "mail", "level": "redetermination", "tracking_number": "9405", "why": "One outage."}]
        },
    )

    action: Literal["appeal", "send_documents"] = "appeal"
    level: LevelName | None = Field(None, description="of an appeal, and of nothing else")
    channel: Channel
    tracking_number: Number | None = Field(None, description="of all of them")
    packet_sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="of the one packet that went for all; not where Recours sends each its own"
    )
    filed_on: Day | None = Field(None, description="the day on which they went; left out: today")
    good_cause: Why | None = Field(None, description="why they may still be filed after the last day; no patient data")
    why: Why = Field(description="kept in each history; no patient data")
    after: UUID | None = Field(None, description="begin behind this case: `next_after` of the answer before")

    @model_validator(mode="after")
    def _what_goes_together(self) -> Self:
        if (self.level is not None) is not (self.action == "appeal"):
            raise ValueError("an appeal has a level, and nothing else has one")
        if self.packet_sha256 is not None and self.channel in ("folder", "https"):
            raise ValueError("what Recours sends is each case's own packet")
        return self
