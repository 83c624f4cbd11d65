"""Has a document opened by the inspector, a process of its own (inspector.py), and says what it is or why it is refused."""

import asyncio
import sys
from pathlib import Path
from typing import IO, Final

import msgspec
import structlog
from msgspec import Struct

from libs.common.http.problem import Problem
from libs.common.programs import run_apart
from services.appeals.documents.refusals import REFUSALS

log = structlog.get_logger()

_PROGRAM: Final = str(Path(__file__).with_name("inspector.py"))
_ROOT: Final = Path("/")
_WALL_SECONDS: Final = 120.0
_AT_ONCE: Final = 2
_WAITING_MAX: Final = 16


class Inspected(Struct, frozen=True):
    """What a document is; `pages` is None where its format has none before it is printed."""

    media_type: str = ""
    pages: int | None = None
    reason: str | None = None


def refusal(reason: str) -> Problem:
    return Problem(422, "document-refused", REFUSALS[reason][0], reason=reason)


class Inspection:
    """Inspects, a few at a time: each may take a gigabyte of memory at worst."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def inspect(self, file: IO[bytes]) -> Inspected:
        """Say what a file is. Errors: Problem 422 (refused, with the reason), 503 (too many at once)."""
        if self._waiting >= _WAITING_MAX:
            raise Problem(503, "busy", "Too many uploads at once; try again shortly.", headers={"Retry-After": "5"})
        self._waiting += 1
        try:
            async with self._places:
                found = await _ask(file)
        finally:
            self._waiting -= 1
        if found.reason is not None:
            raise refusal(found.reason)
        return found


async def _ask(file: IO[bytes]) -> Inspected:
    """Run the inspector on a file. One that ends by itself or by its limits has met something that is too much."""
    file.seek(0)
    status, told = await run_apart(sys.executable, "-I", _PROGRAM, stdin=file, cwd=_ROOT, seconds=_WALL_SECONDS)
    if status != 0:
        log.warning("document_too_complex", status=status)
        return Inspected(reason="too_complex")
    return msgspec.json.decode(told, type=Inspected)
