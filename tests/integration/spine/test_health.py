"""What a worker answers of its health: ready, waiting for its broker or its database, ready again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from deploy.local.layout import Ports
from libs.common import health
from libs.common.errors import Transient


@contextlib.asynccontextmanager
async def answering(**checks: health.Check) -> AsyncIterator[httpx.AsyncClient]:
    port = Ports.free().ingest_worker
    task = asyncio.create_task(health.serve("127.0.0.1", port, checks))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        for _ in range(200):
            with contextlib.suppress(httpx.TransportError):
                await http.get("/livez")
                break
            await asyncio.sleep(0.02)
        yield http
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def fine() -> None:
    """Nothing is wrong."""


async def unwell() -> None:
    raise Transient("waiting")


async def hangs() -> None:
    await asyncio.sleep(60)


async def test_a_worker_is_ready_when_all_its_checks_are() -> None:
    async with answering(database=fine, kafka=fine) as http:
        answer = await http.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "checks": {"database": "ok", "kafka": "ok"}})
    assert abs(parsedate_to_datetime(answer.headers["date"]) - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(("check", "told"), [(unwell, "Transient"), (hangs, "TimeoutError")])
async def test_what_is_waited_out_is_named_and_the_process_stays_alive(check: health.Check, told: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.2)
    async with answering(database=fine, consumer=check) as http:
        answer = await http.get("/readyz")
        alive = await http.get("/livez")
        elsewhere = await http.get("/")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["checks"] == {"database": "ok", "consumer": told}
    assert (alive.status_code, elsewhere.status_code) == (200, 404)


async def test_a_broker_answers_when_any_of_its_addresses_does(kafka_server: Any) -> None:
    nobody = f"127.0.0.1:{Ports.free().kafka}"
    await health.broker_answers(f"{nobody},{kafka_server.bootstrap}")
    with pytest.raises(Transient):
        await health.broker_answers(nobody)
