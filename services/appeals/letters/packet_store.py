"""The SQL of packets: asked for, leased by whoever builds them, ready or failed. Nothing here commits."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.common.orders import ring
from libs.common.sealing.keys import cipher_of
from libs.common.tenants.holds import NOT_HELD
from services.appeals.letters.packing import Limits
from services.appeals.seals import MANIFEST

_encode = msgspec.json.Encoder().encode


class StoredFile(Struct, frozen=True):
    """One file of a packet, and the key of its bytes."""

    part: int
    name: str
    key: str
    sha256: str
    size_bytes: int
    pages: int


class Lease(Struct, frozen=True):
    """A packet that is this worker's to build, for a while. `attempts` counts how often it was begun, this time included."""

    tenant_id: str
    packet_id: UUID
    case_id: UUID
    letter_version: int
    limits: Limits
    attempts: int


class Built(Struct, frozen=True):
    """How the building ended; without files it failed, for a stable `reason`."""

    files: tuple[StoredFile, ...] = ()
    manifest: str | None = None
    sha256: str | None = None
    reason: str | None = None
    exhibit: int | None = None


async def ask(
    tx: AsyncConnection,
    tenant_id: str,
    packet_id: UUID,
    case_id: UUID,
    letter_version: int,
    limits: Limits,
    who: str,
    now: datetime,
) -> bool:
    """Write down that a packet is wanted; False where it was asked for before. One given up or forgotten is built again."""
    done = await (await driver(tx)).execute(
        "INSERT INTO packets (tenant_id, packet_id, case_id, letter_version, limits, state, attempts, files, asked_by, asked_at)"
        " VALUES ($1, $2, $3, $4, $5, 'waiting', 0, '[]', $6, $7)"
        " ON CONFLICT (tenant_id, packet_id) DO UPDATE SET state = 'waiting', attempts = 0, reason = NULL,"
        " forgotten_at = NULL, swept_at = NULL WHERE packets.reason = 'gave_up' OR packets.forgotten_at IS NOT NULL",
        tenant_id, packet_id, case_id, letter_version, _encode(limits).decode(), who, now,
    )  # fmt: skip
    await ring(tx)
    return bool(done.endswith(" 1"))


async def find(tx: AsyncConnection, tenant_id: str, case_id: UUID, packet_id: UUID) -> Mapping[str, Any] | None:
    """Return a packet with its manifest."""
    query = text("SELECT * FROM packets WHERE tenant_id = :tenant AND case_id = :case AND packet_id = :id")
    row = (await tx.execute(query, {"tenant": tenant_id, "case": case_id, "id": packet_id})).mappings().first()
    if row is None or row["manifest"] is None:
        return None if row is None else {**row}
    manifest = (await cipher_of(tx, tenant_id)).open(MANIFEST, (packet_id,), row["manifest"])
    return {**row, "manifest": manifest.decode()}


async def list_of_case(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> list[RowMapping]:
    """Return a case's packets, newest first, their manifests sealed."""
    query = text("SELECT * FROM packets WHERE tenant_id = :tenant AND case_id = :case ORDER BY asked_at DESC, packet_id")
    return list((await tx.execute(query, {"tenant": tenant_id, "case": case_id})).mappings())


_LEASE = """
UPDATE packets SET attempts = attempts + 1, leased_until = $1 + $2::interval
WHERE (tenant_id, packet_id) = (
    SELECT tenant_id, packet_id FROM packets WHERE state = 'waiting' AND (leased_until IS NULL OR leased_until < $1)
    ORDER BY asked_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING tenant_id, packet_id, case_id, letter_version, limits, attempts
"""


async def lease(tx: AsyncConnection, now: datetime, length: timedelta) -> Lease | None:
    """Take the packet that has waited longest, of any tenant; None where none waits."""
    row = await (await driver(tx)).fetchrow(_LEASE, now, length)
    if row is None:
        return None
    return Lease(
        row["tenant_id"], row["packet_id"], row["case_id"], row["letter_version"],
        msgspec.convert(row["limits"], Limits), row["attempts"],
    )  # fmt: skip


async def lengthen(tx: AsyncConnection, held: Lease, until: datetime) -> bool:
    """Keep a lease; False where somebody else has the packet now."""
    done = await (await driver(tx)).execute(
        "UPDATE packets SET leased_until = $4 WHERE tenant_id = $1 AND packet_id = $2 AND attempts = $3 AND state = 'waiting'",
        held.tenant_id, held.packet_id, held.attempts, until,
    )  # fmt: skip
    return bool(done.endswith(" 1"))


async def finish(tx: AsyncConnection, held: Lease, built: Built, now: datetime) -> bool:
    """Write down how it ended, all at once; False where somebody else has the packet now."""
    manifest = None
    if built.manifest is not None:
        manifest = (await cipher_of(tx, held.tenant_id)).seal(MANIFEST, (held.packet_id,), built.manifest.encode())
    done = await (await driver(tx)).execute(
        "UPDATE packets SET state = $4, reason = $5, exhibit = $6, files = $7, manifest = $8, sha256 = $9, built_at = $10,"
        " leased_until = NULL WHERE tenant_id = $1 AND packet_id = $2 AND attempts = $3 AND state = 'waiting'",
        held.tenant_id, held.packet_id, held.attempts, "failed" if built.reason else "ready", built.reason, built.exhibit,
        _encode(built.files).decode(), manifest, built.sha256, now,
    )  # fmt: skip
    return bool(done.endswith(" 1"))


_TO_SWEEP = f"""
SELECT tenant_id, packet_id FROM packets WHERE forgotten_at < $1 AND swept_at IS NULL AND {NOT_HELD.format("packets")}
ORDER BY forgotten_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
"""  # noqa: S608 - our own names


async def to_sweep(tx: AsyncConnection, before: datetime) -> tuple[str, UUID] | None:
    """Hold a packet, of any tenant, that was forgotten before a moment and whose bytes may still lie there: nobody has it built
    again meanwhile.
    """
    row = await (await driver(tx)).fetchrow(_TO_SWEEP, before)
    return None if row is None else (row["tenant_id"], row["packet_id"])


async def swept(tx: AsyncConnection, tenant_id: str, packet_id: UUID, now: datetime) -> None:
    """Write down that a forgotten packet's bytes are gone."""
    query = "UPDATE packets SET swept_at = $3 WHERE tenant_id = $1 AND packet_id = $2"
    await (await driver(tx)).execute(query, tenant_id, packet_id, now)


def files_of(row: Mapping[Any, Any]) -> Sequence[StoredFile]:
    return msgspec.convert(row["files"], tuple[StoredFile, ...])
