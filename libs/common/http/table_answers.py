"""A table as the answer to a request: a file, streamed while it is read."""

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import Database, freeze
from libs.common.http.file_answers import FileAnswer
from libs.common.table_files import MEDIA_TYPES, WRITERS, Format, Kind, Rows

FILES: Final[dict[str, Any]] = {  # for an OpenAPI document
    "description": "The file, in pieces",
    "content": {told: {"schema": {"type": "string", "format": "binary"}} for told in MEDIA_TYPES.values()},
}


def table_answer(
    database: Database,
    tenant_id: str,
    what: str,
    format_: Format,
    columns: Mapping[str, Kind],
    rows: Callable[[AsyncConnection], Rows],
) -> FileAnswer:
    """Answer with a table of this name, of one moment: `rows` reads them in the transaction that it is given."""

    async def pieces() -> AsyncGenerator[bytes, None]:
        """Yield the file. Who stops reading for a minute is cut off: the database ends the view that it holds open."""
        async with database.begin() as tx:
            await freeze(tx, tenant_id)
            async for piece in WRITERS[format_](columns, rows(tx)):
                if piece:
                    yield piece

    headers = {"Content-Disposition": f'attachment; filename="{what}.{format_}"'}
    return FileAnswer(pieces(), media_type=MEDIA_TYPES[format_], headers=headers)
