"""SQL of audits; nothing here commits."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.common.orders import ring
from services.analytics.audits.plans import Plan
from services.analytics.audits.reviewing import ItemState, Verdict
from services.analytics.audits.sampling import Sample, Stratum, Unit

State = Literal["drawing", "reviewing", "done", "failed", "cancelled"]
LabelState = Literal["none", "waiting", "sent", "refused"]


class Audit(Struct, frozen=True):
    tenant_id: str
    audit_id: UUID
    plan: Plan
    as_of: date
    state: State
    created_at: datetime
    leased_until: datetime
    reason: str | None = None
    drawn_at: datetime | None = None
    drawn_through: date | None = None  # the last day that had ended when the population was read
    strata: tuple[Stratum, ...] = ()
    items: int = 0
    items_final: int = 0
    schedule_id: UUID | None = None
    period_on: date | None = None


class Item(Struct, frozen=True):
    """One denial of the sample. `verdict`: what is held to be so, once it is agreed or settled."""

    tenant_id: str
    audit_id: UUID
    item: int
    unit: Unit
    stratum: str
    probability: float
    state: ItemState
    verdict: Verdict | None
    settled_by: str | None
    label: LabelState


_AUDIT: Final = ", ".join(Audit.__struct_fields__)
_ITEM: Final = ", ".join(Item.__struct_fields__)
_WAITS: Final = "state IN ('open', 'reviewing')"


async def insert(tx: AsyncConnection, audit: Audit) -> bool:
    """Write a new one; False where its schedule has one for the period."""
    told = await (await driver(tx)).execute(
        "INSERT INTO audits (tenant_id, audit_id, plan, as_of, state, created_at, leased_until, schedule_id, period_on)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        audit.tenant_id,
        audit.audit_id,
        _json(audit.plan),
        audit.as_of,
        audit.state,
        audit.created_at,
        audit.leased_until,
        audit.schedule_id,
        audit.period_on,
    )
    await ring(tx)
    return told.endswith(" 1")


async def get(tx: AsyncConnection, tenant_id: str, audit_id: UUID) -> Audit | None:
    query = f"SELECT {_AUDIT} FROM audits WHERE tenant_id = $1 AND audit_id = $2"  # noqa: S608 - ours
    return _audit(await (await driver(tx)).fetchrow(query, tenant_id, audit_id))


async def lock(tx: AsyncConnection, tenant_id: str, audit_id: UUID) -> Audit | None:
    """Return one; who else wants it waits until the transaction ends: its items are locked after it."""
    query = f"SELECT {_AUDIT} FROM audits WHERE tenant_id = $1 AND audit_id = $2 FOR NO KEY UPDATE"  # noqa: S608 - ours
    return _audit(await (await driver(tx)).fetchrow(query, tenant_id, audit_id))


async def change(tx: AsyncConnection, audit: Audit) -> None:
    """Write the state and the plan of one that is locked."""
    query = "UPDATE audits SET state = $3, plan = $4 WHERE tenant_id = $1 AND audit_id = $2"
    await (await driver(tx)).execute(query, audit.tenant_id, audit.audit_id, audit.state, _json(audit.plan))
    await ring(tx)


async def page(tx: AsyncConnection, tenant_id: str, *, before: UUID | None, limit: int) -> list[Audit]:
    """Return audits, newest first."""
    query = (
        f"SELECT {_AUDIT} FROM audits WHERE tenant_id = $1 AND ($2::uuid IS NULL OR audit_id < $2)"  # noqa: S608 - ours
        " ORDER BY audit_id DESC LIMIT $3"
    )
    return [each for row in await (await driver(tx)).fetch(query, tenant_id, before, limit) if (each := _audit(row))]


async def take(tx: AsyncConnection, now: datetime, until: datetime) -> Audit | None:
    """Lease the oldest that is to be drawn and that nobody draws."""
    query = f"""
        UPDATE audits SET leased_until = $2 WHERE (tenant_id, audit_id) = (
            SELECT tenant_id, audit_id FROM audits WHERE state = 'drawing' AND leased_until <= $1
            ORDER BY leased_until FOR UPDATE SKIP LOCKED LIMIT 1
        ) RETURNING {_AUDIT}
    """  # noqa: S608 - ours
    return _audit(await (await driver(tx)).fetchrow(query, now, until))


async def keep_sample(tx: AsyncConnection, audit: Audit, sample: Sample, through: date | None, now: datetime) -> bool:
    """Write what was drawn, and the last day that had ended then; False, and nothing is written, where another worker did."""
    connection = await driver(tx)
    told = await connection.execute(
        "UPDATE audits SET state = 'reviewing', drawn_at = $3, strata = $4, items = $5, drawn_through = $6"
        " WHERE tenant_id = $1 AND audit_id = $2 AND state = 'drawing'",
        audit.tenant_id,
        audit.audit_id,
        now,
        _json(sample.strata),
        len(sample.items),
        through,
    )
    if not told.endswith(" 1"):
        return False
    columns = ("tenant_id", "audit_id", "item", "unit", "stratum", "probability")
    rows = [
        (audit.tenant_id, audit.audit_id, place, _json(each.unit), each.stratum, each.probability)
        for place, each in enumerate(sample.items, start=1)
    ]
    await connection.copy_records_to_table("audit_items", columns=columns, records=rows)
    return True


async def fail(tx: AsyncConnection, audit: Audit, reason: str) -> None:
    """Write that nothing can be drawn."""
    query = "UPDATE audits SET state = 'failed', reason = $3 WHERE tenant_id = $1 AND audit_id = $2 AND state = 'drawing'"
    await (await driver(tx)).execute(query, audit.tenant_id, audit.audit_id, reason)


async def items(
    tx: AsyncConnection,
    tenant_id: str,
    audit_id: UUID,
    *,
    states: Sequence[ItemState] | None = None,
    waits_for: Sequence[str] | None = None,
    after: int = 0,
    limit: int,
) -> list[Item]:
    """Return items in the order in which they were drawn. `waits_for`: those that none of these has reviewed, and may still."""
    query = f"""
        SELECT {_ITEM} FROM audit_items AS i WHERE tenant_id = $1 AND audit_id = $2 AND item > $3
        AND ($4::text[] IS NULL OR state = ANY($4)) AND ($5::text[] IS NULL OR {_WAITS} AND NOT EXISTS (
            SELECT FROM audit_reviews AS r WHERE r.tenant_id = i.tenant_id AND r.audit_id = i.audit_id AND r.item = i.item
            AND r.reviewer = ANY($5)
        )) ORDER BY item LIMIT $6
    """  # noqa: S608 - ours
    asked = [None if each is None else list(each) for each in (states, waits_for)]
    return [_item(row) for row in await (await driver(tx)).fetch(query, tenant_id, audit_id, after, *asked, limit)]


async def under_review(tx: AsyncConnection, tenant_id: str, limit: int) -> list[Audit]:
    """Return audits that people review, the oldest first."""
    query = f"""
        SELECT {_AUDIT} FROM audits WHERE tenant_id = $1 AND state = 'reviewing' ORDER BY audit_id LIMIT $2
    """  # noqa: S608 - ours
    return [each for row in await (await driver(tx)).fetch(query, tenant_id, limit) if (each := _audit(row))]


class Waiting(Struct, frozen=True):
    """How many items of an audit wait for somebody's review, and how many for a settlement."""

    reviews: int = 0
    disputes: int = 0


