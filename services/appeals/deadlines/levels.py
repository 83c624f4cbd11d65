"""Levels of appeal by kind of payer: data with its source, read and checked here. Pure.

A path is the order of levels that one kind of payer has (`paths.csv`, `levels.csv`). A path applies `by_law`, is `assumed` where a
contract may say otherwise, or holds only where a tenant has chosen it for a payer. What a tenant writes about a payer comes before
the path, level by level. What neither says is unknown: there is no default.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from libs.common import periods
from services.appeals.deadlines import counting
from services.appeals.deadlines.counting import Unit

_ROOM: Final = Path(__file__).parent
CountedFrom = Literal["notice", "receipt", "service"]
# What the day to ask a payer follows from: the days that its level gives it to decide, or nothing that anybody knows.
CheckIs = Literal["channel", "level", "assumed"]
# Payers are weeks behind, and what is sent again meanwhile makes them slower.
CHECK_AFTER_DAYS: Final = 30
LastDay = Literal["as_is", "next_workday"]
# A request counts on the day it is received, or sent; a payer forwards what it upholds by itself, or has no such level at all.
FiledWhen = Literal["received", "sent", "forwarded", "never"]
LevelName = Literal[
    "reopening", "peer_to_peer", "payer_reconsideration", "redetermination", "plan_reconsideration", "plan_appeal",
    "internal_appeal", "payer_dispute", "open_negotiation", "reconsideration", "independent_review", "second_internal_appeal",
    "state_fair_hearing", "idr_initiation", "external_review", "alj_hearing", "council_review", "judicial_review",
    "corrected_claim", "documents",
]  # fmt: skip
# Where a level stands unless told otherwise: 0 before a formal appeal; None no appeal, but something else with a last day.
PLACES: Final[Mapping[str, int | None]] = {
    "reopening": 0, "peer_to_peer": 0, "payer_reconsideration": 0, "redetermination": 1, "plan_reconsideration": 1,
    "plan_appeal": 1, "internal_appeal": 1, "payer_dispute": 1, "open_negotiation": 1, "reconsideration": 2,
    "independent_review": 2, "second_internal_appeal": 2, "state_fair_hearing": 2, "idr_initiation": 2, "external_review": 3,
    "alj_hearing": 3, "council_review": 4, "judicial_review": 5, "corrected_claim": None, "documents": None,
}  # fmt: skip


class Level(Struct, frozen=True):
    """One level as it is in force for some time. `window` None: nobody knows. Days `presumed` between a notice and its receipt."""

    level: str
    window: int | None
    unit: Unit
    counted_from: CountedFrom
    effective_from: date
    source: str
    place: int | None = None
    presumed_days: int = 0
    last_day: LastDay = "as_is"
    filed_when: FiledWhen = "received"
    decision_days: int | None = None
    floor: str = ""
    firm: bool = True
    effective_to: date | None = None
    verified_on: date | None = None
    note: str = ""


class Route(Struct, frozen=True):
    """A path: which kind of payer has it, and whether it holds without anybody's choice."""

    path: str
    payer_kind: str
    applies: Literal["by_law", "assumed", "when_chosen"]
    note: str


class Floor(Struct, frozen=True):
    """The least amount in controversy of a year."""

    floor: str
    effective_from: date
    effective_to: date
    cents: int
    source: str
    verified_on: date | None


class Payer(Struct, frozen=True):
    """What a tenant knows of a payer: the path that it chose, levels of its own, the payer's time zone."""

    path: str | None = None
    levels: tuple[Level, ...] = ()
    zone: str = "America/New_York"


UNCONFIGURED: Final = Payer()


def _rows(name: str) -> Iterable[dict[str, Any]]:
    with (_ROOM / name).open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _day(told: str) -> date | None:
    return date.fromisoformat(told) if told else None


@lru_cache(maxsize=1)
def routes() -> Mapping[str, Route]:
    return {row["path"]: Route(**row) for row in _rows("paths.csv")}


@lru_cache(maxsize=1)
def floors() -> tuple[Floor, ...]:
    return tuple(
        Floor(
            row["floor"],
            date.fromisoformat(row["effective_from"]),
            date.fromisoformat(row["effective_to"]),
            int(row["cents"]),
            row["source"],
            _day(row["verified_on"]),
        )
        for row in _rows("floors.csv")
    )


@lru_cache(maxsize=1)
def levels() -> Mapping[str, tuple[Level, ...]]:
    """Return the levels of each path, in their order."""
    found: dict[str, list[Level]] = {path: [] for path in routes()}
    for row in _rows("levels.csv"):
        found[row["path"]].append(_level(row))
    return {path: tuple(told) for path, told in found.items()}


