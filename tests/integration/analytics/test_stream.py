"""The stream of alerts over real HTTP: told in order, gone on with where it broke off, and nobody who stops reading is kept."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from time import time
from typing import Any

import httpx
from msgspec.structs import replace

from libs.common.access.directory import KeyDirectory, Wish
from libs.common.access.signing import AUDIENCE, LOCAL_ISSUER
from libs.common.access.sources import FileKeys, WatchedFile, read_revoked
from libs.common.access.verifier import Verifier
from libs.common.clock import Clock, FixedClock, SystemClock
from libs.common.ids import uuid7
from services.analytics.alerts import store
from services.analytics.alerts.lifecycle import Alert, Step, acknowledge
from services.analytics.alerts.stream import Followers, Streams
from services.analytics.api import make_app
from tests.integration.analytics.conftest import NOW, Analytics
from tests.support import eventually, serving
from tests.support.access import KEY, VERIFIER, HeldKeys, bearer, token
from tests.unit.analytics.facts import claim, denial, on, remit

ON = date(2026, 3, 2)
PATIENCE = 20


@asynccontextmanager
async def served(
    analytics: Analytics, verifier: Verifier = VERIFIER, clock: Clock | None = None, **told: Any
) -> AsyncIterator[tuple[int, Followers]]:
    """Serve analytics as its process does; yield its port, and who follows."""
    app = make_app(analytics.api, clock or FixedClock(NOW), verifier)
    app.state.streams = Streams(analytics.api, look_seconds=0.05, **told)
    async with serving.served(app) as address:
        yield int(address.rpartition(":")[2]), app.state.streams.of(analytics.tenant)


def alert(analytics: Analytics, payer_id: str) -> Alert:
    return Alert(
        tenant_id=analytics.tenant, alert_id=uuid7(), payer_id=payer_id, category="authorization", began_on=ON, signalled_on=ON,
        last_on=ON, usual_rate=0.1, claims=100, denied=30, expected_milli=10_000, refused_cents=300_000, opened_at=NOW,
    )  # fmt: skip


async def write(analytics: Analytics, *steps: Step) -> None:
    async with analytics.worker.begin() as tx:
        await store.write(tx, steps)


async def events(answer: httpx.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Yield ids and data; a heartbeat is an empty one."""
    event_id = ""
    async for line in answer.aiter_lines():
        if line == ":":
            yield "", {}
        elif line.startswith("id: "):
            event_id = line[4:]
        elif line.startswith("data: "):
            yield event_id, json.loads(line[6:])


async def test_followers_are_told_in_order_and_go_on_where_they_broke_off(analytics: Analytics) -> None:
    async with served(analytics, heartbeat_seconds=0.1) as (port, followers):
        url = f"http://127.0.0.1:{port}/v1/stream"
        async with httpx.AsyncClient(headers=bearer(analytics.tenant), timeout=PATIENCE) as http:
            opened = alert(analytics, "P1")
            async with http.stream("GET", url) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                told = events(answer)
                assert await anext(told) == ("", {})
                await write(analytics, Step("opened", "recours", NOW, opened))
                seen = [each async for each in _first(told, 1)]
            taken = acknowledge(opened, "mia", "asked", NOW)
            assert isinstance(taken, Step)
            await write(analytics, taken)
            async with http.stream("GET", url, headers={"Last-Event-ID": seen[0][0]}) as answer:
                seen += [each async for each in _first(events(answer), 1)]
            assert [(each["what"], each["who"]) for _, each in seen] == [("opened", "recours"), ("acknowledged", "mia")]
            assert seen[1][1]["alert"]["status"] == "acknowledged"
            async with http.stream("GET", url, params={"after": seen[0][0]}) as answer:
                assert [each async for each in _first(events(answer), 1)] == seen[1:], "as a browser begins"
            bad = await http.get(url, headers={"Last-Event-ID": "nonsense"})
            assert bad.status_code == 400
            await _until(lambda: followers.count == 0)


