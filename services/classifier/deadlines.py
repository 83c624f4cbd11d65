"""Until when an appeal or a corrected claim can be sent. Pure; limits are data, each with its source.

A tenant's rule about the payer comes first, then `knowledge/deadlines.csv` by kind of payer. What neither knows is unknown:
there is no default. A limit is told only for a way that is open: the action or an alternative.
"""

import csv
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from libs.common import periods
from libs.common.contracts.denial_classified import Deadline
from services.classifier.decision import Classification
from services.classifier.rules.model import CountedFrom, LimitOn, Scope

_TABLE: Final = Path(__file__).parent / "knowledge" / "deadlines.csv"
_ANY: Final = ""
_FEBRUARY: Final = 2


class Limit(Struct, frozen=True):
    """So many days or years after a day. `firm` is false where a state or a contract may set an earlier day."""

    rule: str
    source: str
    counted_from: CountedFrom
    firm: bool
    days: int = 0
    years: int = 0


class Days(Struct, frozen=True):
    """The days that a limit can be counted from; None is unknown."""

    payment_on: date | None
    service_from_on: date | None = None
    service_to_on: date | None = None


@lru_cache(maxsize=1)
def _limits() -> Mapping[tuple[str, str, str], Limit]:
    with _TABLE.open(newline="", encoding="utf-8") as file:
        return {(row["limit"], row["payer_kind"], row["claim_type"]): _limit(row) for row in csv.DictReader(file)}


def _limit(row: dict[str, Any]) -> Limit:
    return Limit(
        rule=row["rule"],
        source=row["source"],
        counted_from=row["counted_from"],
        firm=row["firm"] == "yes",
        days=int(row["days"] or 0) + int(row["added_days"]),
        years=int(row["years"] or 0),
    )


def deadlines_of(
    judged: Classification, payer_kind: str | None, claim_type: str | None, days: Days, scope: Scope | None
) -> tuple[Deadline | None, Deadline | None]:
    """Return the last days for an appeal and for a corrected claim; None where the way is closed, or the day unknown or no day of
    our times (a payer's 9999): nothing is counted from it.
    """
    ways = (judged.action, *judged.alternative_actions)
    return (
        _deadline("appeal", payer_kind, claim_type, days, scope) if "appeal" in ways else None,
        _deadline("correct", payer_kind, claim_type, days, scope) if "correct_and_resubmit" in ways else None,
    )


def _deadline(limit: LimitOn, payer_kind: str | None, claim_type: str | None, days: Days, scope: Scope | None) -> Deadline | None:
    found = _tenants(limit, scope) or _ours(limit, payer_kind, claim_type)
    trigger_on = getattr(days, found.counted_from) if found is not None else None
    if found is None or trigger_on is None or not periods.is_within(trigger_on):
        return None
    return Deadline(
        due_on=_years_after(trigger_on, found.years) + timedelta(days=found.days),
        rule=found.rule,
        source=found.source,
        trigger=found.counted_from,
        trigger_on=trigger_on,
        firm=found.firm,
    )


def _tenants(limit: LimitOn, scope: Scope | None) -> Limit | None:
    rule = scope.limit(limit) if scope is not None else None
    if rule is None or rule.then.counted_from is None:
        return None
    return Limit(f"tenant:{rule.name}", rule.why, rule.then.counted_from, firm=True, days=rule.then.days or 0)


def _ours(limit: LimitOn, payer_kind: str | None, claim_type: str | None) -> Limit | None:
    if payer_kind is None:
        return None
    known = _limits()
    return known.get((limit, payer_kind, claim_type or _ANY)) or known.get((limit, payer_kind, _ANY))


def _years_after(day: date, years: int) -> date:
    """Return the same day some years on; a 29 February ends on the 28th, as Medicare counts."""
    if day.month == _FEBRUARY and day.day == 29 and years:  # noqa: PLR2004 - a leap day
        day = day.replace(day=28)
    return day.replace(year=day.year + years)


def with_deadline(judged: Classification, appeal_by: Deadline | None, correct_by: Deadline | None) -> tuple[str, str]:
    """Return both explanations, with the day by which the action has to be done where that is known."""
    due = {"appeal": appeal_by, "correct_and_resubmit": correct_by}.get(judged.action)
    if due is None:
        return judged.explanation, judged.explanation_fr
    doubt = "" if due.firm else " (a state or contract may say earlier)"
    doubt_fr = "" if due.firm else " (un État ou un contrat peut dire plus tôt)"
    return (
        f"{judged.explanation.removesuffix('.')}, by {due.due_on}{doubt}.",
        f"{judged.explanation_fr.removesuffix('.')}, au plus tard le {due.due_on}{doubt_fr}.",
    )
