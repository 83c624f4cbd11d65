"""SQL of what risk is learned from; nothing here commits."""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from services.classifier.models.store import LOOKED_AT
from services.classifier.models.told import Came, Judged, Window
from services.classifier.risk.claims import Lesson, Outcome, decode

_BATCH: Final = 5_000


class Answer(Struct, frozen=True, gc=False):
    """What a remit says of its claim, as far as that is known."""

    tenant_id: str
    remit_id: UUID
    claim_id: UUID | None
    answered_on: date
    denied_cents: int
    category: str | None
    lines: str | None


_KEEP_CLAIMS: Final = """
INSERT INTO risk_claims (tenant_id, claim_id, claim_key, submitted_on, told, charge_cents)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::date[], $5::bytea[], $6::bigint[])
ON CONFLICT DO NOTHING
"""
_KEEP_ANSWERS: Final = """
INSERT INTO risk_answers AS held (tenant_id, remit_id, claim_id, answered_on, denied_cents, category, lines)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::date[], $5::bigint[], $6::text[], $7::text[])
ON CONFLICT (tenant_id, remit_id) DO UPDATE SET answered_on = excluded.answered_on, denied_cents = excluded.denied_cents,
    category = excluded.category, lines = excluded.lines,
    claim_id = CASE WHEN held.claim_sequence > 0 THEN held.claim_id ELSE excluded.claim_id END
"""
_KEEP_MATCHES: Final = """
INSERT INTO risk_answers AS held (tenant_id, remit_id, claim_id, claim_sequence)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::bigint[])
ON CONFLICT (tenant_id, remit_id) DO UPDATE SET claim_id = excluded.claim_id, claim_sequence = excluded.claim_sequence
WHERE held.claim_sequence < excluded.claim_sequence
"""


async def keep_claims(tx: AsyncConnection, rows: Sequence[tuple[str, UUID, UUID, date, bytes, int]]) -> None:
    """Write claims as they were submitted; one that is here stays as it was told first."""
    if rows:
        await (await driver(tx)).execute(_KEEP_CLAIMS, *map(list, zip(*rows, strict=True)))


async def keep_answers(tx: AsyncConnection, answers: Sequence[Answer]) -> None:
    """Write what remits say, each remit once."""
    if answers:
        rows = [tuple(getattr(each, name) for name in Answer.__struct_fields__) for each in answers]
        await (await driver(tx)).execute(_KEEP_ANSWERS, *map(list, zip(*rows, strict=True)))


async def keep_matches(tx: AsyncConnection, matches: Sequence[tuple[str, UUID, UUID | None, int]]) -> None:
    """Write which claims remits answer, as it became known after them; the newest word holds. Each remit once."""
    if matches:
        await (await driver(tx)).execute(_KEEP_MATCHES, *map(list, zip(*matches, strict=True)))


async def tenants_with_claims(tx: AsyncConnection, tenant_ids: Collection[str]) -> set[str]:
    """Return those tenants of whom claims are known."""
    query = "SELECT t FROM unnest($1::text[]) AS t WHERE EXISTS (SELECT FROM risk_claims WHERE tenant_id = t)"
    return {row["t"] for row in await (await driver(tx)).fetch(query, list(tenant_ids))}


# The first answer to a claim is its label, and stays it whatever an appeal brings; several remits of that day are one answer.
_FIRST: Final = """
LATERAL (
    SELECT answered_on, sum(denied_cents) > 0 AS is_denied,
           (array_agg(category ORDER BY denied_cents DESC) FILTER (WHERE denied_cents > 0))[1] AS category,
           string_agg(lines, ',') AS lines
    FROM risk_answers AS answers
    WHERE answers.tenant_id = $1 AND answers.claim_id = claims.claim_id AND answered_on IS NOT NULL
    GROUP BY answered_on ORDER BY answered_on LIMIT 1
) AS first
"""
_LESSON: Final = "claims.claim_key, claims.submitted_on, claims.told, first.*"
_LESSONS: Final = f"""
SELECT {_LESSON} FROM risk_claims AS claims CROSS JOIN {_FIRST}
WHERE claims.tenant_id = $1 ORDER BY claims.submitted_on DESC, claims.claim_id LIMIT $2
"""  # noqa: S608 - our own text
_NEWEST_LESSONS: Final = f"""
SELECT {_LESSON} FROM (
    SELECT * FROM risk_claims WHERE tenant_id = $1 ORDER BY changed_xid DESC, claim_id DESC LIMIT $3
) AS claims CROSS JOIN {_FIRST} LIMIT $2
"""  # noqa: S608 - our own text


