"""What routes ask for: the database and the clock, set once in the composition root; who asks, for which tenant; the trace.

All are coroutines: FastAPI hands plain functions to a thread each, and back.
"""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, cast

from fastapi import Depends, Query, Request

from libs.common import periods
from libs.common.access.caller import Caller
from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.http.access import unauthenticated
from libs.common.http.neighbour import Behalf
from libs.common.http.problem import Problem
from libs.common.http.written import Day


async def _database(request: Request) -> Database:
    return cast("Database", request.app.state.database)


async def _clock(request: Request) -> Clock:
    return cast("Clock", request.app.state.clock)


async def _caller(request: Request) -> Caller:
    caller: Caller | None = request.state.caller
    if caller is None:
        raise unauthenticated()
    return caller


async def _who(request: Request) -> str:
    return (await _caller(request)).subject


async def _tenant(request: Request) -> str:
    return (await _caller(request)).tenant_id


def behalf_of(request: Request) -> Behalf:
    """Return for whom other services are asked: the tenant of whoever asks us, in the same trace."""
    return Behalf(request.state.caller.tenant_id, request.state.traceparent)


async def _behalf(request: Request) -> Behalf:
    return behalf_of(request)


async def _traceparent(request: Request) -> str:
    return cast("str", request.state.traceparent)


DatabaseDep = Annotated[Database, Depends(_database)]
ClockDep = Annotated[Clock, Depends(_clock)]
CallerDep = Annotated[Caller, Depends(_caller)]
WhoDep = Annotated[str, Depends(_who)]  # whom histories name
TenantDep = Annotated[str, Depends(_tenant)]
BehalfDep = Annotated[Behalf, Depends(_behalf)]
TraceDep = Annotated[str, Depends(_traceparent)]


@dataclass(frozen=True)
class Here:
    """What most routes ask for, at once: for one that is asked hundreds of times a second each dependency counts."""

    tenant_id: str
    database: Database
    clock: Clock
    traceparent: str


async def _here(request: Request) -> Here:
    state = request.app.state
    return Here((await _caller(request)).tenant_id, state.database, state.clock, request.state.traceparent)


HereDep = Annotated[Here, Depends(_here)]


@dataclass(frozen=True)
class Period:
    """Two days, both included; either may be left open."""

    first: date | None
    last: date | None


def require_period(first: date | None, last: date | None) -> None:
    """Errors: Problem 422 (`bad-period`)."""
    if not periods.is_within(first, last):
        raise Problem(422, "bad-period", f"A day lies between {periods.FIRST} and {periods.LAST}; leave out what is open.")
    if first is not None and last is not None and first > last:
        raise Problem(422, "bad-period", "`from` is after `to`.")


async def _period(
    first: Annotated[Day | None, Query(alias="from", description=f"first day, included; {periods.FIRST} or later")] = None,
    last: Annotated[Day | None, Query(alias="to", description=f"last day, included; {periods.LAST} or earlier")] = None,
) -> Period:
    require_period(first, last)
    return Period(first, last)


PeriodDep = Annotated[Period, Depends(_period)]
