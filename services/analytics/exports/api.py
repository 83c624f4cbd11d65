"""Exports over HTTP: a table as a file, streamed while it is read."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse

from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.problem import Problem
from libs.common.http.problems import responses
from libs.common.http.table_answers import FILES, table_answer
from libs.common.http.written import Day
from libs.common.table_files import Format
from services.analytics.exports.tables import COLUMNS, Wanted, What, rows
from services.analytics.periods import BoundedDep

router = APIRouter(tags=["exports"])


def require_shareable(what: What, *, shared: bool) -> None:
    """Errors: Problem 422 (`not-shareable`)."""
    if shared and what != "kpis":
        raise Problem(
            422, "not-shareable", "Only key figures are shared: a row that is one denial or fact has no small cell to leave out."
        )


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
    as_of: Annotated[Day | None, Query(description="by what was known on the evening of this day (UTC); left out: today")] = None,
    shared: Annotated[bool, Query(description="key figures to be shown outside: small cells are left out")] = False,
) -> StreamingResponse:
    """One moment's view. `from` and `to`: payment days of denials, days of key figures; facts have none, and come whole."""
    today = clock.now().date()
    if as_of is not None and as_of > today:
        raise Problem(422, "bad-day", "`as_of` is a day that has come.")
    require_shareable(what, shared=shared)
    wanted = Wanted(tenant, period.first, period.last, as_of or today, shared)
    return table_answer(database, tenant, what, format_, COLUMNS[what], lambda tx: rows(tx, what, wanted))
