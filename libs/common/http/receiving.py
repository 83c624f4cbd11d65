"""What a client sends after its headers: no slower than a poor line, and no more than its reader may hold in memory."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Final

from starlette.types import Message, Receive, Scope

from libs.common.http.json_bodies import JSON_BODY_MAX_BYTES
from libs.common.http.problem import Problem

IDLE_SECONDS: Final = 30.0
PATIENCE_SECONDS: Final = 30.0  # this long nobody is asked to be fast
BYTES_A_SECOND: Final = 1024  # on average, of the time that was spent waiting


class Receiving:
    """The `receive` of one request. Errors, while the body comes: Problem 408 (too slow), 413 (too large)."""

    def __init__(self, scope: Scope, receive: Receive, most: int | None = None) -> None:
        self._scope, self._receive, self._most = scope, receive, most
        self._complete = False
        self._size = 0
        self._waited = 0.0
        self.answering = False  # an answer is on its way: what still comes is nobody's matter

    async def __call__(self) -> Message:
        if self._complete or self.answering:
            return await self._receive()
        began = time.monotonic()
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                message = await self._receive()
        except TimeoutError as error:
            raise _too_slow() from error
        self._waited += time.monotonic() - began
        self._size += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if not self._complete and self._waited > PATIENCE_SECONDS and self._size < self._waited * BYTES_A_SECOND:
            raise _too_slow()
        most = self._most if self._most is not None else self._held_whole()
        if most is not None and self._size > most:
            raise too_large(most)
        return message

    def _held_whole(self) -> int | None:
        """Return the limit of a route whose body is read at once, whatever it says to be; other routes measure for themselves."""
        return JSON_BODY_MAX_BYTES if getattr(self._scope.get("route"), "body_field", None) is not None else None

    async def whole(self) -> bytes:
        """Return the whole body."""
        body, more = b"", True
        while more:
            message = await self()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return body


async def once(body: bytes, receive: Receive) -> AsyncIterator[Message]:
    """Yield a body that was read, and then whatever comes."""
    yield {"type": "http.request", "body": body, "more_body": False}
    while True:
        yield await receive()


def too_large(most: int) -> Problem:
    return Problem(413, "too-large", f"A body of this kind may have {most} bytes at most.", headers={"Connection": "close"})


def _too_slow() -> Problem:
    return Problem(408, "too-slow", "The body came too slowly; nothing of it was kept.", headers={"Connection": "close"})
