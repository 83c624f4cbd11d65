"""PostgreSQL: the engine, the one place where transactions begin, COPY, and which failures mean that the world is unwell."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

import asyncpg
from opentelemetry.trace import SpanKind
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from libs.common import measures, telemetry
from libs.common.audit.acting import entry_of_change
from libs.common.audit.entries import Entry, insertion
from libs.common.errors import Transient
from libs.common.ids import uuid7
from libs.common.metrics import Told

# Classes of SQLSTATE that say "not now" and not "never": connection exceptions, transaction rollback (deadlock, serialization),
# insufficient resources, operator intervention (shutdown, crash, cannot connect now), system error.
_TRANSIENT_CLASSES = frozenset({"08", "40", "53", "57", "58"})
# Read-only transaction: the server is a standby that has not been promoted yet. Lock not available. Idle-in-transaction timeout.
_TRANSIENT_CODES = frozenset({"25006", "55P03", "25P03"})

POOL_SIZE = 10  # connections of a process; a worker holds its relay's besides, and one on which it listens
DRIVER_ERRORS = (asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresError)

_IDLE_IN_TRANSACTION_MS = "60000"
# No statement of ours takes so long. One that does is not slow, its connection is half open: the server's end went without a word
# (a host that was lost, a proxy or firewall that forgot it), and without a limit nobody would ever hear of that.
STATEMENT_SECONDS = 30.0
_COPY_SECONDS = 3_600.0
_ASK_SECONDS = 30.0  # whether a listener's connection is still there: half open, it would be quiet for ever
_LISTEN_AGAIN_SECONDS = 0.5


def is_transient(error: BaseException) -> bool:
    """Say whether trying the same again later can succeed."""
    if isinstance(error, Transient | ConnectionError | TimeoutError | OSError):
        return True
    # The driver's own: the server has said goodbye, and the connection's end is not seen yet.
    if isinstance(error, InterfaceError | PoolTimeout | asyncpg.InternalClientError):
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

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = POOL_SIZE,
        application_name: str = "recours",
        statement_seconds: float | None = STATEMENT_SECONDS,
        by_index: bool = False,
    ) -> None:
        """`by_index`: tables are read by an index wherever there is one, whatever PostgreSQL believes of their size."""
        self._statement_seconds = statement_seconds
        self._url = make_url(url).set(drivername="postgresql")
        self.engine: AsyncEngine = create_async_engine(
            self._url.set(drivername="postgresql+asyncpg"),
            async_creator=partial(
                self._connect,
                server_settings={
                    "application_name": application_name,
                    # A forgotten open transaction holds back its relay, and lists that others follow, on the whole server.
                    "idle_in_transaction_session_timeout": _IDLE_IN_TRANSACTION_MS,
                    # Plans are kept, and a table that fills was small when they were made.
                    "enable_seqscan": "off" if by_index else "on",
                },
            ),
            pool_size=pool_size,
            max_overflow=0,  # a connection beyond the pool would be closed after its first use
            pool_timeout=10,
            isolation_level="AUTOCOMMIT",  # transactions are begun below, where they cost two round trips and not six
        )
        event.listen(self.engine.sync_engine, "checkout", _refuse_unfit)
        self.listener = Listener(self.connect_alone)
        self._of_spans = {"db.system.name": "postgresql", "db.namespace": self._url.database or ""}  # no statement, no value
        self._told = {"db.client.connection.pool.name": application_name}
        measures.CONNECTIONS.ask(self._connections)
        measures.CONNECTIONS_MAX.ask(lambda: [(pool_size, self._told)])

    @asynccontextmanager
    async def begin(self, tenant_id: str | None = None) -> AsyncIterator[AsyncConnection]:
        """Open a transaction; it commits when the block ends well and rolls back otherwise.

        With a tenant, row-level security lets the API role see that tenant's rows alone.
        Errors: Transient when the database is away or asks to try again.
        """
        with telemetry.inner("transaction", SpanKind.CLIENT, self._of_spans):
            async with self._lend() as tx, _transaction(await driver(tx), tenant_id):
                yield tx

    @asynccontextmanager
    async def _lend(self) -> AsyncIterator[AsyncConnection]:
        asked = time.perf_counter()
        lent_at = None
        try:
            async with self.engine.connect() as lent:
                lent_at = time.perf_counter()
                measures.CONNECTION_WAIT.record(lent_at - asked, self._told)
                yield lent
        except Transient:
            raise
        except Exception as error:
            if isinstance(error, PoolTimeout):
                measures.CONNECTION_TIMEOUTS.add(1, self._told)
            if is_transient(error):
                raise Transient(type(error).__name__) from error
            raise
        finally:
            if lent_at is not None:
                measures.CONNECTION_USE.record(time.perf_counter() - lent_at, self._told)

    def _connections(self) -> Told:
        pool = cast("QueuePool", self.engine.pool)
        return [
            (count, {**self._told, "db.client.connection.state": state})
            for state, count in (("idle", pool.checkedin()), ("used", pool.checkedout()))
        ]

    async def append(self, tenant_id: str, entry: Entry) -> None:
        """Enter into the audit log what changes nothing: who is shown what. It is durable when this returns. Errors: as `begin`."""
        statement = insertion(tenant_id, uuid7(), entry, only_if_written=False)
        async with self._lend() as lent:
            connection = await driver(lent)
            async with _given_up_when_silent(connection):
                await _OfTenant(connection, tenant_id).run_whole(statement)

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
        address = self._url.render_as_string(hide_password=False)
        made = await asyncpg.connect(address, timeout=5, command_timeout=self._statement_seconds, **options)
        return made

    async def close(self) -> None:
        await self.engine.dispose()


class Listener:
    """Hears over one connection what a process is told by `wake`, whichever of its jobs it is for. It listens while `run` runs."""

    def __init__(self, connect: Callable[[], Awaitable["asyncpg.Connection[Any]"]]) -> None:
        self._connect = connect
        self._calls: defaultdict[str, list[Callable[[str], object]]] = defaultdict(list)
        self._stirred = asyncio.Event()  # there is a channel more, or the connection has ended

    def call(self, channel: str, who: Callable[[str], object]) -> None:
        """Have somebody called with what is told on a channel; with nothing ("") where something may have gone unheard."""
        self._calls[channel].append(who)
        self._stirred.set()

    @contextmanager
    def hearing(self, channel: str) -> Iterator[asyncio.Event]:
        """Yield what is set when something is told on a channel, whatever it is."""
        told = asyncio.Event()
        self.call(channel, hear := lambda _: told.set())
        try:
            yield told
        finally:
            self._calls[channel].remove(hear)

    async def run(self) -> None:
        """Listen for ever; a lost connection is opened again."""
        while True:
            with contextlib.suppress(Transient, OSError, *DRIVER_ERRORS):
                await self._listen()
            await asyncio.sleep(_LISTEN_AGAIN_SECONDS)

    async def _listen(self) -> None:
        connection = await self._connect()
        connection.add_termination_listener(lambda _: self._stirred.set())
        heard: set[str] = set()
        try:
            while True:
                self._stirred.clear()
                for channel in self._calls.keys() - heard:
                    await connection.add_listener(channel, lambda *told: self._tell(told[2], str(told[3])))
                    heard.add(channel)
                    self._tell(channel, "")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_ASK_SECONDS):
                        await self._stirred.wait()
                await connection.execute("SELECT 1")
        finally:
            connection.terminate()

    def _tell(self, channel: str, told: str) -> None:
        for who in list(self._calls[channel]):
            who(told)


_to_wake: Final[WeakKeyDictionary["asyncpg.Connection[Any]", dict[str, str]]] = WeakKeyDictionary()


async def wake(tx: AsyncConnection, channel: str, told: str = "") -> None:
    """Wake who listens on a channel when the transaction has committed, and tell them something (the last that was said).

    After the commit and not with it: PostgreSQL lets transactions that notify commit one at a time, on the whole server and each
    until the disk has it. Who dies in between leaves it to the listeners, who look by themselves now and then.
    """
    _to_wake.setdefault(await driver(tx), {})[channel] = told


def _notifications(connection: "asyncpg.Connection[Any]") -> str:
    told = _to_wake.pop(connection, {})
    return "; ".join(f"NOTIFY {channel}, {_quoted(text)}" for channel, text in told.items())


def _quoted(text_: str) -> str:
    """Write a text into a statement: several in one trip take no parameters. The server reads backslashes as they are
    (`standard_conforming_strings`).
    """
    return "'" + text_.replace("'", "''") + "'"


@asynccontextmanager
async def _transaction(connection: "asyncpg.Connection[Any]", tenant_id: str | None) -> AsyncIterator[None]:
    transaction = connection.transaction() if tenant_id is None else _OfTenant(connection, tenant_id)
    async with _given_up_when_silent(connection):
        try:
            await transaction.start()
            yield
        except BaseException as error:
            _to_wake.pop(connection, None)
            # A lost connection has rolled back by itself. What was raised must not be hidden by that: a cancellation least of all.
            with contextlib.suppress(OSError, *DRIVER_ERRORS):
                if not isinstance(error, TimeoutError):
                    await transaction.rollback()
            raise
        notifications = _notifications(connection)
        if isinstance(transaction, _OfTenant):
            await transaction.commit(notifications)
            return
        await transaction.commit()
        if notifications:
            try:
                await connection.execute(notifications)
            except (OSError, *DRIVER_ERRORS):  # what is committed is not to be done again
                connection.terminate()


@asynccontextmanager
async def _given_up_when_silent(connection: "asyncpg.Connection[Any]") -> AsyncIterator[None]:
    """Close a connection that did not answer in time: nor would it a rollback, and the server's end rolls back by itself."""
    try:
        yield
    except TimeoutError:
        connection.terminate()
        raise


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
        return f"BEGIN; SELECT set_config('recours.tenant', {_quoted(self._tenant_id)}, true)"

    async def commit(self, then: str) -> None:
        """Commit, and then do something that needs no transaction, in one trip."""
        entry = entry_of_change()
        # In the trip that commits: who changes something waits no longer for its entry than the server takes to write it.
        entered = "" if entry is None else f"{insertion(self._tenant_id, uuid7(), entry, only_if_written=True)}; "
        await self._connection.execute(f"{entered}COMMIT; {then}")

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


