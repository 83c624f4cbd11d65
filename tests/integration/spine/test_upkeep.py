"""What is old is forgotten some rows at a time, and nothing else is."""

import asyncio

import pytest

from libs.common import worker
from libs.common.database import Database, driver

OLD, KEPT = 5, 3
# Ids of ours begin with the time; those of anybody else may begin with anything.
INBOX = """
INSERT INTO inbox SELECT uuidv7(-make_interval(days => $2)), 'a', now() - make_interval(days => $2) FROM generate_series(1, $1)
"""
FOREIGN = """
INSERT INTO inbox SELECT ('f' || substr(gen_random_uuid()::text, 2))::uuid, 'a', now() - make_interval(days => $2)
FROM generate_series(1, $1)
"""
ANSWERS = """
INSERT INTO idempotency_keys (tenant_id, key, request_digest, kept_until)
SELECT 'local', gen_random_uuid()::text, 'x', now() + make_interval(hours => $2) FROM generate_series(1, $1)
"""


async def counts(database: Database) -> list[int]:
    async with database.begin() as tx:
        connection = await driver(tx)
        return [await connection.fetchval(f"SELECT count(*) FROM {table}") for table in ("inbox", "idempotency_keys")]


async def test_old_rows_of_the_inbox_and_old_answers_go_and_the_rest_stays(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_ROWS_AT_ONCE", 2)  # more than one piece, the last of them not full
    async with database.begin() as tx:
        connection = await driver(tx)
        for statement, old, young in ((INBOX, 22, 20), (FOREIGN, 22, 20), (ANSWERS, -1, 1)):
            await connection.execute(statement, OLD, old)
            await connection.execute(statement, KEPT, young)
    keeping = asyncio.create_task(worker.upkeep(database))
    async with asyncio.timeout(30):
        while await counts(database) != [2 * KEPT, KEPT]:  # noqa: ASYNC110 - another task
            await asyncio.sleep(0.02)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert await counts(database) == [2 * KEPT, KEPT]
