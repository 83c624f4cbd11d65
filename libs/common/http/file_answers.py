"""A file as the answer to a request: sent for minutes, to whoever would be let in all the while."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Final, Never

import structlog
from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from libs.common.http.access import Door, until_not

log = structlog.get_logger()

CHECK_SECONDS: Final = 5.0


class Shut(Exception):  # noqa: N818 - says what happened
    """Whoever is sent a file would not be let in any more."""


class FileAnswer(StreamingResponse):
    """A token that ends or is revoked, a session that is over, a tenant that is suspended or erased breaks it off: nobody takes it
    for whole.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        *,
        is_open: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """`is_open` says of who came in by no token, but by a secret address, whether it still opens."""
        super().__init__(pieces, status_code, headers, media_type)
        self._pieces = pieces
        self._is_open = is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            # Closed now: what it reads from is given back when it ends, not when somebody collects it.
            async with aclosing(self._pieces), asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._watch(Request(scope)))
                await super().__call__(scope, receive, send)
                watching.cancel()
        except BaseExceptionGroup as errors:
            if not isinstance(errors.exceptions[0], Shut):
                raise errors.exceptions[0] from None
            log.warning("file_broken_off")  # whoever serves closes a connection whose answer has no end

    async def _watch(self, request: Request) -> Never:
        """Errors: Shut."""
        door: Door = request.app.state.door
        if self._is_open is None:
            await door.until_shut(request, CHECK_SECONDS)
        else:
            await until_not(self._is_open, CHECK_SECONDS)
        raise Shut
