"""How much of a tenant waits is asked once a second, by one request; a burst of them does not ask as often."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from libs.common.http.problem import Problem
from services.ingest.waiting import Waiting


class SlowDatabase:
    """Answers when it is let; counts how often it is asked."""

    def __init__(self, waiting: int) -> None:
        self.asked = 0
        self.answers = asyncio.Event()
        self._waiting = waiting

    @asynccontextmanager
    async def begin(self, _: str) -> AsyncIterator[Any]:
        self.asked += 1
        yield self

    async def execute(self, *_: Any) -> Any:
        await self.answers.wait()
        return SimpleNamespace(scalar_one=lambda: self._waiting)


async def test_a_burst_of_requests_asks_once_and_is_not_held_up_by_it() -> None:
    now = [0.0]
    database: Any = SlowDatabase(waiting=50)
    known = Waiting(100, lambda: now[0])
    first = asyncio.create_task(known.admit(database, "local"))
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        for _ in range(20):
            await known.admit(database, "local")
    assert database.asked == 1
    database.answers.set()
    await first
    now[0] = 1.0
    await known.admit(database, "local")
    assert database.asked == 2


async def test_what_is_found_counts_for_those_who_come_after() -> None:
    database: Any = SlowDatabase(waiting=100)
    database.answers.set()
    known = Waiting(100, lambda: 0.0)
    for _ in range(2):
        with pytest.raises(Problem, match="too-much-waiting"):
            await known.admit(database, "local")
    assert database.asked == 1