async def _first(told: AsyncIterator[tuple[str, dict[str, Any]]], count: int) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    async for each in told:
        if each[0]:
            yield each
            count -= 1
            if count == 0:
                return


async def _until(holds: Any) -> None:
    await asyncio.to_thread(eventually, holds, seconds=PATIENCE)


async def test_one_who_stops_reading_is_dropped_and_the_others_are_told_on(analytics: Analytics) -> None:
    async with served(analytics, patience_seconds=0.3, heartbeat_seconds=0.1) as (port, followers):
        stuck = socket.socket()
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect(("127.0.0.1", port))
        own = bearer(analytics.tenant)["Authorization"]
        stuck.sendall(f"GET /v1/stream HTTP/1.1\r\nHost: here\r\nAuthorization: {own}\r\n\r\n".encode())
        await _until(lambda: followers.count == 1)
        async with (
            httpx.AsyncClient(headers=bearer(analytics.tenant), timeout=PATIENCE) as http,
            http.stream("GET", f"http://127.0.0.1:{port}/v1/stream") as answer,
        ):
            told = events(answer)
            await anext(told)
            note = "x" * 1000
            many = [alert(analytics, f"P{number}") for number in range(3000)]
            await write(analytics, *(Step("opened", "recours", NOW, each, note) for each in many))
            async with asyncio.timeout(3 * PATIENCE):  # its heartbeats keep the client from giving up by itself
                assert len([each async for each in _first(told, len(many))]) == len(many)
            await _until(lambda: followers.count == 1)
        stuck.close()


async def test_there_is_room_for_so_many_and_a_place_is_free_again(analytics: Analytics) -> None:
    async with served(analytics, most=1, heartbeat_seconds=0.1) as (port, followers):
        url = f"http://127.0.0.1:{port}/v1/stream"
        async with httpx.AsyncClient(headers=bearer(analytics.tenant), timeout=PATIENCE) as http:
            async with http.stream("GET", url) as answer:
                told = events(answer)  # held: one that is forgotten ends the answer that it reads
                await anext(told)
                full = await http.get(url)
                assert (full.status_code, full.json()["type"]) == (503, "urn:recours:problem:too-many-followers")
            await _until(lambda: followers.count == 0)
            async with http.stream("GET", url) as answer:
                assert answer.status_code == 200


async def ends(answer: httpx.Response) -> None:
    """Errors: TimeoutError where a stream goes on."""
    async with asyncio.timeout(PATIENCE):
        async for _ in answer.aiter_lines():
            pass


OFTEN: dict[str, Any] = {"heartbeat_seconds": 0.1, "check_seconds": 0.1}


async def test_a_stream_goes_on_while_its_reader_may_read(analytics: Analytics) -> None:
    async with (
        served(analytics, **OFTEN) as (port, _),
        httpx.AsyncClient(headers=bearer(analytics.tenant), timeout=PATIENCE) as http,
        http.stream("GET", f"http://127.0.0.1:{port}/v1/stream") as answer,
    ):
        told = events(answer)
        for _ in range(20):
            assert await anext(told) == ("", {})


async def test_a_stream_ends_with_its_token(analytics: Analytics) -> None:
    later = 0.0
    verifier = Verifier({LOCAL_ISSUER: HeldKeys(KEY)}, AUDIENCE, seconds=lambda: time() + later)
    async with (
        served(analytics, verifier, **OFTEN) as (port, followers),
        httpx.AsyncClient(headers=bearer(analytics.tenant, exp=int(time()) + 100), timeout=PATIENCE) as http,
    ):
        async with http.stream("GET", f"http://127.0.0.1:{port}/v1/stream") as answer:
            assert answer.status_code == 200
            later = 200.0
            await ends(answer)
        await _until(lambda: followers.count == 0)
        assert (await http.get(f"http://127.0.0.1:{port}/v1/stream")).status_code == 401


