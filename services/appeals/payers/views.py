"""The shapes of payers over HTTP."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from zoneinfo import available_timezones

import msgspec
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, StringConstraints, field_validator, model_validator

from libs.common.http.written import Day
from services.appeals.deadlines.counting import Unit
from services.appeals.deadlines.levels import (
    PLACES,
    CountedFrom,
    FiledWhen,
    LastDay,
    Level,
    LevelName,
    Payer,
    problems,
    routes,
)

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000, pattern=r"^[^\x00]*$")]
# The last two are sent by Recours itself; of the others a person says what was sent elsewhere.
Channel = Literal["portal", "fax", "mail", "clearinghouse", "electronic", "folder", "https"]


class Address(BaseModel):
    """Where mail goes; what for: appeals, records, ..."""

    model_config = ConfigDict(extra="forbid")

    purpose: Line
    lines: list[Line] = Field(min_length=1, max_length=6)


class Portal(BaseModel):
    model_config = ConfigDict(extra="forbid")

    purpose: Line
    url: HttpUrl


class Contact(BaseModel):
    """A desk of the payer, not a person."""

    model_config = ConfigDict(extra="forbid")

    purpose: Line
    phone: Line | None = None
    fax: Line | None = None
    email: Line | None = None


class FilingChannel(BaseModel):
    """One way in which the payer takes appeals, and its limits on what is sent."""

    model_config = ConfigDict(extra="forbid")

    channel: Channel
    files_max: int | None = Field(None, ge=1, le=10_000, description="files in one filing")
    file_bytes_max: int | None = Field(None, ge=1, le=2**40)
    total_bytes_max: int | None = Field(None, ge=1, le=2**40)
    next_check_days: int | None = Field(
        None,
        ge=1,
        le=365,
        description="days to wait after a filing by it before asking how it stands (`next_check_on`)",
    )
    note: Text = ""


class EntryBody(BaseModel):
    """How a payer is reached; the whole of it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "name": "Example Health Plan",
                "addresses": [{"purpose": "appeals", "lines": ["PO Box 100", "Springfield, IL 62701"]}],
                "portals": [{"purpose": "appeals", "url": "https://providers.example.org/appeals"}],
                "contacts": [{"purpose": "provider services", "phone": "+1 555 0100"}],
                "channels": [{"channel": "portal", "files_max": 10, "file_bytes_max": 60000000, "next_check_days": 60}],
            }
        },
    )

    name: Line | None = Field(None, description="null: as its remittances call it")
    addresses: list[Address] = Field([], max_length=50)
    portals: list[Portal] = Field([], max_length=50)
    contacts: list[Contact] = Field([], max_length=50)
    channels: list[FilingChannel] = Field([], max_length=20)
    note: Text = ""


class LevelBody(BaseModel):
    """One level, or the limit of a corrected claim or of documents, as it is in force for some time."""

    model_config = ConfigDict(extra="forbid")

    level: LevelName
    window: int | None = Field(ge=1, le=3660, description="null: nobody knows, or the payer has no such level")
    unit: Unit = "days"
    counted_from: CountedFrom = "notice"
    presumed_days: int = Field(0, ge=0, le=30, description="days after the notice on which it is taken for received")
    last_day: LastDay = Field("as_is", description="next_workday: a weekend or federal holiday moves it")
    filed_when: FiledWhen = Field("received", description="never: the payer has no such level")
    decision_days: int | None = Field(None, ge=1, le=3660)
    place: int | None = Field(
        None, ge=0, le=9, description="where it stands; 0 before a formal appeal; null: where it usually does"
    )
    effective_from: Day
    effective_to: Day | None = None
    source: Line = Field(description="a contract, a provider manual, a law")
    verified_on: Day | None = Field(None, description="when somebody last looked it up")
    note: Text = ""

    def to_level(self) -> Level:
        return Level(**self.model_dump())

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.counted_from == "service" and PLACES[self.level] is not None:
            raise ValueError("an appeal is not counted from the service")
        return self


