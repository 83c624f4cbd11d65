"""SQL of deposits and of their payments; nothing here commits."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver, lock_name
from libs.common.ids import uuid7
from services.ingest.followups.deposits import Announced, Came, Deposit, pair
from services.ingest.followups.rules import Subject
from services.ingest.followups.store import touch

_INSERT = """
INSERT INTO deposits (tenant_id, deposit_id, row_id, deposited_on, amount_cents, trace_number, payer_name, reference, received_at)
SELECT $1, deposit_id, row_id, deposited_on, amount_cents, trace_number, payer_name, reference, $9
FROM unnest($2::uuid[], $3::uuid[], $4::date[], $5::bigint[], $6::text[], $7::text[], $8::text[])
  AS told (deposit_id, row_id, deposited_on, amount_cents, trace_number, payer_name, reference)
ON CONFLICT DO NOTHING RETURNING deposit_id
"""
# The first deposit of all says from which day on the bank's side is told: payments since then want theirs.
_PAID_SINCE = """
SELECT remittance_id FROM remittances AS p WHERE tenant_id = $1 AND payment_on >= $2
  AND payment_on < COALESCE((SELECT min(deposited_on) FROM deposits WHERE tenant_id = $1 AND received_at < $3), 'infinity')
"""


async def insert(tx: AsyncConnection, tenant_id: str, deposits: Mapping[UUID, Deposit], now: datetime) -> set[UUID]:
    """Write deposits that are not here yet and have them looked at; return which those are."""
    told = sorted(deposits.items())
    columns: list[list[Any]] = [
        [deposit_id for deposit_id, _ in told],
        [uuid7() for _ in told],
        *([getattr(each, name) for _, each in told] for name in Deposit.__struct_fields__),
    ]
    connection = await driver(tx)
    rows = await connection.fetch(_INSERT, tenant_id, *columns, now)
    new = {row["deposit_id"] for row in rows}
    if new:
        since = min(deposits[each].deposited_on for each in new)
        waiting = await connection.fetch(_PAID_SINCE, tenant_id, since, now)
        touched: list[tuple[Subject, UUID]] = [("deposit", each) for each in new]
        touched += [("remittance", row["remittance_id"]) for row in waiting]
        await touch(tx, tenant_id, touched, now)
    return new


_CAME = """
SELECT deposit_id, deposited_on, amount_cents, trace_number FROM deposits
WHERE tenant_id = $1 AND remittance_id IS NULL
  AND (deposit_id = ANY ($2::uuid[]) OR amount_cents IN (
    SELECT amount_cents FROM remittances WHERE tenant_id = $1 AND remittance_id = ANY ($3::uuid[]) AND amount_cents > 0))
"""
_ANNOUNCED = """
SELECT remittance_id, payment_on, amount_cents, upper(trace_number) AS trace_number FROM remittances AS p
WHERE tenant_id = $1 AND amount_cents = ANY ($2::bigint[]) AND method <> 'NON'
  AND NOT EXISTS (SELECT 1 FROM deposits AS d WHERE d.tenant_id = $1 AND d.remittance_id = p.remittance_id)
"""


async def pair_up(
    tx: AsyncConnection, tenant_id: str, deposits: Collection[UUID], remittances: Collection[UUID]
) -> list[tuple[Subject, UUID]]:
    """Find the payments of deposits, where either is new; return what that touches. One at a time for a tenant."""
    if not deposits and not remittances:
        return []
    connection = await driver(tx)
    if not await connection.fetch(_CAME, tenant_id, list(deposits), list(remittances)):
        return []
    await lock_name(tx, "recours.deposits", tenant_id)
    rows = await connection.fetch(_CAME, tenant_id, list(deposits), list(remittances))  # as it is now that nobody else pairs
    came = [Came(*row) for row in rows]
    amounts = list({each.amount_cents for each in came})
    announced = [Announced(*row) for row in await connection.fetch(_ANNOUNCED, tenant_id, amounts)]
    pairs = pair(came, announced)
    if not pairs:
        return []
    await connection.execute(
        "UPDATE deposits SET remittance_id = told.remittance_id FROM unnest($2::uuid[], $3::uuid[])"
        " AS told (deposit_id, remittance_id) WHERE tenant_id = $1 AND deposits.deposit_id = told.deposit_id",
        tenant_id,
        list(pairs),
        list(pairs.values()),
    )
    touched: list[tuple[Subject, UUID]] = [("deposit", each) for each in pairs]
    return touched + [("remittance", each) for each in pairs.values()]


async def find(
    tx: AsyncConnection, tenant_id: str, waiting: bool | None, before: UUID | None, limit: int
) -> Sequence[Mapping[str, Any]]:
    """Return deposits, newest first. `waiting`: only those without (or with) a remittance."""
    query = (
        "SELECT * FROM deposits WHERE tenant_id = $1 AND ($2::boolean IS NULL OR (remittance_id IS NULL) = $2)"
        " AND ($3::uuid IS NULL OR row_id < $3) ORDER BY row_id DESC LIMIT $4"
    )
    return list(await (await driver(tx)).fetch(query, tenant_id, waiting, before, limit))
