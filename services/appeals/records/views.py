"""The shapes of what is shown of payers' requests for records."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class AskedCodeView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    category: str = Field(description="the category of the request, as the payer gives it")
    code: str = Field(description="what is asked for: a LOINC code as a rule")
    code_list: str | None = Field(None, description="the list that the code is of; LOI is LOINC")
    line_control_number: str | None = Field(None, description="of the claim's line that it is about; null: the claim")


class AnswerDocumentBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    document_id: UUID = Field(description="a current document of the case")
    code: Annotated[str, StringConstraints(min_length=1, max_length=80)] | None = Field(
        None, description="the code of the request that it answers; left out: the request as a whole"
    )


class AnswerRecords(BaseModel):
    """Which request is answered with which documents."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "request_id": "3f6c1f0a-8a53-5b0e-9c37-52d0f3a6c101",
                "documents": [{"document_id": "0197f0a2-6d1c-7c43-9a57-1f0f4f3d2b10", "code": "11504-8"}],
            }
        },
    )

    request_id: UUID
    documents: list[AnswerDocumentBody] = Field(min_length=1, max_length=100)


class SendRecords(AnswerRecords):
    """Which request is answered with which documents, and how the answer goes."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "request_id": "3f6c1f0a-8a53-5b0e-9c37-52d0f3a6c101",
                "documents": [{"document_id": "0197f0a2-6d1c-7c43-9a57-1f0f4f3d2b10", "code": "11504-8"}],
                "channel": "folder",
                "why": "The report that was asked for.",
            }
        },
    )

    channel: Literal["folder", "https"]
    good_cause: Reason | None = Field(None, description="why it may still be sent after the last day; no patient data")
    why: Reason = Field(description="kept in the history; no patient data")


class RecordsRequestView(BaseModel):
    """What a payer asks for before it decides."""

    request_id: UUID
    payer_id: str
    payer_name: str
    trace: str = Field(description="what the answer names it by")
    payer_claim_control_number: str
    codes: list[AskedCodeView]
    due_on: date | None = Field(description="the last day for the answer; null: the payer names none")
    received_at: datetime
    answered_by: UUID | None = Field(description="the filing (`appeal_id`) by which documents were sent; null: not answered yet")


class ListedRequestView(RecordsRequestView):
    """The same, with the case that it was attached to."""

    claim_key: UUID = Field(description="the account that it is about, as `records.requested` names it")
    case_id: UUID | None = Field(description="null: its account has no case; a person may attach it to one")
    attached_at: datetime | None


class AttachRequest(BaseModel):
    """Which case a request is about."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"case_id": "3f6c1f0a-8a53-5b0e-9c37-52d0f3a6c101", "why": "The payer asks under the old account number."}
        },
    )

    case_id: UUID
    why: Reason = Field(description="kept in the case's history; no patient data")
