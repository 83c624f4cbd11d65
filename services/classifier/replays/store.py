"""SQL of replays; nothing here commits."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.denial_classified import Deadline, DenialClassifiedV1, Reason
from libs.common.database import copy_rows, driver
from libs.common.orders import ring
from services.classifier.replays.comparing import Judged, Side, Standing, State, sides
from services.classifier.store import columns_of, denial_of
from services.classifier.verdict import Adjudicated

NOWHERE: Final = UUID(int=0)
_encode = msgspec.json.Encoder().encode
_adjudicated = msgspec.json.Decoder(Adjudicated).decode
_side = msgspec.json.Decoder(Side).decode
_reasons = msgspec.json.Decoder(tuple[Reason, ...]).decode
_due = msgspec.json.Decoder(Deadline).decode


class Replay(Struct, frozen=True):
    """One replay and how far it is. `compared` of `total` denials are judged, `passed` of `changed` are gone through to apply."""

    tenant_id: str
    replay_id: UUID
    version: int
    first_on: date
    last_on: date
    per_second: int | None
    state: State
    position: UUID
    created_at: datetime
    updated_at: datetime
    total: int = 0
    compared: int = 0
    unjudged: int = 0
    changed: int = 0
    applied: int = 0
    passed: int = 0


class Past(Struct, frozen=True, gc=False):
    """A denial of the past: its place in the table, what is compared of it, and what it was judged from, where that was kept."""

    row_id: UUID
    stands: Standing
    adjudicated: Adjudicated | None


_FIELDS: Final = ", ".join(Replay.__struct_fields__)


async def insert(tx: AsyncConnection, replay: Replay) -> None:
    names = Replay.__struct_fields__
    query = f"INSERT INTO replays ({_FIELDS}) VALUES ({', '.join(f':{name}' for name in names)})"  # noqa: S608 - our own names
    await tx.execute(text(query), msgspec.structs.asdict(replay))
    await ring(tx)


async def update(tx: AsyncConnection, replay: Replay) -> None:
    """Write how far a replay is."""
    query = text(
        "UPDATE replays SET state = :state, position = :position, total = :total, compared = :compared, unjudged = :unjudged,"
        " changed = :changed, applied = :applied, passed = :passed, updated_at = :updated_at"
        " WHERE tenant_id = :tenant_id AND replay_id = :replay_id"
    )
    await tx.execute(query, msgspec.structs.asdict(replay))


async def next_to_do(tx: AsyncConnection) -> Replay | None:
    """Lock and return the oldest replay that has work left and that no other worker holds."""
    query = text(
        f"SELECT {_FIELDS} FROM replays WHERE state IN ('waiting', 'comparing', 'applying')"  # noqa: S608 - our own names
        " ORDER BY replay_id LIMIT 1 FOR UPDATE SKIP LOCKED"
    )
    row = (await tx.execute(query)).mappings().first()
    return None if row is None else Replay(**row)


async def get(tx: AsyncConnection, tenant_id: str, replay_id: UUID, *, lock: bool = False) -> Replay | None:
    query = f"SELECT {_FIELDS} FROM replays WHERE tenant_id = :t AND replay_id = :r"  # noqa: S608 - our own names
    row = (await tx.execute(text(query + " FOR UPDATE" * lock), {"t": tenant_id, "r": replay_id})).mappings().first()
    return None if row is None else Replay(**row)


async def unfinished(tx: AsyncConnection, wanted: Replay) -> Replay | None:
    """Return a replay of the same version, period and pace that is not compared yet."""
    query = text(
        f"SELECT {_FIELDS} FROM replays WHERE tenant_id = :tenant_id AND version = :version"  # noqa: S608 - our own names
        " AND first_on = :first_on AND last_on = :last_on AND per_second IS NOT DISTINCT FROM CAST(:per_second AS integer)"
        " AND state IN ('waiting', 'comparing') ORDER BY replay_id LIMIT 1"
    )
    row = (await tx.execute(query, msgspec.structs.asdict(wanted))).mappings().first()
    return None if row is None else Replay(**row)


async def replays(tx: AsyncConnection, tenant_id: str, *, before: UUID | None, limit: int) -> list[Replay]:
    """Return replays, newest first."""
    query = text(
        f"SELECT {_FIELDS} FROM replays WHERE tenant_id = :t"  # noqa: S608 - our own names
        " AND (CAST(:before AS uuid) IS NULL OR replay_id < :before) ORDER BY replay_id DESC LIMIT :limit"
    )
    rows = await tx.execute(query, {"t": tenant_id, "before": before, "limit": limit})
    return [Replay(**row) for row in rows.mappings()]


# What stands of a period, and came before the replay: what comes later is judged by the rules in force.
_IN_PERIOD: Final = """
FROM denials WHERE tenant_id = $1 AND row_id > $2 AND row_id < $3 AND payment_on BETWEEN $4 AND $5
AND status = 'active' AND acknowledgement_id IS NULL
"""
_NEXT: Final = f"""
SELECT row_id, denial_id, category, kind, action, alternative_actions, denied_cents, recoverable, reasons::text, appeal_by::text,
       correct_by::text, rule_version, adjudicated
{_IN_PERIOD} ORDER BY row_id LIMIT $6
"""


async def count(tx: AsyncConnection, replay: Replay) -> int:
    """Count the denials that a replay is about."""
    return int(await (await driver(tx)).fetchval(f"SELECT count(*) {_IN_PERIOD}", *_period(replay)))


async def next_past(tx: AsyncConnection, replay: Replay, limit: int) -> list[Past]:
    """Return the next denials of a replay after its position."""
    return [_past(row) for row in await (await driver(tx)).fetch(_NEXT, *_period(replay), limit)]


def _period(replay: Replay) -> tuple[Any, ...]:
    return (replay.tenant_id, replay.position, replay.replay_id, replay.first_on, replay.last_on)


def _past(row: Any) -> Past:
    stands = Standing(
        denial_id=row["denial_id"],
        category=row["category"],
        kind=row["kind"],
        action=row["action"],
        alternative_actions=tuple(row["alternative_actions"]),
        denied_cents=row["denied_cents"],
        recoverable=row["recoverable"],
        reasons=_reasons(row["reasons"]),
        appeal_by=_deadline(row["appeal_by"]),
        correct_by=_deadline(row["correct_by"]),
        rule_version=row["rule_version"],
    )
    return Past(row["row_id"], stands, _judged_from(row["adjudicated"]))


def _deadline(told: str | None) -> Deadline | None:
    return None if told is None else _due(told)


def _judged_from(told: bytes | None) -> Adjudicated | None:
    return None if told is None else _adjudicated(told)


async def insert_changes(tx: AsyncConnection, replay: Replay, changes: Iterable[tuple[Past, Judged]]) -> None:
    """Write what a replay would change."""
    rows = []
    for past, told in changes:
        before, after = (_encode(each).decode() for each in sides(past.stands, told))
        rows.append((replay.tenant_id, replay.replay_id, past.row_id, past.stands.denial_id, before, after))
    if rows:
        columns = ("tenant_id", "replay_id", "row_id", "denial_id", "before", "after")
        await copy_rows(tx, "replay_changes", columns, rows)


async def next_changed(
    tx: AsyncConnection, replay: Replay, limit: int
) -> tuple[list[tuple[DenialClassifiedV1, Adjudicated | None]], UUID | None, int]:
    """Lock the denials that a replay changes next, after its position; return them as they stand with what they were judged from,
    the last place, and how many changes were looked at.
    """
    values = {"t": replay.tenant_id, "r": replay.replay_id, "position": replay.position, "limit": limit}
    query = text(
        "SELECT row_id, denial_id FROM replay_changes WHERE tenant_id = :t AND replay_id = :r AND row_id > :position"
        " ORDER BY row_id LIMIT :limit"
    )
    found = (await tx.execute(query, values)).all()
    if not found:
        return [], None, 0
    # In the order in which the consumer locks them.
    rows = await tx.execute(
        text("SELECT * FROM denials WHERE tenant_id = :t AND denial_id = ANY(:ids) ORDER BY denial_id FOR UPDATE"),
        {"t": replay.tenant_id, "ids": [row.denial_id for row in found]},
    )
    denials = [(denial_of(row), _judged_from(row["adjudicated"])) for row in rows.mappings()]
    return denials, found[-1].row_id, len(found)


_JUDGED: Final = (
    "revision", "classified_at", "denied_cents", "category", "kind", "action", "recoverable", "preventable", "alternative_actions",
    "core_scenario", "confidence", "explanation", "explanation_fr", "rules", "reasons", "appeal_by", "correct_by", "rule_version",
    "due_on", "overturn_probability", "expected_value_cents", "odds_version",
)  # fmt: skip
_LISTS: Final = frozenset({"alternative_actions", "rules"})
_REVISE: Final = f"""
UPDATE denials SET changed_xid = pg_current_xact_id(), {
    ", ".join(
        f"{name} = ARRAY(SELECT jsonb_array_elements_text(told.{name}))" if name in _LISTS else f"{name} = told.{name}"
        for name in _JUDGED
    )
}
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS told (
    denial_id uuid, revision integer, classified_at timestamptz, denied_cents bigint, category text, kind text, action text,
    recoverable boolean, preventable boolean, alternative_actions jsonb, core_scenario text, confidence double precision,
    explanation text, explanation_fr text, rules jsonb, reasons jsonb, appeal_by jsonb, correct_by jsonb, rule_version text,
    due_on date, overturn_probability double precision, expected_value_cents bigint, odds_version text)