async def test_a_stream_ends_when_its_token_is_revoked(analytics: Analytics, tmp_path: Path) -> None:
    folder = KeyDirectory(tmp_path)
    folder.prepare()
    verifier = Verifier({LOCAL_ISSUER: FileKeys(folder.jwks, time)}, AUDIENCE, WatchedFile(folder.revoked, read_revoked, time))
    own, issued = folder.issue(Wish("ada", analytics.tenant, roles=("manager",)), int(time()))
    async with (
        served(analytics, verifier, **OFTEN) as (port, _),
        httpx.AsyncClient(headers={"Authorization": f"Bearer {own}"}, timeout=PATIENCE) as http,
        http.stream("GET", f"http://127.0.0.1:{port}/v1/stream") as answer,
    ):
        assert answer.status_code == 200
        folder.revoke(issued.token_id, int(time()))
        await ends(answer)


async def test_a_stream_ends_when_its_tenant_is_suspended(analytics: Analytics) -> None:
    async with (
        served(analytics, **OFTEN) as (port, _),
        httpx.AsyncClient(headers=bearer(analytics.tenant), timeout=PATIENCE) as http,
        http.stream("GET", f"http://127.0.0.1:{port}/v1/stream") as answer,
    ):
        assert answer.status_code == 200
        path = f"http://127.0.0.1:{port}/v1/tenants/{analytics.tenant}"
        async with httpx.AsyncClient(headers=bearer("operators"), timeout=PATIENCE) as operator:
            suspended = await operator.put(path, json={"state": "suspended", "why": "unpaid"})
        assert suspended.status_code == 200, suspended.text
        await ends(answer)


async def test_a_stream_ends_when_a_person_signs_out(analytics: Analytics) -> None:
    async with served(analytics, clock=SystemClock(), **OFTEN) as (port, _):
        home = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=home, timeout=PATIENCE, headers={"Origin": home}) as browser:
            form = mark((await browser.get("/sign-in")).text)
            entered = await browser.post("/sign-in", data={"csrf": form, "token": token(analytics.tenant), "next": "/alerts"})
            assert entered.status_code == 303, entered.text
            async with browser.stream("GET", "/v1/stream") as answer:
                assert answer.status_code == 200
                out = await browser.post("/sign-out", data={"csrf": mark((await browser.get("/alerts")).text)})
                assert out.status_code == 303, out.text
                await ends(answer)


def mark(page: str) -> str:
    return page.partition('name="csrf" value="')[2].partition('"')[0]


async def test_who_follows_sums_is_told_that_they_moved_and_nobody_else_is(analytics: Analytics) -> None:
    async with served(analytics, heartbeat_seconds=0.1, sums_seconds=0.3) as (port, followers):
        url = f"http://127.0.0.1:{port}/v1/stream"
        async with (
            httpx.AsyncClient(headers=bearer(analytics.tenant), timeout=PATIENCE) as http,
            http.stream("GET", url, params={"sums": "0"}) as answer,
            http.stream("GET", url) as of_alerts,
        ):
            told, others = events(answer), events(of_alerts)
            assert [await anext(told) for _ in range(8)] == [("", {})] * 8, "there are no sums yet, as it said"
            marks = []
            judged = denial(1, 30, known_on=on(30))
            for facts in ([claim(), remit()], [judged], [replace(judged, version=2, category="other")]):
                await analytics.tell(facts)
                marks.append(await _mark(told))
            assert len({"0", *marks}) == 4, "also where a denial moved from one category to another"
            assert [await anext(others) for _ in range(8)] == [("", {})] * 8
            async with http.stream("GET", url, params={"sums": marks[-1]}) as again:
                assert [await anext(events(again)) for _ in range(1)] == [("", {})]
            async with http.stream("GET", url, params={"sums": marks[0]}) as late:
                assert await _mark(events(late)) == marks[-1], "what moved before it came is told, too"
        await _until(lambda: followers.count == 0 and followers.mark is None)


async def _mark(told: AsyncIterator[tuple[str, dict[str, Any]]]) -> str:
    async for event_id, data in told:
        if data:
            assert (event_id, list(data)) == ("", ["mark"])
            return str(data["mark"])
    raise AssertionError("the stream ended")