async def waiting(tx: AsyncConnection, tenant_id: str, names: Mapping[UUID, Sequence[str]]) -> dict[UUID, Waiting]:
    """Return what waits in some audits. `names`: of each the place's for which reviews are counted; none: none are."""
    query = f"""
        WITH named AS (SELECT * FROM unnest($3::uuid[], $4::text[]) AS n (audit_id, reviewer))
        SELECT audit_id, count(*) FILTER (WHERE state = 'disputed') AS disputes, count(*) FILTER (
            WHERE {_WAITS} AND EXISTS (SELECT FROM named WHERE named.audit_id = i.audit_id) AND NOT EXISTS (
                SELECT FROM named JOIN audit_reviews AS r USING (audit_id, reviewer)
                WHERE r.tenant_id = i.tenant_id AND r.audit_id = i.audit_id AND r.item = i.item
            )
        ) AS reviews
        FROM audit_items AS i WHERE tenant_id = $1 AND audit_id = ANY($2) GROUP BY audit_id
    """  # noqa: S608 - ours
    pairs = [(audit_id, name) for audit_id, some in names.items() for name in some]
    asked = list(names), [audit_id for audit_id, _ in pairs], [name for _, name in pairs]
    rows = await (await driver(tx)).fetch(query, tenant_id, *asked)
    return {row["audit_id"]: Waiting(row["reviews"], row["disputes"]) for row in rows}


async def lock_item(tx: AsyncConnection, tenant_id: str, audit_id: UUID, item: int) -> Item | None:
    """Return one item; who else wants it waits until the transaction ends."""
    query = f"SELECT {_ITEM} FROM audit_items WHERE tenant_id = $1 AND audit_id = $2 AND item = $3 FOR UPDATE"  # noqa: S608 - ours
    row = await (await driver(tx)).fetchrow(query, tenant_id, audit_id, item)
    return None if row is None else _item(row)