class LevelsBody(BaseModel):
    """What holds for a payer: its path, and rows of its own, which come before those of the path; what is left out is removed."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "path": "commercial",
                "levels": [
                    {
                        "level": "internal_appeal", "window": 90, "effective_from": "2026-01-01",
                        "source": "contract, section 7", "verified_on": "2026-11-29",
                    }
                ],
            }
        },
    )  # fmt: skip

    path: str | None = Field(None, max_length=60, description="one of docs/deadlines.md; null: that of the kind of payer, if any")
    levels: list[LevelBody] = Field([], max_length=100)
    time_zone: str = Field("America/New_York", max_length=60, description="where the payer's days end")

    @field_validator("path")
    @classmethod
    def _known_path(cls, told: str | None) -> str | None:
        if told is not None and told not in routes():
            raise ValueError("no such path")
        return told

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, told: str) -> str:
        if told not in available_timezones():
            raise ValueError("no such time zone")
        return told

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if problems([each.to_level() for each in self.levels]):
            raise ValueError("levels overlap, or end before they begin")
        return self

    def to_payer(self) -> Payer:
        return Payer(self.path, tuple(each.to_level() for each in self.levels), self.time_zone)


class LevelView(BaseModel):
    """A level that is in force."""

    level: str
    place: int | None
    window: int | None = Field(description="null: unknown, or nothing to file")
    unit: Unit
    counted_from: CountedFrom
    presumed_days: int
    last_day: LastDay
    filed_when: FiledWhen
    decision_days: int | None
    floor_cents: int | None = Field(description="amount in controversy for a request of today")
    firm: bool
    own: bool = Field(description="written by the tenant")
    effective_from: date
    effective_to: date | None
    source: str
    verified_on: date | None
    note: str


class LevelsView(BaseModel):
    """What a tenant has written about a payer's levels, and what holds today; version 0: nobody settled it."""

    payer_id: str
    version: int
    path: str | None
    time_zone: str
    own_levels: list[LevelBody]
    in_force: list[LevelView] = Field(description="in their order")
    changed_by: str | None = None
    changed_at: datetime | None = None
    reckoning: str | None = Field(None, description="after a change: the bulk action that reckons the payer's open cases anew")


class LevelsVersion(BaseModel):
    version: int
    path: str | None
    time_zone: str
    own_levels: list[LevelBody]
    changed_by: str
    changed_at: datetime


class RuleSeen(BaseModel):
    """A limit that denials of the payer came with."""

    rule: str
    source: str
    cases: int


class PayerView(BaseModel):
    """A payer that denials came from, or that somebody wrote an entry of."""

    payer_id: str
    name: str
    payer_kind: str | None
    version: int = Field(description="of its entry; 0: nobody wrote one")
    levels_version: int = Field(description="0: nobody settled its levels")
    open_cases: int = Field(description="ours to act on")
    unknown_cases: int = Field(description="of them without a known last day")
    assumed_cases: int = Field(description="of them with one that a contract may set earlier")
    unsettled_cents: int = Field(description="refused in both together")
    first_seen_at: datetime

    @classmethod
    def told(cls, row: Any) -> dict[str, Any]:
        entry = msgspec.json.decode(row["entry"])
        return {**dict(row), "name": entry.get("name") or row["payer_name"]}

    @classmethod
    def of(cls, row: Any) -> Self:
        return cls.model_validate(cls.told(row))


class PayerDetail(PayerView):
    entry: EntryBody
    rules_seen: list[RuleSeen]

    @classmethod
    def build(cls, row: Any, seen: list[Any]) -> Self:
        entry = EntryBody.model_validate(msgspec.json.decode(row["entry"]))
        return cls.model_validate({**cls.told(row), "entry": entry, "rules_seen": [RuleSeen(**dict(each)) for each in seen]})
