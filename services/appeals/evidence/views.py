"""The shapes of answers about evidence."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from services.appeals.documents.kinds import DocumentKind
from services.appeals.documents.views import DocumentView
from services.appeals.evidence.checklists import Checked, Item, Wanted


class WaiverView(BaseModel):
    reason: str
    who: str
    at: datetime


class EvidenceItemView(BaseModel):
    """One item of a case's checklist."""

    item: str
    words: str = Field(description="what it is, in English")
    words_fr: str = Field(description="what it is, in French")
    needed: bool = Field(description="false: it helps, and keeps nothing back")
    state: Literal["present", "missing", "waived"]
    satisfied_by: list[DocumentKind] = Field(description="the kinds of documents that are it")
    held: bool = Field(description="whether Recours can make it from what ingest holds")
    documents: list[UUID]
    waiver: WaiverView | None

    @classmethod
    def of(cls, checked: Checked, waiver: WaiverView | None) -> "EvidenceItemView":
        return cls(
            item=checked.item,
            words=checked.told.en,
            words_fr=checked.told.fr,
            needed=checked.needed,
            state=checked.state,
            satisfied_by=list(checked.told.kinds),
            held=checked.told.held is not None,
            documents=list(checked.documents),
            waiver=waiver,
        )


class EvidenceView(BaseModel):
    """A case's checklist."""

    case_id: UUID
    category: str
    payer_id: str
    complete: bool = Field(description="nothing that is needed is missing: the case may become ready")
    items: list[EvidenceItemView]


class CollectedView(EvidenceView):
    attached: list[DocumentView] = Field(description="what was attached or renewed now")
    not_held: list[str] = Field(description="items that ingest holds nothing for")


class Waive(BaseModel):
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)] = Field(
        description="why the case goes without it; no patient data", examples=["The payer has it since March."]
    )


class KnownItemView(BaseModel):
    """An item that a checklist may hold."""

    item: str
    words: str
    words_fr: str
    satisfied_by: list[DocumentKind]

    @classmethod
    def of(cls, name: str, told: Item) -> "KnownItemView":
        return cls(item=name, words=told.en, words_fr=told.fr, satisfied_by=list(told.kinds))


class WantedView(BaseModel):
    item: str = Field(max_length=40)
    needed: bool = True

    @classmethod
    def of(cls, wanted: Wanted) -> "WantedView":
        return cls(item=wanted.item, needed=wanted.needed)


class ChecklistView(BaseModel):
    """What cases of a category need at a payer."""

    category: str
    payer_id: str = Field(description="empty: at every payer without a list of its own")
    origin: Literal["standard", "own"]
    items: list[WantedView]


class Checklists(BaseModel):
    known_items: list[KnownItemView]
    items: list[ChecklistView]


class SetChecklist(BaseModel):
    items: list[WantedView] = Field(max_length=40)
