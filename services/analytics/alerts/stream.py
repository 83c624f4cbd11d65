"""Server-sent events: who follows alerts is told of each step, in the order of the transactions, and goes on where it broke off.

Nothing is queued for anybody: a follower has a place in the steps and reads on from it when something is new, as fast as it takes
what it is sent. One that takes nothing for some seconds is dropped, and comes back with the id that it saw last. Looking for what
is new is done once for all followers, and only while there are some. Who would not be let in any more is told nothing more.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.types import Receive, Scope, Send

from libs.common.changes import Change, latest_change
from libs.common.database import Database
from libs.common.errors import Transient
from libs.common.http import problems
from libs.common.http.access import Door
from libs.common.http.deps import DatabaseDep, TenantDep
from libs.common.http.paging import read_change_cursor, write_change_cursor
from libs.common.http.problem import Problem
from libs.common.http.problems import responses
from services.analytics import queries
from services.analytics.alerts import store
from services.analytics.alerts.store import Told
from services.analytics.alerts.views import ToldView

log = structlog.get_logger()
router = APIRouter(tags=["alerts"])

_PAGE: Final = 50
_RECONNECT_MS: Final = 3000
_MEDIA_TYPE: Final = "text/event-stream; charset=utf-8"


class Followers:
    """Those who follow now, and what wakes them."""

    def __init__(
        self,
        database: Database,
        tenant: str,
        *,
        most: int = 200,
        look_seconds: float = 1.0,
        heartbeat_seconds: float = 15.0,
        patience_seconds: float = 10.0,
        check_seconds: float = 5.0,
        sums_seconds: float = 5.0,
    ) -> None:
        self._database = database
        self._tenant = tenant
        self._most = most
        self._look_seconds = look_seconds
        self.heartbeat_seconds = heartbeat_seconds
        self.patience_seconds = patience_seconds
        self.check_seconds = check_seconds
        self._sums_seconds = sums_seconds
        self.mark: str | None = None  # of the sums, while somebody follows them
        self._marking = 0
        self._news = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self.count = 0

    @contextlib.asynccontextmanager
    async def seat(self, *, sums: bool = False) -> AsyncIterator[None]:
        """Take a place among the followers. Errors: Problem 503 where there is none left."""
        if self.count >= self._most:
            raise Problem(503, "too-many-followers", "Nobody more can follow now; try again later.", headers={"Retry-After": "30"})
        self.count += 1
        self._marking += sums
        try:
            if self._looking is None:
                self._looking = asyncio.create_task(self._look())
            yield
        finally:
            self.count -= 1
            self._marking -= sums
            if not self._marking:
                self.mark = None
            if self.count == 0 and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def _look(self) -> None:
        """Look for news, and wake all when there are some; for ever."""
        place: Change | None = None
        clock, marked_at = asyncio.get_running_loop().time, -self._sums_seconds
        while True:
            mark = self.mark
            try:
                async with self._database.begin(self._tenant) as tx:
                    if place is None:
                        place = await latest_change(tx)
                    told = await store.told_after(tx, self._tenant, place, _PAGE)
                    if self._marking and (mark is None or clock() - marked_at >= self._sums_seconds):
                        mark, marked_at = await queries.mark(tx, self._tenant), clock()
            except Transient as error:
                log.warning("stream_waits", error=str(error))
                told = []
            place = told[-1].place if told else place
            if told or mark != self.mark:
                self.mark = mark if self._marking else None
                news, self._news = self._news, asyncio.Event()
                news.set()
            await asyncio.sleep(self._look_seconds)

    def news(self) -> asyncio.Event:
        """Return what is set when something becomes known that is not known now."""
        return self._news

    async def read(self, place: Change) -> tuple[list[Told], dict[str, str]]:
        async with self._database.begin(self._tenant) as tx:
            told = await store.told_after(tx, self._tenant, place, _PAGE)
            names = await queries.payer_names(tx, self._tenant) if told else {}
        return told, names


class Streams:
    """The followers of each tenant; one for a process. What it is told is told to each tenant's."""

    def __init__(self, database: Database, **told: Any) -> None:
        self._database = database
        self._told = told
        self._tenants: dict[str, Followers] = {}

    def of(self, tenant: str) -> Followers:
        followers = self._tenants.get(tenant)
        if followers is None:
            followers = self._tenants[tenant] = Followers(self._database, tenant, **self._told)
        return followers


