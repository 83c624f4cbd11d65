"""The shapes of letters, templates, letterheads and packets over HTTP."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.appeals.letters.language import OUTPUT_MAX, TEMPLATE_MAX
from services.appeals.letters.paragraphs import Kind
from services.appeals.payers.views import Channel

LanguageWord = Literal["en", "fr"]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
Version = Annotated[int, Field(ge=0, le=2**31 - 1)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$")]
FullLine = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")]
_PARAGRAPHS_MAX = 400


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class VariableView(BaseModel):
    name: str
    kind: Literal["text", "date", "money", "texts", "rows"] = Field(description="texts: for `listed`; rows: for `for`")
    meaning: str
    given: bool = Field(description="may be told in `values` when a letter is asked for")
    fields: list[str] = Field(description="of rows")


class TemplateName(BaseModel):
    category: str
    level: str
    language: LanguageWord
    version: int


class TemplatesView(BaseModel):
    """What there is to write with."""

    categories: list[str] = Field(description="with a letter of their own; every other one has the general letter")
    levels: list[str] = Field(description="with words of their own; every other one is a review")
    languages: list[LanguageWord]
    variables: list[VariableView]
    filters: dict[str, str]
    own: list[TemplateName] = Field(description="your own templates, each by its newest version")


class TemplateView(TemplateName):
    version: int = Field(description="0: the one that comes with Recours; from 1: your own")
    body: str
    note: str
    written_by: str
    written_at: datetime | None


class TemplateVersions(BaseModel):
    items: list[TemplateView] = Field(description="your own versions, newest first")


class WriteTemplate(_Body):
    body: str = Field(min_length=1, max_length=TEMPLATE_MAX, description="docs/letters.md explains the language")
    note: str = Field("", max_length=500, description="what this version is for; no patient data")


class ParagraphBody(_Body):
    kind: Kind = Field(description="`lines` stands for the table of refused lines")
    text: Annotated[str, Field(max_length=8000)] = ""


Values = Annotated[
    dict[Annotated[str, Field(max_length=60)], Annotated[str, Field(max_length=8000)] | Annotated[int, Field(strict=True)]],
    Field(max_length=60, description="what only you know, by variable: text, days as 2026-03-01, amounts in cents"),
]


class PreviewTemplate(_Body):
    """Fill a template without keeping anything. Without `case_id` with made-up facts; without `body` the template in force."""

    body: str | None = Field(None, min_length=1, max_length=TEMPLATE_MAX)
    case_id: UUID | None = None
    values: Values = Field(default_factory=dict)


class PreviewView(BaseModel):
    paragraphs: list[ParagraphBody]
    missing: list[str] = Field(description="variables without a value, where there is no letter for them; then no paragraphs")


class LetterheadBody(_Body):
    """Who writes, and who signs."""

    name: FullLine
    address_lines: list[FullLine] = Field(min_length=1, max_length=4)
    signatory_name: FullLine
    signatory_title: FullLine
    phone: FullLine
    fax: Line = ""
    email: Line = ""
    npi: Line = ""
    tax_id: Line = ""
    logo_png: str | None = Field(
        None, max_length=700_000, description="base64 of a PNG of at most 512 KiB; it is kept small; left out: no logo"
    )


class LetterheadView(BaseModel):
    version: int
    name: str
    address_lines: list[str]
    signatory_name: str
    signatory_title: str
    phone: str
    fax: str
    email: str
    npi: str
    tax_id: str
    has_logo: bool
    written_by: str
    written_at: datetime


class WriteLetter(_Body):
    """What letter is wanted. The case gives its category; say another one where the letter should argue otherwise."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"language": "en", "level": "internal_appeal", "values": {"why_payable": "It is covered."}}]
        },
    )

    language: LanguageWord = "en"
    level: Word | None = Field(
        None, description="the level of appeal, a word of the glossary; left out: the case's next one; `any`: a plain review"
    )
    category: Word | None = None
    values: Values = Field(default_factory=dict)


class EditLetter(_Body):
    paragraphs: list[ParagraphBody] = Field(
        min_length=1, max_length=_PARAGRAPHS_MAX, description=f"{OUTPUT_MAX} characters at most"
    )


class ExhibitView(BaseModel):
    number: int
    document_id: UUID
    title: str
    media_type: str
    sha256: str
    size_bytes: int
    pages: int | None


class LetterView(BaseModel):
    """One version of a case's letter."""

    case_id: UUID
    version: int = Field(description="for If-Match")
    language: LanguageWord
    category: str
    level: str
    template: TemplateName = Field(description="what it was written from; version 0 comes with Recours")
    letterhead_version: int
    edits_version: int | None = Field(
        description="the version that a person changed into this one; null: written from the template"
    )
    letter_on: date
    paragraphs: list[ParagraphBody]
    exhibits: list[ExhibitView] = Field(description="the case's documents when it was written")
    written_by: str
    written_at: datetime
    forgotten_at: datetime | None = Field(
        description="since when its paragraphs and exhibits are gone: this tenant keeps letters no longer; null: they are here"
    )

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Self:
        sheet = row["sheet"]
        template = {"category": row["template_category"], "level": row["template_level"], "language": row["language"]}
        return cls.model_validate(
            {
                **row,
                "template": {**template, "version": row["template_version"]},
                "letterhead_version": sheet["letterhead_version"],
                "letter_on": sheet["letter_on"],
                "exhibits": sheet["exhibits"],
            }
        )


class LetterList(BaseModel):
    items: list[LetterView] = Field(description="newest first")


class AskPacket(_Body):
    letter_version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = Field(None, description="left out: the newest")
    channel: Channel | None = Field(
        None, description="how it will be filed: the payer's limits there hold; left out: the first channel of the payer's entry"
    )


class PacketFile(BaseModel):
    part: int
    name: str
    sha256: str
    size_bytes: int
    pages: int


class PacketView(BaseModel):
    """A packet: the same letter, documents and limits are the same packet, with the same bytes."""

    packet_id: UUID
    case_id: UUID
    letter_version: int
    state: Literal["waiting", "ready", "failed"]
    reason: str | None = Field(description="why it failed: exhibit_unreadable, too_many_files, letter_forgotten, ...")
    exhibit: int | None = Field(description="the exhibit to blame, where one is")
    sha256: str | None = Field(description="of its one file, or of its manifest where there are several; for the filing")
    files: list[PacketFile]
    asked_by: str
    asked_at: datetime
    built_at: datetime | None
    forgotten_at: datetime | None = Field(
        description="since when its files and manifest are gone: this tenant keeps packets no longer; null: they are here"
    )


class PacketList(BaseModel):
    items: list[PacketView] = Field(description="newest first")
