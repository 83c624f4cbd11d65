"""A process that is about to end says so, serves who comes, and lets no connection outlive its answer."""

import asyncio
import signal

import httpx
import pytest
import uvicorn
from fastapi import APIRouter, FastAPI

from libs.common.http import serve
from libs.common.http.app import create_app
from libs.common.http.serve import Leaving
from tests.support import until
from tests.support.access import VERIFIER, NoneClosed, bearer


@pytest.fixture
def app() -> FastAPI:
    router = APIRouter()

    @router.get("/asked")
    async def asked() -> str:
        return "answered"

    scopes = {"GET /asked": "claims:read"}
    app = create_app("test", "A service.", verifier=VERIFIER, scopes=scopes, checks={}, routers=[router], tags={}, audited={})
    app.state.database = None
    app.state.door.standing = NoneClosed()
    return app


def leaving(app: FastAPI, seconds: float) -> Leaving:
    return Leaving(uvicorn.Config(app, log_config=None), app.state.door, seconds)


async def test_who_leaves_is_not_ready_answers_on_and_sends_connections_elsewhere(app: FastAPI) -> None:
    server = leaving(app, 3600)
    async with httpx.AsyncClient(headers=bearer(), transport=httpx.ASGITransport(app), base_url="http://test") as http:
        before = [await http.get("/readyz"), await http.get("/asked")]
        server.handle_exit(signal.SIGTERM, None)
        after = [await http.get("/readyz"), await http.get("/asked"), await http.get("/livez")]
    assert [answer.status_code for answer in before] == [200, 200]
    assert [answer.headers.get("connection") for answer in before] == [None, None]
    assert [answer.status_code for answer in after] == [503, 200, 200]
    assert [answer.headers.get("connection") for answer in after] == ["close"] * 3
    assert after[0].json() == {"status": "unavailable", "checks": {"process": "leaving"}}
    assert not await server.on_tick(0)


async def test_it_ends_when_its_time_is_over_or_a_second_signal_comes(app: FastAPI) -> None:
    over, hurried, at_once = leaving(app, 1e-9), leaving(app, 3600), leaving(app, 0)
    over.handle_exit(signal.SIGTERM, None)
    assert await over.on_tick(0)
    hurried.handle_exit(signal.SIGTERM, None)
    hurried.handle_exit(signal.SIGTERM, None)
    assert await hurried.on_tick(0)
    at_once.handle_exit(signal.SIGTERM, None)
    assert await at_once.on_tick(0)
    interrupted = leaving(app, 3600)
    interrupted.handle_exit(signal.SIGINT, None)
    assert await interrupted.on_tick(0)


async def test_a_signal_and_the_end_of_its_time_wake_it_between_two_ticks(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "_TICK_SECONDS", 3600)
    for server, sign in (
        (leaving(app, 0), signal.SIGTERM),
        (leaving(app, 0.05), signal.SIGTERM),
        (leaving(app, 3600), signal.SIGINT),
    ):
        server.config.load()
        running = asyncio.create_task(server.main_loop())
        await until(lambda server=server: server.server_state.default_headers != [])
        assert not running.done()
        server.handle_exit(sign, None)
        async with asyncio.timeout(10):
            await running


async def test_the_date_of_its_answers_goes_on(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "_TICK_SECONDS", 0.01)
    server, seen = leaving(app, 0), set()
    server.config.load()
    running = asyncio.create_task(server.main_loop())

    def has_gone_on() -> bool:
        seen.add(dict(server.server_state.default_headers).get(b"date"))
        return len(seen - {None}) > 1

    await until(has_gone_on)
    server.handle_exit(signal.SIGINT, None)
    await running
