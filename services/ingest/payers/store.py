"""SQL of payers' rules; nothing here commits."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.changes import Change
from libs.common.database import driver, lock_name
from libs.common.ids import uuid7
from libs.common.sealing.keys import cipher_of
from services.ingest.checks.loading import Asked
from services.ingest.checks.reference import PayerRule
from services.ingest.kept import claim_of
from services.ingest.seals import CLAIM

_encoder = msgspec.json.Encoder()


async def lock(tx: AsyncConnection, tenant_id: str, payer_id: str) -> None:
    """Hold a payer's rules: two changes at once must not take the same version."""
    await lock_name(tx, "recours.payer", tenant_id, payer_id)


async def newest(tx: AsyncConnection, tenant_id: str, payer_id: str) -> Any | None:
    """Return the newest version of a payer's rules."""
    return await (await driver(tx)).fetchrow(
        "SELECT version, rules::text, changed_at FROM payer_rule_versions WHERE tenant_id = $1 AND payer_id = $2"
        " ORDER BY version DESC LIMIT 1",
        tenant_id,
        payer_id,
    )


async def insert_version(
    tx: AsyncConnection,
    tenant_id: str,
    payer_id: str,
    version: int,
    rules: Sequence[PayerRule],
    before: Sequence[PayerRule],
    now: datetime,
) -> None:
    """Write a version of a payer's rules, and what it adds and removes."""
    await (await driver(tx)).execute(
        "INSERT INTO payer_rule_versions (tenant_id, payer_id, version, row_id, rules, added, removed, changed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        tenant_id,
        payer_id,
        version,
        uuid7(),
        _encoder.encode(rules).decode(),
        _encoder.encode([rule for rule in rules if rule not in before]).decode(),
        _encoder.encode([rule for rule in before if rule not in rules]).decode(),
        now,
    )


async def changes(tx: AsyncConnection, tenant_id: str, after: Change, limit: int) -> list[tuple[Change, Any]]:
    """Return changes of rules in their order, from after a place on; only what no running transaction can come before any more."""
    rows = await (await driver(tx)).fetch(
        "SELECT changed_xid::text AS changed, row_id, payer_id, version, added::text, removed::text, changed_at"
        " FROM payer_rule_versions WHERE tenant_id = $1 AND (changed_xid, row_id) > ($2::text::xid8, $3)"
        " AND changed_xid < pg_snapshot_xmin(pg_current_snapshot())"
        " ORDER BY payer_rule_versions.changed_xid, row_id LIMIT $4",
        tenant_id,
        str(after.xid),
        after.id,
        limit,
    )
    return [(Change(int(row["changed"]), row["row_id"]), row) for row in rows]


async def last_claims(tx: AsyncConnection, tenant_id: str, payer_id: str, limit: int) -> list[tuple[Asked, datetime]]:
    """Return a payer's newest claims, with when each was submitted."""
    rows = await (await driver(tx)).fetch(
        "SELECT claim_id, member_reference, submitted_at, content FROM claims"
        " WHERE tenant_id = $1 AND payer_id = $2 ORDER BY row_id DESC LIMIT $3",
        tenant_id,
        payer_id,
        limit,
    )
    cipher = await cipher_of(tx, tenant_id)
    return [
        (
            Asked(claim_of(cipher.open(CLAIM, (row["claim_id"],), row["content"])), row["claim_id"], row["member_reference"]),
            row["submitted_at"],
        )
        for row in rows
    ]
