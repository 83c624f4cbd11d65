"""SQL of filings; nothing here commits."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver


class Filing(Struct, frozen=True, kw_only=True):
    """One thing that was sent to a payer about a case."""

    tenant_id: str
    appeal_id: UUID
    case_id: UUID
    claim_key: UUID
    number: int
    action: str
    level: str | None
    channel: str
    tracking_number: str | None
    packet_sha256: str | None
    corrected_claim_id: UUID | None
    disputed_cents: int
    due_on: date | None
    good_cause: str | None
    filed_on: date
    filed_at: datetime
    filed_by: str
    next_check_on: date
    next_check_is: str
    packet_id: UUID | None
    packet_is: str | None
    submission_id: UUID | None


_NAMES = Filing.__struct_fields__
_PLACES = ", ".join(f"${place}" for place, _ in enumerate(_NAMES, start=1))
_INSERT = f"INSERT INTO filings ({', '.join(_NAMES)}) VALUES ({_PLACES})"  # noqa: S608 - our own names


async def insert(tx: AsyncConnection, filing: Filing) -> None:
    await (await driver(tx)).execute(_INSERT, *(getattr(filing, name) for name in _NAMES))


async def same_before(tx: AsyncConnection, tenant_id: str, case_id: UUID, action: str, level: str | None) -> dict[str, Any] | None:
    """Return the filing of a case that one of this kind and level would double; one that never arrived is none."""
    query = (
        "SELECT appeal_id, next_check_on, next_check_is FROM filings AS f WHERE tenant_id = $1 AND case_id = $2 AND action = $3"
        " AND level IS NOT DISTINCT FROM $4 AND NOT EXISTS (SELECT 1 FROM deliveries AS d"
        "   WHERE d.tenant_id = f.tenant_id AND d.appeal_id = f.appeal_id AND d.status = 'failed')"
        " ORDER BY number DESC LIMIT 1"
    )
    found = await (await driver(tx)).fetchrow(query, tenant_id, case_id, action, level)
    return dict(found) if found else None


_OF_SUBMISSION = """
SELECT c.case_id, EXISTS (
    SELECT 1 FROM filings AS f WHERE f.tenant_id = c.tenant_id AND f.case_id = c.case_id AND f.submission_id = c.submission_id
      AND f.action = $3 AND f.level IS NOT DISTINCT FROM $4
      AND NOT EXISTS (SELECT 1 FROM deliveries AS d
        WHERE d.tenant_id = f.tenant_id AND d.appeal_id = f.appeal_id AND d.status = 'failed')
) AS filed
FROM submission_cases AS c WHERE c.tenant_id = $1 AND c.submission_id = $2 AND ($5::uuid IS NULL OR c.case_id = $5)
ORDER BY c.case_id
"""


async def of_submission(
    tx: AsyncConnection, tenant_id: str, submission_id: UUID, action: str, level: str | None, case_id: UUID | None = None
) -> tuple[list[UUID], int]:
    """Return the cases of a submission (or the one) that are still to be filed in it, and how many were; one that never arrived
    was not.
    """
    rows = await (await driver(tx)).fetch(_OF_SUBMISSION, tenant_id, submission_id, action, level, case_id)
    waiting = [row["case_id"] for row in rows if not row["filed"]]
    return waiting, len(rows) - len(waiting)


class Delivery(Struct, frozen=True):
    """Something that Recours has to send: `parts` of a packet that it built, else what lies at `key`; neither: it is gone.

    `trace` names the payer's request that a 275 at `key` answers; None: it is a document of the case.
    """

    tenant_id: str
    appeal_id: UUID
    case_id: UUID
    channel: str
    action: str
    level: str | None
    payer_id: str
    payer_claim_control_number: str
    packet_sha256: str
    filed_on: date
    attempts: int
    key: str | None
    size_bytes: int
    parts: Sequence[Mapping[str, Any]] | None  # where it was built by Recours: its files
    trace: str | None = None


class FiledPacket(Struct, frozen=True):
    """What was filed: `built` by Recours for the case, a PDF `document` of it, a `records_answer` (275) that Recours wrote, or
    `foreign`: somebody else made it.
    """

    sha256: str | None
    packet_id: UUID | None
    packet_is: str | None


async def packet_of(tx: AsyncConnection, tenant_id: str, case_id: UUID, sha256: str) -> FiledPacket:
    """Return what of a case these bytes are."""
    connection = await driver(tx)
    built = await connection.fetchval(
        "SELECT packet_id FROM packets WHERE tenant_id = $1 AND case_id = $2 AND sha256 = $3 AND state = 'ready'"
        " AND forgotten_at IS NULL ORDER BY asked_at DESC LIMIT 1",
        tenant_id,
        case_id,
        sha256,
    )
    if built is not None:
        return FiledPacket(sha256, built, "built")
    document = await connection.fetchval(
        "SELECT EXISTS (SELECT 1 FROM documents WHERE tenant_id = $1 AND case_id = $2 AND sha256 = $3 AND state = 'current'"
        " AND media_type = 'application/pdf')",
        tenant_id,
        case_id,
        sha256,
    )
    return FiledPacket(sha256, None, "document" if document else "foreign")


async def intend(tx: AsyncConnection, filing: Filing) -> None:
    """Write that a filing is to be sent."""
    query = (
        "INSERT INTO deliveries (tenant_id, appeal_id, case_id, channel, status, attempts, next_at)"
        " VALUES ($1, $2, $3, $4, 'waiting', 0, $5)"
    )
    connection = await driver(tx)
    await connection.execute(query, filing.tenant_id, filing.appeal_id, filing.case_id, filing.channel, filing.filed_at)


_LEASE = """
WITH taken AS (
    SELECT tenant_id, appeal_id FROM deliveries WHERE status = 'waiting' AND next_at <= $1 AND channel = ANY ($3::text[])
    ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
), leased AS (
    UPDATE deliveries AS d SET next_at = $2, attempts = d.attempts + 1 FROM taken
    WHERE d.tenant_id = taken.tenant_id AND d.appeal_id = taken.appeal_id RETURNING d.*
)
SELECT l.tenant_id, l.appeal_id, l.case_id, l.channel, f.action, f.level, c.payer_id, c.payer_claim_control_number, f.packet_sha256,
    f.filed_on, l.attempts, coalesce(a.key, b.key) AS key, coalesce(a.size_bytes, b.size_bytes, 0) AS size_bytes, p.files AS parts,
    a.trace
