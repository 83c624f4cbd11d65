"""A transaction is one, whichever way its first statement goes to the server."""

import asyncio
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


async def test_a_connection_that_the_server_closed_is_replaced_before_it_is_used(database: Database) -> None:
    async with database.begin() as tx:
        number = await (await driver(tx)).fetchval("SELECT pg_backend_pid()")
    alone = await database.connect_alone()
    await alone.execute("SELECT pg_terminate_backend($1, 5000)", number)
    await alone.close()
    async with database.begin() as tx:
        assert await (await driver(tx)).fetchval("SELECT pg_backend_pid()") != number


async def test_a_connection_that_was_left_inside_a_transaction_is_not_used_again(database: Database) -> None:
    async with database.engine.connect() as left:
        connection = await driver(left)
        await connection.execute("BEGIN")
        await connection.execute("INSERT INTO inbox (event_id, source) VALUES ($1, 'a')", uuid4())
    async with database.begin() as tx:
        assert await driver(tx) is not connection
    assert await admitted(database) == 0


async def test_a_tenant_is_text_whatever_it_is_called_and_ends_with_its_transaction(database: Database) -> None:
    asked = "SELECT current_setting('recours.tenant', true)"
    for tenant in ("plain", "o'hara", "a\\', true); DROP TABLE inbox; --", "\\''", "é"):
        async with database.begin(tenant) as tx:
            assert (await tx.execute(text(asked))).scalar_one() == tenant
        async with database.begin() as tx:
            assert not (await tx.execute(text(asked))).scalar_one()
    assert await admitted(database) == 0


async def test_what_a_tenant_wrote_goes_with_a_failure_and_stays_without(database: Database) -> None:
    for failing in (True, False):
        with contextlib.suppress(ZeroDivisionError):
            async with database.begin("local") as tx:
                await (await driver(tx)).execute("INSERT INTO inbox (event_id, source) VALUES ($1, 'a')", uuid4())
                assert 1 // (not failing)
    assert await admitted(database) == 1


async def test_a_cancelled_transaction_leaves_nothing_behind(database: Database) -> None:
    async def write_and_wait() -> None:
        async with database.begin() as tx:
            await (await driver(tx)).execute("INSERT INTO inbox (event_id, source) VALUES ($1, 'a')", uuid4())
            await tx.execute(text("SELECT pg_sleep(5)"))

    task = asyncio.create_task(write_and_wait())
    await asyncio.sleep(0.5)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert await admitted(database) == 0
