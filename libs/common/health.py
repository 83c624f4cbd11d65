"""A worker's health over HTTP, as its API's: `/livez` and `/readyz` on a port of its own, for probes and for whoever starts it; and
every process's `/metrics`, which stands on no port that the world reaches.

Ready means that what the worker needs is there: its database, a broker, and nothing transient that it is waiting out.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from email.utils import formatdate

import uvicorn
from starlette.types import Receive, Scope, Send

from libs.common import metrics
from libs.common.errors import Transient

Check = Callable[[], Awaitable[None]]
_Answer = tuple[int, list[tuple[bytes, bytes]], bytes]

CHECK_SECONDS = 2.0
_RETRY_AFTER = (b"retry-after", b"5")
_JSON = [(b"content-type", b"application/json")]


async def find_trouble(checks: Mapping[str, Check]) -> dict[str, str]:
    """Run checks side by side; return `ok` or the kind of failure by name. One that takes too long has failed."""

    async def run(check: Check) -> str:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await check()
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is "not ready"
            return type(error).__name__
        return "ok"

    return dict(zip(checks, await asyncio.gather(*map(run, checks.values())), strict=True))


async def broker_answers(bootstrap: str) -> None:
    """Connect to one of the brokers. Errors: Transient when none accepts a connection."""
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.close()
            return
    raise Transient("no broker answers")


class _Server(uvicorn.Server):
    """A server among other jobs: signals are theirs, and it has no clock to keep, which uvicorn's looks at ten times a second."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await asyncio.Event().wait()  # until cancelled


async def serve(host: str, port: int, checks: Mapping[str, Check]) -> None:
    """Answer `/livez`, `/metrics` and, where there are checks, `/readyz`, until cancelled."""

    async def ready() -> _Answer:
        found = await find_trouble(checks)
        is_ready = set(found.values()) <= {"ok"}
        body = json.dumps({"status": "ok" if is_ready else "unavailable", "checks": found}).encode()
        return (200, _JSON, body) if is_ready else (503, [*_JSON, _RETRY_AFTER], body)

    async def app(scope: Scope, _: Receive, send: Send) -> None:
        status, headers, body = 404, _JSON, b"{}"
        if scope.get("path") == "/livez":
            status, body = 200, b'{"status":"ok"}'
        elif scope.get("path") == "/readyz" and checks:
            status, headers, body = await ready()
        elif scope.get("path") == "/metrics":
            accept = dict(scope["headers"]).get(b"accept", b"").decode("latin-1")
            # In a thread: writing some thousand lines must not hold up what the loop has to do.
            content_type, body = await asyncio.to_thread(metrics.exposition, accept)
            status, headers = 200, [(b"content-type", content_type.encode())]
        headers = [(b"date", formatdate(usegmt=True).encode()), *headers]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    config = uvicorn.Config(
        app, host=host, port=port, loop="none", http="httptools", lifespan="off", log_config=None, access_log=False,
        server_header=False, date_header=False, backlog=16,
    )  # fmt: skip
    await _Server(config).serve()
