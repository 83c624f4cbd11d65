"""Ingest's SQL for reading files in; nothing here commits. What the API asks for is in queries.py."""

import itertools
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter, itemgetter
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import copy_rows, driver, touched, wake
from libs.common.ids import uuid7
from libs.common.sealing.keys import cipher_of
from libs.x12 import Finding, PaymentRead
from services.ingest.booking import Candidate, Part, Place, Progress, Stored, Tally
from services.ingest.identity import ledger_day
from services.ingest.packing import pack_quickly
from services.ingest.received import Received
from services.ingest.seals import BLOCK, SEGMENTS

CHANNEL = "recours_interchanges"  # each notification says a file's size
SMALL_BYTES = 64 * 1024  # a file of up to this size is read together with others, in one transaction
_encode = msgspec.json.Encoder().encode


async def insert_interchange(tx: AsyncConnection, received: Received, sha256: str, size_bytes: int, blocks: Any) -> bool:
    """Store a file and wake the worker; False when the same bytes are here already. `blocks` yields compressed pieces in order."""
    taken = await tx.execute(
        text(
            "INSERT INTO interchanges (tenant_id, interchange_id, row_id, sha256, size_bytes, status, received_at, traceparent)"
            " VALUES (:tenant, :id, :row, :sha, :size, 'received', :at, :trace) ON CONFLICT DO NOTHING"
        ),
        {
            "tenant": received.tenant_id,
            "id": received.interchange_id,
            "row": uuid7(),
            "sha": sha256,
            "size": size_bytes,
            "at": received.received_at,
            "trace": received.traceparent,
        },
    )
    if not taken.rowcount:
        return False
    connection = await driver(tx)
    cipher = await cipher_of(tx, received.tenant_id)
    for ordinal, block in enumerate(blocks):
        sealed = cipher.seal(BLOCK, (received.interchange_id, ordinal), block)
        await connection.execute(
            "INSERT INTO interchange_chunks VALUES ($1, $2, $3, $4)", received.tenant_id, received.interchange_id, ordinal, sealed
        )
    await wake(tx, CHANNEL, str(size_bytes))
    return True


_RECEIVE_SMALL = """
WITH file AS (
    INSERT INTO interchanges (tenant_id, interchange_id, row_id, sha256, size_bytes, status, received_at, traceparent)
    VALUES ($1, $2, $3, $4, $5, 'received', $6, $7)
    ON CONFLICT DO NOTHING RETURNING tenant_id, interchange_id
),
chunk AS (INSERT INTO interchange_chunks SELECT tenant_id, interchange_id, 0, $8 FROM file RETURNING ordinal)
SELECT ordinal FROM chunk
"""


async def receive_small(tx: AsyncConnection, received: Received, sha256: str, size_bytes: int, block: bytes) -> bool:
    """Store a file of one block, and wake the worker, in one statement; False when it is here already."""
    sealed = (await cipher_of(tx, received.tenant_id)).seal(BLOCK, (received.interchange_id, 0), block)
    told = (received.tenant_id, received.interchange_id, uuid7(), sha256, size_bytes, received.received_at, received.traceparent)
    new = bool(await (await driver(tx)).fetch(_RECEIVE_SMALL, *told, sealed))
    if new:
        await wake(tx, CHANNEL, str(size_bytes))
    return new


# What was not begun and has no more bytes than that.
_IS_SMALL = "status = 'received' AND leased_until IS NULL AND failures = 0 AND bytes_read = 0 AND size_bytes <= {most}"
# One that is looked up within the update may be looked up anew for each row, and each time be another: the plan decides.
_LEASE = f"""
WITH waiting AS MATERIALIZED (
    SELECT tenant_id, interchange_id, bytes_read > 0 AS begun FROM interchanges
    WHERE status IN ('received', 'processing') AND (leased_until IS NULL OR leased_until < now())
        AND tenant_id > $2 AND tenant_id <> ALL ($3) AND NOT ({_IS_SMALL.format(most="$4")})
    ORDER BY tenant_id, received_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE interchanges SET status = 'processing', leased_until = now() + $1::interval, bytes_read = 0, claims_read = 0, error_count = 0
FROM waiting WHERE interchanges.tenant_id = waiting.tenant_id AND interchanges.interchange_id = waiting.interchange_id
RETURNING interchanges.tenant_id, interchanges.interchange_id, received_at, traceparent, failures, leased_until, begun
"""  # noqa: S608 - our own


