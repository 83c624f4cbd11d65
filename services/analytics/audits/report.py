"""The report of an audit, as tables: for a PDF to be read and signed, and for a workbook to be worked with. Pure."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from libs.common.money import dollars
from services.analytics.audits.estimating import Share
from services.analytics.audits.plans import Plan
from services.analytics.audits.results import Estimate, Results, Reviewed
from services.analytics.audits.sampling import Stratum

Cell = str | int | float
_METHODS: Final = {
    "simple": "simple random sample",
    "stratified": "stratified random sample",
    "dollar_unit": "dollar-unit sample",
    "risk_weighted": "risk-weighted sample",
}
_FINDINGS: Final = {
    "any": "Classification or code wrong",
    "classification": "Classification wrong",
    "code": "Code wrong",
    "documentation": "Documentation not sufficient",
}
_ITEM_COLUMNS: Final = (
    "item", "denial", "stratum", "probability", "payer", "facility", "provider", "service group", "payment day", "denied cents",
    "category", "action", "classification right", "code right", "documentation sufficient", "corrected category",
    "corrected action", "note",
)  # fmt: skip


class Part(Struct, frozen=True):
    """A table under its title."""

    title: str
    words: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def lines(plan: Plan, as_of: str, found: Results) -> list[str]:
    """Say what was audited, and how."""
    days = "Payment days" if plan.date_basis == "payment" else "Became known"
    period = f"{days} from {plan.first or 'the first'} to {plan.last or 'the last'}; known on the evening of {as_of} (UTC)."
    filters = "; ".join(f"{name}: {', '.join(values)}" for name, values in plan.filters.items())
    method = _METHODS[plan.method] + (f" by {plan.stratify_by}" if plan.stratify_by else "")
    reviewers = f"{plan.reviewers[0]} and {plan.reviewers[1]}"
    if plan.former:
        reviewers += f" (before them {', '.join(sorted(plan.former))})"
    return [
        f"{found.denials:,} denials of {dollars(found.denied_cents)}, {found.items:,} drawn: {method}, seed {plan.seed}.",
        period,
        *([f"Only {filters}."] if filters else []),
        f"Reviewed by {reviewers}. Intervals hold the truth in {plan.confidence:.0%} of audits.",
    ]


def parts(plan: Plan, strata: Sequence[Stratum], found: Results) -> list[Part]:
    """Return the tables of the report."""
    made = [
        Part(
            "Errors",
            "Found in the sample, and estimated of all denials that it was drawn from.",
            ("Error", "Found", "Share of denials", "Share of dollars", "Dollars"),
            tuple(_estimate(each) for each in found.estimates),
        ),
        Part(
            "Agreement of the reviewers",
            "Before any settlement. Kappa is agreement beyond chance: 1 is all of it, 0 none.",
            ("Question", "Items", "Alike", "Kappa"),
            tuple(
                (each.question, f"{each.items:,}", f"{each.agreed:,}", "-" if each.kappa is None else f"{each.kappa:.2f}")
                for each in found.agreement
            ),
        ),
    ]
    if found.corrections:
        rows = tuple(
            (
                _judged(each.category, each.action),
                _judged(each.corrected, each.corrected_action),
                f"{each.items:,}",
                dollars(each.denied_cents),
            )
            for each in found.corrections
        )
        said = "What was judged, and what it is: its category, and what is to be done."
        made.append(Part("Corrections", said, ("Judged", "Is", "Items", "Denied"), rows))
    if plan.stratify_by is not None:
        drawn = tuple((each.name or "-", f"{each.denials:,}", dollars(each.denied_cents), f"{each.drawn:,}") for each in strata)
        made.append(Part("Strata", f"By {plan.stratify_by}.", ("Stratum", "Denials", "Denied", "Drawn"), drawn))
    return made


def _judged(category: str, action: str) -> str:
    return f"{category}, {action}" if action else category


def _estimate(each: Estimate) -> tuple[str, ...]:
    cents = f"{dollars(each.dollars_cents)} ({dollars(each.dollars_low_cents)} to {dollars(each.dollars_high_cents)})"
    rate = "-" if each.rate is None else _share(each.rate)
    return (_FINDINGS[each.finding], f"{each.errors:,}", rate, _share(each.dollar_rate), cents)


def _share(share: Share) -> str:
    return f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"


def item_rows(reviewed: Sequence[Reviewed]) -> list[tuple[Cell, ...]]:
    """Return the sample with what is held to be so, a row each, under its header."""
    rows: list[tuple[Cell, ...]] = [_ITEM_COLUMNS]
    for place, each in enumerate(reviewed, start=1):
        unit, verdict = each.unit, each.verdict
        rows.append(
            (
                place,
                str(unit.denial_id),
                each.stratum,
                each.probability,
                unit.payer,
                unit.facility,
                unit.provider,
                unit.service_group,
                unit.payment_on.isoformat(),
                unit.denied_cents,
                unit.category,
                unit.action,
                "yes" if verdict.classification_right else "no",
                "yes" if verdict.code_right else "no",
                "yes" if verdict.documentation_sufficient else "no",
                verdict.category or "",
                verdict.action or "",
                verdict.note,
            )
        )
    return rows
