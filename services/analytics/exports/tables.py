"""What is exported: tables by name, with their columns, and their rows as they are read."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.table_files import Kind, Rows
from services.analytics import queries
from services.analytics.audits.population import standing
from services.analytics.exports import store
from services.analytics.kpis import NOTHING, Sums, figures
from services.analytics.kpis.definitions import KPIS, Side

What = Literal["facts", "denials", "kpis"]
Ordered = AsyncIterator[tuple[tuple[str, str], Sums]]
_ROWS: Final = 2_000


class Wanted(Struct, frozen=True):
    """`first`, `last`: days, included; None: open. `as_of`: by what was known on the evening of this day."""

    tenant_id: str
    first: date | None
    last: date | None
    as_of: date


COLUMNS: Final[Mapping[What, Mapping[str, Kind]]] = {
    "facts": {"claim_key": "text", "place": "whole", "kind": "text", "told": "text"},
    "denials": {
        "denial_id": "text",
        "claim_key": "text",
        "payer": "text",
        "facility": "text",
        "provider": "text",
        "service_group": "text",
        "category": "text",
        "action": "text",
        "denied_cents": "whole",
        "payment_on": "day",
        "confidence": "number",
    },
    "kpis": {
        "kpi": "text",
        "name": "text",
        "unit": "text",
        "month": "text",
        "payer": "text",
        "value": "number",
        "numerator": "whole",
        "denominator": "whole",
    },
}


def rows(tx: AsyncConnection, what: What, wanted: Wanted) -> Rows:
    """Return a table's rows, some thousands at a time, in the order of its columns."""
    return {"facts": _facts, "denials": _denials, "kpis": _kpis}[what](tx, wanted)


async def _facts(tx: AsyncConnection, wanted: Wanted) -> Rows:
    """All facts, as they are kept: `told` is JSON. They have no period: a fact is of an account."""
    async for some in queries.raw_facts(tx, wanted.tenant_id):
        yield some


async def _denials(tx: AsyncConnection, wanted: Wanted) -> Rows:
    """The denials that stand, by payment day."""
    async for some in queries.accounts(tx, wanted.tenant_id, with_denials=True):
        yield [
            (
                str(unit.denial_id),
                str(unit.claim_key),
                unit.payer,
                unit.facility,
                unit.provider,
                unit.service_group,
                unit.category,
                unit.action,
                unit.denied_cents,
                unit.payment_on,
                unit.confidence,
            )
            for claim_key, facts in some
            for unit in standing(wanted.first, wanted.last, wanted.as_of, claim_key, facts)
        ]


async def _kpis(tx: AsyncConnection, wanted: Wanted) -> Rows:
    """Each key figure that is a sum over days, by month and payer, however many of these there are."""

    def side(told: Side) -> Ordered:
        return store.by_month(tx, wanted.tenant_id, told.measure, wanted.first, wanted.last, wanted.as_of)

    for kpi in KPIS:
        if kpi.reason is not None or kpi.kind != "period" or kpi.numerator is None:
            continue
        above, below = side(kpi.numerator), side(kpi.denominator) if kpi.denominator else None
        held: list[Sequence[Any]] = []
        async for key, over, under in merged(above, below):
            each = figures.of_group(kpi, key, over, under)
            held.append((kpi.id, kpi.name, kpi.unit, *key, each.value, each.numerator, each.denominator))
            if len(held) == _ROWS:
                yield held
                held = []
        yield held


async def merged(above: Ordered, below: Ordered | None) -> AsyncIterator[tuple[tuple[str, str], Sums, Sums]]:
    """Join two sides by their groups, each in order: what one of them lacks is nothing."""
    over, under = await _next(above), await _next(below)
    while over is not None or under is not None:
        key = min(each[0] for each in (over, under) if each is not None)
        here, there = over is not None and over[0] == key, under is not None and under[0] == key
        yield key, over[1] if over is not None and here else NOTHING, under[1] if under is not None and there else NOTHING
        if here:
            over = await _next(above)
        if there:
            under = await _next(below)


async def _next(side: Ordered | None) -> tuple[tuple[str, str], Sums] | None:
    """Return what comes next of a side; None at its end. (`anext` with a default fails in Python 3.11 where it has to wait.)"""
    if side is None:
        return None
    try:
        return await anext(side)
    except StopAsyncIteration:
        return None