async def lease(
    tx: AsyncConnection, duration: timedelta, after: str = "", but: Collection[str] = (), *, or_small: bool = False
) -> tuple[Progress, int] | None:
    """Take the oldest file that waits, or that a dead worker left, of the next tenant in turn, and how often reading it failed.

    What `lock_small` would take is left to it, unless small files are asked for, too. The turn is that of the tenant after
    `after`, none of `but`. What an earlier, broken-off reading of the file noted is forgotten; remits that it booked stay.
    """
    connection = await driver(tx)
    left = -1 if or_small else SMALL_BYTES
    row = await connection.fetchrow(_LEASE, duration, after, list(but), left)
    if row is None and after:
        row = await connection.fetchrow(_LEASE, duration, "", list(but), left)
    if row is None:
        return None
    received = Received(row["tenant_id"], row["interchange_id"], row["received_at"], row["traceparent"])
    if row["begun"]:
        await forget_notes(tx, received)
    return Progress(received, row["leased_until"]), row["failures"]


_WAITING_SMALL = f"""
    SELECT tenant_id, interchange_id, row_id, received_at, traceparent FROM interchanges
    WHERE {_IS_SMALL.format(most="$3")} AND tenant_id > {{after}} AND {{asked}}
    ORDER BY tenant_id, received_at, row_id LIMIT $1 FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - our own
# From the first tenant on again where none comes after the one before: with one tenant alone that is so each time.
_LOCK_SMALL = f"""
WITH later AS ({_WAITING_SMALL.format(after="$2", asked="true")}),
again AS ({_WAITING_SMALL.format(after="''", asked="$2 > '' AND NOT EXISTS (SELECT 1 FROM later)")})
SELECT tenant_id, interchange_id, received_at, traceparent, body
FROM (SELECT * FROM later UNION ALL SELECT * FROM again) AS waiting
JOIN interchange_chunks USING (tenant_id, interchange_id)
ORDER BY tenant_id, received_at, row_id
"""  # noqa: S608 - our own


async def lock_small(tx: AsyncConnection, count: int, after: str = "") -> list[tuple[Received, bytes]]:
    """Take small files that nobody began to read, for this transaction: each with its compressed bytes, oldest first.

    They are one tenant's: of those that wait, the one after `after`.
    """
    connection = await driver(tx)
    rows = await connection.fetch(_LOCK_SMALL, count, after, SMALL_BYTES)
    if not rows:
        return []
    tenant_id = rows[0]["tenant_id"]
    cipher = await cipher_of(tx, tenant_id)
    found = []
    for row in itertools.takewhile(lambda row: row["tenant_id"] == tenant_id, rows):
        received = Received(tenant_id, row["interchange_id"], row["received_at"], row["traceparent"])
        found.append((received, cipher.open(BLOCK, (received.interchange_id, 0), row["body"])))
    return found


async def forget_notes(tx: AsyncConnection, received: Received) -> None:
    """Drop a file's findings and transactions."""
    for table in ("findings", "transactions"):
        await tx.execute(
            text(f"DELETE FROM {table} WHERE tenant_id = :t AND interchange_id = :i"),  # noqa: S608 - our own names
            {"t": received.tenant_id, "i": received.interchange_id},
        )


async def release(tx: AsyncConnection, progress: Progress, *, failed: bool) -> None:
    """Give a file back, if it is still ours, to be read by whoever comes next."""
    received = progress.received
    await tx.execute(
        text(
            "UPDATE interchanges SET status = 'received', failures = failures + :failed,"
            " leased_until = CASE WHEN :failed > 0 THEN now() + interval '2 seconds' END"
            " WHERE tenant_id = :t AND interchange_id = :i AND leased_until = :held"
        ),
        {"failed": int(failed), "t": received.tenant_id, "i": received.interchange_id, "held": progress.held},
    )


