"""What it costs a request to be let in: a route behind the door against the same one that is open to everybody, in turns.

CPU time of this process alone, so that others on the machine do not count; only the differences travel.
"""

import argparse
import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.types import Message

from libs.common.access.scopes import PUBLIC
from libs.common.access.signing import AUDIENCE, LOCAL_ISSUER, sign
from libs.common.access.verifier import Verifier
from libs.common.http.app import create_app
from tests.support.access import KEY, HeldKeys, NoneClosed, claims

_ROUNDS = 9


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench access", description=__doc__)
    parser.add_argument("--requests", type=int, default=2_000, help="of each kind a round")
    asyncio.run(measure(parser.parse_args(arguments).requests))


async def measure(requests: int) -> None:
    """Print microseconds a request: open, with a token that was seen before, with one that was not."""
    verifier = Verifier({LOCAL_ISSUER: HeldKeys(KEY)}, AUDIENCE)
    router = APIRouter()

    @router.get("/open")
    @router.get("/closed")
    async def answer() -> dict[str, str]:
        return {"answer": "so"}

    needed = {"GET /open": PUBLIC, "GET /closed": "claims:read"}
    app = create_app("bench", "", verifier=verifier, scopes=needed, checks={}, routers=[router], tags={}, audited={})
    app.state.database, app.state.door.standing = None, NoneClosed()
    known = sign(KEY, claims())
    fresh = [[sign(KEY, claims()) for _ in range(requests // 10)] for _ in range(_ROUNDS)]
    kinds: dict[str, list[float]] = {"open": [], "known token": [], "fresh token": []}
    await asked(app, "/closed", known)
    for round_ in range(_ROUNDS):
        kinds["open"].append(await cost(requests, lambda _: asked(app, "/open", None)))
        kinds["known token"].append(await cost(requests, lambda _: asked(app, "/closed", known)))
        kinds["fresh token"].append(await cost(requests // 10, partial(_asked_one, app, fresh[round_])))
    base = statistics.median(kinds["open"])
    for name, found in kinds.items():
        median = statistics.median(found)
        print(f"{name:<12} {median:7.1f} us CPU a request, {median - base:+7.1f} us ({median / base - 1:+.0%})")


async def _asked_one(app: Any, tokens: Sequence[str], number: int) -> None:
    await asked(app, "/closed", tokens[number])


async def cost(times: int, ask: Callable[[int], Awaitable[None]]) -> float:
    gc.collect()
    began = time.process_time()
    for number in range(times):
        await ask(number)
    return (time.process_time() - began) / times * 1e6


async def asked(app: Any, path: str, token: str | None) -> None:
    """Ask an application without a server; what it answers must be 200."""
    headers = [(b"host", b"bench")] + ([(b"authorization", f"Bearer {token}".encode())] if token else [])
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": b"", "headers": headers, "client": ("127.0.0.1", 1), "server": ("bench", 80),
    }  # fmt: skip

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise AssertionError(message)

    await app(scope, receive, send)
