"""SQL of follow-ups, their history, and what is to be looked at when; nothing here commits.

Whoever books something touches its subject in the same transaction; a scan takes what is due and holds it until it is written: so
nothing that changes goes unseen, two workers never look at the same thing, and one that dies leaves everything as it was.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import copy_rows, driver
from libs.common.ids import uuid7
from services.ingest.checks.reference import FEE_SCHEDULE
from services.ingest.followups.lifecycle import Followup, Step
from services.ingest.followups.rules import CLAIM_MAY_FOLLOW, About, Subject

_encode = msgspec.json.Encoder().encode


class Watched(NamedTuple):
    """A subject whose time has come."""

    tenant_id: str
    subject: Subject
    subject_id: UUID


_TOUCH = """
INSERT INTO followup_watches (tenant_id, subject, subject_id, look_at)
SELECT $1, subject, subject_id, $4 FROM unnest($2::text[], $3::uuid[]) AS touched (subject, subject_id)
ON CONFLICT (tenant_id, subject, subject_id) DO UPDATE SET look_at = LEAST(followup_watches.look_at, excluded.look_at)
"""


async def touch(tx: AsyncConnection, tenant_id: str, subjects: Iterable[tuple[Subject, UUID]], now: datetime) -> None:
    """Have subjects looked at soon: something new is known of them. In one order, so that two who touch never deadlock."""
    touched = sorted(set(subjects))
    if touched:
        names, ids = zip(*touched, strict=True)
        await (await driver(tx)).execute(_TOUCH, tenant_id, list(names), list(ids), now)


_WATCH_NEW = "INSERT INTO followup_watches SELECT $1, $2, * FROM unnest($3::uuid[], $4::timestamptz[])"


async def watch_new(tx: AsyncConnection, tenant_id: str, subject: Subject, looks: Mapping[UUID, datetime], *, copies: bool) -> None:
    """Have subjects that this transaction brought looked at, each at its moment: nobody watches them yet. `copies`: may COPY."""
    if copies and looks:
        rows = [(tenant_id, subject, *each) for each in looks.items()]
        await copy_rows(tx, "followup_watches", ("tenant_id", "subject", "subject_id", "look_at"), rows)
    elif looks:
        await (await driver(tx)).execute(_WATCH_NEW, tenant_id, subject, list(looks), list(looks.values()))


_UNWATCH = """
DELETE FROM followup_watches WHERE tenant_id = $1 AND subject = $2 AND subject_id = ANY (ARRAY(
    SELECT subject_id FROM followup_watches WHERE tenant_id = $1 AND subject = $2 AND subject_id = ANY ($3::uuid[])
    ORDER BY subject_id FOR UPDATE  -- one order: two who want the same never deadlock
))  -- an array and no join: a planner without statistics would join by a part of the key
"""


async def unwatch(tx: AsyncConnection, tenant_id: str, subject: Subject, ids: Iterable[UUID]) -> None:
    """Look at subjects no more; a scan that holds one of them is waited for."""
    await (await driver(tx)).execute(_UNWATCH, tenant_id, subject, sorted(ids))


_TO_JUDGE = """
SELECT subject_id AS claim_id FROM followups
WHERE tenant_id = $1 AND subject = 'claim' AND subject_id = ANY ($2::uuid[])
  AND status || '' = 'open'  -- so that no planner without statistics goes through all that are open
UNION ALL
SELECT claim_id FROM unnest($2::uuid[], $3::bigint[]) AS asked (claim_id, answers)
JOIN (
    SELECT claim_id, count(*) AS answers FROM matches WHERE tenant_id = $1 AND claim_id = ANY ($2::uuid[]) GROUP BY claim_id
) AS here USING (claim_id) WHERE here.answers <> asked.answers
UNION ALL
SELECT unnest($2::uuid[]) WHERE EXISTS (SELECT 1 FROM reference_releases WHERE tenant_id = $1 AND name = $4 AND state = 'live')
"""


async def claims_to_judge(tx: AsyncConnection, tenant_id: str, answers: Mapping[UUID, int]) -> set[UUID]:
    """Return those of some answered claims, each with its answers of now, that have other ones, a follow-up or a fee schedule."""
    rows = await (await driver(tx)).fetch(_TO_JUDGE, tenant_id, list(answers), list(answers.values()), FEE_SCHEDULE)
    return {row["claim_id"] for row in rows}


def touched_by(remit_id: UUID, *claim_ids: UUID | None) -> set[tuple[Subject, UUID]]:
    """Return what a remit's match is news for: the claims that it answers or answered; the remit itself."""
    return {("remit", remit_id), *(("claim", each) for each in claim_ids if each is not None)}


