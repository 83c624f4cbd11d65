"""What is exported: tables by name, with their columns, and their rows as they are read."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from services.analytics import answers, queries
from services.analytics.audits.population import standing
from services.analytics.kpis.definitions import KPIS
from services.analytics.queries import Asked

What = Literal["facts", "denials", "kpis"]
Kind = Literal["text", "whole", "number", "day"]
Rows = AsyncIterator[Sequence[Sequence[Any]]]


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
    """Each key figure that is a sum over days, by month and payer."""
    for kpi in KPIS:
        if kpi.reason is not None or kpi.kind != "period":
            continue
        asked = Asked(wanted.tenant_id, wanted.first, wanted.last, wanted.as_of, ("month", "payer"))
        found = await answers.figures_of(tx, kpi, asked, 1, wanted.as_of)
        yield [(kpi.id, kpi.name, kpi.unit, *each.keys, each.value, each.numerator, each.denominator) for each in found]