def _level(row: Mapping[str, str]) -> Level:
    """Read a row. Errors: msgspec.ValidationError at a word that none of the fields knows."""
    told = {name: value for name, value in row.items() if value and name != "path"}
    return msgspec.convert({"window": None, **told, "firm": row["firm"] == "yes"}, Level, strict=False)


def problems(told: Sequence[Level]) -> list[str]:
    """Say what is wrong with the levels of one path or payer: words that nobody knows, times that overlap, no source."""
    wrong = []
    for each in told:
        if each.level not in PLACES:
            wrong.append(f"{each.level} is no level")
        if not each.source:
            wrong.append(f"{each.level} has no source")
        if each.effective_to is not None and each.effective_to < each.effective_from:
            wrong.append(f"{each.level} ends before it begins")
        if each.window is not None and each.window < 1:
            wrong.append(f"{each.level} has no window")
    ordered = sorted(told, key=lambda each: (each.level, each.effective_from))
    for before, following in pairwise(ordered):
        if before.level == following.level and (before.effective_to is None or before.effective_to >= following.effective_from):
            wrong.append(f"{before.level} holds twice from {following.effective_from}")
    return wrong


def path_of(payer: Payer, payer_kind: str | None) -> tuple[str | None, bool]:
    """Return a payer's path, and whether its days are sure: by law, or because somebody chose it."""
    if payer.path is not None:
        return payer.path, True
    for route in routes().values():
        if payer_kind and route.payer_kind == payer_kind:
            return route.path, route.applies == "by_law"
    return None, False


def in_force(payer: Payer, payer_kind: str | None, on: date) -> dict[str, Level]:
    """Return the levels of a payer on a day, by name in their order. A tenant's own level comes before the path's of that name."""
    path, sure = path_of(payer, payer_kind)
    of_path = levels()[path] if path is not None else ()
    found = {each.level: replace(each, firm=each.firm or sure) for each in of_path if _holds(each, on)}
    for each in payer.levels:
        if _holds(each, on):
            place = each.place if each.place is not None else PLACES[each.level]
            found[each.level] = replace(each, place=place, firm=True)
    return dict(sorted(found.items(), key=lambda item: (item[1].place if item[1].place is not None else -1, item[0])))


def _holds(level: Level, on: date) -> bool:
    return level.effective_from <= on and (level.effective_to is None or on <= level.effective_to)


def levels_after(known: Mapping[str, Level], current: str | None) -> list[Level]:
    """Return the formal levels after one, in their order; None stands for none yet."""
    held = known.get(current or "")
    place = (held.place if held is not None else PLACES.get(current or "")) or 0
    return [each for each in known.values() if each.place and each.place > place and each.filed_when != "never"]


def is_before_appeals(level: str, payer: Payer, on: date) -> bool:
    """Return whether a level stands before a formal appeal: its answer starts no clock, and the appeal's runs on."""
    own = next((each.place for each in payer.levels if each.level == level and _holds(each, on)), None)
    return (own if own is not None else PLACES.get(level)) == 0


def floor_cents(floor: str, on: date) -> int | None:
    """Return the least amount in controversy for a request that is filed on a day; None: no floor, or nobody knows that year's."""
    return next((each.cents for each in floors() if each.floor == floor and each.effective_from <= on <= each.effective_to), None)


def next_check(
    payer: Payer, payer_kind: str | None, level: str, filed_on: date, channel_days: int | None = None
) -> tuple[date, CheckIs]:
    """Return the day from which to ask a payer about what was filed, and what it follows from.

    `channel_days`: how long somebody wrote that the payer wants to be left in peace after what came by this channel.
    """
    if channel_days is not None:
        return filed_on + timedelta(days=channel_days), "channel"
    held = in_force(payer, payer_kind, filed_on).get(level)
    if held is None or held.decision_days is None:
        return filed_on + timedelta(days=CHECK_AFTER_DAYS), "assumed"
    return filed_on + timedelta(days=held.decision_days), "level"


def due(level: Level, triggered_on: date, received_on: date | None = None) -> tuple[date, date] | None:
    """Return the last day, and the day that it is counted from; None where nobody knows the window, or a day is none of our times.

    `triggered_on` is the date of the notice (or of the service); `received_on` is for evidence against the presumed day of receipt.
    """
    if level.window is None or not periods.is_within(triggered_on, received_on):
        return None
    start = triggered_on
    if level.counted_from == "receipt":
        start = received_on or counting.after(triggered_on, level.presumed_days, "days")
    last = counting.after(start, level.window, level.unit)
    return (counting.next_workday(last) if level.last_day == "next_workday" else last), start