_LEASE = """
SELECT tenant_id, subject, subject_id FROM followup_watches WHERE look_at <= $1 ORDER BY look_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""


async def lease(tx: AsyncConnection, now: datetime, limit: int) -> list[Watched]:
    """Take what is due; it is ours until the transaction ends."""
    return [Watched(*row) for row in await (await driver(tx)).fetch(_LEASE, now, limit)]


_LATER = """
UPDATE followup_watches AS w SET look_at = told.look_at
FROM unnest($1::text[], $2::text[], $3::uuid[], $4::timestamptz[]) AS told (tenant_id, subject, subject_id, look_at)
WHERE w.tenant_id = told.tenant_id AND w.subject = told.subject AND w.subject_id = told.subject_id
"""
_NEVER = """
DELETE FROM followup_watches AS w USING unnest($1::text[], $2::text[], $3::uuid[]) AS told (tenant_id, subject, subject_id)
WHERE w.tenant_id = told.tenant_id AND w.subject = told.subject AND w.subject_id = told.subject_id
"""


async def settle_watches(tx: AsyncConnection, looks: Mapping[Watched, date | None]) -> None:
    """Say when each subject is to be looked at again; None: when it is touched."""
    connection = await driver(tx)
    later = [(*each, datetime.combine(on, time(), UTC)) for each, on in looks.items() if on is not None]
    if later:
        await connection.execute(_LATER, *map(list, zip(*later, strict=True)))
    never = [each for each, on in looks.items() if on is None]
    if never:
        await connection.execute(_NEVER, *map(list, zip(*never, strict=True)))


def followup(row: Mapping[Any, Any]) -> Followup:
    """Return the follow-up that a row holds."""
    about = About(row["subject"], row["subject_id"], row["patient_control_number"], row["payer_id"], row["payer_name"])
    told = {name: row[name] for name in Followup.__struct_fields__ if name != "about"}
    return Followup(about=about, **told)


async def known(tx: AsyncConnection, tenant_id: str, subject: Subject, ids: Collection[UUID]) -> dict[UUID, list[Followup]]:
    """Return the follow-ups of some subjects, locked against a person's change of the same moment."""
    query = (
        "SELECT * FROM followups WHERE tenant_id = $1 AND subject = $2 AND subject_id = ANY ($3::uuid[])"
        " ORDER BY followup_id FOR UPDATE"
    )
    found: dict[UUID, list[Followup]] = defaultdict(list)
    for row in await (await driver(tx)).fetch(query, tenant_id, subject, list(ids)):
        found[row["subject_id"]].append(followup(row))
    return found


async def lock_one(tx: AsyncConnection, tenant_id: str, followup_id: UUID) -> Followup | None:
    """Return one follow-up, locked."""
    query = "SELECT * FROM followups WHERE tenant_id = $1 AND followup_id = $2 FOR UPDATE"
    row = await (await driver(tx)).fetchrow(query, tenant_id, followup_id)
    return None if row is None else followup(row)


_ROW: Mapping[str, str] = {
    "followup_id": "uuid", "kind": "text", "subject": "text", "subject_id": "uuid", "patient_control_number": "text",
    "payer_id": "text", "payer_name": "text", "due_on": "date", "amount_cents": "bigint", "reason": "text", "status": "text",
    "resolution": "text", "resolved_by": "text", "resolved_at": "timestamptz", "owner": "text", "note": "text",
    "snoozed_until": "date", "version": "bigint", "opened_at": "timestamptz", "changed_at": "timestamptz",
}  # fmt: skip
_CHANGING = (
    "due_on", "amount_cents", "reason", "status", "resolution", "resolved_by", "resolved_at", "owner", "note", "snoozed_until",
    "version", "changed_at",
)  # fmt: skip
_UPDATE = (
    f"UPDATE followups AS f SET {', '.join(f'{name} = told.{name}' for name in _CHANGING)} FROM unnest("  # noqa: S608 - our own names
    + ", ".join(f"${place}::{_ROW[name]}[]" for place, name in enumerate(("followup_id", *_CHANGING), start=2))
    + f") AS told (followup_id, {', '.join(_CHANGING)}) WHERE f.tenant_id = $1 AND f.followup_id = told.followup_id"
)
_HISTORY = """
INSERT INTO followup_history (tenant_id, followup_id, row_id, what, who, at, version, changes)
SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::bigint[], $8::jsonb[])
"""


def _values(each: Followup) -> dict[str, Any]:
    told = msgspec.structs.asdict(each)
    about = told.pop("about")
    return {**told, **msgspec.structs.asdict(about)}


async def open_all(tx: AsyncConnection, tenant_id: str, opened: Sequence[Followup]) -> None:
    """COPY follow-ups that are new."""
    rows = [(tenant_id, *(told[name] for name in _ROW)) for told in map(_values, opened)]
    await copy_rows(tx, "followups", ("tenant_id", *_ROW), rows)


