"""SQL of what root causes are searched in; nothing here commits."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import copy_out, copy_rows, driver
from services.analytics.causes.naming import Named
from services.analytics.causes.outcomes import (
    NO_MODIFIER,
    NOT_REFUSED,
    SUBJECT_DIMENSIONS,
    Outcome,
    Reason,
    Subject,
    Words,
    number_of,
    reason_number,
)

if TYPE_CHECKING:
    from services.analytics.causes.table import Gathered  # its NumPy is for who searches, and no worker does

Account = tuple[str, UUID]  # tenant, claim key

_COLUMNS: Final = (
    "tenant_id", "claim_key", "episode", "line", "day", "subject", "service", "reason", "denied_cents", "claim_id",
    "denial_id", "sent_on",
)  # fmt: skip
# Most accounts have none yet. Each by itself: a join reads the whole table until it is large.
_FORGET: Final = """
DELETE FROM outcomes WHERE ctid = ANY (ARRAY(
    SELECT found.ctid FROM unnest($1::text[], $2::uuid[]) AS asked (tenant, key)
    CROSS JOIN LATERAL (SELECT ctid FROM outcomes WHERE tenant_id = tenant AND claim_key = key OFFSET 0) AS found
))
"""
_SUBJECTS: Final = """
INSERT INTO outcome_subjects (tenant_id, subject, payer, facility, provider, place, claim_type, "authorization", diagnosis, coder)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[])
ON CONFLICT DO NOTHING
"""
_SERVICES: Final = """
INSERT INTO outcome_services (tenant_id, service, told) SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[])
ON CONFLICT DO NOTHING
"""
_REASONS: Final = """
INSERT INTO outcome_reasons (tenant_id, reason, category, carc) SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[])
ON CONFLICT DO NOTHING
"""


async def replace(tx: AsyncConnection, changed: Mapping[Account, Sequence[Outcome]]) -> None:
    """Write what accounts come to now in place of whatever stands of them: facts that were lost and read again find rows too."""
    accounts = sorted(changed, key=_order)
    await (await driver(tx)).execute(_FORGET, *_columns(accounts))
    await copy_rows(tx, "outcomes", _COLUMNS, [(*account, *_cells(each)) for account, now in changed.items() for each in now])


_SHARED: Final = "SELECT pg_advisory_xact_lock_shared(hashtextextended('analytics outcomes', 0))"
_ALONE: Final = "SELECT pg_advisory_xact_lock(hashtextextended('analytics outcomes', 0))"


async def begin(tx: AsyncConnection, *, alone: bool = False) -> None:
    """Before anything else of a transaction that replaces outcomes. `alone`: nobody else does until the commit: it replaces those
    of accounts whose facts it only reads.
    """
    await (await driver(tx)).execute(_ALONE if alone else _SHARED)


# With the words behind the numbers: one that is missing is a difference too.
_STANDING: Final = """
SELECT o.claim_key, o.episode, o.line, o.day, s.payer, s.facility, s.provider, s.place, s.claim_type, s."authorization",
    s.diagnosis, s.coder, v.told, CASE WHEN o.reason = 0 THEN '' ELSE r.category END AS category,
    CASE WHEN o.reason = 0 THEN '' ELSE r.carc END AS carc, o.denied_cents, o.claim_id, o.denial_id, o.sent_on
FROM outcomes AS o LEFT JOIN outcome_subjects AS s USING (tenant_id, subject)
    LEFT JOIN outcome_services AS v USING (tenant_id, service) LEFT JOIN outcome_reasons AS r USING (tenant_id, reason)
WHERE o.tenant_id = $1 AND o.claim_key = ANY ($2::uuid[])
"""
_ORPHANS: Final = """
SELECT DISTINCT claim_key FROM outcomes AS o WHERE tenant_id = $1
    AND NOT EXISTS (SELECT FROM facts WHERE facts.tenant_id = o.tenant_id AND facts.claim_key = o.claim_key)
