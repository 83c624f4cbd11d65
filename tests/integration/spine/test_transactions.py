"""A transaction is one, whichever way its first statement goes to the server."""

import contextlib
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import text

from libs.common.database import Database, copy_rows, driver


@pytest.fixture
async def database(service_database) -> AsyncIterator[Database]:
    database = Database(service_database("classifier").worker_url)
    yield database
    await database.close()


async def admitted(database: Database) -> int:
    async with database.begin() as tx:
        return int((await tx.execute(text("SELECT count(*) FROM inbox"))).scalar_one())


async def test_rows_that_were_copied_first_go_when_the_transaction_rolls_back(database: Database) -> None:
    with contextlib.suppress(ZeroDivisionError):
        async with database.begin() as tx:
            await copy_rows(tx, "inbox", ("event_id", "source"), [(uuid4(), "a")])
            raise ZeroDivisionError
    assert await admitted(database) == 0


async def test_what_the_driver_wrote_first_shows_only_after_the_commit(database: Database) -> None:
    async with database.begin() as tx:
        connection = await driver(tx)
        await connection.execute("INSERT INTO inbox (event_id, source) VALUES ($1, 'a')", uuid4())
        assert await admitted(database) == 0
    assert await admitted(database) == 1
