"""The shapes of answers about corrected claims, and of what is asked for."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Scalar = str | int | bool | None
Value = Scalar | list[str] | list[int] | dict[str, Scalar | list[str] | list[int]]
Party = Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f\x7f*~:^]*$")]


class ChangeBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    path: str = Field(min_length=2, max_length=200, description="JSON pointer into ingest's claim JSON; `-` ends a list")
    value: Value = Field(None, description="what stands there then; null or left out: nothing")


class PartiesBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    submitter_name: Party = ""
    submitter_id: Party = ""
    submitter_phone: Party = ""
    receiver_name: Party = ""
    receiver_id: Party = ""


class CorrectedClaimBody(BaseModel):
    """How a claim is to be sent again."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"changes": [{"path": "/lines/0/modifiers", "value": ["25"]}], "frequency_code": "7"}},
    )

    changes: list[ChangeBody] = Field(default_factory=list, max_length=200)
    frequency_code: Literal["7", "8"] = Field("7", description="7 takes the earlier claim's place, 8 voids it")
    parties: PartiesBody = Field(default_factory=PartiesBody, description="of the 837's envelope; else the claim's own")


class SendCorrectedClaimBody(CorrectedClaimBody):
    why: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)] = Field(
        description="for the history; no patient data"
    )
    good_cause: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)] | None = Field(
        None, description="why it may still be sent after its last day"
    )


class DifferenceView(BaseModel):
    """One value that is not what it was."""

    path: str
    change: Literal["added", "removed", "changed"]
    before: Scalar = None
    after: Scalar = None


class FoundView(BaseModel):
    """What ingest's checks found."""

    rule: str
    severity: Literal["error", "warning", "info"]
    message: str
    why: str
    correct: str
    pointer: str


class CorrectedClaimView(BaseModel):
    """A claim as it would be sent again; holds patient data."""

    case_id: UUID
    claim_id: UUID = Field(description="the claim that is corrected")
    corrected_claim_id: UUID = Field(description="the id that the corrected claim has, or will have")
    frequency_code: Literal["7", "8"]
    payer_claim_control_number: str = Field(description="REF*F8")
    difference: list[DifferenceView]
    verdict: Literal["error", "warning", "clean"]
    findings: list[FoundView]
    edi: str | None = Field(description="the 837; null where `edi_lacks` says what is missing for it")
    edi_lacks: list[str]


class SentClaimView(BaseModel):
    """A corrected claim on its way."""

    correction_id: UUID
    case_id: UUID
    state: Literal["sending", "sent"] = Field(description="sending: it was broken off; asked for again, it goes on")
    frequency_code: Literal["7", "8"]
    replaces_claim_id: UUID
    claim_id: UUID | None = Field(description="the corrected claim, once it is sent")
    difference: list[DifferenceView]
    why: str
    who: str
    begun_at: datetime
    sent_at: datetime | None
    forgotten_at: datetime | None = Field(
        description="since when its difference is gone: this tenant keeps such no longer; null: it is here"
    )


class SentClaims(BaseModel):
    items: list[SentClaimView] = Field(description="newest first")
