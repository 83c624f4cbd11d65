"""SQL of what is known of payers; nothing here commits."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver, lock_name
from services.appeals.deadlines.levels import UNCONFIGURED, Payer

_encode = msgspec.json.Encoder().encode
_payer = msgspec.json.Decoder(Payer).decode
What = str  # entry or levels

_SEEN = """
INSERT INTO payers (tenant_id, payer_id, payer_name, payer_kind, version, entry, levels_version, first_seen_at)
SELECT t, p, n, k, 0, '{}', 0, $5 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS seen (t, p, n, k)
ORDER BY t, p ON CONFLICT (tenant_id, payer_id) DO NOTHING
"""


async def seen(tx: AsyncConnection, payers: Collection[tuple[str, str, str, str | None]], now: datetime) -> None:
    """Note payers (tenant, id, name, kind) that denials come from; those that are known stay as they are."""
    if payers:
        await (await driver(tx)).execute(_SEEN, *map(list, zip(*payers, strict=True)), now)


_SETTLED = """
SELECT DISTINCT ON (tenant_id, payer_id) tenant_id, payer_id, told::text FROM payer_versions
WHERE (tenant_id, payer_id) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND what = 'levels'
ORDER BY tenant_id, payer_id, version DESC
"""


async def settled(tx: AsyncConnection, payers: Collection[tuple[str, str]]) -> dict[tuple[str, str], Payer]:
    """Return what tenants know of the levels of payers; those of which nobody wrote anything are not among them."""
    if not payers:
        return {}
    rows = await (await driver(tx)).fetch(_SETTLED, *map(list, zip(*sorted(payers), strict=True)))
    return {(row["tenant_id"], row["payer_id"]): _payer(row["told"]) for row in rows}


def of(known: dict[tuple[str, str], Payer], tenant_id: str, payer_id: str) -> Payer:
    return known.get((tenant_id, payer_id), UNCONFIGURED)


async def payer(tx: AsyncConnection, tenant_id: str, payer_id: str) -> Payer:
    """Return what a tenant knows of the levels of one payer."""
    return of(await settled(tx, [(tenant_id, payer_id)]), tenant_id, payer_id)


async def lock(tx: AsyncConnection, tenant_id: str, payer_id: str) -> None:
    """Hold a payer: two changes at once must not take the same version."""
    await lock_name(tx, "recours.payer", tenant_id, payer_id)


async def newest(tx: AsyncConnection, tenant_id: str, payer_id: str, what: What) -> Any | None:
    """Return the newest version of a payer's entry or levels."""
    return await (await driver(tx)).fetchrow(
        "SELECT version, told::text, who, at FROM payer_versions WHERE tenant_id = $1 AND payer_id = $2 AND what = $3"
        " ORDER BY version DESC LIMIT 1",
        tenant_id,
        payer_id,
        what,
    )


async def versions(tx: AsyncConnection, tenant_id: str, payer_id: str, what: What, limit: int) -> list[Any]:
    """Return the versions of a payer's entry or levels, newest first."""
    return await (await driver(tx)).fetch(
        "SELECT version, told::text, who, at FROM payer_versions WHERE tenant_id = $1 AND payer_id = $2 AND what = $3"
        " ORDER BY version DESC LIMIT $4",
        tenant_id,
        payer_id,
        what,
        limit,
    )


async def insert_version(
    tx: AsyncConnection, tenant_id: str, payer_id: str, what: What, version: int, told: Any, who: str, now: datetime
) -> None:
    """Write a version, and that the payer has it; a payer that no denial came from yet becomes known by it."""
    connection = await driver(tx)
    encoded = _encode(told).decode()
    await connection.execute(
        "INSERT INTO payer_versions (tenant_id, payer_id, what, version, told, who, at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        tenant_id,
        payer_id,
        what,
        version,
        encoded,
        who,
        now,
    )
    await connection.execute(
        "INSERT INTO payers (tenant_id, payer_id, payer_name, payer_kind, version, entry, levels_version, first_seen_at)"
        " VALUES ($1, $2, '', NULL, 0, '{}', 0, $3) ON CONFLICT (tenant_id, payer_id) DO NOTHING",
        tenant_id,
        payer_id,
        now,
    )
    change = "version = $3, entry = $4" if what == "entry" else "levels_version = $3"
    values = (version, encoded) if what == "entry" else (version,)
    await connection.execute(
        f"UPDATE payers SET {change} WHERE tenant_id = $1 AND payer_id = $2",  # noqa: S608 - our own names
        tenant_id,
        payer_id,
        *values,
    )


_LIST: Final = """
SELECT p.payer_id, p.payer_name, p.payer_kind, p.version, p.entry::text, p.levels_version, p.first_seen_at,
       COALESCE(o.cases, 0) AS open_cases, COALESCE(o.unknown, 0) AS unknown_cases, COALESCE(o.assumed, 0) AS assumed_cases,
       COALESCE(o.at_stake, 0) AS unsettled_cents
FROM payers AS p LEFT JOIN LATERAL (
    SELECT count(*) AS cases, count(*) FILTER (WHERE deadline_is = 'unknown') AS unknown,
           count(*) FILTER (WHERE deadline_is = 'assumed') AS assumed,
           sum(amount_cents) FILTER (WHERE deadline_is IN ('unknown', 'assumed')) AS at_stake
    FROM worklist AS w WHERE w.tenant_id = p.tenant_id AND w.payer_id = p.payer_id AND w.place <> 'away'
) AS o ON true
WHERE p.tenant_id = $1 AND ($2::text IS NULL OR p.payer_id > $2)
"""
_UNSETTLED: Final = """
 AND EXISTS (SELECT 1 FROM worklist AS u WHERE u.tenant_id = p.tenant_id AND u.payer_id = p.payer_id AND u.place <> 'away'
             AND u.deadline_is = ANY ($4::text[]))
"""


async def find(tx: AsyncConnection, tenant_id: str, *, after: str | None, deadlines: Sequence[str], limit: int) -> list[Any]:
    """Return payers by id; with `deadlines`, only those with an open case whose deadline is one of these."""
    connection = await driver(tx)
    if not deadlines:
        return await connection.fetch(_LIST + " ORDER BY p.payer_id LIMIT $3", tenant_id, after, limit)
    query = _LIST + _UNSETTLED + " ORDER BY p.payer_id LIMIT $3"
    return await connection.fetch(query, tenant_id, after, limit, list(deadlines))


async def get(tx: AsyncConnection, tenant_id: str, payer_id: str) -> Any | None:
    query = _LIST.replace("($2::text IS NULL OR p.payer_id > $2)", "p.payer_id = $2")
    return await (await driver(tx)).fetchrow(query, tenant_id, payer_id)


async def rules_seen(tx: AsyncConnection, tenant_id: str, payer_id: str) -> list[Any]:
    """Return the limits that denials of a payer came with, newest cases first, at most 1,000 of them: rule, source, how often."""
    return await (await driver(tx)).fetch(
        "SELECT rule, source, count(*) AS cases FROM ("
        " SELECT told -> 'facts' AS facts FROM worklist WHERE tenant_id = $1 AND payer_id = $2 AND place <> 'away' LIMIT 1000"
        ") AS newest CROSS JOIN LATERAL (VALUES (facts -> 'appeal_by'), (facts -> 'correct_by')) AS each (by)"
        " CROSS JOIN LATERAL (SELECT by ->> 'rule' AS rule, by ->> 'source' AS source) AS of"
        " WHERE rule IS NOT NULL GROUP BY rule, source ORDER BY cases DESC, rule",
        tenant_id,
        payer_id,
    )