class EventStream(Response):
    """An answer without an end: what is told after a place, and a heartbeat where nothing is."""

    media_type = "text/event-stream"

    def __init__(self, followers: Followers, tenant: str, place: Change, sums: str | None = None) -> None:
        super().__init__()
        self._sums = sums
        self._followers = followers
        self._tenant = tenant
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with self._followers.seat(sums=self._sums is not None):
                tell = asyncio.create_task(self._tell(send))
                gone = asyncio.create_task(_gone(receive))
                shut = asyncio.create_task(self._until_shut(Request(scope)))
                try:
                    await asyncio.wait((tell, gone, shut), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in (gone, shut, tell):
                        task.cancel()
                    with contextlib.suppress(asyncio.CancelledError, Transient, TimeoutError):
                        await tell
                if shut.done() and not shut.cancelled():
                    shut.result()
                    await self._close(send)
        except Problem as problem:
            await problems.answer(problem)(scope, receive, send)

    async def _until_shut(self, request: Request) -> None:
        door: Door = request.app.state.door
        await door.until_shut(request, self._followers.check_seconds)

    async def _tell(self, send: Send) -> None:
        headers = [(b"content-type", _MEDIA_TYPE.encode()), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._write(send, f"retry: {_RECONNECT_MS}\n\n")
        while True:
            news = self._followers.news()
            told, names = await self._followers.read(self._place)
            for each in told:
                event_id = write_change_cursor(each.place, self._tenant, {})
                await self._write(send, f"id: {event_id}\nevent: alert\ndata: {ToldView.of(each, names).model_dump_json()}\n\n")
                self._place = each.place
            mark = self._followers.mark
            if self._sums is not None and mark not in (None, self._sums):
                await self._write(send, f'event: sums\ndata: {{"mark": "{mark}"}}\n\n')
                self._sums = mark
            if not told:
                try:
                    async with asyncio.timeout(self._followers.heartbeat_seconds):
                        await news.wait()
                except TimeoutError:
                    await self._write(send, ":\n\n")

    async def _close(self, send: Send) -> None:
        """End the answer, as one that is whole."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._followers.patience_seconds):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, send: Send, text: str) -> None:
        """Send within the time that a follower has to take it. Errors: TimeoutError."""
        # Where nothing is taken, the server waits with the next piece.
        async with asyncio.timeout(self._followers.patience_seconds):
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def now(tx: AsyncConnection, tenant: str) -> str:
    """Return the id to go on from for who reads what stands after this, in the same transaction."""
    return write_change_cursor(await latest_change(tx), tenant, {})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@router.get(
    "/v1/stream",
    summary="Follow alerts as they open, are taken up and end, and sums as they move",
    response_class=EventStream,
    status_code=200,
    responses={
        **responses(400, 422, 503),
        200: {"description": "Server-sent events", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
    },
)
async def follow(
    request: Request,
    tenant: TenantDep,
    database: DatabaseDep,
    last_event_id: Annotated[
        str | None, Header(alias="Last-Event-ID", max_length=500, description="`id` of the last event that was seen")
    ] = None,
    after: Annotated[
        str | None, Query(max_length=500, description="the same, where a browser begins and cannot send it; the header goes before")
    ] = None,
    sums: Annotated[
        str | None, Query(max_length=40, description="a mark of sums that is known, or nothing: events `sums` are told, too")
    ] = None,
) -> EventStream:
    """Events `alert`; comments are heartbeats. `Last-Event-ID` goes on behind an event that was seen; without it, from now on.

    Who says `sums` is told when the tenant's sums are others than those of that mark, by an event `sums` with the `mark` of the
    new ones and without an id; once in 5 seconds at most.

    One that takes nothing for 10 seconds is dropped. It ends within seconds of what would keep its reader from coming in again.
    """
    place = read_change_cursor(last_event_id or after, tenant, {})
    if place is None:
        async with database.begin(tenant) as tx:
            place = await latest_change(tx)
    return EventStream(request.app.state.streams.of(tenant), tenant, place, sums)
