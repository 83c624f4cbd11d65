"""A table as the answer to a request: a file, streamed while it is read."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final, Never

import structlog
from fastapi import Request
from fastapi.responses import StreamingResponse
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.types import Receive, Scope, Send

from libs.common.database import Database, freeze
from libs.common.http.access import Door
from libs.common.table_files import MEDIA_TYPES, WRITERS, Format, Kind, Rows

log = structlog.get_logger()

FILES: Final[dict[str, Any]] = {  # for an OpenAPI document
    "description": "The file, in pieces",
    "content": {told: {"schema": {"type": "string", "format": "binary"}} for told in MEDIA_TYPES.values()},
}
_CHECK_SECONDS: Final = 5.0


class Shut(Exception):  # noqa: N818 - says what happened
    """Whoever is sent a file would not be let in any more."""


class FileAnswer(StreamingResponse):
    """A file that is sent for minutes, to whoever would be let in all the while.

    A token that ends or is revoked, a session that is over, a tenant that is suspended or erased breaks it off: nobody takes it for
    whole.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(_watch(Request(scope)))
                await super().__call__(scope, receive, send)
                watching.cancel()
        except BaseExceptionGroup as errors:
            if not isinstance(errors.exceptions[0], Shut):
                raise errors.exceptions[0] from None
            log.warning("file_broken_off")  # whoever serves closes a connection whose answer has no end


async def _watch(request: Request) -> Never:
    """Errors: Shut."""
    door: Door = request.app.state.door
    await door.until_shut(request, _CHECK_SECONDS)
    raise Shut


def table_answer(
    database: Database,
    tenant_id: str,
    what: str,
    format_: Format,
    columns: Mapping[str, Kind],
    rows: Callable[[AsyncConnection], Rows],
) -> FileAnswer:
    """Answer with a table of this name, of one moment: `rows` reads them in the transaction that it is given."""

    async def pieces() -> AsyncIterator[bytes]:
        """Yield the file. Who stops reading for a minute is cut off: the database ends the view that it holds open."""
        async with database.begin() as tx:
            await freeze(tx, tenant_id)
            async for piece in WRITERS[format_](columns, rows(tx)):
                if piece:
                    yield piece

    headers = {"Content-Disposition": f'attachment; filename="{what}.{format_}"'}
    return FileAnswer(pieces(), media_type=MEDIA_TYPES[format_], headers=headers)
