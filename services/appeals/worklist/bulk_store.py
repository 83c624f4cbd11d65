"""SQL of what is done to many cases at once; nothing here commits."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.common.orders import ring
from services.appeals.worklist.choosing import Chosen
from services.appeals.worklist.editing import Edit

NOWHERE: Final = UUID(int=0)
State = Literal["waiting", "running", "done", "cancelled"]
_encode = msgspec.json.Encoder().encode


class Action(Struct, frozen=True, omit_defaults=True):
    """What is done: an edit, a step of the workflow with why, putting into a submission, or reckoning deadlines anew."""

    kind: Literal["edit", "step", "submit", "reckon"]
    edit: Edit | None = None
    command: str | None = None
    why: str = ""
    submission_id: UUID | None = None


class Bulk(Struct, frozen=True):
    """One bulk action and how far it is: of `total` cases `passed` were gone through, `done` and `refused`."""

    tenant_id: str
    bulk_id: UUID
    action: Action
    chosen: Chosen
    who: str
    state: State
    position: UUID
    total: int
    passed: int
    done: int
    refused: int
    created_at: datetime
    updated_at: datetime


_FIELDS: Final = ", ".join(Bulk.__struct_fields__)
_JSON: Final = ("action", "chosen")


def _bulk(row: RowMapping) -> Bulk:
    told = dict(row)
    return Bulk(**told | {"action": msgspec.convert(told["action"], Action), "chosen": msgspec.convert(told["chosen"], Chosen)})


async def insert(tx: AsyncConnection, bulk: Bulk) -> None:
    values = msgspec.structs.asdict(bulk)
    values |= {name: _encode(values[name]).decode() for name in _JSON}
    names = ", ".join(f"CAST(:{name} AS jsonb)" if name in _JSON else f":{name}" for name in values)
    await tx.execute(text(f"INSERT INTO bulk_actions ({_FIELDS}) VALUES ({names})"), values)  # noqa: S608 - our own names
    await ring(tx)


async def update(tx: AsyncConnection, bulk: Bulk) -> None:
    """Write how far a bulk action is."""
    query = text(
        "UPDATE bulk_actions SET state = :state, position = :position, passed = :passed, done = :done, refused = :refused,"
        " updated_at = :updated_at WHERE tenant_id = :tenant_id AND bulk_id = :bulk_id"
    )
    values = msgspec.structs.asdict(bulk)
    await tx.execute(query, {name: value for name, value in values.items() if name not in _JSON})


async def next_to_do(tx: AsyncConnection) -> Bulk | None:
    """Lock and return the oldest bulk action that is not done and that no other worker holds."""
    query = text(
        f"SELECT {_FIELDS} FROM bulk_actions WHERE state IN ('waiting', 'running')"  # noqa: S608 - our own names
        " ORDER BY bulk_id LIMIT 1 FOR UPDATE SKIP LOCKED"
    )
    row = (await tx.execute(query)).mappings().first()
    return None if row is None else _bulk(row)


async def get(tx: AsyncConnection, tenant_id: str, bulk_id: UUID, *, lock: bool = False) -> Bulk | None:
    query = f"SELECT {_FIELDS} FROM bulk_actions WHERE tenant_id = :t AND bulk_id = :b" + " FOR UPDATE" * lock  # noqa: S608 - as above
    row = (await tx.execute(text(query), {"t": tenant_id, "b": bulk_id})).mappings().first()
    return None if row is None else _bulk(row)


async def find(tx: AsyncConnection, tenant_id: str, *, before: UUID | None, limit: int) -> list[Bulk]:
    """Return bulk actions of people, newest first."""
    query = text(
        f"SELECT {_FIELDS} FROM bulk_actions WHERE tenant_id = :t"  # noqa: S608 - our own names
        " AND (CAST(:before AS uuid) IS NULL OR bulk_id < :before) ORDER BY bulk_id DESC LIMIT :limit"
    )
    rows = await tx.execute(query, {"t": tenant_id, "before": before, "limit": limit})
    return [_bulk(row) for row in rows.mappings()]


async def refuse(tx: AsyncConnection, bulk: Bulk, refused: Sequence[tuple[UUID, str, str]]) -> None:
    """Keep why cases (id, reason, detail) were left as they are."""
    if refused:
        await (await driver(tx)).execute(
            "INSERT INTO bulk_refusals (tenant_id, bulk_id, case_id, reason, detail)"
            " SELECT $1, $2, * FROM unnest($3::uuid[], $4::text[], $5::text[])",
            bulk.tenant_id,
            bulk.bulk_id,
            *map(list, zip(*refused, strict=True)),
        )


async def refusals(tx: AsyncConnection, tenant_id: str, bulk_id: UUID, *, after: UUID | None, limit: int) -> list[Any]:
    return await (await driver(tx)).fetch(
        "SELECT case_id, reason, detail FROM bulk_refusals WHERE tenant_id = $1 AND bulk_id = $2"
        " AND ($3::uuid IS NULL OR case_id > $3) ORDER BY case_id LIMIT $4",
        tenant_id,
        bulk_id,
        after,
        limit,
    )
