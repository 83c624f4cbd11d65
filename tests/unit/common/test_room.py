"""More requests than there is room for wait a moment, then are told to come back; health, uploads and slow readers take none."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack

import httpx
import pytest
import uvloop
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import StreamingResponse

from libs.common.http import rates
from libs.common.http.app import create_app
from libs.common.http.problem import Problem
from libs.common.http.protocol import BoundedHttp
from libs.common.http.rates import Room
from libs.common.http.serve import doubled
from tests.support.access import VERIFIER, NoneClosed, bearer, own_tokens
from tests.support.serving import served_by_thread

COME_AT_ONCE = 20
SCOPES = {"GET /slow": "claims:read", "GET /streamed": "claims:read", "POST /upload": "claims:read"}


class Held:
    """An application with room for one request, and what holds its answers back."""

    def __init__(self) -> None:
        self.came, self.go = asyncio.Event(), asyncio.Event()
        router = APIRouter()

        @router.get("/slow")
        async def slow() -> str:
            await self._wait()
            return "done"

        @router.get("/streamed")
        async def streamed() -> StreamingResponse:
            async def pieces() -> AsyncIterator[bytes]:
                yield b"begun"
                await self._wait()

            return StreamingResponse(pieces())

        @router.post("/upload")
        async def upload(request: Request) -> str:
            await request.body()
            await self._wait()
            return "done"

        self.app: FastAPI = create_app(
            "test", "A service.", verifier=VERIFIER, scopes=SCOPES, checks={}, routers=[router], tags={}, audited={}
        )
        self.app.state.database = None
        self.app.state.door.room = Room(1, 0)
        self.app.state.door.standing = NoneClosed()

    async def _wait(self) -> None:
        self.came.set()
        await self.go.wait()


@pytest.fixture
async def held() -> Held:
    return Held()


async def free() -> Held:
    """Return one that holds nothing back."""
    held = Held()
    held.go.set()
    return held


@pytest.fixture
async def client(held: Held) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(held.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=bearer()) as client:
        yield client


async def test_a_burst_waits_for_its_turn_and_is_served(held: Held, client: httpx.AsyncClient) -> None:
    burst = [asyncio.create_task(client.get("/slow")) for _ in range(5)]
    await held.came.wait()
    held.go.set()
    assert [(await each).status_code for each in burst] == [200] * 5


async def test_who_finds_no_room_is_told_to_come_back_and_let_in_when_there_is_some(held: Held, client: httpx.AsyncClient) -> None:
    first = asyncio.create_task(client.get("/slow"))
    await held.came.wait()
    refused = await client.get("/slow")
    assert (refused.status_code, refused.json()["type"], refused.headers["retry-after"]) == (503, "urn:recours:problem:busy", "1")
    unread = await client.post("/upload", content=b"{", headers={"Content-Type": "application/json"})
    assert unread.status_code == 503, "nothing is looked at that is not taken"
    assert (await client.get("/livez")).status_code == 200
    held.go.set()
    assert (await first).status_code == 200
    held.app.state.door.room._overloaded_until = 0.0
    assert (await client.get("/slow")).status_code == 200


async def test_after_one_was_sent_away_nobody_waits_long_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(1, 0)
    leave = await room.enter()
    monkeypatch.setattr(rates, "_ROOM_SECONDS", 0.0)
    with pytest.raises(Problem, match="busy"):
        await room.enter()
    monkeypatch.setattr(rates, "_ROOM_SECONDS", 3600.0)
    async with asyncio.timeout(60):
        with pytest.raises(Problem, match="busy"):
            await room.enter()
    room._overloaded_until = 0.0
    waits = asyncio.create_task(room.enter())
    await asyncio.sleep(2 * rates._HARDLY_SECONDS)
    assert not waits.done()
    leave()
    await waits


async def test_in_an_overload_there_is_room_for_a_few_alone_and_each_gives_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_HARDLY_SECONDS", 0.0)
    room = Room(3, 2)
    leave_before = await room.enter()
    room._overloaded_until = asyncio.get_running_loop().time() + 3600
    leaves = [await room.enter() for _ in range(2)]
    with pytest.raises(Problem, match="busy"):
        await room.enter()
    leave_before()
    with pytest.raises(Problem, match="busy"):
        await room.enter()
    leaves.pop()()
    leaves.append(await room.enter())
    for leave in leaves:
        leave()
    room._overloaded_until = 0.0
    for _ in range(3):
        await room.enter()


async def test_in_an_overload_only_some_come_in_each_turn_but_health_and_services_always(held: Held) -> None:
    door, room = held.app.state.door, held.app.state.door.room
    token = bearer()["Authorization"].removeprefix("Bearer ")
    service = own_tokens("appeals").token("local")
    for each in (token, service):
        await door.read(each)

    def turned_away(path: str, told: str = token) -> bool:
        return bool(door.turns_away({"path": path, "headers": [(b"authorization", f"Bearer {told}".encode())]}))

    assert not any(turned_away("/slow") for _ in range(10)), "there is no overload"
    room._overloaded_until = asyncio.get_running_loop().time() + 3600
    assert [turned_away("/slow") for _ in range(3)] == [False, True, True]
    assert turned_away("/slow", "nobody's")
    assert not turned_away("/livez")
    assert not turned_away("/slow", service)
    await asyncio.sleep(0)
    assert [turned_away("/slow") for _ in range(2)] == [False, True]


def test_who_is_turned_away_keeps_the_connection_and_is_served_on_it_afterwards() -> None:
    held = asyncio.run(free())
    held.app.state.door.turns_away = lambda scope: scope["path"] == "/upload"
    with (
        served_by_thread(held.app, http=BoundedHttp, ws="none") as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=bearer()) as client,
    ):
        refused = client.post("/upload", content=b"[1]" * 1000, headers={"Content-Type": "application/json"})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["type"] == "urn:recours:problem:busy"
        assert refused.headers["x-content-type-options"] == "nosniff"
        assert "connection" not in refused.headers
        assert client.get("/slow").status_code == 200


def test_more_than_one_connection_is_accepted_in_a_turn_of_the_loop() -> None:
    made: list[int] = []
    turn = 0

    class Counted(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.append(turn)
            transport.close()

    async def accept(listening: socket.socket) -> None:
        nonlocal turn
        loop = asyncio.get_running_loop()
        servers = [await loop.create_server(Counted, sock=each) for each in doubled(listening)]
        while len(made) < COME_AT_ONCE:  # each is a turn
            turn += 1
            await asyncio.sleep(0)
        for server in servers:
            server.close()

    with socket.create_server(("127.0.0.1", 0), backlog=COME_AT_ONCE) as listening, ExitStack() as come:
        for _ in range(COME_AT_ONCE):
            come.enter_context(socket.create_connection(listening.getsockname()))
        uvloop.run(accept(listening))
    assert len(set(made)) <= COME_AT_ONCE // 4


@pytest.mark.parametrize(("method", "path"), [("GET", "/streamed"), ("POST", "/upload")])
async def test_what_lasts_because_of_who_asks_takes_no_room(held: Held, client: httpx.AsyncClient, method: str, path: str) -> None:
    lasting = asyncio.create_task(client.request(method, path, content=b"some" if method == "POST" else None))
    await held.came.wait()
    other = asyncio.create_task(client.get("/slow"))
    await asyncio.sleep(0)
    held.go.set()
    assert (await other).status_code == 200
    assert (await lasting).status_code == 200


async def test_a_request_that_fails_gives_its_room_back(held: Held, client: httpx.AsyncClient) -> None:
    assert (await client.get("/nothing")).status_code == 404
    held.go.set()
    assert (await client.get("/slow")).status_code == 200
