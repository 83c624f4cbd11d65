"""SQL of matches and of what they are made from; nothing here commits."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.remit_received import RemitReceivedV1
from libs.common.database import copy_rows, driver
from libs.common.ids import uuid7
from libs.common.sealing.cipher import Cipher
from libs.common.sealing.keys import cipher_of
from services.ingest.kept import lines_of
from services.ingest.line_matching import Difference
from services.ingest.matching import Answer, Billed, Verdict
from services.ingest.seals import CLAIM

_encode = msgspec.json.Encoder().encode
_told = msgspec.json.Decoder(RemitReceivedV1).decode
_differences = msgspec.json.Decoder(tuple[Difference, ...]).decode

_BILLED = """
SELECT claim_id, claim_key, patient_control_number, payer_claim_control_number, original_payer_claim_control_number, payer_id,
       payer_name, payer_sequence, billing_npi, rendering_npi, frequency_code, charge_cents, service_from_on, service_to_on, content
FROM claims WHERE tenant_id = $1 AND
"""
_OF_BATCH = _BILLED + (
    "(claim_key = ANY ($2::uuid[]) OR payer_claim_control_number = ANY ($3::text[]) AND payer_claim_control_number <> '')"
)


async def has_claims(tx: AsyncConnection, tenant_id: str) -> bool:
    """Say whether the tenant ever sent a claim here; many send remittances alone."""
    found: bool = await (await driver(tx)).fetchval("SELECT EXISTS (SELECT 1 FROM claims WHERE tenant_id = $1)", tenant_id)
    return found


async def billed(tx: AsyncConnection, tenant_id: str, keys: Collection[UUID], numbers: Collection[str]) -> list[Billed]:
    """Return the claims of some accounts, and those that a payer knows by some numbers, with their lines."""
    rows = await (await driver(tx)).fetch(_OF_BATCH, tenant_id, list(keys), list(numbers))
    cipher = await cipher_of(tx, tenant_id)
    return [_billed(cipher, row) for row in rows]


async def billed_one(tx: AsyncConnection, tenant_id: str, claim_id: UUID) -> Billed | None:
    """Return one claim with its lines."""
    row = await (await driver(tx)).fetchrow(_BILLED + "claim_id = $2", tenant_id, claim_id)
    return None if row is None else _billed(await cipher_of(tx, tenant_id), row)


def _billed(cipher: Cipher, row: asyncpg.Record) -> Billed:
    values = list(row)
    values[-1] = lines_of(cipher.open(CLAIM, (values[0],), values[-1]))
    return Billed(*values)


@dataclass(frozen=True)
class Standing:
    """A match as it stands, with the remit that it is about."""

    remit_row_id: UUID
    result: str
    claim_id: UUID | None
    score: int | None
    differences: tuple[Difference, ...]
    decided_by: str
    decided_at: datetime
    answer: Answer


_COLUMNS = (
    "tenant_id", "remit_row_id", "remit_id", "claim_key", "payer_claim_control_number", "original_reference", "rendering_npi",
    "frequency_code", "result", "claim_id", "score", "differences", "decided_by", "decided_at",
)  # fmt: skip


async def insert_matches(
    tx: AsyncConnection, tenant_id: str, matches: Iterable[tuple[UUID, Answer, Verdict]], now: datetime
) -> None:
    """COPY the first verdicts of new remits (row id, remit, verdict)."""
    rows = [
        (
            tenant_id,
            row_id,
            answer.told.remit_id,
            answer.told.claim_key,
            answer.told.payer_claim_control_number,
            answer.original_reference,
            answer.rendering_npi,
            answer.frequency_code,
            verdict.result,
            verdict.claim_id,
            verdict.score,
            _encode(verdict.differences).decode() if verdict.differences else "[]",
            "score",
            now,
        )
        for row_id, answer, verdict in matches
    ]
    await copy_rows(tx, "matches", _COLUMNS, rows)


_STANDING = """
SELECT m.remit_row_id, m.result, m.claim_id, m.score, m.differences::text, m.decided_by, m.decided_at, m.original_reference,
       m.rendering_npi, m.frequency_code, r.told, p.payee_id
FROM matches AS m
JOIN remits AS r ON r.tenant_id = m.tenant_id AND r.remit_id = m.remit_id
JOIN remittances AS p ON p.tenant_id = m.tenant_id AND p.remittance_id = r.remittance_id
WHERE m.tenant_id = $1 AND
"""


def _standing(row: asyncpg.Record) -> Standing:
    answer = Answer(_told(row["told"]), row["original_reference"], row["rendering_npi"], row["payee_id"], row["frequency_code"])
    return Standing(
        row["remit_row_id"],
        row["result"],
        row["claim_id"],
        row["score"],
        _differences(row["differences"]),
        row["decided_by"],
        row["decided_at"],
        answer,
    )


async def standing_of(tx: AsyncConnection, tenant_id: str, keys: Collection[UUID]) -> list[Standing]:
    """Return the matches of some accounts' remits, oldest first."""
    query = _STANDING + "m.claim_key = ANY ($2::uuid[]) ORDER BY m.remit_row_id"
    return [_standing(row) for row in await (await driver(tx)).fetch(query, tenant_id, list(keys))]


