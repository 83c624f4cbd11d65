"""What routes ask for: the database, the clock, the tenant, the trace. Set once, in the composition root."""

from datetime import date
from typing import Annotated, cast

from fastapi import Depends, Query, Request

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.http.problems import Problem


def _database(request: Request) -> Database:
    return cast("Database", request.app.state.database)


def _clock(request: Request) -> Clock:
    return cast("Clock", request.app.state.clock)


def _tenant(request: Request) -> str:
    return cast("str", request.app.state.tenant)


def _traceparent(request: Request) -> str:
    return cast("str", request.state.traceparent)


DatabaseDep = Annotated[Database, Depends(_database)]
ClockDep = Annotated[Clock, Depends(_clock)]
TenantDep = Annotated[str, Depends(_tenant)]
TraceDep = Annotated[str, Depends(_traceparent)]


class Period:
    """Two days, both included; either may be left open."""

    def __init__(
        self,
        first: Annotated[date | None, Query(alias="from", description="first day, included")] = None,
        last: Annotated[date | None, Query(alias="to", description="last day, included")] = None,
    ) -> None:
        if first is not None and last is not None and first > last:
            raise Problem(422, "bad-period", "`from` is after `to`.")
        self.first = first
        self.last = last


PeriodDep = Annotated[Period, Depends()]
