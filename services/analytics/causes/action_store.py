"""SQL of actions and of what they are measured by; nothing here commits."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from services.analytics.causes.actions import Counts, Observed, State, Step
from services.analytics.causes.naming import Named
from services.analytics.causes.store import condition


class Entry(Struct, frozen=True):
    """One step of an action's life."""

    step: Step | None  # None: it was planned
    by: str
    at: datetime
    note: str = ""


class Action(Struct, frozen=True):
    tenant_id: str
    action_id: UUID
    root_cause_id: str
    state: State
    owner: str
    due_on: date
    change: str
    expected_rate: float | None
    began_on: date | None
    effective_on: date | None
    created_at: datetime
    updated_at: datetime
    history: tuple[Entry, ...]


_COLUMNS: Final = ", ".join(Action.__struct_fields__)
_SENT: Final = "coalesce(o.sent_on, o.day)"
_ANSWERED_DAYS: Final = 365  # answers that come later than this are not waited for


async def insert(tx: AsyncConnection, action: Action) -> None:
    query = f"INSERT INTO root_cause_actions ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"  # noqa: S608 - ours
    await (await driver(tx)).execute(query, *_values(action))


async def update(tx: AsyncConnection, action: Action) -> None:
    """Write an action that this transaction has locked."""
    await (await driver(tx)).execute(
        "UPDATE root_cause_actions SET state = $3, effective_on = $4, updated_at = $5, history = $6"
        " WHERE tenant_id = $1 AND action_id = $2",
        action.tenant_id,
        action.action_id,
        action.state,
        action.effective_on,
        action.updated_at,
        _values(action)[-1],
    )


def _values(action: Action) -> list[Any]:
    told = [getattr(action, name) for name in Action.__struct_fields__]
    return [*told[:-1], msgspec.json.encode(action.history).decode()]


async def get(tx: AsyncConnection, tenant_id: str, action_id: UUID, *, lock: bool = False) -> Action | None:
    query = f"SELECT {_COLUMNS} FROM root_cause_actions WHERE tenant_id = $1 AND action_id = $2"  # noqa: S608 - ours
    row = await (await driver(tx)).fetchrow(query + (" FOR UPDATE" if lock else ""), tenant_id, action_id)
    return None if row is None else _read(row)


async def listed(
    tx: AsyncConnection, tenant_id: str, root_cause_id: str | None, state: State | None, before: UUID | None, limit: int
) -> Sequence[Action]:
    """Return actions, newest first, one more than `limit`."""
    query = f"""
        SELECT {_COLUMNS} FROM root_cause_actions WHERE tenant_id = $1 AND ($2::text IS NULL OR root_cause_id = $2)
            AND ($3::text IS NULL OR state = $3) AND ($4::uuid IS NULL OR action_id < $4)
        ORDER BY action_id DESC LIMIT $5
    """  # noqa: S608 - ours
    rows = await (await driver(tx)).fetch(query, tenant_id, root_cause_id, state, before, limit + 1)
    return [_read(row) for row in rows]


def _read(row: Any) -> Action:
    told = dict(row)
    told["history"] = msgspec.json.decode(told["history"], type=tuple[Entry, ...])
    return Action(**told)


async def observed(
    tx: AsyncConnection, tenant_id: str, named: Named, first: date, half: date, effective_on: date, end: date
) -> tuple[Observed, Observed, int]:
    """Count the claims of a cause, and those beside it: of the same payer, where the cause has one; none is in both.

    They go by the day on which they were sent: what was sent before a change is what it was, also where it is answered after it.
    Where that is not known they go by the day of the answer; the last number says how many did.
    """
    values: list[Any] = [tenant_id, first, half, effective_on, end, named.category]

    def given(value: Any) -> str:
        values.append(value)
        return f"${len(values)}"

    about = " AND ".join(condition(name, value, given) for name, value in named.conditions)
    payer = [condition(name, value, given) for name, value in named.conditions if name == "payer" and len(named.conditions) > 1]
    query = f"""
        SELECT is_about, phase, count(*) AS claims, count(*) FILTER (WHERE refused) AS refused, count(*) FILTER (WHERE NOT is_sent)
        FROM (
            SELECT bool_or({about}) AS is_about, o.sent_on IS NOT NULL AS is_sent,
                CASE WHEN {_SENT} < $3 THEN 'early' WHEN {_SENT} < $4 THEN 'late' ELSE 'after' END AS phase,
                CASE WHEN bool_or({about}) THEN bool_or({about} AND r.category IS NOT DISTINCT FROM $6)
                    ELSE bool_or(r.category IS NOT DISTINCT FROM $6) END AS refused
            FROM outcomes o JOIN outcome_subjects s USING (tenant_id, subject) JOIN outcome_services v USING (tenant_id, service)
                LEFT JOIN outcome_reasons r USING (tenant_id, reason)
            WHERE o.tenant_id = $1 AND o.day >= $2 AND o.day < $5::date + {_ANSWERED_DAYS} AND {_SENT} >= $2 AND {_SENT} < $5
                {"".join(f" AND {each}" for each in payer)}
            GROUP BY o.claim_key, o.episode, o.day, o.sent_on
        ) AS claims GROUP BY is_about, phase
    """  # noqa: S608 - names are ours
    rows = await (await driver(tx)).fetch(query, *values)
    counted = {(row[0], row[1]): Counts(row[2], row[3]) for row in rows}
    treated, beside = (
        Observed(**{phase: counted.get((is_about, phase), Counts()) for phase in ("early", "late", "after")})
        for is_about in (True, False)
    )
    return treated, beside, sum(row[4] for row in rows)
