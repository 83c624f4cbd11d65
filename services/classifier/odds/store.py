"""SQL of outcomes and of the tables of odds made from them; nothing here commits."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.common.reversals import Reversible
from services.classifier.models.store import LOOKED_AT
from services.classifier.models.told import Came, Judged, Window
from services.classifier.odds.answers import Adjudication
from services.classifier.odds.outcomes import (
    CONTESTS,
    NOT_THIS_PAYERS,
    Circumstances,
    KeptDenial,
    Outcome,
    Subject,
    circumstances_of,
    subject_of,
)
from services.classifier.odds.table import NO_OUTCOMES, Table, logit_of
from services.classifier.store import kept_denial_of

Account = tuple[str, UUID]  # tenant and claim key
_encode = msgspec.json.Encoder().encode
_subject = msgspec.json.Decoder(Subject).decode
_circumstances = msgspec.json.Decoder(Circumstances).decode
_table = msgspec.json.Decoder(Table).decode
_REVERSIBLE: Final = ", ".join(Reversible.__struct_fields__)


class OutcomeRow(Struct, frozen=True):
    """One decision. `source`: an appeal as it was told, or a remit that answers; `action`: what was sent, `none` where unknown."""

    tenant_id: str
    outcome_id: UUID
    source: str
    revision: int
    denial_id: UUID
    action: str
    level: str | None
    ending: str
    disputed_cents: int
    recovered_cents: int
    decided_on: date
    subject: Subject
    circumstances: Circumstances


_SAVE: Final = """
INSERT INTO outcomes (tenant_id, outcome_id, source, revision, denial_id, action, level, ending, disputed_cents, recovered_cents,
                      decided_on, subject, circumstances)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::integer[], $5::uuid[], $6::text[], $7::text[], $8::text[],
                     $9::bigint[], $10::bigint[], $11::date[], $12::jsonb[], $13::jsonb[])
ON CONFLICT (tenant_id, outcome_id) DO UPDATE SET revision = excluded.revision, action = excluded.action, level = excluded.level,
    ending = excluded.ending, disputed_cents = excluded.disputed_cents, recovered_cents = excluded.recovered_cents,
    decided_on = excluded.decided_on, subject = excluded.subject, circumstances = excluded.circumstances
WHERE excluded.revision > outcomes.revision
   OR (outcomes.source = 'remit' AND (outcomes.ending, outcomes.recovered_cents, outcomes.decided_on)
       IS DISTINCT FROM (excluded.ending, excluded.recovered_cents, excluded.decided_on))
