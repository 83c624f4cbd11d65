"""What every worker process runs: its consumer, its relay, its other jobs, and the upkeep of the spine, until told to stop.

The first task that fails ends the process, loudly; whoever started it starts it again.
"""

import asyncio
import contextlib
import gc
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
import uvloop
from sqlalchemy import text

from libs.common.database import Database, Listener
from libs.common.errors import Transient
from libs.common.ids import first_uuid7
from libs.common.orders import CHANNEL, LOOK_SECONDS

log = structlog.get_logger()

Job = Callable[[], Awaitable[None]]

OUTBOX_KEEP_DAYS = 7
_OUTBOX_DAYS_AHEAD = 7
# Longer than a record can be read again: it is replayed from the outbox on its last day there, and Kafka keeps it from then on.
INBOX_KEEP_DAYS = 21
_ROWS_AT_ONCE = 20_000
_UPKEEP_SECONDS = 3600.0
_BACKOFF_SECONDS = 2.0
_GC_OBJECTS = 200_000  # more than a batch holds at once
_END_SECONDS = 60.0  # for all jobs to put down what they have in hand, more than any takes


async def upkeep(database: Database) -> None:
    """Make tomorrow's outbox partitions, drop those that are old and sent, forget old inbox rows and answers; for ever."""
    while True:
        try:
            async with database.begin() as tx:
                # Whoever waits for the whole outbox holds up everybody behind: give way to a long transaction and come again.
                await tx.execute(text("SET LOCAL lock_timeout = '2s'"))
                await tx.execute(text("SELECT tend_outbox(:keep, :ahead)"), {"keep": OUTBOX_KEEP_DAYS, "ahead": _OUTBOX_DAYS_AHEAD})
            for table, is_old, told in _old(datetime.now(UTC)):
                while await _forget_some(database, table, is_old, told) == _ROWS_AT_ONCE:
                    pass
        except Transient as error:
            log.warning("upkeep_waits", error=str(error))
            await asyncio.sleep(5)
            continue
        await asyncio.sleep(_UPKEEP_SECONDS)


def _old(now: datetime) -> Sequence[tuple[str, str, Mapping[str, UUID]]]:
    """Return what is forgotten: tables, which of their rows in the order of an index, and the values that this names.

    An id of ours begins with the millisecond in which its event was made, so the inbox's key leads to old rows; an index on their
    time would cost half as much again as the rows. Ids that others made in another way stand beyond tomorrow's, all but one in 160.
    """
    is_old = f"admitted_at < now() - interval '{INBOX_KEEP_DAYS} days' ORDER BY event_id, source"
    return (
        ("inbox", f"event_id < :bound AND {is_old}", {"bound": first_uuid7(now - timedelta(days=INBOX_KEEP_DAYS - 1))}),
        ("inbox", f"event_id > :bound AND {is_old}", {"bound": first_uuid7(now + timedelta(days=1))}),
        ("idempotency_keys", "kept_until < now()", {}),
    )


async def _forget_some(database: Database, table: str, is_old: str, told: Mapping[str, UUID]) -> int:
    """Drop some old rows of a table, which no statement of bounded time could drop all; return how many."""
    places = f"SELECT ctid FROM {table} WHERE {is_old} LIMIT :most"  # noqa: S608 - our own words
    async with database.begin() as tx:
        gone = await tx.execute(
            text(f"DELETE FROM {table} WHERE ctid = ANY (ARRAY({places}))"),  # noqa: S608 - as above
            {"most": _ROWS_AT_ONCE, **told},
        )
    return int(gone.rowcount)


async def look_again(
    step: Callable[[], Awaitable[float | None]],
    *,
    idle_seconds: float = LOOK_SECONDS,
    waiting: str,
    orders: Listener | None = None,
    channel: str = CHANNEL,
) -> None:
    """Do a step of a job again and again, for ever; what is transient is waited out, and logged as `waiting`.

    A step returns how long to rest after it, or None where there was nothing to do: then it is `idle_seconds`, or until somebody
    rings on the channel, where `orders` are listened for.
    """
    with contextlib.nullcontext() if orders is None else orders.hearing(channel) as rung:
        while True:
            if rung is not None:
                rung.clear()
            try:
                rest = await step()
            except Transient as error:
                log.warning(waiting, error=str(error))
                rest = _BACKOFF_SECONDS
            if rung is None or rest is not None:
                await asyncio.sleep(idle_seconds if rest is None else rest)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(idle_seconds):
                    await rung.wait()


async def work_off(
    do: Callable[[], Awaitable[int]],
    *,
    idle_seconds: float = LOOK_SECONDS,
    waiting: str,
    full: int = 1,
    orders: Listener | None = None,
) -> None:
    """Do what waits, piece after piece, for ever; one that did less than `full` was the last for `idle_seconds`."""

    async def step() -> float | None:
        return None if await do() < full else 0.0

    await look_again(step, idle_seconds=idle_seconds, waiting=waiting, orders=orders)


async def catch_up(do: Callable[[], Awaitable[int]], *, full: int = 1) -> int:
    """Do what waits, piece after piece, up to one that did less than `full`; return how much was done in all."""
    done = 0
    while True:
        count = await do()
        done += count
        if count < full:
            return done
        await asyncio.sleep(0)  # the other jobs share this process


async def take_turns(tenants: Iterable[str], do: Callable[[str], Awaitable[int]]) -> int:
    """Do some of each tenant's work; return how much was done. A tenant whose work cannot be done now holds up no other's.

    Errors: the last Transient of a turn, when everybody had theirs.
    """
    done, failed = 0, None
    for tenant_id in tenants:
        try:
            done += await do(tenant_id)
        except Transient as error:
            failed = error
    if failed is not None:
        raise failed
    return done


async def run_jobs(jobs: Sequence[Job]) -> None:
    """Run jobs side by side until SIGTERM or SIGINT, or until one raises.

    The process ends with it: a job that does not let itself be ended is cut off, and so is what comes after. A process that lives
    and does nothing is started again by nobody.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    tasks = [asyncio.ensure_future(job()) for job in jobs]
    stopping = asyncio.ensure_future(stop.wait())
    done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
    for task in done - {stopping}:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("job_failed", exc_info=error)  # now: ending the others may take long
    for task in (*tasks, stopping):
        task.cancel()
    cut_off = threading.Timer(_END_SECONDS, os._exit, (1,))
    cut_off.daemon = True
    cut_off.start()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            if task not in done:
                await task
    for task in done - {stopping}:
        task.result()


def spare_batches_the_gc() -> None:
    """Keep the garbage collector out of the way of batches.

    One makes tens of thousands of objects, no cycles among them, and drops them all: looking through them is in vain.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_OBJECTS)


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run a worker's main coroutine on uvloop."""
    spare_batches_the_gc()
    uvloop.run(main())  # type: ignore[arg-type]  # a coroutine function's result is a coroutine
