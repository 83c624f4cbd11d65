"""Key figures over a period: what their sides come to in the sums. Asked by the HTTP interface and by the pages."""

from datetime import date, timedelta
from typing import cast

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from services.analytics import kpis, queries
from services.analytics.facts.measures import DIMENSIONS
from services.analytics.kpis import NOTHING, Groups
from services.analytics.kpis.definitions import Kpi, Side
from services.analytics.kpis.figures import AGED_DAYS, AGES, CHARGE_DAYS, Figure, figure, figures, tells_apart
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
        return replace(kpi, reason="The cost of one is not configured: RECOURS_REWORK_COST_CENTS."), 1
    return kpi, rework_cost_cents


async def figures_of(tx: AsyncConnection, kpi: Kpi, asked: Asked, factor: int, today: date) -> list[Figure]:
    """Return the figures of all groups; without groups there is one, of everything."""
    numerator, denominator = cast("Side", kpi.numerator), kpi.denominator
    if kpi.kind == "stock":
        return await _stock(tx, kpi, asked, today)
    above = await queries.sums(tx, asked, numerator.measure)
    below = await _below(tx, asked, numerator, denominator, above)
    return figures(kpi, asked.group_by, above, below, factor)


async def _below(tx: AsyncConnection, asked: Asked, numerator: Side, denominator: Side | None, above: Groups) -> Groups | None:
    if denominator is None:
        return None
    return above if denominator.measure == numerator.measure else await queries.sums(tx, asked, denominator.measure)


async def _stock(tx: AsyncConnection, kpi: Kpi, asked: Asked, today: date) -> list[Figure]:
    """Return figures of a state: what was submitted by an evening and, by what was known then, not answered."""
    evening = asked.last or today
    known = min(asked.as_of or evening, evening)
    state = replace(asked, first=None, last=evening, as_of=known)
    if "age" in asked.group_by:
        return await _by_age(tx, state, evening)
    all_open = await queries.sums(tx, state, "outstanding")
    if kpi.id == "ar-aging":
        above = await queries.sums(tx, replace(state, last=evening - timedelta(days=AGED_DAYS)), "outstanding")
        below = all_open
    else:
        charged = await queries.sums(tx, replace(state, first=evening - timedelta(days=CHARGE_DAYS - 1)), "submitted")
        above, below = all_open, {key: (count, cents // CHARGE_DAYS) for key, (count, cents) in charged.items()}
    return figures(kpi, asked.group_by, above, below)


async def _by_age(tx: AsyncConnection, state: Asked, evening: date) -> list[Figure]:
    ungrouped = replace(state, group_by=())
    _, whole = kpis.whole(await queries.sums(tx, ungrouped, "outstanding"))
    found = []
    for name, least, most in AGES:
        first = None if most is None else evening - timedelta(days=most)
        part = await queries.sums(tx, replace(ungrouped, first=first, last=evening - timedelta(days=least)), "outstanding")
        found.append(figure((name,), part.get((), NOTHING)[1], whole))
    return found
