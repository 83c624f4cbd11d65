"""What routes ask for: the database, the clock, the tenant, the trace. Set once, in the composition root.

All are coroutines: FastAPI hands plain functions to a thread each, and back.
"""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, cast

from fastapi import Depends, Query, Request

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.http.problems import Problem


async def _database(request: Request) -> Database:
    return cast("Database", request.app.state.database)


async def _clock(request: Request) -> Clock:
    return cast("Clock", request.app.state.clock)


async def _tenant(request: Request) -> str:
    return cast("str", request.app.state.tenant)


async def _traceparent(request: Request) -> str:
    return cast("str", request.state.traceparent)


DatabaseDep = Annotated[Database, Depends(_database)]
ClockDep = Annotated[Clock, Depends(_clock)]
TenantDep = Annotated[str, Depends(_tenant)]
TraceDep = Annotated[str, Depends(_traceparent)]


@dataclass(frozen=True)
class Period:
    """Two days, both included; either may be left open."""

    first: date | None
    last: date | None


async def _period(
    first: Annotated[date | None, Query(alias="from", description="first day, included")] = None,
    last: Annotated[date | None, Query(alias="to", description="last day, included")] = None,
) -> Period:
    if first is not None and last is not None and first > last:
        raise Problem(422, "bad-period", "`from` is after `to`.")
    return Period(first, last)


PeriodDep = Annotated[Period, Depends(_period)]