async def write(tx: AsyncConnection, tenant_id: str, steps: Sequence[Step]) -> None:
    """Write what changed, and how that came to be."""
    opened = [each.after for each in steps if each.what == "opened"]
    if opened:
        await open_all(tx, tenant_id, opened)
    changed = [_values(each.after) for each in steps if each.what != "opened"]
    connection = await driver(tx)
    if changed:
        columns = [[told[name] for told in changed] for name in ("followup_id", *_CHANGING)]
        await connection.execute(_UPDATE, tenant_id, *columns)
    history = [
        (
            each.after.followup_id,
            uuid7(),
            each.what,
            each.who,
            each.after.changed_at,
            each.after.version,
            _encode(each.changes).decode(),
        )
        for each in steps
    ]
    if history:
        await connection.execute(_HISTORY, tenant_id, *map(list, zip(*history, strict=True)))


# Every tenant by one look into an index each, however many rows it has.
_TENANTS = """
WITH RECURSIVE billing (tenant_id) AS (
    (SELECT min(tenant_id) FROM claims)
    UNION ALL
    SELECT (SELECT min(tenant_id) FROM claims WHERE tenant_id > billing.tenant_id) FROM billing WHERE billing.tenant_id IS NOT NULL
), paid (tenant_id) AS (
    (SELECT min(tenant_id) FROM remittances)
    UNION ALL
    SELECT (SELECT min(tenant_id) FROM remittances WHERE tenant_id > paid.tenant_id) FROM paid WHERE paid.tenant_id IS NOT NULL
)
SELECT tenant_id FROM (SELECT tenant_id FROM billing UNION SELECT tenant_id FROM paid) AS here
WHERE tenant_id IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM followup_sweeps AS s WHERE s.tenant_id = here.tenant_id AND s.swept_at > $1)
ORDER BY tenant_id
"""


async def to_sweep(tx: AsyncConnection, since: datetime) -> list[str]:
    """Return the tenants that were not swept since a moment."""
    return [row["tenant_id"] for row in await (await driver(tx)).fetch(_TENANTS, since)]


async def swept(tx: AsyncConnection, tenant_id: str, now: datetime) -> None:
    """Note that a tenant was swept."""
    await (await driver(tx)).execute(
        "INSERT INTO followup_sweeps VALUES ($1, $2) ON CONFLICT (tenant_id) DO UPDATE SET swept_at = excluded.swept_at",
        tenant_id,
        now,
    )


_OF_SCHEDULE = """
SELECT row_id AS place, claim_id AS subject_id FROM claims WHERE tenant_id = $1 AND row_id > $2
  AND payer_id IN (SELECT payer_id FROM reference_fees WHERE tenant_id = $1 AND release_id = $4)
ORDER BY row_id LIMIT $3
"""


async def touch_claims_of_schedule(
    tx: AsyncConnection, tenant_id: str, release_id: int, after: UUID, limit: int, now: datetime
) -> UUID | None:
    """Touch the next slice of the claims whose payers a fee schedule is about; return where it ends, None at the end of all."""
    rows = await (await driver(tx)).fetch(_OF_SCHEDULE, tenant_id, after, limit, release_id)
    await touch(tx, tenant_id, (("claim", row["subject_id"]) for row in rows), now)
    return rows[-1]["place"] if len(rows) == limit else None


