"""Exports over HTTP: a table as a file, streamed while it is read."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse

from libs.common.database import Database, freeze
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.problem import Problem
from libs.common.http.problems import responses
from libs.common.table_files import MEDIA_TYPES, WRITERS, Format
from services.analytics.exports.tables import COLUMNS, Wanted, What, rows
from services.analytics.periods import BoundedDep

router = APIRouter(tags=["exports"])
FILES: Final = {
    "description": "The file, in pieces",
    "content": {told: {"schema": {"type": "string", "format": "binary"}} for told in MEDIA_TYPES.values()},
}


@router.get(
    "/v1/exports/{what}",
    summary="Facts, denials or key figures as a file",
    response_class=StreamingResponse,
    responses={**responses(422), 200: FILES},
)
async def export(
    what: Annotated[What, Path(description="the table")],
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    period: BoundedDep,
    format_: Annotated[Format, Query(alias="format", description="of the file")] = "csv",
    as_of: Annotated[date | None, Query(description="by what was known on the evening of this day (UTC); left out: today")] = None,
) -> StreamingResponse:
    """One moment's view. `from` and `to`: payment days of denials, days of key figures; facts have none, and come whole."""
    today = clock.now().date()
    if as_of is not None and as_of > today:
        raise Problem(422, "bad-day", "`as_of` is a day that has come.")
    wanted = Wanted(tenant, period.first, period.last, as_of or today)
    headers = {"Content-Disposition": f'attachment; filename="{what}.{format_}"'}
    return StreamingResponse(_pieces(database, what, format_, wanted), media_type=MEDIA_TYPES[format_], headers=headers)


async def _pieces(database: Database, what: What, format_: Format, wanted: Wanted) -> AsyncIterator[bytes]:
    """Yield the file. Who stops reading for a minute is cut off: the database ends the view that it holds open."""
    async with database.begin() as tx:
        await freeze(tx, wanted.tenant_id)
        async for piece in WRITERS[format_](COLUMNS[what], rows(tx, what, wanted)):
            if piece:
                yield piece
