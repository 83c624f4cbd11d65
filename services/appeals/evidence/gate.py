"""Keeps a case from `ready` while something that is needed is missing."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.http.problems import Problem
from services.appeals.evidence.store import lacking
from services.appeals.workflow import Command


async def require_evidence(tx: AsyncConnection, tenant_id: str, case_id: UUID, command: Command) -> None:
    """Errors: Problem 409 with the missing items, where a command makes a case ready that is not."""
    missing = await lacking(tx, tenant_id, case_id) if command is Command.MARK_READY else []
    if missing:
        detail = "Evidence that this case needs is missing; attach it, or waive it with a reason."
        raise Problem(409, "evidence-missing", detail, missing=missing)
