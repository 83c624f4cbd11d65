"""What an audit found, once all its items are final: how many are in error, how the reviewers agree, what was corrected. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

from services.analytics.audits.estimating import Item, Share, by_denials, by_dollars
from services.analytics.audits.plans import Plan
from services.analytics.audits.reviewing import ANSWERS, QUESTIONS, Agreement, Question, Verdict, agreement
from services.analytics.audits.sampling import Stratum, Unit

Finding = Literal["any", "classification", "code", "documentation"]
FINDINGS: Final[tuple[Finding, ...]] = ("any", *QUESTIONS)


class Reviewed(Struct, frozen=True):
    """One item with what is held to be so, and what each of the plan's reviewers said."""

    unit: Unit
    stratum: str
    probability: float
    verdict: Verdict
    reviews: Mapping[str, Verdict]


class Estimate(Struct, frozen=True):
    """Of one kind of error: found in the sample, and estimated of the population. `rate`: by denials; None of a sample of dollars,
    which says nothing of how many denials its dollars are.
    """

    finding: Finding
    errors: int
    error_cents: int
    rate: Share | None
    dollar_rate: Share
    dollars_cents: int
    dollars_low_cents: int
    dollars_high_cents: int


class Corrected(Struct, frozen=True):
    """How often denials that were judged alike are something else: of another category, or to be dealt with otherwise, or both."""

    category: str
    action: str
    corrected: str
    corrected_action: str
    items: int
    denied_cents: int


class Results(Struct, frozen=True):
    denials: int
    denied_cents: int
    items: int
    estimates: tuple[Estimate, ...]
    agreement: tuple[Agreement, ...]
    corrections: tuple[Corrected, ...]


def results(plan: Plan, strata: Sequence[Stratum], reviewed: Sequence[Reviewed]) -> Results:
    """Return what a whole reviewed sample says. `any` is a classification or a code that is wrong: documents may still come."""
    pairs = [(first, second) for each in reviewed if (first := _said(each, plan, 0)) and (second := _said(each, plan, 1))]
    return Results(
        denials=sum(each.denials for each in strata),
        denied_cents=sum(each.denied_cents for each in strata),
        items=len(reviewed),
        estimates=tuple(_estimate(plan, strata, reviewed, finding) for finding in FINDINGS),
        agreement=tuple(agreement(pairs, question) for question in QUESTIONS),
        corrections=_corrections(reviewed),
    )


def _said(each: Reviewed, plan: Plan, place: int) -> Verdict | None:
    return next((verdict for name, verdict in each.reviews.items() if plan.place_of(name) == place), None)


def is_error(verdict: Verdict, finding: Finding) -> bool:
    if finding == "any":
        return not (verdict.classification_right and verdict.code_right)
    question: Question = finding
    return not ANSWERS[question](verdict)


def _estimate(plan: Plan, strata: Sequence[Stratum], reviewed: Sequence[Reviewed], finding: Finding) -> Estimate:
    items = [Item(each.stratum, each.probability, each.unit.denied_cents, is_error(each.verdict, finding)) for each in reviewed]
    cents = sum(each.denied_cents for each in strata)
    share = by_dollars(strata, items, plan.confidence)
    return Estimate(
        finding=finding,
        errors=sum(item.is_error for item in items),
        error_cents=sum(item.denied_cents for item in items if item.is_error),
        rate=None if plan.method == "dollar_unit" else by_denials(strata, items, plan.confidence),
        dollar_rate=share,
        dollars_cents=round(share.value * cents),
        dollars_low_cents=round(share.low * cents),
        dollars_high_cents=round(share.high * cents),
    )


def _corrections(reviewed: Sequence[Reviewed]) -> tuple[Corrected, ...]:
    items: Counter[tuple[str, str, str, str]] = Counter()
    cents: Counter[tuple[str, str, str, str]] = Counter()
    for each in reviewed:
        unit, verdict = each.unit, each.verdict
        if verdict.category is not None:
            told = (unit.category, unit.action, verdict.category, verdict.action or unit.action)
            items[told] += 1
            cents[told] += unit.denied_cents
    return tuple(Corrected(*told, items[told], cents[told]) for told in sorted(items, key=lambda told: (-items[told], told)))