RETURNING tenant_id
"""


async def save_outcomes(tx: AsyncConnection, rows: Sequence[OutcomeRow]) -> list[str]:
    """Write outcomes, each once; the highest revision holds. Returns the tenant of each that is new or changed."""
    if not rows:
        return []
    told = [
        (*msgspec.structs.astuple(row)[:-2], _encode(row.subject).decode(), _encode(row.circumstances).decode()) for row in rows
    ]
    written = await (await driver(tx)).fetch(_SAVE, *map(list, zip(*told, strict=True)))
    return [row["tenant_id"] for row in written]


async def drop_outcomes(tx: AsyncConnection, names: Collection[tuple[str, UUID]]) -> list[str]:
    """Remove outcomes that hold no more: what answered was taken back. Returns the tenant of each."""
    if not names:
        return []
    query = (
        "DELETE FROM outcomes WHERE (tenant_id, outcome_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[])) RETURNING tenant_id"
    )
    return [row["tenant_id"] for row in await (await driver(tx)).fetch(query, *map(list, zip(*names, strict=True)))]


async def known_denials(tx: AsyncConnection, names: Collection[tuple[str, UUID]]) -> dict[tuple[str, UUID], KeptDenial]:
    """Return denials by tenant and id."""
    if not names:
        return {}
    tenants, ids = map(list, zip(*names, strict=True))
    rows = await tx.execute(
        text(
            "SELECT * FROM denials WHERE (tenant_id, denial_id) IN"
            " (SELECT * FROM unnest(CAST(:tenants AS text[]), CAST(:ids AS uuid[])))"
        ),
        {"tenants": tenants, "ids": ids},
    )
    return {(row["tenant_id"], row["denial_id"]): kept_denial_of(row) for row in rows.mappings()}


_ACCOUNTS: Final = "(tenant_id, claim_key) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))"


async def denied_adjudications(tx: AsyncConnection, accounts: Collection[Account]) -> list[Adjudication]:
    """Return the denials of some accounts as adjudications; rejections are none."""
    query = (
        f"SELECT {_REVERSIBLE}, service_from_on, category, denied_cents, status FROM denials"  # noqa: S608 - our own names
        f" WHERE {_ACCOUNTS} AND acknowledgement_id IS NULL"
    )
    rows = await _fetch(tx, query, accounts)
    return [
        Adjudication(
            reversible=_reversible(row),
            service_from_on=row["service_from_on"],
            category=row["category"],
            denied_cents=row["denied_cents"],
            standing=row["status"] == "active",
        )
        for row in rows
    ]


async def insert_payments(tx: AsyncConnection, payments: Sequence[tuple[Reversible, date | None]]) -> None:
    """Keep remits that refuse nothing, with their first day of service."""
    if payments:
        names = (*Reversible.__struct_fields__, "service_from_on")
        marks = ", ".join(f"${place}" for place in range(1, len(names) + 1))
        query = f"INSERT INTO later_payments ({', '.join(names)}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608 - ours
        rows = [(*msgspec.structs.astuple(payment), service_on) for payment, service_on in payments]
        await (await driver(tx)).executemany(query, rows)


async def payments_of(tx: AsyncConnection, accounts: Collection[Account]) -> list[Adjudication]:
    """Return the kept remits of some accounts that refuse nothing."""
    query = f"SELECT {_REVERSIBLE}, service_from_on FROM later_payments WHERE {_ACCOUNTS}"  # noqa: S608 - our own names
    return [Adjudication(_reversible(row), row["service_from_on"]) for row in await _fetch(tx, query, accounts)]


async def reversals_on(tx: AsyncConnection, accounts: Collection[Account]) -> list[Reversible]:
    """Return all reversals of some accounts."""
    query = f"SELECT {_REVERSIBLE} FROM reversals WHERE {_ACCOUNTS}"  # noqa: S608 - our own names
    return [_reversible(row) for row in await _fetch(tx, query, accounts)]


async def _fetch(tx: AsyncConnection, query: str, accounts: Collection[Account]) -> list[Any]:
    return await (await driver(tx)).fetch(query, *map(list, zip(*accounts, strict=True))) if accounts else []


def _reversible(row: Any) -> Reversible:
    return Reversible(**{name: row[name] for name in Reversible.__struct_fields__})


async def note_changes(tx: AsyncConnection, changes: Mapping[str, int]) -> None:
    """Count what has changed of tenants' outcomes, so that their tables are made anew."""
    if changes:
        query = text(
            "INSERT INTO odds_due (tenant_id, changes)"
            " SELECT * FROM unnest(CAST(:tenants AS text[]), CAST(:counts AS bigint[]))"
            " ON CONFLICT (tenant_id) DO UPDATE SET changes = odds_due.changes + excluded.changes"
        )
        in_order = sorted(changes.items())
        await tx.execute(query, {"tenants": [name for name, _ in in_order], "counts": [count for _, count in in_order]})


async def next_due(tx: AsyncConnection, now: datetime) -> tuple[str, int] | None:
    """Return a tenant whose outcomes changed by a hundredth, or at all since yesterday; with the count of changes."""
    query = text(
        "SELECT tenant_id, changes FROM odds_due WHERE changes - changes_seen >= GREATEST(1, outcomes / 100)"
        " OR (changes > changes_seen AND made_at < CAST(:now AS timestamptz) - interval '1 day')"
        " ORDER BY made_at NULLS FIRST LIMIT 1"
    )
    row = (await tx.execute(query, {"now": now})).one_or_none()
    return None if row is None else (row.tenant_id, row.changes)