_CHUNK = """
SELECT body, EXISTS (
    SELECT 1 FROM interchange_chunks WHERE tenant_id = $1 AND interchange_id = $2 AND ordinal = $3 + 1
) AS more
FROM interchange_chunks WHERE tenant_id = $1 AND interchange_id = $2 AND ordinal = $3
"""


async def read_chunk(tx: AsyncConnection, received: Received, ordinal: int) -> tuple[bytes, bool]:
    """Return one compressed piece of a file, and whether another one follows; every file has at least one."""
    (row,) = await (await driver(tx)).fetch(_CHUNK, received.tenant_id, received.interchange_id, ordinal)
    cipher = await cipher_of(tx, received.tenant_id)
    return cipher.open(BLOCK, (received.interchange_id, ordinal), row["body"]), row["more"]


async def stored_remits(tx: AsyncConnection, tenant_id: str, ids: Collection[UUID]) -> dict[UUID, Stored]:
    """Return what is stored under these remit ids."""
    connection = await driver(tx)
    rows = await connection.fetch(
        "SELECT remit_id, content_digest, interchange_id, transaction_ordinal, claim_ordinal FROM remits"
        " WHERE tenant_id = $1 AND remit_id = ANY ($2::uuid[])",
        tenant_id,
        list(ids),
    )
    return {
        row["remit_id"]: Stored(row["content_digest"], row["interchange_id"], row["transaction_ordinal"], row["claim_ordinal"])
        for row in rows
    }


_OPEN = """
SELECT remittance_id, (amount_cents
    - COALESCE((SELECT sum(paid_cents) FROM remits WHERE tenant_id = $1 AND remittance_id = p.remittance_id), 0)
    + COALESCE((SELECT sum(amount_cents) FROM provider_adjustments WHERE tenant_id = $1 AND remittance_id = p.remittance_id), 0)
    )::bigint AS open_cents
FROM remittances AS p WHERE tenant_id = $1 AND remittance_id = ANY ($2::uuid[]) AND amount_cents IS NOT NULL
"""


