"""Key figures over a period: what their sides come to in the sums. Asked by the HTTP interface and by the pages."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple, cast

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from services.analytics import kpis, queries
from services.analytics.facts.measures import DIMENSIONS
from services.analytics.finance import store as finance
from services.analytics.kpis import Groups
from services.analytics.kpis.definitions import Kpi, Side
from services.analytics.kpis.figures import (
    AGED_DAYS,
    AGES,
    CHARGE_DAYS,
    OLDEST_DAYS,
    Figure,
    figure,
    figures,
    months_within,
    tells_apart,
    whole_months,
)
from services.analytics.queries import Asked


def dimensions(kpi: Kpi) -> list[str]:
    """Return by what a key figure can be grouped and filtered, beside the calendar."""
    numerator = kpi.numerator
    return [] if numerator is None else [name for name in DIMENSIONS if tells_apart(numerator, name)]


def with_cost(kpi: Kpi, rework_cost_cents: int | None) -> tuple[Kpi, int]:
    """Return a key figure with what its count is multiplied by; one that needs a cost and is told none has no number."""
    if kpi.kind != "cost":
        return kpi, 1
    if rework_cost_cents is None:
        told = "The cost of one is not known: PUT /v1/finance/rework-cost, or the setting RECOURS_REWORK_COST_CENTS."
        return replace(kpi, reason=told), 1
    return kpi, rework_cost_cents


async def cost_of(tx: AsyncConnection, tenant_id: str, configured: int | None, as_of: date | None = None) -> int | None:
    """Return what working a denial costs: what the tenant told, as of a day, else what is configured."""
    told = await finance.rework_cost(tx, tenant_id, as_of)
    return configured if told is None else told


async def figures_of(tx: AsyncConnection, kpi: Kpi, asked: Asked, factor: int, today: date) -> list[Figure]:
    """Return the figures of all groups; without groups there is one, of everything."""
    whole, groups = await answer(tx, kpi, asked, factor, today)
    return groups if asked.group_by else [whole]


async def answer(tx: AsyncConnection, kpi: Kpi, asked: Asked, factor: int, today: date) -> tuple[Figure, list[Figure]]:
    """Return the figure of everything, and those of all groups: one reading of the sums tells both."""
    if "age" in asked.group_by:
        return await _by_age(tx, asked, today)
    if kpi.kind == "revenue":
        return await _of_revenue(tx, asked, cast("Side", kpi.numerator))
    if kpi.kind == "stock":
        return _told(kpi, asked, await _stock(tx, kpi, asked, today), factor)
    return _told(kpi, asked, sides(kpi, await queries.sums_of(tx, asked, measures(kpi))), factor)


async def _of_revenue(tx: AsyncConnection, asked: Asked, numerator: Side) -> tuple[Figure, list[Figure]]:
    """Return figures against the net revenue of whole months; without one of them there is nothing to divide by."""
    above = await queries.sums(tx, asked, numerator.measure)
    revenue = await finance.net_revenue(tx, asked.tenant_id, asked.as_of)
    months = whole_months(asked.first, asked.last)

    def against(keys: tuple[str, ...], cents: int) -> Figure:
        within = months_within(months, dict(zip(asked.group_by, keys, strict=False)))
        is_known = all(month in revenue for month in within)
        return figure(keys, cents, sum(revenue[month] for month in within) if is_known else 0)

    groups = [against(key, cents) for key, (_, cents) in sorted(above.items())] if asked.group_by else []
    return against((), kpis.together(above)[1]), groups


def measures(kpi: Kpi) -> list[str]:
    """Return what a key figure of a period is made of."""
    return [side.measure for side in (kpi.numerator, kpi.denominator) if side is not None]


class Sides(NamedTuple):
    """Both sides by group; `days`: the lower one is of so many days, and the figure asks for the mean of one."""

    above: Groups
    below: Groups | None
    days: int = 1


def sides(kpi: Kpi, summed: Mapping[str, Groups]) -> Sides:
    """Return the sides of a key figure of a period."""
    numerator, denominator = cast("Side", kpi.numerator), kpi.denominator
    return Sides(summed[numerator.measure], None if denominator is None else summed[denominator.measure])


def whole_of(kpi: Kpi, told: Sides, factor: int) -> Figure:
    """Return the figure of everything: groups share out what there is."""
    below: Groups | None = None if told.below is None else {(): kpis.together(told.below)}
    (whole,) = figures(kpi, (), {(): kpis.together(told.above)}, below, factor)
    return _against_a_day(whole, told.days)


def _told(kpi: Kpi, asked: Asked, told: Sides, factor: int) -> tuple[Figure, list[Figure]]:
    groups = figures(kpi, asked.group_by, told.above, told.below, factor) if asked.group_by else []
    return whole_of(kpi, told, factor), [_against_a_day(each, told.days) for each in groups]


def _against_a_day(told: Figure, days: int) -> Figure:
    """Return a figure against the mean of a day, which is shown to the cent. The division is of whole sums: against a mean that is
    cut to cents first, small sums would have other days.
    """
    if days == 1 or not told.denominator:
        return told
    mean = (2 * told.denominator + days) // (2 * days)
    return replace(told, value=kpis.ratio(days * told.numerator, told.denominator), denominator=mean)


def _state(asked: Asked, today: date) -> tuple[Asked, date]:
    """Return what is asked of a state: its evening is `last`, by what was known at its end at the latest."""
    evening = asked.last or today
    return replace(asked, first=None, last=evening, as_of=min(asked.as_of or evening, evening)), evening


async def _stock(tx: AsyncConnection, kpi: Kpi, asked: Asked, today: date) -> Sides:
    """Return the sides of a state: what was submitted by an evening and, by what was known then, not answered."""
    state, evening = _state(asked, today)
    all_open = await queries.balance(tx, state, "outstanding", state.as_of or evening)
    if kpi.id == "ar-aging":
        recent = await queries.sums(tx, replace(state, first=evening - timedelta(days=AGED_DAYS - 1)), "outstanding")
        return Sides(kpis.less(all_open, recent), all_open)
    return Sides(
        all_open, await queries.sums(tx, replace(state, first=evening - timedelta(days=CHARGE_DAYS - 1)), "submitted"), CHARGE_DAYS
    )


async def _by_age(tx: AsyncConnection, asked: Asked, today: date) -> tuple[Figure, list[Figure]]:
    """Return the aged share of what is unanswered, and the share of each age."""
    state, evening = _state(replace(asked, group_by=()), today)
    _, whole = kpis.whole(await queries.balance(tx, state, "outstanding", state.as_of or evening))
    by_day = await queries.sums(
        tx, replace(state, first=evening - timedelta(days=OLDEST_DAYS - 1), group_by=("day",)), "outstanding"
    )
    cents = {(evening - date.fromisoformat(day)).days: amount for (day,), (_, amount) in by_day.items()}
    found = []
    for name, least, most in AGES:
        part = sum(amount for age, amount in cents.items() if least <= age and (most is None or age <= most))
        found.append(figure((name,), whole - sum(cents.values()) if most is None else part, whole))
    aged = whole - sum(amount for age, amount in cents.items() if age < AGED_DAYS)
    return figure((), aged, whole), found
