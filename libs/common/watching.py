"""What a process looks at now and then, because only a look tells how it stands: rows that wait, the broker, its own loop.

A look that fails is told of and tried again; its gauge goes silent meanwhile, which is an alert of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, NamedTuple

import structlog
from sqlalchemy import text

from libs.common import measures, metrics
from libs.common.database import Database
from libs.common.errors import Transient
from libs.common.messaging import outbox
from libs.common.messaging.brokers import BrokerAccess
from libs.common.messaging.lag import lags
from libs.common.worker import Job

log = structlog.get_logger()


class Look(NamedTuple):
    """Something to look at, and how often."""

    do: Callable[[], Awaitable[None]]
    seconds: float = 15.0


_PATIENCE_SECONDS: Final = 10.0
_AGAIN_SECONDS: Final = 5.0
_LOOP_SECONDS: Final = 0.25
_COUNTED_MAX: Final = 100_000
_BOOKED: Final = text(
    """
    SELECT COALESCE(sum(remits), 0)::float AS remits, COALESCE(sum(charge_cents), 0)::float AS charge,
        COALESCE(sum(paid_cents), 0)::float AS paid, COALESCE(sum(unbalanced_cents), 0)::float AS unbalanced
    FROM ledger_days
    """
)


def watch_jobs(*looks: Look) -> list[Job]:
    """Return the jobs that look, side by side with the rest; none where metrics are told to nobody."""
    return [watch_loop, *(partial(watch, look) for look in looks)] if metrics.are_told() else []


async def watch(look: Look) -> None:
    """Look again and again, for ever."""
    while True:
        rest = look.seconds
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await look.do()
        except (Transient, TimeoutError) as error:
            log.warning("look_waits", error=type(error).__name__)
            rest = min(rest, _AGAIN_SECONDS)
        await asyncio.sleep(rest)


async def watch_loop() -> None:
    """Measure how late the event loop comes back, for ever."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _LOOP_SECONDS
        await asyncio.sleep(_LOOP_SECONDS)
        measures.LOOP_LAG.record(max(0.0, loop.time() - due))


def at_outbox(database: Database) -> Look:
    """What the service has told and not yet sent."""

    async def look() -> None:
        async with database.begin() as tx:
            found = await outbox.waiting(tx, _COUNTED_MAX)
        measures.OUTBOX_SIZE.hold([(found.count, {})])
        measures.OUTBOX_AGE.hold([(max(0.0, found.seconds), {})])

    return Look(look)


def at_ledger(database: Database) -> Look:
    """What the service has booked: one row a tenant and day."""

    async def look() -> None:
        async with database.begin() as tx:
            row = (await tx.execute(_BOOKED)).one()
        measures.LEDGER_REMITS.hold([(row.remits, {})])
        columns = {"charge": row.charge, "paid": row.paid, "unbalanced": row.unbalanced}
        measures.LEDGER_CENTS.hold([(cents, {"recours.ledger.column": column}) for column, cents in columns.items()])

    return Look(look, 60.0)


def at_group(group: str, bootstrap: str, access: BrokerAccess) -> Look:
    """How many records wait for the group, whoever of it is there."""

    async def look() -> None:
        found = await lags(bootstrap, access, (group,))
        if found is None:
            raise Transient("no broker answers")
        told = {"messaging.system": "kafka", "messaging.consumer.group.name": group}
        measures.LAG.hold([(count, {**told, "messaging.destination.name": topic}) for topic, count in found.get(group, {}).items()])

    return Look(look)