_MAY_FOLLOW_MS = CLAIM_MAY_FOLLOW // timedelta(milliseconds=1)
# From when the first claim may have been meant: a version 7 id begins with its milliseconds.
_REMITS = """
        SELECT remit_row_id AS place, remit_id AS subject_id FROM matches
        WHERE tenant_id = $1 AND result = '{result}' AND remit_row_id > $2
          AND remit_row_id > (
            SELECT (lpad(to_hex(floor(extract(epoch FROM uuid_extract_timestamp(row_id)) * 1000)::bigint - {before_ms}), 12, '0')
                || repeat('0', 20))::uuid
            FROM claims WHERE claims.tenant_id = $1 ORDER BY row_id LIMIT 1)
          AND (
            SELECT w.look_at FROM followup_watches AS w WHERE w.tenant_id = $1 AND w.subject = $4 AND w.subject_id = remit_id
          ) IS NULL
        ORDER BY remit_row_id LIMIT $3
"""
# What may be late and is not watched, in slices: (where the slice ends, subject). Answered claims drop out by indexes alone.
# Whether the rest is watched is looked up by the whole key: a planner without statistics would join by a part of it.
SWEEPS: Sequence[tuple[Subject, str]] = (
    ("claim", """
        SELECT claim_id AS place, claim_id AS subject_id FROM (
            SELECT c.claim_id FROM claims AS c WHERE c.tenant_id = $1 AND c.claim_id > $2
              AND NOT EXISTS (SELECT 1 FROM matches AS m WHERE m.tenant_id = $1 AND m.claim_id = c.claim_id)
            ORDER BY c.claim_id OFFSET 0  -- a fence: those that are answered drop out before anything is looked up
        ) AS unanswered
        WHERE (
            SELECT w.look_at FROM followup_watches AS w WHERE w.tenant_id = $1 AND w.subject = $4 AND w.subject_id = claim_id
        ) IS NULL
        ORDER BY claim_id LIMIT $3
    """),
    ("remit", _REMITS.format(result="unmatched", before_ms=_MAY_FOLLOW_MS)),
    ("remit", _REMITS.format(result="ambiguous", before_ms=_MAY_FOLLOW_MS)),
    ("remittance", """
        SELECT p.row_id AS place, p.remittance_id AS subject_id FROM remittances AS p WHERE p.tenant_id = $1 AND p.row_id > $2
          AND (EXISTS (SELECT 1 FROM transactions AS t WHERE t.tenant_id = $1 AND t.remittance_id = p.remittance_id
                         AND (t.balance_difference_cents <> 0 OR t.unbalanced_claims > 0 OR t.unbalanced_lines > 0))
            OR p.payment_on >= (SELECT min(deposited_on) FROM deposits WHERE tenant_id = $1)
             AND NOT EXISTS (SELECT 1 FROM deposits AS d WHERE d.tenant_id = $1 AND d.remittance_id = p.remittance_id))
          AND (
            SELECT w.look_at FROM followup_watches AS w WHERE w.tenant_id = $1 AND w.subject = $4 AND w.subject_id = p.remittance_id
          ) IS NULL
        ORDER BY p.row_id LIMIT $3
    """),
    ("deposit", """
        SELECT deposit_id AS place, deposit_id AS subject_id FROM deposits
        WHERE tenant_id = $1 AND remittance_id IS NULL AND deposit_id > $2 AND (
            SELECT w.look_at FROM followup_watches AS w WHERE w.tenant_id = $1 AND w.subject = $4 AND w.subject_id = deposit_id
          ) IS NULL
        ORDER BY deposit_id LIMIT $3
    """),
)  # fmt: skip


_SWEEP = """
WITH slice AS ({slice}), touched AS (
    INSERT INTO followup_watches (tenant_id, subject, subject_id, look_at) SELECT $1, $4, subject_id, $5 FROM slice
    ORDER BY subject_id ON CONFLICT DO NOTHING
)
SELECT count(*) AS found, max(place::text)::uuid AS place FROM slice
"""


async def sweep(
    tx: AsyncConnection, tenant_id: str, subject: Subject, slice_: str, after: UUID, limit: int, now: datetime
) -> UUID | None:
    """Watch the next slice of what may be late and is not watched; return where it ends, None at the end of all."""
    query = _SWEEP.format(slice=slice_)
    row = await (await driver(tx)).fetchrow(query, tenant_id, after, limit, subject, now)
    return row["place"] if row is not None and row["found"] == limit else None


_OF_PAYERS = """
WITH slice AS (
    SELECT w.subject_id, c.payer_id FROM followup_watches AS w JOIN claims AS c ON c.tenant_id = $1 AND c.claim_id = w.subject_id
    WHERE w.tenant_id = $1 AND w.subject = 'claim' AND w.subject_id > $2 ORDER BY w.subject_id LIMIT $3
), touched AS (
    UPDATE followup_watches AS w SET look_at = $5 FROM slice
    WHERE w.tenant_id = $1 AND w.subject = 'claim' AND w.subject_id = slice.subject_id
      AND slice.payer_id = ANY ($4::text[]) AND w.look_at > $5
)
SELECT count(*) AS found, max(subject_id::text)::uuid AS place FROM slice
"""


async def touch_claims_of_payers(
    tx: AsyncConnection, tenant_id: str, payers: Collection[str], after: UUID, limit: int, now: datetime
) -> UUID | None:
    """Touch the next slice of some payers' claims that are watched; return where it ends, None at the end of all."""
    row = await (await driver(tx)).fetchrow(_OF_PAYERS, tenant_id, after, limit, list(payers), now)
    return row["place"] if row is not None and row["found"] == limit else None


async def payers_with_other_rules(tx: AsyncConnection, tenant_id: str) -> set[str]:
    """Return the payers whose rules changed since the tenant was swept last."""
    rows = await (await driver(tx)).fetch(
        "SELECT DISTINCT v.payer_id FROM payer_rule_versions AS v JOIN followup_sweeps AS s ON s.tenant_id = v.tenant_id"
        " WHERE v.tenant_id = $1 AND v.changed_at >= s.swept_at",
        tenant_id,
    )
    return {row["payer_id"] for row in rows}