async def note_made(tx: AsyncConnection, tenant_id: str, changes: int, outcomes: int, now: datetime) -> None:
    query = text("UPDATE odds_due SET changes_seen = :seen, outcomes = :outcomes, made_at = :now WHERE tenant_id = :t")
    await tx.execute(query, {"t": tenant_id, "seen": changes, "outcomes": outcomes, "now": now})


# A filing that nothing has come of yet; `decided_on` is then the day from which on it counts as lost.
UNANSWERED: Final = "unanswered"
# Where nothing was sent and nothing is paid (any more), nothing was lost either: that a payment was taken back is no refusal.
_IS_TOLD: Final = "NOT (outcomes.source = 'appeal' AND outcomes.action = 'none' AND outcomes.ending = 'upheld')"
DECIDED: Final = f"{_IS_TOLD} AND outcomes.ending <> '{UNANSWERED}'"
WON: Final = f"outcomes.ending NOT IN ('upheld', '{UNANSWERED}')"


def ended_by(day: str) -> str:
    """Return the condition that an outcome counts on a day, given as a parameter of the query."""
    return f"{_IS_TOLD} AND (outcomes.ending <> '{UNANSWERED}' OR outcomes.decided_on <= {day})"


# What was sent tells more than what merely came: a denial that was contested counts by its decisions alone, any other once.
_OUTCOMES: Final = text(
    f"""
    SELECT subject::text, circumstances::text, won, disputed_cents, recovered_cents, decided_on
    FROM (
        SELECT *, {WON} AS won, bool_or(action <> 'none') OVER denial AS contested,
               row_number() OVER (PARTITION BY denial_id, action <> 'none' ORDER BY source, outcome_id) AS place
        FROM outcomes WHERE tenant_id = :t AND decided_on > :since AND {ended_by("CAST(:today AS date)")}
        WINDOW denial AS (PARTITION BY denial_id)
    ) AS decided
    WHERE subject ->> 'level' <> 'none' AND (action <> 'none' OR (NOT contested AND place = 1))
    ORDER BY decided_on DESC, outcome_id LIMIT :limit
    """  # noqa: S608 - our own text
)


async def outcomes(tx: AsyncConnection, tenant_id: str, today: date, keep_days: int, limit: int) -> list[Outcome]:
    """Return what a tenant's odds are learned from, the newest first."""
    values = {"t": tenant_id, "today": today, "since": today - timedelta(days=keep_days), "limit": limit}
    rows = await tx.execute(_OUTCOMES, values)
    return [
        Outcome(
            subject=_subject(row.subject),
            won=row.won,
            disputed_cents=row.disputed_cents,
            recovered_cents=row.recovered_cents,
            decided_on=row.decided_on,
            circumstances=_circumstances(row.circumstances),
        )
        for row in rows
    ]


async def insert_table(tx: AsyncConnection, tenant_id: str, table: Table, report: Struct, now: datetime) -> None:
    query = text(
        "INSERT INTO odds_tables (tenant_id, version, made_at, content, report) VALUES (:t, :version, :now, :content, :report)"
    )
    values = {"t": tenant_id, "version": table.version, "now": now, "content": _encode(table)}
    await tx.execute(query, values | {"report": _encode(report).decode()})


async def newest_version(tx: AsyncConnection, tenant_id: str) -> int:
    """Return the version of a tenant's newest table; 0 where there is none."""
    query = text("SELECT COALESCE(max(version), 0) FROM odds_tables WHERE tenant_id = :t")
    return int((await tx.execute(query, {"t": tenant_id})).scalar_one())


