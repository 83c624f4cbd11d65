"""SQL of the worklist; nothing here commits.

Who changes a case holds its row of `cases` first and its row here after it; who only leases or assigns holds the row here alone.
The clock takes both, and only what nobody holds: so nobody ever waits for somebody who waits for them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from services.appeals.payers import store as payers
from services.appeals.workflow import CaseState
from services.appeals.worklist.placing import Case, Placed, Told, place

_encode = msgspec.json.Encoder().encode
_told = msgspec.json.Decoder(Told).decode
Key = tuple[str, UUID]  # tenant, case

_COLUMNS: Final = (
    "w.tenant_id, w.case_id, c.state, w.payer_id, c.category, c.denied_cents, w.told::text, w.deadline_on, w.known_on, w.assignee,"
    " w.team, w.holder, w.leased_until, w.snoozed_until, w.expired_for, w.received_on, w.requested_by_on,"
    " c.appeal_by_on, c.correct_by_on"
)
_JOINED: Final = "worklist AS w JOIN cases AS c ON c.tenant_id = w.tenant_id AND c.case_id = w.case_id"
_READ: Final = f"""
SELECT {_COLUMNS} FROM {_JOINED} WHERE (w.tenant_id, w.case_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))
ORDER BY w.tenant_id, w.case_id FOR UPDATE OF w
"""  # noqa: S608 - our own names
_DUE: Final = f"""
SELECT {_COLUMNS} FROM {_JOINED} WHERE w.look_at <= $1 ORDER BY w.look_at LIMIT $2 FOR UPDATE OF c, w SKIP LOCKED
"""  # noqa: S608 - as above
_PLACED: Final[Mapping[str, str]] = {
    "place": "text", "queue": "text", "score": "bigint", "expected_cents": "bigint", "level": "text", "deadline_on": "date",
    "deadline_is": "text", "expires_on": "date", "known_on": "date", "look_at": "timestamptz", "holder": "text",
    "leased_until": "timestamptz", "snoozed_until": "date",
}  # fmt: skip
_KEPT: Final[Mapping[str, str]] = {
    "assignee": "text",
    "team": "text",
    "expired_for": "date",
    "received_on": "date",
    "requested_by_on": "date",
    "amount_cents": "bigint",
}
_ENTERED: Final[Mapping[str, str]] = {"payer_id": "text", "told": "jsonb"}


def _unnested(columns: Mapping[str, str]) -> str:
    return ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(columns.values(), start=1))


_ALL: Final = {"tenant_id": "text", "case_id": "uuid", **_PLACED, **_KEPT, **_ENTERED}
_ENTER: Final = (
    f"INSERT INTO worklist ({', '.join(_ALL)}) SELECT * FROM unnest({_unnested(_ALL)})"  # noqa: S608 - our own names
    " ON CONFLICT (tenant_id, case_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in (*_PLACED, *_KEPT, *_ENTERED))
)
_MOVED: Final = {"tenant_id": "text", "case_id": "uuid", **_PLACED, **_KEPT}
_MOVE: Final = (
    f"UPDATE worklist AS w SET {', '.join(f'{name} = told.{name}' for name in (*_PLACED, *_KEPT))}"  # noqa: S608 - our own names
    f" FROM unnest({_unnested(_MOVED)}) AS told ({', '.join(_MOVED)})"
    " WHERE w.tenant_id = told.tenant_id AND w.case_id = told.case_id"
)
_LAST_DAYS: Final = """
UPDATE cases AS c SET appeal_by_on = told.appeal, correct_by_on = told.correct
FROM unnest($1::text[], $2::uuid[], $3::date[], $4::date[]) AS told (tenant_id, case_id, appeal, correct)
WHERE c.tenant_id = told.tenant_id AND c.case_id = told.case_id
"""
_WARN: Final = """
INSERT INTO case_warnings (tenant_id, case_id, deadline_on, days_before, raised_at)
SELECT t, c, d, b, $5 FROM unnest($1::text[], $2::uuid[], $3::date[], $4::int[]) AS raised (t, c, d, b) ON CONFLICT DO NOTHING
"""


def _case(row: Any) -> Case:
    told = dict(row)
    return Case(**told | {"state": CaseState(told["state"]), "told": _told(told["told"])})


async def read(tx: AsyncConnection, keys: Collection[Key]) -> dict[Key, Case]:
    """Lock cases' rows here, in one order, and return them."""
    if not keys:
        return {}
    rows = await (await driver(tx)).fetch(_READ, *map(list, zip(*keys, strict=True)))
    return {(row["tenant_id"], row["case_id"]): _case(row) for row in rows}


