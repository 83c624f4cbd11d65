"""The shapes of answers about documents."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.appeals.documents.kinds import DocumentKind

# offered: a guest sent it and nobody accepted it yet; it is no evidence, and neither is what was refused
DocumentState = Literal["current", "superseded", "deleted", "offered", "refused"]
Origin = Literal["upload", "guest", "recours"]
MediaType = Literal[
    "application/pdf",
    "image/png",
    "image/jpeg",
    "image/tiff",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "text/plain",
]


class DocumentView(BaseModel):
    """One document of a case."""

    document_id: UUID
    case_id: UUID
    kind: DocumentKind
    state: DocumentState
    exhibit: int | None = Field(description="its place among the current ones, from 1; null for one that is not current")
    file_name: str
    media_type: MediaType = Field(description="by what it holds, whatever its name was")
    page_count: int | None = Field(description="null for DOCX and text")
    sha256: str
    size_bytes: int
    origin: Origin = Field(description="upload: by one of you; guest: through a guest link; recours: attached by itself")
    replaces_document_id: UUID | None
    added_by: str
    added_at: datetime


class DocumentList(BaseModel):
    items: list[DocumentView] = Field(description="in exhibit order")


class DocumentStep(BaseModel):
    """Something that happened to a document."""

    what: Literal["added", "superseded", "deleted", "kind_changed", "moved", "accepted", "refused"]
    who: str
    why: str
    at: datetime


class DocumentDetail(DocumentView):
    history: list[DocumentStep] = Field(description="oldest first")


class AcceptDocument(BaseModel):
    """What a guest's document is evidence of."""

    model_config = ConfigDict(extra="forbid")

    kind: DocumentKind = DocumentKind.OTHER


class RefuseDocument(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "It is about another patient."}})

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] = Field(
        description="kept in the document's history; no patient data"
    )


class EditDocument(BaseModel):
    """What to change; what is left out stays."""

    kind: DocumentKind | None = None
    exhibit: int | None = Field(None, ge=1, le=1000, description="its new place; the others make room")
