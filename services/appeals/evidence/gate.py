"""Keeps cases from `ready` while something that is needed is missing."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.http.problem import Problem
from services.appeals.evidence.store import Key, lacking
from services.appeals.workflow import Command

REASON: Final = "evidence-missing"
DETAIL: Final = "Evidence that this case needs is missing; attach it, or waive it with a reason."


async def held_back(tx: AsyncConnection, keys: Collection[Key], command: Command) -> dict[Key, list[str]]:
    """Return the cases that a command would make ready and that are not, each with what it lacks."""
    return await lacking(tx, keys) if command is Command.MARK_READY else {}


async def require_evidence(tx: AsyncConnection, tenant_id: str, case_id: UUID, command: Command) -> None:
    """Errors: Problem 409 with the missing items, where a command makes a case ready that is not."""
    key = (tenant_id, case_id)
    missing = await held_back(tx, [key], command)
    if key in missing:
        raise Problem(409, "evidence-missing", DETAIL, missing=missing[key])