FROM leased AS l
JOIN filings AS f ON f.tenant_id = l.tenant_id AND f.appeal_id = l.appeal_id
JOIN cases AS c ON c.tenant_id = l.tenant_id AND c.case_id = l.case_id
LEFT JOIN records_answers AS a ON a.tenant_id = l.tenant_id AND a.appeal_id = l.appeal_id
LEFT JOIN document_blobs AS b ON b.tenant_id = f.tenant_id AND b.sha256 = f.packet_sha256
LEFT JOIN LATERAL (
    SELECT files FROM packets
    WHERE tenant_id = f.tenant_id AND case_id = f.case_id AND sha256 = f.packet_sha256 AND state = 'ready'
        AND forgotten_at IS NULL LIMIT 1
) AS p ON true
"""


async def lease_delivery(tx: AsyncConnection, channels: Sequence[str], now: datetime, until: datetime) -> Delivery | None:
    """Take what has waited longest for one of these channels; nobody else takes it before `until`."""
    row = await (await driver(tx)).fetchrow(_LEASE, now, until, list(channels))
    return None if row is None else Delivery(**dict(row))


async def put_off(tx: AsyncConnection, delivery: Delivery, until: datetime) -> None:
    query = "UPDATE deliveries SET next_at = $3 WHERE tenant_id = $1 AND appeal_id = $2 AND status = 'waiting'"
    await (await driver(tx)).execute(query, delivery.tenant_id, delivery.appeal_id, until)


async def end_delivery(
    tx: AsyncConnection, delivery: Delivery, status: str, receipt: str | None, reason: str | None, now: datetime
) -> bool:
    """Write how sending ended: `sent` with its receipt, or `failed` with the reason. What has ended stays as it is: False."""
    query = (
        "UPDATE deliveries SET status = $3, receipt = $4, reason = $5, ended_at = $6"
        " WHERE tenant_id = $1 AND appeal_id = $2 AND status = 'waiting' RETURNING appeal_id"
    )
    connection = await driver(tx)
    ended = await connection.fetchval(query, delivery.tenant_id, delivery.appeal_id, status, receipt, reason, now)
    return ended is not None