async def open_cents(tx: AsyncConnection, tenant_id: str, remittance_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return how far what is booked of some payments is from what was paid; none where a payment does not say its amount."""
    rows = await (await driver(tx)).fetch(_OPEN, tenant_id, list(remittance_ids)) if remittance_ids else []
    return {row["remittance_id"]: row["open_cents"] for row in rows}


_REMITTANCES = """
INSERT INTO remittances (
    tenant_id, interchange_id, received_at, remittance_id, row_id, payer_id, payer_name, payee_id, payee_name, trace_number,
    amount_cents, handling_code, method, payment_on, produced_on
)
SELECT $1, * FROM unnest(
    $2::uuid[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
    $11::bigint[], $12::text[], $13::text[], $14::date[], $15::date[]
)
ON CONFLICT DO NOTHING
"""


async def insert_remittances(tx: AsyncConnection, parts: Sequence[Part]) -> list[tuple[UUID, PaymentRead]]:
    """Write one tenant's payments that are not here yet; return those that are here with another amount, each with its file."""
    payments = [(remittance_id, each, part.received) for part in parts for remittance_id, each in part.batch.payments]
    if not payments:
        return []
    tenant_id = parts[0].received.tenant_id
    row_ids = {remittance_id: uuid7() for remittance_id, _, _ in payments}  # in file order
    first = {remittance_id: (each, received) for remittance_id, each, received in reversed(payments)}
    rows = [
        (
            received.interchange_id,
            received.received_at,
            remittance_id,
            row_ids[remittance_id],
            each.payer_id,
            each.payer_name,
            each.payee_id,
            each.payee_name,
            each.trace_number,
            each.amount_cents,
            each.handling_code,
            each.method,
            ledger_day(each, received.received_at.date()),
            each.produced_on,
        )
        for remittance_id, (each, received) in sorted(first.items(), key=itemgetter(0))  # one order: workers never deadlock
    ]  # fmt: skip
    connection = await driver(tx)
    done = await connection.execute(_REMITTANCES, tenant_id, *(list(column) for column in zip(*rows, strict=True)))
    if len(rows) == len(payments) == touched(done):  # each once, and none was here
        return []
    known = await connection.fetch(
        "SELECT remittance_id, amount_cents FROM remittances WHERE tenant_id = $1 AND remittance_id = ANY ($2::uuid[])",
        tenant_id,
        list(row_ids),
    )
    amounts = {row["remittance_id"]: row["amount_cents"] for row in known}
    return [(received.interchange_id, each) for name, each, received in payments if amounts[name] != each.amount_cents]


_BUMP = """
INSERT INTO accounts (tenant_id, claim_key, version)
SELECT $1, * FROM unnest($2::uuid[], $3::bigint[])
ON CONFLICT (tenant_id, claim_key) DO UPDATE SET version = accounts.version + excluded.version
RETURNING claim_key, version
"""


async def bump_accounts(tx: AsyncConnection, tenant_id: str, counts: Mapping[UUID, int]) -> dict[UUID, int]:
    """Lock accounts, add to their versions, and return the versions before. In key order: two workers never deadlock."""
    ordered = sorted(counts.items())
    connection = await driver(tx)
    rows = await connection.fetch(_BUMP, tenant_id, [key for key, _ in ordered], [count for _, count in ordered])
    return {row["claim_key"]: row["version"] - counts[row["claim_key"]] for row in rows}


async def set_versions(tx: AsyncConnection, tenant_id: str, versions: Mapping[UUID, int]) -> None:
    """Write the versions of locked accounts that came out other than they were bumped to."""
    if versions:
        await (await driver(tx)).execute(
            "UPDATE accounts SET version = told.version FROM unnest($2::uuid[], $3::bigint[]) AS told (claim_key, version)"
            " WHERE tenant_id = $1 AND accounts.claim_key = told.claim_key",
            tenant_id,
            list(versions),
            list(versions.values()),
        )


_REMIT = (
    "tenant_id", "remit_id", "row_id", "remittance_id", "interchange_id", "transaction_ordinal", "claim_ordinal", "claim_key",
    "sequence", "content_digest", "patient_control_number", "payer_claim_control_number", "claim_status_code", "payment_on",
    "charge_cents", "paid_cents", "adjustment_cents", "unbalanced_cents", "told", "segments",
)  # fmt: skip


async def insert_remits(tx: AsyncConnection, tenant_id: str, remits: Sequence[tuple[Candidate, int]]) -> None:
    """COPY new remits, each with its sequence; lines and adjustments are in what was told of them."""
    rows = []
    cipher = await cipher_of(tx, tenant_id)
    for each, sequence in remits:
        event, remit = each.event, each.remit
        rows.append(
            (
                tenant_id,
                each.remit_id,
                each.row_id,
                event.remittance_id,
                event.interchange_id,
                each.transaction_ordinal,
                remit.ordinal,
                event.claim_key,
                sequence,
                each.digest,
                event.patient_control_number,
                event.payer_claim_control_number,
                event.claim_status_code,
                event.payment_on,
                event.charge_cents,
                event.paid_cents,
                remit.adjustment_cents,
                remit.difference_cents,
                each.payload,
                cipher.seal(SEGMENTS, (each.remit_id,), pack_quickly("\n".join(remit.segments).encode())),
            )
        )
    await copy_rows(tx, "remits", _REMIT, rows)


async def insert_findings(tx: AsyncConnection, parts: Sequence[Part], of_booking: Mapping[UUID, Sequence[Finding]]) -> None:
    """Write what readers found and what booking found (by file), numbered in file order."""
    rows = []
    for part in parts:
        received, own = part.received, part.batch.findings
        found = sorted([*own, *of_booking.get(received.interchange_id, ())], key=attrgetter("byte_offset"))
        for ordinal, finding in enumerate(found, part.progress.findings - len(own)):
            rows.append((received.tenant_id, received.interchange_id, ordinal, _encode(finding).decode()))
    if rows:
        await copy_rows(tx, "findings", ("tenant_id", "interchange_id", "ordinal", "finding"), rows)


_TRANSACTION = (
    "tenant_id", "interchange_id", "ordinal", "type", "control_number", "version", "remittance_id", "complete", "claims",
    "claims_new", "claims_duplicate", "claims_conflicting", "claims_unreadable", "charge_cents", "paid_cents",
    "adjustment_cents", "unbalanced_lines", "unbalanced_claims", "balance_difference_cents",
)  # fmt: skip


async def insert_transactions(tx: AsyncConnection, parts: Sequence[Part], tallies: Mapping[Place, Tally]) -> None:
    """Write transactions that have ended, and what payments adjust beside their claims."""
    rows = []
    for part in parts:
        received, progress = part.received, part.progress
        for each in part.batch.closed:
            tally = tallies[received.interchange_id, each.ordinal]
            rows.append(
                (
                    received.tenant_id,
                    received.interchange_id,
                    each.ordinal,
                    each.type,
                    each.control_number,
                    progress.versions[each.ordinal],
                    progress.remittances.get(each.ordinal),
                    each.complete,
                    each.claims,
                    tally.new,
                    tally.duplicate,
                    tally.conflicting,
                    each.claims_unreadable + tally.refused,
                    each.charge_cents,
                    each.paid_cents,
                    each.adjustment_cents,
                    each.unbalanced_lines,
                    each.unbalanced_claims,
                    each.balance_difference_cents,
                )
            )
    if rows:
        await copy_rows(tx, "transactions", _TRANSACTION, rows)
        await _insert_provider_adjustments(tx, parts)


async def _insert_provider_adjustments(tx: AsyncConnection, parts: Sequence[Part]) -> None:
    """Write the provider adjustments of payments, once a payment."""
    rows: list[tuple[Any, ...]] = [
        (
            part.received.tenant_id,
            part.progress.remittances[each.ordinal],
            ordinal,
            item.provider_id,
            item.fiscal_period_on,
            item.reason_code,
            item.reference_id,
            item.amount_cents,
        )
        for part in parts
        for each in part.batch.closed
        for ordinal, item in enumerate(each.provider_adjustments)
    ]  # fmt: skip
    if rows:
        connection = await driver(tx)
        await connection.executemany(
            "INSERT INTO provider_adjustments VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            sorted(rows, key=itemgetter(1, 2)),
        )


_NOTE = """
UPDATE interchanges SET bytes_read = $1, claims_read = $2, error_count = $3, leased_until = now() + $4::interval
WHERE tenant_id = $5 AND interchange_id = $6 AND leased_until = $7
RETURNING leased_until
"""


async def note_progress(
    tx: AsyncConnection, progress: Progress, bytes_read: int, findings: int, lease_for: timedelta
) -> datetime | None:
    """Say how far the reading is and lengthen the lease; return its new end, or None when the file is no longer ours."""
    received = progress.received
    ours = (received.tenant_id, received.interchange_id, progress.held)
    held: datetime | None = await (await driver(tx)).fetchval(_NOTE, bytes_read, progress.claims, findings, lease_for, *ours)
    return held


_FINISH = """
UPDATE interchanges SET
    status = ended.status, finished_at = $1, bytes_read = size_bytes, claims_read = ended.claims, error_count = ended.findings,
    leased_until = NULL
FROM unnest($2::text[], $3::uuid[], $4::text[], $5::bigint[], $6::bigint[]) AS ended (tenant_id, id, status, claims, findings)
WHERE interchanges.tenant_id = ended.tenant_id AND interchange_id = ended.id
"""


async def finish(tx: AsyncConnection, ended: Sequence[tuple[Progress, str]], now: datetime) -> None:
    """Say that the reading of files has ended, and with which status; in the transaction that writes the last of them."""
    rows = [(each.received.tenant_id, each.received.interchange_id, status, each.claims, each.findings) for each, status in ended]
    await (await driver(tx)).execute(_FINISH, now, *zip(*rows, strict=True))