_ONE = _STANDING + "m.remit_row_id = (SELECT row_id FROM remits WHERE tenant_id = $1 AND remit_id = $2)"  # noqa: S608 - our own text


async def standing(tx: AsyncConnection, tenant_id: str, remit_id: UUID) -> Standing | None:
    """Return one remit's match."""
    row = await (await driver(tx)).fetchrow(_ONE, tenant_id, remit_id)
    return None if row is None else _standing(row)


async def accounts_waiting_for(tx: AsyncConnection, tenant_id: str, numbers: Collection[str]) -> set[UUID]:
    """Return the accounts of remits without a claim that carry one of these numbers as the payer's."""
    query = (
        "SELECT DISTINCT claim_key FROM matches WHERE tenant_id = $1 AND payer_claim_control_number = ANY ($2::text[])"
        " AND payer_claim_control_number <> '' AND claim_id IS NULL"
    )
    return {row["claim_key"] for row in await (await driver(tx)).fetch(query, tenant_id, list(numbers))}


_UPDATE = """
UPDATE matches SET result = told.result, claim_id = told.claim_id, score = told.score, differences = told.differences,
       decided_by = $7, decided_at = $8
FROM unnest($2::uuid[], $3::text[], $4::uuid[], $5::int[], $6::jsonb[]) AS told (row_id, result, claim_id, score, differences)
WHERE tenant_id = $1 AND remit_row_id = told.row_id
"""


async def update_matches(
    tx: AsyncConnection, tenant_id: str, changes: Sequence[tuple[Standing, Verdict]], decided_by: str, now: datetime
) -> None:
    """Write other verdicts."""
    await (await driver(tx)).execute(
        _UPDATE,
        tenant_id,
        [was.remit_row_id for was, _ in changes],
        [verdict.result for _, verdict in changes],
        [verdict.claim_id for _, verdict in changes],
        [verdict.score for _, verdict in changes],
        [_encode(verdict.differences).decode() for _, verdict in changes],
        decided_by,
        now,
    )


_HISTORY = """
INSERT INTO match_history (
    tenant_id, remit_row_id, row_id, result, claim_id, result_before, claim_id_before, decided_by, who, why, at
)
SELECT $1, remit_row_id, row_id, result, claim_id, result_before, claim_id_before, $8, $9, $10, $11
FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::uuid[])
  AS told (remit_row_id, row_id, result, claim_id, result_before, claim_id_before)
"""


async def insert_history(
    tx: AsyncConnection,
    tenant_id: str,
    changes: Sequence[tuple[Standing, Verdict]],
    *,
    decided_by: str,
    who: str,
    why: str,
    now: datetime,
) -> None:
    """Say who changed matches, when and why."""
    await (await driver(tx)).execute(
        _HISTORY,
        tenant_id,
        [was.remit_row_id for was, _ in changes],
        [uuid7() for _ in changes],
        [verdict.result for _, verdict in changes],
        [verdict.claim_id for _, verdict in changes],
        [was.result for was, _ in changes],
        [was.claim_id for was, _ in changes],
        decided_by,
        who,
        why,
        now,
    )


_PARTS = """
SELECT m.remit_row_id, m.claim_id, p.payer_id, p.payer_name, r.charge_cents, c.charge_cents AS billed_cents, m.differences::text
FROM matches AS m
JOIN remits AS r ON r.tenant_id = m.tenant_id AND r.remit_id = m.remit_id
JOIN remittances AS p ON p.tenant_id = m.tenant_id AND p.remittance_id = r.remittance_id
JOIN claims AS c ON c.tenant_id = m.tenant_id AND c.claim_id = m.claim_id
WHERE m.tenant_id = $1 AND m.claim_id = ANY ($2::uuid[])
"""


async def parts_of(tx: AsyncConnection, tenant_id: str, claim_ids: Collection[UUID]) -> list[Mapping[str, Any]]:
    """Return every answer to some claims, with its charge and the claim's; `differences` are decoded."""
    rows = await (await driver(tx)).fetch(_PARTS, tenant_id, list(claim_ids))
    return [{**row, "differences": _differences(row["differences"])} for row in rows]


async def settle_parts(tx: AsyncConnection, tenant_id: str, rows: Mapping[UUID, tuple[Difference, ...]]) -> None:
    """Write what is left of the differences of answers that together are whole."""
    await (await driver(tx)).execute(
        "UPDATE matches SET differences = told.differences, result = told.result"
        " FROM unnest($2::uuid[], $3::jsonb[], $4::text[]) AS told (row_id, differences, result)"
        " WHERE tenant_id = $1 AND remit_row_id = told.row_id",
        tenant_id,
        list(rows),
        [_encode(each).decode() for each in rows.values()],
        ["matched_with_differences" if each else "matched" for each in rows.values()],
    )