async def freeze(tx: AsyncConnection, tenant_id: str | None = None) -> None:
    """Let the transaction see one moment alone, and of it one tenant, if told. First in it: it is begun without a tenant;
    without writing, so that no relay waits for it.
    """
    connection = await driver(tx)
    await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    if tenant_id is not None:
        await connection.execute("SELECT set_config('recours.tenant', $1, true)", tenant_id)


async def driver(tx: AsyncConnection) -> "asyncpg.Connection[Any]":
    """Return asyncpg's connection under a SQLAlchemy one, inside the same transaction."""
    raw = await tx.get_raw_connection()
    connection = raw.driver_connection
    if connection is None:
        raise Transient("connection_lost")
    return connection  # type: ignore[no-any-return]  # SQLAlchemy types it as Any


def touched(told: str) -> int:
    """Return how many rows a statement touched, from what the server says when it is done ("UPDATE 3")."""
    return int(told.rpartition(" ")[2])


async def copy_rows(tx: AsyncConnection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """COPY rows into a table inside the transaction: a third faster than `unnest`, and refused where row-level security binds."""
    connection = await driver(tx)
    await connection.copy_records_to_table(table, columns=columns, records=rows)


async def copy_out(
    tx: AsyncConnection, query: str, *values: Any, into: Callable[[bytes], None], silence_seconds: float = STATEMENT_SECONDS
) -> None:
    """COPY what a query returns in PostgreSQL's binary format, cut anywhere into pieces. It may take long, as millions of rows do;
    one piece may not. Errors: TimeoutError after such a silence.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(silence_seconds) as silence:

        async def take(piece: bytes) -> None:
            into(piece)
            silence.reschedule(loop.time() + silence_seconds)

        connection = await driver(tx)
        await connection.copy_from_query(query, *values, output=take, format="binary", timeout=_COPY_SECONDS)
