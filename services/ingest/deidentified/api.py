"""The de-identified export over HTTP, streamed while it is read."""

from collections.abc import AsyncIterator
from typing import Annotated, Final, cast

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import StreamingResponse

from libs.common.database import Database, freeze
from libs.common.http.deps import DatabaseDep, TenantDep
from libs.common.http.problems import responses
from libs.common.sealing.cipher import Cipher
from libs.common.sealing.keys import cipher_for
from libs.common.table_files import MEDIA_TYPES, WRITERS, Format
from services.ingest.deidentified import store
from services.ingest.deidentified.removing import COLUMNS, Names, Removing, What

router = APIRouter(tags=["de-identified"])
_FILES: Final = {
    "description": "The file, in pieces",
    "content": {told: {"schema": {"type": "string", "format": "binary"}} for told in MEDIA_TYPES.values()},
}


@router.get(
    "/v1/deidentified/{what}",
    summary="Claims or adjudications without what says whose they are",
    response_class=StreamingResponse,
    responses={**responses(422), 200: _FILES},
)
async def export_deidentified(
    what: Annotated[What, Path(description="the table")],
    request: Request,
    tenant: TenantDep,
    database: DatabaseDep,
    format_: Annotated[Format, Query(alias="format", description="of the file")] = "csv",
    year: Annotated[int | None, Query(ge=1900, le=2200, description="in which services began; left out: all")] = None,
) -> StreamingResponse:
    """HIPAA Safe Harbor. Whole years alone are asked for: the rows of one day would tell their day."""
    removing = Removing(Names(request.app.state.pseudonym_key, tenant), cast("frozenset[str] | None", request.app.state.small_zip3))
    cipher = await cipher_for(database, tenant)
    headers = {"Content-Disposition": f'attachment; filename="{what}.{format_}"'}
    pieces = _pieces(database, tenant, what, format_, year, removing, cipher)
    return StreamingResponse(pieces, media_type=MEDIA_TYPES[format_], headers=headers)


async def _pieces(
    database: Database, tenant: str, what: What, format_: Format, year: int | None, removing: Removing, cipher: Cipher
) -> AsyncIterator[bytes]:
    """Yield the file. Who stops reading for a minute is cut off: the database ends the view that it holds open."""
    async with database.begin() as tx:
        await freeze(tx, tenant)
        if what == "claim-lines":
            rows = store.claim_lines(tx, tenant, year, cipher, removing)
        else:
            rows = store.adjudications(tx, tenant, year, removing)
        async for piece in WRITERS[format_](COLUMNS[what], rows):
            if piece:
                yield piece
