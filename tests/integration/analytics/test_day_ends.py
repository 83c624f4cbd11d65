"""A day ends once what was told of it is in; what comes later is known later, and what was told as of the day stays."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from libs.common.clock import FixedClock
from libs.common.errors import Transient
from libs.common.messaging.brokers import OPEN
from libs.common.messaging.lag import places
from services.analytics import store
from services.analytics.day_ends import DayEnds, Places
from services.analytics.handlers import record
from tests.integration.analytics.conftest import Analytics
from tests.unit.analytics.facts import claim, denial, remit

JANUARY: dict[str, Any] = {"from": "2026-01-01", "to": "2026-01-31"}
MIDNIGHT = datetime(2026, 2, 1, tzinfo=UTC)
REMITS, DENIALS = TopicPartition("remit.received", 0), TopicPartition("denial.classified", 0)


class Topics:
    """Topics that grow, and a worker that lags behind them."""

    def __init__(self) -> None:
        self.ends: dict[TopicPartition, int] = {REMITS: 100, DENIALS: 10}
        self.taken_in: dict[TopicPartition, int] = {REMITS: 100, DENIALS: 10}
        self.away = False

    async def ask(self) -> tuple[Places, Places]:
        if self.away:
            raise Transient("away")
        return dict(self.ends), dict(self.taken_in)


async def through(analytics: Analytics) -> date | None:
    async with analytics.worker.begin() as tx:
        return await store.ended_through(tx)


async def test_a_day_ends_when_all_that_stood_in_the_topics_at_its_end_is_in(analytics: Analytics) -> None:
    topics, clock = Topics(), FixedClock(MIDNIGHT - timedelta(hours=1))
    ends = DayEnds(analytics.worker, clock, topics.ask)
    await ends.step()
    assert await through(analytics) == date(2026, 1, 30)
    clock.at = MIDNIGHT + timedelta(minutes=1)
    await ends.step()
    assert await through(analytics) == date(2026, 1, 30), "what was written last is on its way"
    clock.at = MIDNIGHT + timedelta(minutes=20)
    topics.ends[DENIALS] = 12
    assert await ends.step() is not None
    topics.ends[REMITS] = 150  # of the next day
    topics.taken_in[DENIALS] = 11
    await ends.step()
    assert await through(analytics) == date(2026, 1, 30), "an outage across midnight"
    topics.taken_in[DENIALS] = 12
    await ends.step()
    assert await through(analytics) == date(2026, 1, 31), "what came since waits for nothing"


async def test_an_answer_is_final_once_its_day_has_ended_and_then_stays(analytics: Analytics) -> None:
    now = MIDNIGHT + timedelta(hours=9)
    async with analytics.client(FixedClock(now)) as http:

        async def ask(**more: str) -> dict[str, Any]:
            answer = await http.get("/v1/kpis/initial-denial-rate", params=JANUARY | more)
            return dict(answer.json())

        await analytics.tell([claim(), remit(days=20), denial(days=20)])
        open_still = await ask(as_of="2026-01-31")
        assert open_still["is_final"] is False, "nobody knows what the worker has not read yet"
        await analytics.tell([claim(2), remit(2, 24, 9_000, claim_number=2)], first=2)  # told on the 25th, taken in now
        before = await ask(as_of="2026-01-31")
        assert (before["total"]["denominator"], before["is_final"]) == (2, False)
        await analytics.end_days(date(2026, 1, 31))
        final = await ask(as_of="2026-01-31")
        assert final == before | {"is_final": True}
        await analytics.tell([claim(3), remit(3, 25, 9_000, claim_number=3)], first=3)  # a dead letter that is replayed
        assert await ask(as_of="2026-01-31") == final
        assert (await ask())["total"]["denominator"] == 3
        assert (await ask(as_of="2026-02-01"))["total"]["denominator"] == 3, "known on the first day that has not ended"
        submitted = await http.get("/v1/kpis/clean-claim-rate", params=JANUARY)
        assert submitted.json()["total"]["denominator"] == 3, "it was submitted when it was"


async def test_what_was_lost_and_is_put_back_is_known_when_it_was(analytics: Analytics) -> None:
    await analytics.end_days(date(2026, 2, 28))
    async with analytics.worker.begin() as tx:
        await record(tx, [((analytics.tenant, UUID(int=1)), fact) for fact in (claim(), remit(days=20))], as_told=True)
    found = await analytics.ask("initial-denial-rate", as_of="2026-01-31", **JANUARY)
    assert (found["total"]["denominator"], found["is_final"]) == (1, True)


async def test_whoever_takes_events_in_is_done_before_a_day_ends(analytics: Analytics) -> None:
    """A batch that was begun before the day's end is wholly of before it."""
    async with analytics.worker.begin() as tx:
        await store.hold_days(tx)
        async with analytics.api.begin(analytics.tenant) as other:
            free = "SELECT pg_try_advisory_xact_lock(hashtextextended('analytics days', 0))"
            assert (await other.exec_driver_sql(free)).scalar_one() is False


async def test_how_far_a_group_has_dealt_with_topics_is_asked_of_the_broker(kafka_server: Any) -> None:
    name, group, bootstrap = f"places-{uuid4().hex[:8]}", f"group-{uuid4().hex[:8]}", kafka_server.bootstrap
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1)])
    await admin.close()
    full, empty = TopicPartition(name, 0), TopicPartition(name, 1)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for _ in range(3):
            await producer.send_and_wait(name, b"told", partition=0)
    while True:
        try:
            told = await places(bootstrap, OPEN, group, [name])
            break
        except Transient:  # the first group of a broker waits for its coordinator
            await asyncio.sleep(0.2)
    assert told == ({full: 3, empty: 0}, {full: 0, empty: 0})
    reader = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
    reader.assign([full])
    await reader.start()
    await reader.commit({full: 2})
    await reader.stop()
    assert await places(bootstrap, OPEN, group, [name]) == ({full: 3, empty: 0}, {full: 2, empty: 0})
    with pytest.raises(Transient):
        await places("127.0.0.1:1", OPEN, group, [name])
