"""What is exported: tables by name, with their columns, and their rows as they are read."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.table_files import Kind, Rows
from services.analytics import queries, small_cells
from services.analytics.audits.population import standing
from services.analytics.exports import store
from services.analytics.kpis import NOTHING, Sums, figures
from services.analytics.kpis.definitions import KPIS, Kpi

What = Literal["facts", "denials", "kpis"]
Key = tuple[str, str]  # month, payer
Ordered = AsyncIterator[tuple[Key, Sums]]
_ROWS: Final = 2_000


class Wanted(Struct, frozen=True):
    """`first`, `last`: days, included; None: open. `as_of`: by what was known on the evening of this day. `shared`: key figures
    for whoever is outside, without small cells and what they would follow from.
    """

    tenant_id: str
    first: date | None
    last: date | None
    as_of: date
    shared: bool = False


class Told(Struct, frozen=True):
    """A figure of a month and payer; without a numerator it is withheld."""

    keys: Key
    value: float | None
    numerator: int | None
    denominator: int | None


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
    for kpi in KPIS:
        if kpi.reason is not None or kpi.kind != "period" or kpi.numerator is None:
            continue
        measures = [side.measure for side in (kpi.numerator, kpi.denominator) if side]
        held: list[Sequence[Any]] = []
        figures_of = _as_shared(tx, wanted, kpi, measures) if wanted.shared else _as_they_are(tx, wanted, kpi, measures)
        async for each in figures_of:
            held.append((kpi.id, kpi.name, kpi.unit, *each.keys, each.value, each.numerator, each.denominator))
            if len(held) == _ROWS:
                yield held
                held = []
        yield held


async def _as_they_are(tx: AsyncConnection, wanted: Wanted, kpi: Kpi, measures: Sequence[str]) -> AsyncIterator[Told]:
    async for key, sums in _side_by_side(tx, wanted, measures):
        yield _told(kpi, key, sums)


async def _as_shared(tx: AsyncConnection, wanted: Wanted, kpi: Kpi, measures: Sequence[str]) -> AsyncIterator[Told]:
    """Yield figures, with nothing in those that are withheld: that follows from all payers of a month, which are held together."""
    counted = small_cells.measures(kpi)
    figures_of_month: list[Told] = []
    cells: dict[str, small_cells.Cases] = {}
    month = ""
    async for (begins, payer), sums in _side_by_side(tx, wanted, [*measures, *counted]):
        if begins != month:
            for each in _without_small(figures_of_month, cells):
                yield each
            figures_of_month, cells, month = [], {}, begins
        cells[payer] = small_cells.cases([count for count, _ in sums[len(measures) :]])
        if any(each != NOTHING for each in sums[: len(measures)]):
            figures_of_month.append(_told(kpi, (begins, payer), sums))
    for each in _without_small(figures_of_month, cells):
        yield each


def _without_small(figures_of_month: Sequence[Told], cells: Mapping[str, small_cells.Cases]) -> Iterator[Told]:
    out = small_cells.withheld(cells).keys
    return (Told(each.keys, None, None, None) if each.keys[1] in out else each for each in figures_of_month)


def _told(kpi: Kpi, key: Key, sums: Sequence[Sums]) -> Told:
    each = figures.of_group(kpi, key, sums[0], sums[1] if kpi.denominator else NOTHING)
    return Told(key, each.value, each.numerator, each.denominator)


def _side_by_side(tx: AsyncConnection, wanted: Wanted, measures: Sequence[str]) -> AsyncIterator[tuple[Key, list[Sums]]]:
    return merged([store.by_month(tx, wanted.tenant_id, each, wanted.first, wanted.last, wanted.as_of) for each in measures])


async def merged(sides: Sequence[Ordered]) -> AsyncIterator[tuple[Key, list[Sums]]]:
    """Join sides by their groups, each in order: what one of them lacks is nothing."""
    ahead = [await _next(side) for side in sides]
    while there := [each for each in ahead if each is not None]:
        key = min(each[0] for each in there)
        yield key, [each[1] if each is not None and each[0] == key else NOTHING for each in ahead]
        for place, each in enumerate(ahead):
            if each is not None and each[0] == key:
                ahead[place] = await _next(sides[place])


async def _next(side: Ordered) -> tuple[Key, Sums] | None:
    """Return what comes next of a side; None at its end. (`anext` with a default fails in Python 3.11 where it has to wait.)"""
    try:
        return await anext(side)
    except StopAsyncIteration:
        return None