async def lessons(tx: AsyncConnection, tenant_id: str, limit: int) -> AsyncIterator[Lesson]:
    """Yield answered claims, the newest first, without holding them all."""
    async for row in (await driver(tx)).cursor(_LESSONS, tenant_id, limit, prefetch=_BATCH):
        yield _lesson(row)


async def newest_lessons(tx: AsyncConnection, tenant_id: str, limit: int, among: int) -> list[Lesson]:
    """Return those that were answered among the claims that came last: however many there are, no more than these are read."""
    return [_lesson(row) for row in await (await driver(tx)).fetch(_NEWEST_LESSONS, tenant_id, limit, among)]


def _lesson(row: Any) -> Lesson:
    lines = frozenset(map(int, row["lines"].split(","))) if row["lines"] else frozenset()
    outcome = Outcome(row["answered_on"], row["is_denied"], row["category"], lines)
    return Lesson(row["claim_key"], row["submitted_on"], decode(row["told"]), outcome)


_OUTCOMES: Final = f"""
SELECT count(*) AS answered, count(*) FILTER (WHERE is_denied) AS denied
FROM (SELECT DISTINCT claim_id FROM risk_answers
      WHERE tenant_id = $1 AND claim_id IS NOT NULL AND answered_on IS NOT NULL ORDER BY claim_id LIMIT $2) AS answered
JOIN risk_claims AS claims ON claims.tenant_id = $1 AND claims.claim_id = answered.claim_id CROSS JOIN {_FIRST}
"""  # noqa: S608 - our own text


async def outcomes(tx: AsyncConnection, tenant_id: str, limit: int) -> tuple[int, int]:
    """Return how many claims were answered and how many of these denied; counted up to a limit."""
    (row,) = await (await driver(tx)).fetch(_OUTCOMES, tenant_id, limit)
    return row["answered"], row["denied"]


_TENANTS: Final = """
WITH RECURSIVE tenants AS (
    (SELECT tenant_id FROM risk_claims ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT tenant_id FROM risk_claims WHERE tenant_id > tenants.tenant_id ORDER BY tenant_id LIMIT 1)
    FROM tenants WHERE tenants.tenant_id IS NOT NULL
)
SELECT tenant_id FROM tenants WHERE tenant_id <> $1
"""


async def other_tenants(tx: AsyncConnection, tenant_id: str) -> list[str]:
    """Return the other tenants with claims, by one look at the index for each."""
    return [row["tenant_id"] for row in await (await driver(tx)).fetch(_TENANTS, tenant_id)]


_CAME: Final = """
SELECT claim_id, submitted_on, told, changed_xid::text AS xid FROM risk_claims
WHERE tenant_id = $1 AND (changed_xid, claim_id) > ($2::text::xid8, $3)
AND changed_xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY risk_claims.changed_xid, claim_id LIMIT $4
"""


async def came(tx: AsyncConnection, tenant_id: str, after: tuple[int, UUID], limit: int) -> list[Came]:
    """Return claims in the order in which they were written, from after a place on; none is passed over that commits late."""
    rows = await (await driver(tx)).fetch(_CAME, tenant_id, str(after[0]), after[1], limit)
    return [Came(row["claim_id"], row["submitted_on"], (int(row["xid"]), row["claim_id"]), row["told"]) for row in rows]


_JUDGED: Final = f"""
SELECT looked_at.*, first.is_denied AS happened, claims.charge_cents AS cents
FROM ({LOOKED_AT}) AS looked_at
JOIN risk_claims AS claims ON claims.tenant_id = $1 AND claims.claim_id = looked_at.about
LEFT JOIN {_FIRST} ON true
"""  # noqa: S608 - our own text


async def judged(tx: AsyncConnection, tenant_id: str, model_ids: Sequence[UUID], window: Window) -> list[Judged]:
    """Return what models said of some claims of each day, and what came of these."""
    rows = await (await driver(tx)).fetch(_JUDGED, tenant_id, list(model_ids), window.first_on, window.last_on, window.each_day)
    return [Judged(**dict(row)) for row in rows]
