"""The worker's part of the audit log: chains entries in the order of their transactions, seals the chain, anchors it, and cuts off
what was kept long enough.

Chained here and not by the request: the head of a tenant's chain would be held while each request commits, one after the other
(docs/adr/0013). An entry is chained once its transaction is below all that still run, as the relay sends events: none is passed
over.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import structlog
from msgspec.structs import replace
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.audit.anchors import Anchors
from libs.common.audit.entries import Entry, Kept, genesis, hash_of
from libs.common.audit.seals import Seal, Signer
from libs.common.clock import Clock
from libs.common.database import Database, copy_rows
from libs.common.retention.forgetting import enter
from libs.common.retention.kinds import AUDIT_LOG
from libs.common.retention.store import kept as kept_for
from libs.common.tenants.holds import is_held

log = structlog.get_logger()

BATCH: Final = 2000
CUT_MAX: Final = 10_000

# Asked before the position is locked: a lock is a write, and a look that finds nothing shall cost no flush of the log.
_IS_WAITING: Final = text(
    """
    SELECT EXISTS (
        SELECT FROM audit_log AS entry
        WHERE entry.xid > (SELECT last_xid FROM audit_position) AND entry.xid < pg_snapshot_xmin(pg_current_snapshot())
    )
    """
)
_POSITION: Final = text("SELECT last_xid::text FROM audit_position FOR UPDATE SKIP LOCKED")
# Whole transactions: the position is one of them. Ordered by the column, and never by its text: '10000' sorts before '9999'.
_NEXT: Final = text(
    """
    SELECT tenant_id, entry_id, at, subject, token_id, action, object_kind, object_ids, outcome, trace_id,
        entry.xid::text AS told_xid
    FROM audit_log AS entry
    WHERE entry.xid > CAST(CAST(:after AS text) AS xid8) AND entry.xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY entry.xid FETCH FIRST (:most) ROWS WITH TIES
    """
)
_MOVE: Final = text("UPDATE audit_position SET last_xid = CAST(CAST(:xid AS text) AS xid8)")
_HEADS: Final = text(
    """
    SELECT tenant_id, newest.seq, newest.hash FROM unnest(CAST(:tenants AS text[])) AS tenant_id, LATERAL (
        SELECT seq, hash FROM audit_chain AS link WHERE link.tenant_id = tenant_id.tenant_id ORDER BY seq DESC LIMIT 1
    ) AS newest
    """
)
_SEAL_COLUMNS: Final = ("tenant_id", "seq", "kind", "hash", "sealed_at", "key_id", "signature")


class AuditSealer:
    """One service's; two at once take turns."""

    def __init__(self, service: str, database: Database, clock: Clock, signer: Signer | None) -> None:
        self._service = service
        self._database = database
        self._clock = clock
        self._signer = signer

    async def seal(self) -> int:
        """Chain and seal what is next; return how many entries that were. Errors: Transient."""
        async with self._database.begin() as tx:
            if not (await tx.execute(_IS_WAITING)).scalar_one():
                return 0
            position = (await tx.execute(_POSITION)).scalar_one_or_none()
            if position is None:  # another worker is at it
                return 0
            rows = (await tx.execute(_NEXT, {"after": position, "most": BATCH})).mappings().all()
            if not rows:
                return 0
            by_tenant: defaultdict[str, list[Kept]] = defaultdict(list)
            for row in sorted(rows, key=lambda each: (int(each["told_xid"]), each["entry_id"])):
                by_tenant[row["tenant_id"]].append(kept_of(row))
            await self._chain(tx, by_tenant)
            await tx.execute(_MOVE, {"xid": rows[-1]["told_xid"]})
        return len(rows)

    async def _chain(self, tx: AsyncConnection, by_tenant: Mapping[str, Sequence[Kept]]) -> None:
        known = await tx.execute(_HEADS, {"tenants": sorted(by_tenant)})
        heads = {row.tenant_id: (row.seq, bytes(row.hash)) for row in known}
        links, seals, now = [], [], self._clock.now()
        for tenant_id, entries in by_tenant.items():
            seq, before = heads.get(tenant_id, (0, genesis(self._service, tenant_id)))
            for kept in entries:
                seq += 1
                before = hash_of(tenant_id, seq, kept, before)
                links.append((tenant_id, seq, kept.entry_id, before))
            seals.append(self.sealed(tenant_id, Seal("seal", seq, before, now)))
        await copy_rows(tx, "audit_chain", ("tenant_id", "seq", "entry_id", "hash"), links)
        await copy_rows(tx, "audit_seals", _SEAL_COLUMNS, seals)

    def sealed(self, tenant_id: str, seal: Seal) -> tuple[Any, ...]:
        """Return the row of a seal, signed where there is a key."""
        told = self._signer.sign(self._service, tenant_id, seal) if self._signer else seal
        return (tenant_id, told.seq, told.kind, told.hash, told.sealed_at, told.key_id, told.signature)


