"""The de-identified export over HTTP, streamed while it is read."""

from typing import Annotated, cast

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import StreamingResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.http.deps import DatabaseDep, TenantDep
from libs.common.http.problems import responses
from libs.common.http.table_answers import FILES, table_answer
from libs.common.sealing.keys import cipher_for
from libs.common.table_files import Format, Rows
from services.ingest.deidentified import store
from services.ingest.deidentified.removing import COLUMNS, Names, Removing, What

router = APIRouter(tags=["de-identified"])


@router.get(
    "/v1/deidentified/{what}",
    summary="Claims or adjudications without what says whose they are",
    response_class=StreamingResponse,
    responses={**responses(422), 200: FILES},
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

    def rows(tx: AsyncConnection) -> Rows:
        if what == "claim-lines":
            return store.claim_lines(tx, tenant, year, cipher, removing)
        return store.adjudications(tx, tenant, year, removing)

    return table_answer(database, tenant, what, format_, COLUMNS[what], rows)
