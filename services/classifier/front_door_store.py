"""SQL of what front doors answered to claims, and of the rejections that follow; nothing here commits."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.denial_classified import DenialClassifiedV1
from libs.common.database import driver
from libs.common.ids import denial_id
from services.classifier.store import denial_of

ClaimName = tuple[str, UUID]  # tenant and claim
AnswerName = tuple[str, UUID]  # tenant and acknowledgement


class Answer(Struct, frozen=True):
    """One answer that accepts or rejects. `claim_id` is None while the claim is not known; `sequence` is that of its event."""

    acknowledgement_id: UUID
    claim_id: UUID | None
    acknowledged_on: date
    source: str
    verdict: str
    sequence: int


_BEFORE = """
SELECT tenant_id, acknowledgement_id, claim_id FROM claim_answers WHERE claim_id IS NOT NULL
AND (tenant_id, acknowledgement_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))
"""
_SAVE = """
INSERT INTO claim_answers (tenant_id, acknowledgement_id, claim_id, acknowledged_on, source, verdict, sequence)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::date[], $5::text[], $6::text[], $7::bigint[])
ON CONFLICT (tenant_id, acknowledgement_id) DO UPDATE SET
    claim_id = CASE WHEN excluded.sequence >= claim_answers.sequence THEN COALESCE(excluded.claim_id, claim_answers.claim_id)
                    ELSE COALESCE(claim_answers.claim_id, excluded.claim_id) END,
    sequence = GREATEST(excluded.sequence, claim_answers.sequence)
RETURNING tenant_id, acknowledgement_id, claim_id
"""


async def claims_before(tx: AsyncConnection, names: Collection[AnswerName]) -> dict[ClaimName, AnswerName]:
    """Return the claims that these answers were to so far, each with one of the answers."""
    rows = await (await driver(tx)).fetch(_BEFORE, *map(list, zip(*names, strict=True)))
    return {(row["tenant_id"], row["claim_id"]): (row["tenant_id"], row["acknowledgement_id"]) for row in rows}


async def save_answers(tx: AsyncConnection, answers: Mapping[AnswerName, Answer]) -> dict[AnswerName, UUID | None]:
    """Write answers; return the claim of each, as far as it is known by now: the newest event about an answer holds."""
    rows = [
        (tenant_id, each.acknowledgement_id, each.claim_id, each.acknowledged_on, each.source, each.verdict, each.sequence)
        for (tenant_id, _), each in sorted(answers.items())
    ]
    saved = await (await driver(tx)).fetch(_SAVE, *map(list, zip(*rows, strict=True)))
    return {(row["tenant_id"], row["acknowledgement_id"]): row["claim_id"] for row in saved}


async def known_rejections(tx: AsyncConnection, names: Collection[AnswerName]) -> set[AnswerName]:
    """Return those answers whose rejection is here already."""
    if not names:
        return set()
    rows = await (await driver(tx)).fetch(
        "SELECT tenant_id, remit_id FROM denials WHERE (tenant_id, denial_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))",
        [tenant_id for tenant_id, _ in names],
        [denial_id(name) for _, name in names],
    )
    return {(row["tenant_id"], row["remit_id"]) for row in rows}


async def save_replaced(tx: AsyncConnection, claims: Collection[ClaimName]) -> None:
    """Write which claims another one took the place of."""
    await (await driver(tx)).execute(
        "INSERT INTO replaced_claims (tenant_id, claim_id) SELECT * FROM unnest($1::text[], $2::uuid[]) ON CONFLICT DO NOTHING",
        *map(list, zip(*sorted(claims), strict=True)),
    )


async def replaced_of(tx: AsyncConnection, claims: Collection[ClaimName]) -> set[ClaimName]:
    rows = await _of_claims(tx, "SELECT tenant_id, claim_id FROM replaced_claims", claims)
    return {(row["tenant_id"], row["claim_id"]) for row in rows}


async def answers_of(tx: AsyncConnection, claims: Collection[ClaimName]) -> dict[ClaimName, list[Answer]]:
    """Return all answers to some claims."""
    found: dict[ClaimName, list[Answer]] = {}
    for row in await _of_claims(tx, "SELECT * FROM claim_answers", claims):
        answer = Answer(*(row[name] for name in Answer.__struct_fields__))
        found.setdefault((row["tenant_id"], row["claim_id"]), []).append(answer)
    return found


async def _of_claims(tx: AsyncConnection, query: str, claims: Collection[ClaimName]) -> list[Any]:
    if not claims:
        return []
    told = f"{query} WHERE (tenant_id, claim_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))"  # noqa: S608 - ours
    return list(await (await driver(tx)).fetch(told, *map(list, zip(*claims, strict=True))))


_REVISE = text(
    """
    UPDATE denials SET status = wanted.status, claim_id = wanted.claim_id, revision = revision + 1, classified_at = :now,
        changed_xid = pg_current_xact_id()
    FROM unnest(CAST(:tenants AS text[]), CAST(:denials AS uuid[]), CAST(:claims AS uuid[]), CAST(:statuses AS text[]))
         AS wanted (tenant_id, denial_id, claim_id, status)
    WHERE denials.tenant_id = wanted.tenant_id AND denials.denial_id = wanted.denial_id
      AND (denials.status, denials.claim_id) IS DISTINCT FROM (wanted.status, wanted.claim_id)
    RETURNING denials.*
    """
)


async def revise(
    tx: AsyncConnection, wanted: Mapping[AnswerName, tuple[UUID, str]], now: datetime
) -> list[tuple[str, DenialClassifiedV1]]:
    """Give rejections their claim and status where they differ, with the next revision; return those, with their tenants."""
    if not wanted:
        return []
    values = {
        "tenants": [tenant_id for tenant_id, _ in wanted],
        "denials": [denial_id(name) for _, name in wanted],
        "claims": [claim for claim, _ in wanted.values()],
        "statuses": [status for _, status in wanted.values()],
        "now": now,
    }
    return [(row["tenant_id"], denial_of(row)) for row in (await tx.execute(_REVISE, values)).mappings()]
