"""PostgreSQL: the engine, the one place where transactions begin, COPY, and which failures mean that the world is unwell."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from libs.common.audit.acting import entry_of_change
from libs.common.audit.entries import Entry, insertion
from libs.common.errors import Transient
from libs.common.ids import uuid7

# Classes of SQLSTATE that say "not now" and not "never": connection exceptions, transaction rollback (deadlock, serialization),
# insufficient resources, operator intervention (shutdown, crash, cannot connect now), system error.
_TRANSIENT_CLASSES = frozenset({"08", "40", "53", "57", "58"})
# Read-only transaction: the server is a standby that has not been promoted yet. Lock not available. Idle-in-transaction timeout.
_TRANSIENT_CODES = frozenset({"25006", "55P03", "25P03"})

_IDLE_IN_TRANSACTION_MS = "60000"


def is_transient(error: BaseException) -> bool:
    """Say whether trying the same again later can succeed."""
    if isinstance(error, Transient | ConnectionError | TimeoutError | OSError):
        return True
    if isinstance(error, InterfaceError | PoolTimeout):
        return True
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or is_transient(error.orig or ValueError())
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error) or "connection" in str(error)
    state = getattr(error, "sqlstate", None) or ""
    if state[:2] in _TRANSIENT_CLASSES or state in _TRANSIENT_CODES:
        return True
    return error.__cause__ is not None and is_transient(error.__cause__)


class Database:
    """One service's database, as one role. Only the edges (api, consumer, relay, jobs) open transactions on it."""

    def __init__(self, url: str, *, pool_size: int = 10, application_name: str = "recours") -> None:
        self._url = make_url(url).set(drivername="postgresql")
        self.engine: AsyncEngine = create_async_engine(
            self._url.set(drivername="postgresql+asyncpg"),
            async_creator=partial(
                self._connect,
                server_settings={
                    "application_name": application_name,
                    # A forgotten open transaction holds back the relays of all services: the fence is the whole server's.
                    "idle_in_transaction_session_timeout": _IDLE_IN_TRANSACTION_MS,
                },
            ),
            pool_size=pool_size,
            max_overflow=0,  # a connection beyond the pool would be closed after its first use
            pool_timeout=10,
            isolation_level="AUTOCOMMIT",  # transactions are begun below, where they cost two round trips and not six
        )
        event.listen(self.engine.sync_engine, "checkout", _refuse_unfit)

    @asynccontextmanager
    async def begin(self, tenant_id: str | None = None) -> AsyncIterator[AsyncConnection]:
        """Open a transaction; it commits when the block ends well and rolls back otherwise.

        With a tenant, row-level security lets the API role see that tenant's rows alone.
        Errors: Transient when the database is away or asks to try again.
        """
        async with self._lend() as tx, _transaction(await driver(tx), tenant_id):
            yield tx

    @asynccontextmanager
    async def _lend(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self.engine.connect() as lent:
                yield lent
        except Transient:
            raise
        except Exception as error:
            if is_transient(error):
                raise Transient(type(error).__name__) from error
            raise

    async def append(self, tenant_id: str, entry: Entry) -> None:
        """Enter into the audit log what changes nothing: who is shown what. It is durable when this returns. Errors: as `begin`."""
        statement = insertion(tenant_id, uuid7(), entry, only_if_written=False)
        async with self._lend() as lent:
            transaction = _OfTenant(await driver(lent), tenant_id)
            await transaction.run_whole(statement)

    async def ping(self) -> None:
        """Answer once over a pooled connection, or raise Transient."""
        async with self.begin() as tx:
            await tx.execute(text("SELECT 1"))

    async def connect_alone(self) -> "asyncpg.Connection[Any]":
        """Open a connection outside the pool, for session-level locks and LISTEN."""
        try:
            return await self._connect()
        except Exception as error:
            if is_transient(error):
                raise Transient(type(error).__name__) from error
            raise

    async def _connect(self, **options: Any) -> "asyncpg.Connection[Any]":
        """Connect as the address says: it may ask for TLS, by `sslmode` and what goes with it, which the driver reads."""
        made: asyncpg.Connection[Any]
        made = await asyncpg.connect(self._url.render_as_string(hide_password=False), timeout=5, **options)
        return made

    async def close(self) -> None:
        await self.engine.dispose()


@asynccontextmanager
async def _transaction(connection: "asyncpg.Connection[Any]", tenant_id: str | None) -> AsyncIterator[None]:
    transaction = connection.transaction() if tenant_id is None else _OfTenant(connection, tenant_id)
    try:
        await transaction.start()
        yield
    except BaseException:
        # A lost connection has rolled back by itself, and what was raised must not be hidden by that: a cancellation least of all.
        with contextlib.suppress(asyncpg.InterfaceError, asyncpg.PostgresError, OSError):
            await transaction.rollback()
        raise
    await transaction.commit()


class _OfTenant:
    """A transaction that sees one tenant, begun in one trip to the server: every request waits for each. It holds no savepoints."""

    def __init__(self, connection: "asyncpg.Connection[Any]", tenant_id: str) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    async def start(self) -> None:
        await self._connection.execute(self._begin())

    async def run_whole(self, statement: str) -> None:
        """Begin, run a statement and commit, in one trip."""
        await self._connection.execute(f"{self._begin()}; {statement}; COMMIT")

    def _begin(self) -> str:
        # Two statements in one trip take no parameters. The server reads backslashes as they are (`standard_conforming_strings`).
        tenant = "'" + self._tenant_id.replace("'", "''") + "'"
        return f"BEGIN; SELECT set_config('recours.tenant', {tenant}, true)"

    async def commit(self) -> None:
        entry = entry_of_change()
        if entry is None:
            await self._connection.execute("COMMIT")
            return
        # In the trip that commits: who changes something waits no longer for its entry than the server takes to write it.
        await self._connection.execute(f"{insertion(self._tenant_id, uuid7(), entry, only_if_written=True)}; COMMIT")

    async def rollback(self) -> None:
        await self._connection.execute("ROLLBACK")


def _refuse_unfit(_: object, record: ConnectionPoolEntry, __: object) -> None:
    """Let the pool replace a connection that the server closed, or that was left in the middle of something. Asks nobody."""
    connection = record.driver_connection
    if connection is None or connection.is_closed() or connection.is_in_transaction():
        raise DisconnectionError


async def lock_name(tx: AsyncConnection, *parts: str) -> None:
    """Hold a name until the transaction ends; who else wants it waits. For what has no row of its own to lock."""
    await (await driver(tx)).execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "\x1f".join(parts))


async def driver(tx: AsyncConnection) -> "asyncpg.Connection[Any]":
    """Return asyncpg's connection under a SQLAlchemy one, inside the same transaction."""
    raw = await tx.get_raw_connection()
    connection = raw.driver_connection
    if connection is None:
        raise Transient("connection_lost")
    return connection  # type: ignore[no-any-return]  # SQLAlchemy types it as Any


async def copy_rows(tx: AsyncConnection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """COPY rows into a table inside the transaction: a third faster than `unnest`, and refused where row-level security binds."""
    connection = await driver(tx)
    await connection.copy_records_to_table(table, columns=columns, records=rows)
