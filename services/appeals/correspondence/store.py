"""SQL of correspondence and of what it leaves to do; nothing here commits."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.common.people import SYSTEM
from services.appeals.workflow import WAITING

PROMISE_MISSED: Final = "promise_missed"


class Entry(Struct, frozen=True, kw_only=True):
    """One call, letter or message. `look_at`: from when on its promise is missed."""

    tenant_id: str
    entry_id: UUID
    case_id: UUID
    version: int
    kind: str
    direction: str
    party: str
    reference_number: str | None
    said: str
    at: datetime
    promise: str | None
    promised_on: date | None
    promise_is: str | None
    look_at: datetime | None
    logged_at: datetime
    logged_by: str


_NAMES = Entry.__struct_fields__
_PLACES = ", ".join(f"${place}" for place, _ in enumerate(_NAMES, start=1))
_INSERT = f"INSERT INTO correspondence ({', '.join(_NAMES)}) VALUES ({_PLACES})"  # noqa: S608 - our own names


async def insert(tx: AsyncConnection, entry: Entry) -> None:
    await (await driver(tx)).execute(_INSERT, *(getattr(entry, name) for name in _NAMES))


async def find(
    tx: AsyncConnection, tenant_id: str, case_id: UUID, entry_id: UUID, *, lock: bool = False
) -> Mapping[str, Any] | None:
    query = "SELECT * FROM correspondence WHERE tenant_id = $1 AND case_id = $2 AND entry_id = $3"
    locking = f"{query} FOR UPDATE"
    found: Mapping[str, Any] | None = await (await driver(tx)).fetchrow(locking if lock else query, tenant_id, case_id, entry_id)
    return found


async def list_of_case(tx: AsyncConnection, tenant_id: str, case_id: UUID, *, before: UUID | None, limit: int) -> list[Any]:
    """Return what was logged of a case, the newest entry first."""
    query = (
        "SELECT * FROM correspondence WHERE tenant_id = $1 AND case_id = $2 AND ($3::uuid IS NULL OR entry_id < $3)"
        " ORDER BY entry_id DESC LIMIT $4"
    )
    return await (await driver(tx)).fetch(query, tenant_id, case_id, before, limit)


async def end_promise(tx: AsyncConnection, row: Mapping[str, Any], ending: str, who: str, now: datetime) -> None:
    """End the promise of a locked entry, and with it what was to be done about it."""
    connection = await driver(tx)
    await connection.execute(
        "UPDATE correspondence SET promise_is = $3, version = version + 1, look_at = NULL, ended_at = $4, ended_by = $5"
        " WHERE tenant_id = $1 AND entry_id = $2",
        row["tenant_id"],
        row["entry_id"],
        ending,
        now,
        who,
    )
    await connection.execute(
        "UPDATE case_tasks SET done_at = $5 WHERE tenant_id = $1 AND case_id = $2 AND task = $3 AND about_id = $4",
        row["tenant_id"],
        row["case_id"],
        PROMISE_MISSED,
        row["entry_id"],
        now,
    )


_MISS: Final = """
WITH due AS (
    SELECT e.tenant_id, e.entry_id, e.logged_by = $4 AND NOT c.state = ANY ($5::text[]) AS is_over FROM correspondence AS e
    JOIN cases AS c ON c.tenant_id = e.tenant_id AND c.case_id = e.case_id
    WHERE e.promise_is = 'open' AND e.look_at <= $1 ORDER BY e.look_at LIMIT $2 FOR UPDATE OF e SKIP LOCKED
), ended AS (
    UPDATE correspondence AS e SET look_at = NULL, version = e.version + 1,
        promise_is = CASE WHEN due.is_over THEN 'fulfilled' ELSE 'missed' END,
        missed_at = CASE WHEN due.is_over THEN NULL ELSE $1 END,
        ended_at = CASE WHEN due.is_over THEN $1 END, ended_by = CASE WHEN due.is_over THEN $4 END
    FROM due WHERE e.tenant_id = due.tenant_id AND e.entry_id = due.entry_id
    RETURNING e.tenant_id, e.case_id, e.entry_id, due.is_over
), raised AS (
    INSERT INTO case_tasks (tenant_id, case_id, task, about_id, raised_at)
    SELECT tenant_id, case_id, $3, entry_id, $1 FROM ended WHERE NOT is_over
)
SELECT count(*) FROM ended
"""


async def miss_promises(tx: AsyncConnection, now: datetime, limit: int) -> int:
    """Write that promises were missed whose day is over, each once with what is to be done; return how many days were over.

    What Recours itself expected of the payer is no task any more where the payer has decided, or the case is closed.
    """
    states = [state.value for state in WAITING]
    return int(await (await driver(tx)).fetchval(_MISS, now, limit, PROMISE_MISSED, SYSTEM, states))


_TASKS: Final = """
SELECT t.task, t.about_id AS entry_id, e.promised_on, t.raised_at FROM case_tasks AS t
JOIN correspondence AS e ON e.tenant_id = t.tenant_id AND e.entry_id = t.about_id
WHERE t.tenant_id = $1 AND t.case_id = $2 AND t.done_at IS NULL ORDER BY t.raised_at, t.about_id
"""


async def tasks_of(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> list[Any]:
    """Return what is to be done about a case, the oldest first."""
    return await (await driver(tx)).fetch(_TASKS, tenant_id, case_id)
