"""The shapes of messages and guest links."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

TEXT_MAX = 5000
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_MAX)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Role = Literal["provider", "billing_service", "payer"]
Language = Literal["en", "fr"]
Ids = Annotated[list[UUID], Field(max_length=200)]


class NewMessage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: Text
    share_with: Ids = Field(default_factory=list, description="the guest links that show it; none: it stays among you")


class MessageView(BaseModel):
    """One message about a case."""

    message_id: UUID
    author: Literal["staff", "guest"]
    who: str
    link_id: UUID | None = Field(description="the link that a guest wrote by")
    text: str
    at: datetime
    shared_with: list[UUID] = Field(description="the guest links that show it")
    forgotten_at: datetime | None = Field(
        None, description="since when its text is gone: kept for as long as the tenant keeps such"
    )


class Messages(BaseModel):
    items: list[MessageView] = Field(description="oldest first")


class NewLink(BaseModel):
    """Who is let in, to what, until when."""

    model_config = ConfigDict(extra="forbid")

    name: Name = Field(description="the guest, as the log and messages name them", examples=["Appeals desk, Sample Health Plan"])
    role: Role
    subject: Name = Field(description="what the guest's page is headed with; no patient data")
    language: Language = "en"
    days: int = Field(14, ge=1, le=90, description="after so many days it opens nothing any more")
    may_answer: bool = Field(True, description="whether the guest may write")
    may_upload: bool = Field(False, description="whether the guest may send documents")
    documents: Ids = Field(default_factory=list, description="current documents of the case that are shown")
    messages: Ids = Field(default_factory=list, description="messages of the case that are shown")


class LinkView(BaseModel):
    link_id: UUID
    case_id: UUID
    name: str
    role: Role
    subject: str
    language: Language
    may_answer: bool
    may_upload: bool
    documents: list[UUID]
    messages: list[UUID]
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    opens: bool = Field(description="neither expired nor revoked")


class NewLinkView(LinkView):
    path: str | None = Field(
        description="the guest's page on this service; told this once, and null where the same request is answered again"
    )


class Links(BaseModel):
    items: list[LinkView] = Field(description="newest first")


class Share(BaseModel):
    model_config = ConfigDict(extra="forbid")

    documents: Ids = Field(default_factory=list)
    messages: Ids = Field(default_factory=list)


class DisclosureView(BaseModel):
    """Something that was shown to a guest, or done by one; these only grow."""

    what: Literal[
        "link_created", "link_revoked", "document_shared", "message_shared", "share_ended", "page_seen", "document_downloaded",
        "message_written", "document_uploaded", "upload_refused",
    ]  # fmt: skip
    link_id: UUID
    name: str = Field(description="the guest")
    item_id: UUID | None = Field(description="the document or message")
    who: str = Field(description="`guest`, or who of you did it")
    at: datetime
