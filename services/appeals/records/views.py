"""The shapes of what is shown of payers' requests for records."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class AskedCodeView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    category: str = Field(description="the category of the request, as the payer gives it")
    code: str = Field(description="what is asked for: a LOINC code as a rule")
    code_list: str | None = Field(None, description="the list that the code is of; LOI is LOINC")
    line_control_number: str | None = Field(None, description="of the claim's line that it is about; null: the claim")


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
