"""Root causes over HTTP: what stands out in a period, and the claims behind it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query

from libs.common.database import Database
from libs.common.http.deps import ClockDep, DatabaseDep, Period, PeriodDep, TenantDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, read_cursor, write_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from services.analytics import queries
from services.analytics.causes import naming, store
from services.analytics.causes.findings import Finding, findings
from services.analytics.causes.naming import ID_LENGTH_MAX, Named
from services.analytics.causes.outcomes import DIMENSIONS
from services.analytics.causes.search import Limits
from services.analytics.causes.table import Gathered, Table
from services.analytics.causes.views import CauseClaimView, RootCausesView, view
from services.analytics.filters import FILTERS_MAX, read_filters
from services.analytics.periods import require_bounded

router = APIRouter(tags=["root causes"])

_PERIOD_DAYS: Final = 365
_WAITING_MAX: Final = 4
_BUSY: Final = {"Retry-After": "15"}

CauseId = Annotated[str, Path(min_length=1, max_length=ID_LENGTH_MAX, description="`root_cause_id` of a root cause")]


class _Desk:
    """One search at a time in a process, each in a thread: it takes all of a core, and memory by the line."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(1)
        self._waiting = 0

    async def search(self, gathered: Gathered, limits: Limits) -> tuple[Table, list[Finding]]:
        return await asyncio.to_thread(_search, gathered, limits)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for the others. Errors: Problem 503, where too many wait."""
        if self._waiting >= _WAITING_MAX:
            raise Problem(503, "search-busy", "Other searches are under way: ask again shortly.", headers=_BUSY)
        self._waiting += 1
        try:
            async with self._free:
                yield
        finally:
            self._waiting -= 1


def _search(gathered: Gathered, limits: Limits) -> tuple[Table, list[Finding]]:
    table = gathered.table()
    return table, findings(table, limits)


_desk: Final = _Desk()


@router.get("/v1/root-causes", summary="Combinations that are refused more often than the rest explains", responses=responses(422))
async def list_root_causes(
    period: PeriodDep,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    filter_: Annotated[
        list[str],
        Query(alias="filter", max_length=FILTERS_MAX, description="dimension:value; search among these lines alone"),
    ] = [],  # noqa: B006 - read only
    category: Annotated[list[str], Query(max_length=FILTERS_MAX, description="show these categories alone")] = [],  # noqa: B006 - read only
    affected_min: Annotated[int, Query(ge=5, le=100_000, description="least refused lines of a finding")] = 10,
    limit: Annotated[int, Query(ge=1, le=200, description="findings")] = 50,
) -> RootCausesView:
    """Without `from`, a year up to `to`; without `to`, up to today. Days are payment days of first answers.

    At most 200 are found, of the categories that are asked for, the best explained ones; `limit` of them are told: those that cost
    most.
    """
    today = clock.now().date()
    first, last = _days(period, today)
    async with _desk.turn():
        filters = read_filters(filter_, DIMENSIONS, ": " + ", ".join(DIMENSIONS))
        gathered, names = await _gather(database, tenant, first, last, filters)
        table, found = await _desk.search(gathered, Limits(affected_min=affected_min, categories=frozenset(category)))
    items = [view(each, names, today) for each in found[:limit]]
    return RootCausesView.model_validate({"from": first, "to": last, "lines": len(table), "claims": table.claims, "items": items})


async def _gather(
    database: Database, tenant: str, first: date, last: date, filters: Mapping[str, Sequence[str]]
) -> tuple[Gathered, dict[str, str]]:
    async with database.begin(tenant) as tx:
        gathered = Gathered(await store.words(tx, tenant), filters)
        await store.read(tx, tenant, first, last, gathered)
        return gathered, await queries.payer_names(tx, tenant)


def _days(period: Period, today: date) -> tuple[date, date]:
    last = period.last or max(today, period.first or today)
    first = period.first or last - timedelta(days=_PERIOD_DAYS - 1)
    require_bounded(first, last)
    return first, last


def named_by(root_cause_id: str) -> Named:
    """Return what an id is about. Errors: Problem 404."""
    named = naming.read(root_cause_id)
    if named is None:
        raise not_found("root cause")
    return named


@router.get(
    "/v1/root-causes/{root_cause_id}/claims", summary="The refused claims behind a root cause", responses=responses(400, 404, 422)
)
async def list_root_cause_claims(
    root_cause_id: CauseId,
    period: PeriodDep,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[CauseClaimView]:
    """Newest first, by the same period as the search: ask from `began_on` for those since it began."""
    named = named_by(root_cause_id)
    first, last = _days(period, clock.now().date())
    query = {"root_cause": root_cause_id, "from": first, "to": last}
    after = read_cursor(cursor, tenant, query, _position)
    async with database.begin(tenant) as tx:
        rows = await store.claims_of(tx, tenant, named, first, last, after, limit)
    shown = rows[:limit]
    items = [CauseClaimView.model_validate({**row, "payment_on": row["day"]}) for row in map(dict, shown)]
    more = None
    if len(rows) > limit:
        end = shown[-1]
        more = write_cursor(f"{end['day']} {end['claim_key']} {end['episode']}", tenant, query)
    return Page(items=items, next_cursor=more)


def _position(told: str) -> tuple[date, UUID, int]:
    day, key, episode = told.split(" ")
    return date.fromisoformat(day), UUID(key), int(episode)
