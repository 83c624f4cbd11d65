"""After a restore the relay sends again what the outbox holds; where that cannot work it is refused."""

from collections.abc import Callable

import asyncpg
import pytest

from libs.common.database import Database
from libs.common.messaging import outbox
from libs.common.messaging.rewind import NotRewoundError, rewind
from tests.integration.spine.test_relay import event
from tests.support import ServiceDatabase


async def test_the_relays_position_goes_back_to_the_beginning_unless_a_relay_is_at_work(
    service_database: Callable[[str], ServiceDatabase],
) -> None:
    made = service_database("classifier")
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("UPDATE relay_position SET last_xid = '7'")
    await owner.execute("SELECT pg_advisory_lock(hashtext('recours.relay'))")
    with pytest.raises(NotRewoundError, match="stop the service's workers first"):
        await rewind(made.owner_url)
    assert await owner.fetchval("SELECT last_xid::text FROM relay_position") == "7"
    await owner.execute("SELECT pg_advisory_unlock_all()")
    assert await rewind(made.worker_url) == 0
    assert await owner.fetchval("SELECT last_xid::text FROM relay_position") == "0"
    await owner.close()


async def test_an_outbox_that_was_filled_from_a_dump_is_refused(service_database: Callable[[str], ServiceDatabase]) -> None:
    """There a position of 0 would help those rows, and every row that is written next would stand before them."""
    made = service_database("classifier")
    database = Database(made.worker_url)
    async with database.begin() as tx:
        await outbox.append(tx, [event("any-topic", 1)])
    await database.close()
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("UPDATE outbox SET xid = (pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 1000000)::text::xid8")
    await owner.close()
    with pytest.raises(NotRewoundError, match="filled from a dump"):
        await rewind(made.owner_url)