async def look(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> Case | None:
    """Return a case as it is here, without holding it."""
    query = f"SELECT {_COLUMNS} FROM {_JOINED} WHERE w.tenant_id = $1 AND w.case_id = $2"  # noqa: S608 - our own names
    row = await (await driver(tx)).fetchrow(query, tenant_id, case_id)
    return None if row is None else _case(row)


async def due(tx: AsyncConnection, now: datetime, limit: int) -> list[Case]:
    """Take cases whose time has come and that nobody else holds; they are ours until the transaction ends."""
    return [_case(row) for row in await (await driver(tx)).fetch(_DUE, now, limit)]


async def enter(tx: AsyncConnection, cases: Sequence[Case], names: Mapping[Key, str], now: datetime) -> Mapping[Key, Placed]:
    """Put cases on the worklist as their newest judgement leaves them, and say where each stands. `names` are their payers'.

    What people have done with them stays: who has them, until when they are put off.
    """
    if not cases:
        return {}
    known = await read(tx, [(case.tenant_id, case.case_id) for case in cases])
    seen = {(case.tenant_id, case.payer_id): case for case in cases}
    await payers.seen(
        tx, [(*key, names[case.tenant_id, case.case_id], case.told.facts.payer_kind) for key, case in sorted(seen.items())], now
    )
    entered = []
    for case in cases:
        before = known.get((case.tenant_id, case.case_id))
        entered.append(case if before is None else _kept(case, before))
    placed = await _placed(tx, entered, now)
    rows = [(*_row(case, each), case.payer_id, _encode(case.told).decode()) for case, each in placed]
    await (await driver(tx)).execute(_ENTER, *map(list, zip(*rows, strict=True)))
    await _warn(tx, placed, now)
    return {(case.tenant_id, case.case_id): each for case, each in placed}


def _kept(case: Case, before: Case) -> Case:
    names = (
        "deadline_on", "known_on", "assignee", "team", "holder", "leased_until", "snoozed_until", "expired_for", "received_on",
        "requested_by_on",
    )  # fmt: skip
    facts = before.told.facts  # a new judgement does not undo what was decided of an appeal
    told = msgspec.structs.replace(
        case.told, facts=msgspec.structs.replace(case.told.facts, level=facts.level, decided_on=facts.decided_on)
    )
    return msgspec.structs.replace(case, told=told, **{name: getattr(before, name) for name in names})


async def alter(
    tx: AsyncConnection, keys: Collection[Key], now: datetime, change: Callable[[Case], Case] = lambda case: case
) -> list[tuple[Case, Placed]]:
    """Change cases' rows here, and place them anew: after a step of their workflow, or because a person says so."""
    return await move(tx, [change(case) for case in (await read(tx, keys)).values()], now)


def expired(case: Case) -> Case:
    """Say that a case has expired for its last day: the clock does it once."""
    return msgspec.structs.replace(case, expired_for=case.deadline_on)


async def move(tx: AsyncConnection, cases: Sequence[Case], now: datetime) -> list[tuple[Case, Placed]]:
    """Place locked cases anew, and warn where it is time."""
    placed = await _placed(tx, cases, now)
    if placed:
        rows = [_row(case, each) for case, each in placed]
        await (await driver(tx)).execute(_MOVE, *map(list, zip(*rows, strict=True)))
        await _set_last_days(tx, placed)
        await _warn(tx, placed, now)
    return placed


async def _set_last_days(tx: AsyncConnection, placed: Sequence[tuple[Case, Placed]]) -> None:
    """Write where a last day is another than the case says: a payer was settled, or the next level has come."""
    rows = [
        (case.tenant_id, case.case_id, told.appeal_by_on, told.correct_by_on)
        for case, told in placed
        if (case.appeal_by_on, case.correct_by_on) != (told.appeal_by_on, told.correct_by_on)
    ]
    if rows:
        await (await driver(tx)).execute(_LAST_DAYS, *map(list, zip(*rows, strict=True)))


async def _placed(tx: AsyncConnection, cases: Sequence[Case], now: datetime) -> list[tuple[Case, Placed]]:
    known = await payers.settled(tx, {(case.tenant_id, case.payer_id) for case in cases})
    return [(case, place(case, payers.of(known, case.tenant_id, case.payer_id), now)) for case in cases]


def _row(case: Case, placed: Placed) -> tuple[Any, ...]:
    stands = tuple(getattr(placed, name) for name in _PLACED)
    kept = (case.assignee, case.team, case.expired_for, case.received_on, case.requested_by_on, case.denied_cents)
    return (case.tenant_id, case.case_id, *stands, *kept)


async def _warn(tx: AsyncConnection, placed: Sequence[tuple[Case, Placed]], now: datetime) -> None:
    raised = [(case.tenant_id, case.case_id, *each) for case, told in placed for each in told.warn]
    if raised:
        await (await driver(tx)).execute(_WARN, *map(list, zip(*raised, strict=True)), now)


# -- who works on what

# What is shown of a case beside its own row.
SHOWN: Final = (
    "c.*, w.place, w.level, w.deadline_on, w.deadline_is, w.expires_on, w.expected_cents, w.assignee, w.team, w.holder,"
    " w.leased_until, w.snoozed_until, ARRAY(SELECT tag FROM case_tags AS t WHERE t.tenant_id = w.tenant_id"
    " AND t.case_id = w.case_id ORDER BY tag) AS tags"
)
# The best of each queue that is the caller's (anybody's, the person's own, those of the person's teams) and of the caller's cases
# whose lease is over, then the best of these; the other leases that are over end. Two callers never wait for each other: what one
# looks at the other passes over. All in one statement: a caller waits for each trip to the database, and for the commit.
_NEXT: Final = f"""
WITH mine AS (
    SELECT '' AS queue UNION ALL SELECT 'person:' || $2
    UNION ALL SELECT 'team:' || team FROM team_members WHERE tenant_id = $1 AND member = $2
), ended AS (
    SELECT case_id, queue, score, payer_id, snoozed_until FROM worklist
    WHERE tenant_id = $1 AND place = 'leased' AND leased_until <= $5 ORDER BY leased_until LIMIT 100 FOR UPDATE SKIP LOCKED
), best AS (
    SELECT case_id FROM (
        SELECT head.case_id, head.score FROM mine CROSS JOIN LATERAL (
            SELECT case_id, score FROM worklist
            WHERE tenant_id = $1 AND queue = mine.queue AND place = 'free' AND ($4::text IS NULL OR payer_id = $4)
            ORDER BY score DESC, case_id LIMIT 1 FOR UPDATE SKIP LOCKED
        ) AS head
        UNION ALL SELECT case_id, score FROM ended
        WHERE queue IN (SELECT queue FROM mine) AND snoozed_until IS NULL AND ($4::text IS NULL OR payer_id = $4)
    ) AS heads ORDER BY score DESC, case_id LIMIT 1
), freed AS (
    UPDATE worklist AS w SET place = CASE WHEN ended.snoozed_until IS NULL THEN 'free' ELSE 'snoozed' END, holder = NULL,
        leased_until = NULL
    FROM ended WHERE w.tenant_id = $1 AND w.case_id = ended.case_id AND w.case_id NOT IN (SELECT case_id FROM best)
)
UPDATE worklist AS w SET place = 'leased', holder = $2, leased_until = $3 FROM best, cases AS c
WHERE w.tenant_id = $1 AND w.case_id = best.case_id AND c.tenant_id = $1 AND c.case_id = best.case_id RETURNING {SHOWN}
"""  # noqa: S608 - our own names


async def take_next(
    tx: AsyncConnection, tenant_id: str, who: str, now: datetime, until: datetime, *, payer_id: str | None
) -> Any | None:
    """Lease the best case that is a person's, a team's or anybody's and that nobody holds; return it as it is shown.

    Leases that are over by now end with it.
    """
    return await (await driver(tx)).fetchrow(_NEXT, tenant_id, who, until, payer_id, now)
