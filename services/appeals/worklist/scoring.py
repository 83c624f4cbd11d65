"""What working a case is worth, and how urgent it is: its place on the worklist, as one number. Pure; integers throughout.

Expected value = what can be recovered x the chance that it is - what the work costs. Chance, and what a win usually brings, come
with the denial where the classifier tells them; else it is the base rate of the kind of payer (`chances.csv`) of all that was
refused. Costs are in `costs.csv`. Urgency multiplies what is worth something, in steps by days left: so a score changes on few
days, and the clock knows each of them beforehand.
"""

import csv
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

_ROOM: Final = Path(__file__).parent
ALL: Final = 10_000
WARN_DAYS: Final = (14, 7, 2)
# Percent by days left, the nearest first; a case whose day nobody knows counts as one with a month left: somebody has to settle it.
_URGENCY: Final[tuple[tuple[int, int], ...]] = ((2, 300), (7, 200), (14, 150), (30, 120))
_CALM: Final = 100
_UNKNOWN: Final = 120


def _table(name: str, key: str, value: str) -> Mapping[str, int]:
    with (_ROOM / name).open(newline="", encoding="utf-8") as file:
        return {row[key]: int(row[value]) for row in csv.DictReader(file)}


@lru_cache(maxsize=1)
def _chances() -> Mapping[str, int]:
    return _table("chances.csv", "payer_kind", "per_10000")


@lru_cache(maxsize=1)
def _costs() -> Mapping[str, int]:
    return _table("costs.csv", "category", "cents")


def chance(payer_kind: str | None, told: float | None) -> int:
    """Return how likely a denial is overturned, of 10,000: as told (0 to 1), else the base rate of the kind of payer."""
    if told is not None:
        return round(min(max(told, 0.0), 1.0) * ALL)
    return _chances().get(payer_kind or "", _chances()[""])


def less_the_work(value_cents: int, category: str) -> int:
    """Return what working a case is worth; cents, below zero where the work costs more than it brings."""
    return value_cents - _costs().get(category, _costs()[""])


def score(expected: int, deadline_on: date | None, today: date, *, is_unknown: bool) -> int:
    """Weigh a value by the days that are left; what is worth nothing gains nothing by being urgent."""
    if expected <= 0:
        return expected
    return expected * _urgency(deadline_on, today, is_unknown=is_unknown) // _CALM


def _urgency(deadline_on: date | None, today: date, *, is_unknown: bool) -> int:
    told = _UNKNOWN if is_unknown else _CALM
    if deadline_on is None or deadline_on < today:
        return told
    left = (deadline_on - today).days
    return max(told, next((percent for days, percent in _URGENCY if left <= days), _CALM))


def next_change(deadline_on: date | None, today: date) -> date | None:
    """Return the next day on which time alone changes a case: it becomes more urgent, is warned of, or its deadline is over."""
    if deadline_on is None:
        return None
    turns = (*(deadline_on - timedelta(days=days) for days, _ in _URGENCY), deadline_on + timedelta(days=1))
    return min((day for day in turns if day > today), default=None)


def warnings(deadline_on: date | None, known_on: date, today: date) -> tuple[int, ...]:
    """Return how many days before a deadline it has been time to warn by now, also where nobody was awake then.

    Of the days that were past when the deadline became known, the nearest alone: the others say no more.
    """
    if deadline_on is None:
        return ()
    due = [days for days in WARN_DAYS if deadline_on - timedelta(days=days) <= today]
    return tuple(days for days in due if days == due[-1] or deadline_on - timedelta(days=days) > known_on)
