"""SQL of the jobs that train and evaluate models; nothing here commits.

A job that runs is leased: who works on it lengthens the lease, and one whose lease has run out was left by a worker that died.
`attempts` says whose it is: a worker that was away finds another number and writes nothing.
"""

from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from msgspec import Struct, structs
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.orders import ring
from services.classifier.models.life import Subject

Work = Literal["train", "evaluate"]
State = Literal["waiting", "running", "done", "refused", "failed", "cancelled"]
LEASE: Final = timedelta(seconds=15)


class Job(Struct, frozen=True):
    """One job and how far it is. `model_id` is the model that is evaluated, or that was trained."""

    tenant_id: str
    job_id: UUID
    subject: Subject
    work: Work
    model_id: UUID | None
    state: State
    step: str
    progress: float
    attempts: int
    detail: str | None
    created_at: datetime
    updated_at: datetime


_FIELDS: Final = ", ".join(Job.__struct_fields__)


async def insert(tx: AsyncConnection, job: Job) -> None:
    values = ", ".join(f":{name}" for name in Job.__struct_fields__)
    await tx.execute(text(f"INSERT INTO model_jobs ({_FIELDS}) VALUES ({values})"), structs.asdict(job))  # noqa: S608 - our own names
    await ring(tx)


async def unfinished(tx: AsyncConnection, wanted: Job) -> Job | None:
    """Return a job of the same work that is not done yet."""
    query = text(
        f"SELECT {_FIELDS} FROM model_jobs WHERE tenant_id = :tenant_id AND subject = :subject AND work = :work"  # noqa: S608 - ours
        " AND (work = 'train' OR model_id = :model_id) AND state IN ('waiting', 'running') LIMIT 1"
    )
    return _job((await tx.execute(query, structs.asdict(wanted))).mappings().first())


async def get(tx: AsyncConnection, tenant_id: str, job_id: UUID) -> Job | None:
    query = text(f"SELECT {_FIELDS} FROM model_jobs WHERE tenant_id = :t AND job_id = :j")  # noqa: S608 - our own names
    return _job((await tx.execute(query, {"t": tenant_id, "j": job_id})).mappings().first())


async def find(tx: AsyncConnection, tenant_id: str, *, before: UUID | None, limit: int) -> list[Job]:
    """Return jobs, newest first."""
    query = text(
        f"SELECT {_FIELDS} FROM model_jobs WHERE tenant_id = :t"  # noqa: S608 - our own names
        " AND (CAST(:before AS uuid) IS NULL OR job_id < :before) ORDER BY job_id DESC LIMIT :limit"
    )
    rows = (await tx.execute(query, {"t": tenant_id, "before": before, "limit": limit})).mappings()
    return [Job(**row) for row in rows]


_LEASE_NEXT: Final = f"""
WITH next AS MATERIALIZED (
    SELECT tenant_id AS whose, job_id AS which FROM model_jobs WHERE state = 'waiting' OR (state = 'running' AND lease_until < :now)
    ORDER BY job_id LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE model_jobs SET state = 'running', attempts = attempts + 1, lease_until = :until, updated_at = :now
FROM next WHERE tenant_id = whose AND job_id = which
RETURNING {_FIELDS}
"""  # noqa: S608 - our own names


async def lease_next(tx: AsyncConnection, now: datetime) -> Job | None:
    """Take the oldest job that waits or was left, for a while; None where there is none."""
    query = text(_LEASE_NEXT)
    return _job((await tx.execute(query, {"now": now, "until": now + LEASE})).mappings().first())


async def keep_lease(tx: AsyncConnection, job: Job, step: str, progress: float, now: datetime) -> bool:
    """Lengthen the lease and say how far it is; False where the job is somebody else's, or cancelled."""
    query = text(
        "UPDATE model_jobs SET lease_until = :until, step = :step, progress = :progress, updated_at = :now WHERE tenant_id = :t"
        " AND job_id = :j AND state = 'running' AND attempts = :attempts"
    )
    values = {"until": now + LEASE, "step": step, "progress": progress, "now": now}
    done = await tx.execute(query, values | {"t": job.tenant_id, "j": job.job_id, "attempts": job.attempts})
    return bool(done.rowcount)


async def end(tx: AsyncConnection, job: Job, state: State, now: datetime, detail: str | None, model_id: UUID | None = None) -> bool:
    """Write how a leased job ended, or that it waits again; False where it is somebody else's, or cancelled."""
    query = text(
        "UPDATE model_jobs SET state = :state, detail = :detail, model_id = COALESCE(:model, model_id), lease_until = NULL,"
        " progress = CASE WHEN :state = 'done' THEN 1 ELSE progress END, updated_at = :now"
        " WHERE tenant_id = :t AND job_id = :j AND state = 'running' AND attempts = :attempts"
    )
    values = {"state": state, "detail": detail, "model": model_id, "now": now}
    done = await tx.execute(query, values | {"t": job.tenant_id, "j": job.job_id, "attempts": job.attempts})
    if state == "waiting":
        await ring(tx)
    return bool(done.rowcount)


async def cancel(tx: AsyncConnection, tenant_id: str, job_id: UUID, now: datetime) -> bool:
    """Cancel a job that is not done; False where it is."""
    query = text(
        "UPDATE model_jobs SET state = 'cancelled', lease_until = NULL, updated_at = :now WHERE tenant_id = :t AND job_id = :j"
        " AND state IN ('waiting', 'running')"
    )
    return bool((await tx.execute(query, {"now": now, "t": tenant_id, "j": job_id})).rowcount)


def _job(row: Any) -> Job | None:
    return None if row is None else Job(**row)
