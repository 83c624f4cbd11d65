"""A transaction is one, whichever way its first statement goes to the server."""

import asyncio
import contextlib
from collections.abc import Iterator
from unittest.mock import Mock
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from sqlalchemy import text

from deploy.local.layout import Ports
from libs.common import measures
from libs.common.database import Database, copy_out, copy_rows, driver, wake
from libs.common.errors import Transient
from tests.support.proxy import Proxy


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


@pytest.mark.parametrize("tenant", [None, "local"])
async def test_who_listens_is_woken_when_a_transaction_has_committed_and_only_then(database: Database, tenant: str | None) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    listener = await database.connect_alone()
    await listener.add_listener("woken", lambda *said: told.put_nowait(str(said[-1])))
    with contextlib.suppress(ZeroDivisionError):
        async with database.begin(tenant) as tx:
            await wake(tx, "woken", "rolled back")
            raise ZeroDivisionError
    async with database.begin(tenant) as tx:
        await copy_rows(tx, "inbox", ("event_id", "source"), [(uuid4(), "a")])
        await wake(tx, "woken", "it's there")
        await asyncio.sleep(0.2)
        assert told.empty()
    async with asyncio.timeout(10):
        assert await told.get() == "it's there"
    assert await admitted(database) == 1
    async with database.begin(tenant) as tx:
        await tx.execute(text("SELECT 1"))
    await asyncio.sleep(0.2)
    assert told.empty(), "the next transaction of a connection wakes nobody"
    await listener.close()


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


async def test_who_waits_in_vain_for_a_connection_is_counted(service_database, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Mock()
    monkeypatch.setattr(measures, "CONNECTION_TIMEOUTS", counted)
    database = Database(service_database("classifier").worker_url, pool_size=1, application_name="alone")
    monkeypatch.setattr(database.engine.pool, "_timeout", 0.05)
    async with database.begin():
        with pytest.raises(Transient):
            await database.ping()
    await database.ping()
    await database.close()
    counted.add.assert_called_once_with(1, {"db.client.connection.pool.name": "alone"})


@pytest.fixture
def proxied(service_database) -> Iterator[tuple[Proxy, str]]:
    """A proxy before a fresh database, and the address through it."""
    url = service_database("classifier").worker_url
    port = urlsplit(url).port
    assert port is not None
    with Proxy(Ports.free().postgres, port) as proxy:
        yield proxy, url.replace(f":{port}/", f":{proxy.port}/")


async def test_a_half_open_connection_is_given_up_and_replaced(proxied: tuple[Proxy, str]) -> None:
    proxy, url = proxied
    database = Database(url, pool_size=1, statement_seconds=0.5)

    async def write() -> None:
        async with database.begin() as tx:
            await (await driver(tx)).execute("INSERT INTO inbox (event_id, source) VALUES ($1, 'a')", uuid4())
            proxy.lose_servers()
            await (await driver(tx)).execute("SELECT 1")

    with pytest.raises(Transient):
        await write()
    assert await admitted(database) == 0
    await database.close()


async def test_a_commit_that_is_not_answered_is_transient_and_its_connection_replaced(proxied: tuple[Proxy, str]) -> None:
    proxy, url = proxied
    database = Database(url, pool_size=1, statement_seconds=0.5)
    transaction = database.begin("local")
    tx = await transaction.__aenter__()
    await (await driver(tx)).execute("INSERT INTO inbox (event_id, source) VALUES ($1, 'a')", uuid4())
    proxy.lose_servers()
    with pytest.raises(Transient):
        await transaction.__aexit__(None, None, None)
    assert await admitted(database) == 0
    await database.close()


async def test_a_copy_may_take_longer_than_a_statement_but_not_be_silent_so_long(proxied: tuple[Proxy, str]) -> None:
    _, url = proxied
    database = Database(url, pool_size=1, statement_seconds=0.4)

    async def copied(pause: float, rows: int) -> int:
        taken: list[bytes] = []
        query = "SELECT repeat('x', 20000), pg_sleep($1) FROM generate_series(1, $2::int)"
        async with database.begin() as tx:
            await copy_out(tx, query, pause, rows, into=taken.append, silence_seconds=0.4)
        return sum(map(len, taken))

    assert await copied(0.05, 12) > 12 * 20_000
    with pytest.raises(Transient):
        await copied(2.0, 1)
    assert await admitted(database) == 0, "its connection is replaced"
    await database.close()
