"""A case's clocks: until when each way that is open to it can be gone, and which of those days is the case's deadline. Pure.

What comes from whom: the classifier tells `appeal_by` and `correct_by` with each denial. The limit of a corrected claim is counted
from days of service that only the classifier sees, so its `correct_by` is taken as it is told. The limit of an appeal is counted
here, for the first level as for all that follow; the classifier's stands where a rule of the tenant made it, or where nothing is
known here. What a tenant writes about a payer's levels comes before both. A test holds the two tables against each other.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, Literal, cast

from msgspec import Struct

from libs.common.contracts.denial_classified import Deadline
from services.appeals.deadlines.levels import Level, Payer, due, floor_cents, in_force, levels_after

DeadlineIs = Literal["firm", "assumed", "unknown", "none"]
Way = Literal["appeal", "correct_and_resubmit", "send_documents"]
# What a way's last day is called where a tenant writes it down; an appeal's is that of its level.
LIMIT_OF: Final[Mapping[str, str]] = {"correct_and_resubmit": "corrected_claim", "send_documents": "documents"}
_OF_A_TENANT: Final = "tenant:"


class Facts(Struct, frozen=True):
    """What a case's clocks are counted from. `level` was decided against us by a notice of `decided_on`; None: nothing was yet."""

    action: str
    alternative_actions: tuple[str, ...]
    payment_on: date
    payer_kind: str | None = None
    service_from_on: date | None = None
    appeal_by: Deadline | None = None
    correct_by: Deadline | None = None
    level: str | None = None
    decided_on: date | None = None
    received_on: date | None = None


class Clock(Struct, frozen=True, omit_defaults=True):
    """One way and its last day; `due_on` None: nobody knows it, and somebody must settle it."""

    way: Way
    level: str | None = None
    due_on: date | None = None
    firm: bool = False
    rule: str = ""
    source: str = ""
    trigger: str = ""
    trigger_on: date | None = None
    floor_cents: int | None = None


class Standing(Struct, frozen=True):
    """A case's deadline on a day. `deadline_on` is the nearest that is not over; on the day after `expires_on` no way is left."""

    deadline_on: date | None
    deadline_is: DeadlineIs
    expires_on: date | None


def due_on(row: Mapping[Any, Any], action: str | None = None) -> date | None:
    """Return the last day for a row of `cases`, or for one action of it; None where it is not known.

    An appeal's limit goes before a corrected claim's. Both are of what comes next: the worklist counts them anew with each level.
    """
    limits = {"appeal": row["appeal_by_on"], "correct_and_resubmit": row["correct_by_on"], "send_documents": None}
    found: date | None = limits[action] if action is not None else limits["appeal"] or limits["correct_and_resubmit"]
    return found


def clocks(facts: Facts, payer: Payer) -> tuple[Clock, ...]:
    """Return a clock for each way that is open and has a last day, that of the action first."""
    if facts.level is not None:
        return _next_appeals(facts, payer)
    found: list[Clock] = []
    for way in dict.fromkeys((facts.action, *facts.alternative_actions)):
        if way == "appeal":
            found.append(_first_appeal(facts, payer))
        elif way in ("correct_and_resubmit", "send_documents"):
            found.append(_other(cast("Way", way), facts, payer))
    return tuple(found)


def standing(found: tuple[Clock, ...], today: date) -> Standing:
    """Say which day is a case's deadline. The first clock is that of its action: while its day is unknown, the case's is.

    A case is over when all days that are known are over, each of them sure; a way whose day is not known does not keep it open.
    """
    if not found:
        return Standing(None, "none", None)
    days = sorted((clock.due_on, not clock.firm) for clock in found if clock.due_on is not None)
    nearest = next((day for day in days if day[0] >= today), days[-1] if days else None)
    sure = found[0].due_on is not None and all(clock.firm for clock in found if clock.due_on is not None)
    if nearest is None:
        return Standing(None, "unknown", None)
    is_unknown = found[0].due_on is None
    told: DeadlineIs = "unknown" if is_unknown else "assumed" if nearest[1] else "firm"
    return Standing(nearest[0], told, days[-1][0] if sure else None)


def _next_appeals(facts: Facts, payer: Payer) -> tuple[Clock, ...]:
    """Return the clock of the next level, and while nobody knows its day, that of the one after it, too: it may be the next.

    Nothing is to be filed for a level that a payer forwards to by itself.
    """
    on = facts.decided_on or facts.payment_on
    found: list[Clock] = []
    for level in levels_after(in_force(payer, facts.payer_kind, on), facts.level):
        if level.filed_when == "forwarded":
            break
        found.append(_counted("appeal", level, on, facts.received_on))
        if found[-1].due_on is not None:
            break
    return tuple(found)


def _first_appeal(facts: Facts, payer: Payer) -> Clock:
    level = next(iter(levels_after(in_force(payer, facts.payer_kind, facts.payment_on), None)), None)
    own = level is not None and any(level.level == each.level for each in payer.levels)
    told = facts.appeal_by
    if told is not None and not own and told.rule.startswith(_OF_A_TENANT):
        return _told("appeal", told, level)
    counted = _counted("appeal", level, facts.payment_on, facts.received_on) if level is not None else Clock("appeal")
    if counted.due_on is None and told is not None and not own:
        return _told("appeal", told, level)
    return counted


def _other(way: Way, facts: Facts, payer: Payer) -> Clock:
    own = in_force(payer, None, facts.payment_on).get(LIMIT_OF[way])
    if own is not None:
        start = facts.service_from_on if own.counted_from == "service" else facts.payment_on
        return _counted(way, own, start, facts.received_on) if start is not None else Clock(way)
    told = facts.correct_by if way == "correct_and_resubmit" else None
    return _told(way, told, None) if told is not None else Clock(way)


def _counted(way: Way, level: Level, on: date, received_on: date | None) -> Clock:
    counted = due(level, on, received_on)
    named = None if way in LIMIT_OF else level.level
    if counted is None:
        return Clock(way, named, rule=level.level, source=level.source)
    due_on, trigger_on = counted
    floor = floor_cents(level.floor, due_on) if level.floor else None
    return Clock(way, named, due_on, level.firm, level.level, level.source, level.counted_from, trigger_on, floor)


def _told(way: Way, told: Deadline, level: Level | None) -> Clock:
    """Return a clock as the classifier tells it."""
    named = level.level if level is not None else None
    return Clock(way, named, told.due_on, told.firm, told.rule, told.source, told.trigger, told.trigger_on)