"""


async def standing(tx: AsyncConnection, tenant_id: str, claim_keys: Sequence[UUID]) -> dict[UUID, list[Outcome]]:
    """Return the outcomes that stand, as they are read."""
    found: dict[UUID, list[Outcome]] = {}
    for key, episode, line, day, *words_of, cents, claim_id, denial_id, sent_on in await (await driver(tx)).fetch(
        _STANDING, tenant_id, claim_keys
    ):
        *subject, service, category, carc = words_of
        reason: Reason = (category, carc)
        each = Outcome(episode, line, day, cast("Subject", tuple(subject)), service, reason, cents, claim_id, denial_id, sent_on)
        found.setdefault(key, []).append(each)
    return found


async def orphans(tx: AsyncConnection, tenant_id: str) -> list[UUID]:
    """Return the accounts that have outcomes and no facts."""
    return [row["claim_key"] for row in await (await driver(tx)).fetch(_ORPHANS, tenant_id)]


async def name(tx: AsyncConnection, changed: Mapping[Account, Sequence[Outcome]]) -> None:
    """Keep the words behind the numbers. Under the lock of the sums: the same words come from everywhere."""
    told = {(tenant_id, each.subject, each.service, each.reason) for (tenant_id, _), now in changed.items() for each in now}
    subjects = {(tenant_id, number_of(subject), *subject) for tenant_id, subject, _, _ in told}
    services = {(tenant_id, number_of((service,)), service) for tenant_id, _, service, _ in told}
    reasons = {(tenant_id, reason_number(reason), *reason) for tenant_id, _, _, reason in told}
    connection = await driver(tx)
    for query, rows in ((_SUBJECTS, subjects), (_SERVICES, services), (_REASONS, {row for row in reasons if row[1]})):
        if rows:
            await connection.execute(query, *_columns(sorted(rows)))


@lru_cache(maxsize=4_096)  # of a payment most are about the same services and refuse nothing
def _cells(each: Outcome) -> tuple[Any, ...]:
    return (
        each.episode, each.line, each.day, number_of(each.subject), number_of((each.service,)), reason_number(each.reason),
        each.denied_cents, each.claim_id, each.denial_id, each.sent_on,
    )  # fmt: skip


def _order(account: Account) -> tuple[str, int]:
    return account[0], account[1].int


def _columns(rows: Iterable[Sequence[Any]]) -> list[Sequence[Any]]:
    return list(zip(*rows, strict=True))


async def words(tx: AsyncConnection, tenant_id: str) -> Words:
    """Return what the numbers of a tenant mean."""
    connection = await driver(tx)
    subjects = await connection.fetch(
        'SELECT subject, payer, facility, provider, place, claim_type, "authorization", diagnosis, coder FROM outcome_subjects'
        " WHERE tenant_id = $1",
        tenant_id,
    )
    services = await connection.fetch("SELECT service, told FROM outcome_services WHERE tenant_id = $1", tenant_id)
    reasons = await connection.fetch("SELECT reason, category, carc FROM outcome_reasons WHERE tenant_id = $1", tenant_id)
    named: dict[int, Reason] = {0: NOT_REFUSED}
    named |= {row[0]: (row[1], row[2]) for row in reasons}
    return Words({row[0]: tuple(row)[1:] for row in subjects}, {row[0]: row[1] for row in services}, named)


async def read(tx: AsyncConnection, tenant_id: str, first: date | None, last: date | None, into: "Gathered") -> None:
    """Read the outcomes of a period: COPY in binary, whose records all have one width, goes piece by piece into arrays."""
    query = (
        "SELECT uuid_hash_extended(claim_key, episode), subject, service, reason, day - DATE '1970-01-01', denied_cents"
        " FROM outcomes WHERE tenant_id = $1 AND day BETWEEN $2 AND $3"
    )
    await copy_out(tx, query, tenant_id, first or date.min, last or date.max, into=into.add)


_IN_SUBJECTS: Final = {name: f's."{name}"' for name in SUBJECT_DIMENSIONS}


def condition(name: str, value: str, given: Callable[[str], str]) -> str:
    """Return a condition of a cause as SQL over subjects `s` and services `v`; `given` takes a value and names its parameter."""
    if name == "procedure":
        return f"split_part(v.told, ':', 1) = {given(value)}"
    if name == "modifier" and value == NO_MODIFIER:
        return "(v.told <> '' AND strpos(v.told, ':') = 0)"
    if name == "modifier":
        return f"{given(value)} = ANY ((string_to_array(v.told, ':'))[2:])"
    return f"{_IN_SUBJECTS[name]} = {given(value)}"


async def claims_of(
    tx: AsyncConnection, tenant_id: str, named: Named, first: date, last: date, after: tuple[date, UUID, int] | None, limit: int
) -> Sequence[Mapping[str, Any]]:
    """Return the refused claims that a cause is about, newest first, one more than `limit`."""
    values: list[Any] = [tenant_id, first, last, named.category]

    def given(value: Any) -> str:
        values.append(value)
        return f"${len(values)}"

    where = ["o.tenant_id = $1", "o.reason <> 0", "o.day BETWEEN $2 AND $3", "r.category = $4"]
    where += [condition(name, value, given) for name, value in named.conditions]
    if after is not None:
        where.append(
            f"(o.day, o.claim_key, o.episode) < ({given(after[0])}::date, {given(after[1])}::uuid, {given(after[2])}::int)"
        )
    query = f"""
        WITH page AS (
            SELECT o.day, o.claim_key, o.episode, o.claim_id, o.denial_id,
                array_agg(DISTINCT v.told ORDER BY v.told) AS services, array_agg(DISTINCT r.carc ORDER BY r.carc) AS carcs
            FROM outcomes o JOIN outcome_reasons r USING (tenant_id, reason) JOIN outcome_subjects s USING (tenant_id, subject)
                JOIN outcome_services v USING (tenant_id, service)
            WHERE {" AND ".join(where)}
            GROUP BY o.day, o.claim_key, o.episode, o.claim_id, o.denial_id
            ORDER BY o.day DESC, o.claim_key DESC, o.episode DESC LIMIT {given(limit + 1)}
        )
        SELECT page.*, (  -- lines beside, too: a refusal of whole claims takes them along
            SELECT sum(o.denied_cents)::bigint FROM outcomes o JOIN outcome_reasons r USING (tenant_id, reason)
            WHERE o.tenant_id = $1 AND o.claim_key = page.claim_key AND o.episode = page.episode AND r.category = $4
        ) AS denied_cents
        FROM page ORDER BY day DESC, claim_key DESC, episode DESC
    """  # noqa: S608 - names are ours
    return await (await driver(tx)).fetch(query, *values)