async def reviews(tx: AsyncConnection, tenant_id: str, audit_id: UUID, numbers: Sequence[int]) -> dict[int, dict[str, Verdict]]:
    """Return what each reviewer says, by item."""
    query = "SELECT item, reviewer, verdict FROM audit_reviews WHERE tenant_id = $1 AND audit_id = $2 AND item = ANY($3)"
    found: dict[int, dict[str, Verdict]] = {}
    for row in await (await driver(tx)).fetch(query, tenant_id, audit_id, list(numbers)):
        found.setdefault(row["item"], {})[row["reviewer"]] = msgspec.json.decode(row["verdict"], type=Verdict)
    return found


async def keep_review(
    tx: AsyncConnection, item: Item, reviewer: str, verdict: Verdict, now: datetime, instead_of: Sequence[str] = ()
) -> None:
    """Keep what a reviewer says, in the place of what they, or those whose successor they are, said before."""
    connection = await driver(tx)
    if instead_of:
        query = "DELETE FROM audit_reviews WHERE tenant_id = $1 AND audit_id = $2 AND item = $3 AND reviewer = ANY($4)"
        await connection.execute(query, item.tenant_id, item.audit_id, item.item, list(instead_of))
    await connection.execute(
        "INSERT INTO audit_reviews (tenant_id, audit_id, item, reviewer, verdict, reviewed_at) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (tenant_id, audit_id, item, reviewer) DO UPDATE SET verdict = excluded.verdict,"
        " reviewed_at = excluded.reviewed_at",
        item.tenant_id,
        item.audit_id,
        item.item,
        reviewer,
        _json(verdict),
        now,
    )


async def decide(
    tx: AsyncConnection, item: Item, state: ItemState, verdict: Verdict | None, settled_by: str | None, label: LabelState
) -> None:
    """Write where an item stands; the last that becomes final ends its audit."""
    connection = await driver(tx)
    await connection.execute(
        "UPDATE audit_items SET state = $4, verdict = $5, settled_by = $6, label = $7"
        " WHERE tenant_id = $1 AND audit_id = $2 AND item = $3",
        item.tenant_id,
        item.audit_id,
        item.item,
        state,
        None if verdict is None else _json(verdict),
        settled_by,
        label,
    )
    if verdict is not None:
        await connection.execute(
            "UPDATE audits SET items_final = items_final + 1, state = CASE WHEN items_final + 1 = items THEN 'done' ELSE state END"
            " WHERE tenant_id = $1 AND audit_id = $2",
            item.tenant_id,
            item.audit_id,
        )


async def unsent(tx: AsyncConnection, each: int) -> dict[str, list[Item]]:
    """Return by tenant some items whose label the classifier has not been told, at most `each` of a tenant."""
    query = f"""
        SELECT {_ITEM} FROM (
            SELECT {_ITEM}, row_number() OVER (PARTITION BY tenant_id ORDER BY audit_id, item) AS turn FROM audit_items
            WHERE label = 'waiting'
        ) AS waiting WHERE turn <= $1 ORDER BY tenant_id, turn
    """  # noqa: S608 - ours
    found: dict[str, list[Item]] = {}
    for row in await (await driver(tx)).fetch(query, each):
        found.setdefault(row["tenant_id"], []).append(_item(row))
    return found


async def mark_label(tx: AsyncConnection, item: Item, label: LabelState) -> None:
    query = "UPDATE audit_items SET label = $4 WHERE tenant_id = $1 AND audit_id = $2 AND item = $3"
    await (await driver(tx)).execute(query, item.tenant_id, item.audit_id, item.item, label)


_encoder: Final = msgspec.json.Encoder(enc_hook=str)


def _json(told: object) -> str:
    return _encoder.encode(told).decode()


def _audit(row: Mapping[str, Any] | None) -> Audit | None:
    if row is None:
        return None
    plan = msgspec.json.decode(row["plan"], type=Plan)
    return Audit(**{**dict(row), "plan": plan, "strata": msgspec.json.decode(row["strata"], type=tuple[Stratum, ...])})


def _item(row: Mapping[str, Any]) -> Item:
    verdict = None if row["verdict"] is None else msgspec.json.decode(row["verdict"], type=Verdict)
    return Item(**{**dict(row), "unit": msgspec.json.decode(row["unit"], type=Unit), "verdict": verdict})