async def newest_tables(tx: AsyncConnection, known: Iterable[tuple[str, int]]) -> dict[str, Table]:
    """Return the newest tables of all tenants that this transaction may see, but for those that are known."""
    versions = dict(known)
    found = await tx.execute(text("SELECT tenant_id, max(version) AS version FROM odds_tables GROUP BY tenant_id"))
    newer = [(row.tenant_id, row.version) for row in found if versions.get(row.tenant_id) != row.version]
    tables = {}
    for tenant_id, version in newer:
        told = await table(tx, tenant_id, version)
        if told is not None:
            tables[tenant_id] = told[0]
    return tables


async def table(tx: AsyncConnection, tenant_id: str, version: int) -> tuple[Table, datetime, str] | None:
    """Return a version with its time and its report, as JSON."""
    query = text("SELECT content, made_at, report::text AS report FROM odds_tables WHERE tenant_id = :t AND version = :v")
    row = (await tx.execute(query, {"t": tenant_id, "v": version})).one_or_none()
    return None if row is None else (_table(row.content), row.made_at, row.report)


async def count_outcomes(tx: AsyncConnection, tenant_id: str, today: date) -> tuple[int, int]:
    """Return how many outcomes there are on a day, and how many of them were won."""
    query = text(
        f"SELECT count(*) AS n, count(*) FILTER (WHERE {WON}) AS won FROM outcomes"  # noqa: S608 - our own text
        f" WHERE tenant_id = :t AND {ended_by('CAST(:today AS date)')}"
    )
    row = (await tx.execute(query, {"t": tenant_id, "today": today})).one()
    return row.n, row.won


_CAME: Final = text(
    """
    SELECT *, changed_xid::text AS changed FROM denials
    WHERE tenant_id = :t AND (changed_xid, denial_id) > (CAST(CAST(:xid AS text) AS xid8), :after)
    AND changed_xid < pg_snapshot_xmin(pg_current_snapshot()) AND status = 'active' AND recoverable
    AND acknowledgement_id IS NULL AND action <> ALL(:not_contested)
    AND (action = ANY(:contests) OR alternative_actions && :contests)
    ORDER BY denials.changed_xid, denial_id LIMIT :limit
    """
)


async def came(tx: AsyncConnection, tenant_id: str, after: tuple[int, UUID], limit: int) -> list[Came]:
    """Return denials that somebody could contest, in the order of their changes, with what a model takes."""
    values = {"t": tenant_id, "xid": str(after[0]), "after": after[1], "limit": limit}
    values |= {"contests": list(CONTESTS), "not_contested": sorted(NOT_THIS_PAYERS)}
    found = (await tx.execute(_CAME, values)).mappings().all()
    if not found:
        return []
    newest = await table(tx, tenant_id, await newest_version(tx, tenant_id))
    begin = newest[0] if newest is not None else NO_OUTCOMES
    told = []
    for row in found:
        kept = kept_denial_of(row)
        subject = subject_of(kept)
        if subject is not None:
            known = (subject, circumstances_of(kept.denial), logit_of(begin, subject))
            told.append(Came(kept.denial.denial_id, kept.denial.payment_on, (int(row["changed"]), kept.denial.denial_id), known))
    return told


_JUDGED: Final = f"""
SELECT looked_at.*, decided.won AS happened, denied_cents AS cents
FROM ({LOOKED_AT}) AS looked_at
JOIN denials ON denials.tenant_id = $1 AND denials.denial_id = looked_at.about
LEFT JOIN LATERAL (
    SELECT {WON} AS won FROM outcomes
    WHERE outcomes.tenant_id = $1 AND outcomes.denial_id = looked_at.about AND {ended_by("$4")}
    ORDER BY action = 'none', source, decided_on, outcome_id LIMIT 1) AS decided ON true
"""  # noqa: S608 - our own text


async def judged(tx: AsyncConnection, tenant_id: str, model_ids: Sequence[UUID], window: Window) -> list[Judged]:
    """Return what models said of some denials of each day, and how their first contest ended."""
    rows = await (await driver(tx)).fetch(_JUDGED, tenant_id, list(model_ids), window.first_on, window.last_on, window.each_day)
    return [Judged(**dict(row)) for row in rows]
