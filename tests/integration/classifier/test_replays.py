"""A dead letter's record goes out once, and the answer says that it did."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from aiokafka import ConsumerRecord
from sqlalchemy import text

from libs.common.clock import SystemClock
from libs.common.database import Database
from libs.common.messaging import dead_letters, outbox
from services.classifier.api import make_app
from tests.support.access import VERIFIER, bearer

RECORD = ConsumerRecord("remit.received", 0, 7, 1_700_000_000_000, 0, b"key", b"no JSON", None, 3, 7, ())
LETTER = dead_letters.dead_letter_id(RECORD, "classifier")
REPLAY = f"/v1/dead-letters/{LETTER}/replay"


@pytest.fixture
async def database(service_database) -> AsyncIterator[Database]:
    database = Database(service_database("classifier").api_url)
    async with database.begin() as tx:
        await outbox.append_rows(tx, [dead_letters.outbox_row(RECORD, group="classifier", reason="not_json")])
    yield database
    await database.close()


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app(database, SystemClock(), VERIFIER))
    async with httpx.AsyncClient(headers=bearer(), transport=transport, base_url="http://classifier") as client:
        yield client


async def sent(database: Database) -> int:
    async with database.begin() as tx:
        found = await tx.execute(text("SELECT count(*) FROM outbox WHERE aggregatetype = 'remit.received' AND payload = 'no JSON'"))
        return int(found.scalar_one())


async def test_a_replay_answers_with_its_time(client: httpx.AsyncClient) -> None:
    before = (await client.get(f"/v1/dead-letters/{LETTER}")).json()
    assert before["replayed_at"] is None
    answer = (await client.post(REPLAY)).json()
    assert answer["replayed_at"] is not None
    assert answer == (await client.get("/v1/dead-letters")).json()["items"][0]


async def test_replays_at_the_same_time_send_one_record(database: Database, client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(client.post(REPLAY) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409, 409]
    assert await sent(database) == 1