WHERE denials.tenant_id = :tenant AND denials.denial_id = told.denial_id
"""  # noqa: S608 - our own names


async def revise(tx: AsyncConnection, tenant_id: str, denials: Sequence[DenialClassifiedV1]) -> None:
    """Write the next revisions of denials that are locked."""
    if not denials:
        return
    rows = [_row(denial) for denial in denials]
    await tx.execute(text(_REVISE), {"tenant": tenant_id, "rows": _encode(rows).decode()})


def _row(denial: DenialClassifiedV1) -> dict[str, Any]:
    values = columns_of(denial)
    told = {name: values[name] for name in _JUDGED}
    for name in ("reasons", "appeal_by", "correct_by"):
        told[name] = None if told[name] is None else msgspec.Raw(told[name].encode())
    return told | {"denial_id": denial.denial_id}


class ChangeRow(Struct, frozen=True):
    row_id: UUID
    denial_id: UUID
    before: Side
    after: Side


async def changes(tx: AsyncConnection, tenant_id: str, replay_id: UUID, *, after: UUID | None, limit: int) -> list[ChangeRow]:
    """Return what a replay changes, in the order in which the denials came."""
    query = text(
        "SELECT row_id, denial_id, before::text AS before, after::text AS after FROM replay_changes"
        " WHERE tenant_id = :t AND replay_id = :r AND (CAST(:after AS uuid) IS NULL OR row_id > :after)"
        " ORDER BY row_id LIMIT :limit"
    )
    rows = await tx.execute(query, {"t": tenant_id, "r": replay_id, "after": after, "limit": limit})
    return [ChangeRow(row.row_id, row.denial_id, _side(row.before), _side(row.after)) for row in rows]


class Move(Struct, frozen=True):
    """How many denials go from one category and action to another, and what is at stake in them."""

    from_category: str
    from_action: str
    to_category: str
    to_action: str
    denials: int
    denied_cents: int
    recoverable_before_cents: int
    recoverable_after_cents: int


_MOVES: Final = text(
    """
    SELECT before ->> 'category' AS from_category, before ->> 'action' AS from_action,
           after ->> 'category' AS to_category, after ->> 'action' AS to_action, count(*) AS denials,
           sum((after ->> 'denied_cents')::bigint)::bigint AS denied_cents,
           sum((before ->> 'recoverable_cents')::bigint)::bigint AS recoverable_before_cents,
           sum((after ->> 'recoverable_cents')::bigint)::bigint AS recoverable_after_cents
    FROM replay_changes WHERE tenant_id = :t AND replay_id = :r
    GROUP BY 1, 2, 3, 4 ORDER BY denied_cents DESC, 1, 2, 3, 4
    """
)


async def moves(tx: AsyncConnection, tenant_id: str, replay_id: UUID) -> list[Move]:
    """Sum up what a replay changes, the most money first."""
    rows = await tx.execute(_MOVES, {"t": tenant_id, "r": replay_id})
    return [Move(**row) for row in rows.mappings()]
