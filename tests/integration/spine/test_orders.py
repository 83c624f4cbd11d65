"""Who writes an order rings, and the job that waits for it looks at once: over a real connection, which may be lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from libs.common.database import Database
from libs.common.orders import ring
from libs.common.worker import look_again
from tests.integration.spine.test_consumer import stop
from tests.support import until

LONG = 3600.0


class Job:
    """Counts how often it looked, and never finds anything to do."""

    def __init__(self) -> None:
        self.looked = 0

    async def step(self) -> float | None:
        self.looked += 1
        return None


@pytest.fixture
async def job(database: Database) -> AsyncIterator[Job]:
    waits = Job()
    tasks = [
        asyncio.create_task(database.listener.run()),
        asyncio.create_task(look_again(waits.step, idle_seconds=LONG, waiting="waits", orders=database.listener)),
    ]
    await until(lambda: waits.looked == 2)  # at its start, and when it is heard what it is told
    yield waits
    for task in tasks:
        await stop(task)


async def test_a_ring_is_heard_when_its_transaction_has_committed(database, job) -> None:
    async with database.begin() as tx:
        await ring(tx)
    await until(lambda: job.looked == 3)


async def test_what_is_taken_back_rings_for_nobody(database, job) -> None:
    with contextlib.suppress(ZeroDivisionError):
        async with database.begin() as tx:
            await ring(tx)
            raise ZeroDivisionError
    async with database.begin() as tx:  # on the same connection
        await tx.exec_driver_sql("SELECT 1")
    await asyncio.sleep(0.3)
    assert job.looked == 2


async def test_a_lost_connection_is_opened_again_and_everybody_looks(database, job) -> None:
    async with database.begin() as tx:
        await tx.exec_driver_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    await until(lambda: job.looked == 3)
    async with database.begin() as tx:
        await ring(tx)
    await until(lambda: job.looked == 4)


async def test_a_channel_that_is_asked_for_later_is_heard_too(database, job) -> None:
    told: list[str] = []
    database.listener.call("recours_later", told.append)
    await until(lambda: told == [""])
    async with database.begin() as tx:
        await tx.exec_driver_sql("NOTIFY recours_later, 'now'")
    await until(lambda: told == ["", "now"])