def kept_of(row: Mapping[Any, Any]) -> Kept:
    """Return an entry as it stands in a row of the log."""
    entry = Entry(
        subject=row["subject"],
        action=row["action"],
        outcome=row["outcome"],
        object_kind=row["object_kind"],
        object_ids=tuple(row["object_ids"]),
        token_id=row["token_id"],
        trace_id=row["trace_id"],
    )
    return Kept(row["entry_id"], row["at"], entry)


# One look at the index a tenant, and not one a row.
_TENANTS: Final = """
WITH RECURSIVE tenants AS (
    (SELECT min(tenant_id) AS tenant_id FROM audit_chain)
    UNION ALL
    SELECT (SELECT min(tenant_id) FROM audit_chain WHERE tenant_id > tenants.tenant_id) FROM tenants WHERE tenant_id IS NOT NULL
)
"""
_ALL_TENANTS: Final = text(f"{_TENANTS} SELECT tenant_id FROM tenants WHERE tenant_id IS NOT NULL")  # noqa: S608 - words of ours
_NEWEST_SEALS: Final = text(
    f"""{_TENANTS}
    SELECT newest.* FROM tenants, LATERAL (
        SELECT tenant_id, kind, seq, hash, sealed_at, key_id, signature FROM audit_seals AS seal
        WHERE seal.tenant_id = tenants.tenant_id AND kind = 'seal' ORDER BY seq DESC LIMIT 1
    ) AS newest
    """  # noqa: S608 - as above
)


class AuditAnchorer:
    """Copies the newest seal of each tenant out of the database, into the store and into the log."""

    def __init__(self, service: str, database: Database, anchors: Anchors, signer: Signer | None) -> None:
        self._service = service
        self._database = database
        self._anchors = anchors
        self._signer = signer
        self._told: dict[str, int] = {}

    async def anchor(self) -> int:
        """Anchor chains that grew; return how many. Errors: Transient."""
        if self._signer is not None and not self._told:
            await self._anchors.keep_key(self._signer.public_key)
        async with self._database.begin() as tx:
            rows = (await tx.execute(_NEWEST_SEALS)).mappings().all()
        grown = [row for row in rows if self._told.get(row["tenant_id"]) != row["seq"]]
        for row in grown:
            tenant_id, seal = row["tenant_id"], seal_of(row)
            await self._anchors.keep(self._service, tenant_id, seal)
            log.info("audit_anchor", tenant=tenant_id, seq=seal.seq, hash=seal.hash.hex(), key_id=seal.key_id)
            self._told[tenant_id] = seal.seq
        return len(grown)


def seal_of(row: Mapping[Any, Any]) -> Seal:
    signature = bytes(row["signature"]) if row["signature"] is not None else None
    return Seal(row["kind"], row["seq"], bytes(row["hash"]), row["sealed_at"], row["key_id"], signature)


_OLDEST: Final = text(
    """
    SELECT link.seq, link.hash, entry.at FROM audit_chain AS link LEFT JOIN audit_log AS entry USING (tenant_id, entry_id)
    WHERE tenant_id = :tenant ORDER BY link.seq LIMIT :most
    """
)


class AuditCutter:
    """Takes away what was kept long enough, behind a signed cut that tells verification where the chain begins now."""

    def __init__(self, sealer: AuditSealer, database: Database, clock: Clock, keep: timedelta) -> None:
        self._sealer = sealer
        self._database = database
        self._clock = clock
        self._kind = replace(AUDIT_LOG, default_days=keep.days)

    async def cut(self) -> int:
        """Cut each chain once; return how many entries are gone. Errors: Transient."""
        async with self._database.begin() as tx:
            tenants = (await tx.execute(_ALL_TENANTS)).scalars().all()
        gone = 0
        for tenant_id in tenants:
            async with self._database.begin() as tx:
                gone += await self._cut(tx, tenant_id)
        return gone

    async def _cut(self, tx: AsyncConnection, tenant_id: str) -> int:
        if await is_held(tx, tenant_id):
            return 0
        days, _ = await kept_for(tx, tenant_id, self._kind)
        before = self._clock.now() - timedelta(days=days)
        rows = (await tx.execute(_OLDEST, {"tenant": tenant_id, "most": CUT_MAX + 1})).all()
        last = None
        for row in rows[:-1]:  # the newest of a chain stays
            if row.at is None or row.at >= before:
                break
            last = row
        if last is None:
            return 0
        seal = self._sealer.sealed(tenant_id, Seal("cut", last.seq, bytes(last.hash), self._clock.now()))
        await copy_rows(tx, "audit_seals", _SEAL_COLUMNS, [seal])
        gone: int = (await tx.execute(text("SELECT audit_cut(:tenant, :seq)"), {"tenant": tenant_id, "seq": last.seq})).scalar_one()
        await enter(tx, tenant_id, self._kind, gone, before)
        log.info("audit_cut", tenant=tenant_id, seq=last.seq, entries=gone)
        return gone
