"""Around every request: its act, so that what it changes is entered by the transactions that change it, and what it discloses or
is refused is entered before the answer goes out. What cannot be entered is not disclosed.
"""

from http import HTTPStatus
from typing import Final, cast

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common import telemetry
from libs.common.access.caller import Caller
from libs.common.audit.acting import Act, acting
from libs.common.audit.entries import Entry, Outcome, clean
from libs.common.audit.routes import Audited, Routes
from libs.common.database import Database
from libs.common.errors import Transient
from libs.common.http import problems
from libs.common.http.problem import away

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_REFUSALS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_UNDECLARED: Final = Audited("changes", "unknown")
_What = tuple[str, Audited]  # the action, and what its route means
_Who = tuple[str, str, str | None]  # tenant, subject and token


def action_of(route: APIRoute) -> str:
    """Return the name of what a route does: its operation's id, and of a page, which has none, its function's."""
    first, *rest = route.name.split("_")  # as clients in most languages spell it: list_denials is listDenials
    name = first + "".join(map(str.capitalize, rest))
    return name if route.include_in_schema else f"page.{name}"


class AuditedRequests:
    """ASGI middleware. `routes` is what the service declares of each of its routes."""

    def __init__(self, app: ASGIApp, routes: Routes) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = _Request(scope, self._routes)
        is_withheld = False

        async def finish(message: Message) -> None:
            nonlocal is_withheld
            if message["type"] == "http.response.start":
                try:
                    await request.enter(message["status"])
                except Transient:
                    is_withheld = True
                    await problems.answer(away())(scope, receive, send)
            if not is_withheld:
                await send(message)

        with acting(request.act):
            await self._app(scope, receive, finish)


class _Request:
    """What is known of one request as it goes on; its route and its caller are found on the way."""

    def __init__(self, scope: Scope, routes: Routes) -> None:
        self._scope = scope
        self._routes = routes
        self.act = Act(self.change if scope["method"] not in _SAFE else lambda _: None)

    def change(self, named: tuple[str, ...]) -> Entry | None:
        what, who = self._what(), self._who()
        return None if what is None or who is None else self._entry("changed", what, who, named)

    async def enter(self, status: int) -> None:
        """Enter what changes nothing: a disclosure, or that the caller was refused. Errors: Transient."""
        what, who = self._what(), self._who()
        if what is None or who is None:
            return
        _, declared = what
        if status in _REFUSALS:
            entry = self._entry("refused", what, who, ())
        elif status < HTTPStatus.MULTIPLE_CHOICES and declared.meaning == "discloses" and self.act.shown != []:
            entry = self._entry("disclosed", what, who, self.act.named(declared.by))
        else:
            return
        app = cast("FastAPI", self._scope["app"])
        await cast("Database", app.state.database).append(who[0], entry)

    def _what(self) -> _What | None:
        """Return the action and what its route is declared to mean; None before the route is found, or where there is none."""
        route = self._scope.get("route")
        if not isinstance(route, APIRoute):
            return None
        action = action_of(route)
        return action, self._routes.get(action, _UNDECLARED)

    def _who(self) -> _Who | None:
        """Return tenant, subject and token; None where everybody may ask, or before anybody was let in: then it is of no tenant."""
        if self.act.guest is not None:  # whose link it is says more than that it is a guest
            return (*self.act.guest, None)
        caller: Caller | None = self._scope["state"].get("caller")
        return None if caller is None else (self.act.tenant_id or caller.tenant_id, caller.subject, caller.token_id or None)

    def _entry(self, outcome: Outcome, what: _What, who: _Who, named: tuple[str, ...]) -> Entry:
        action, declared = what
        _, subject, token_id = who
        told = self._scope.get("path_params", {}).get(declared.by) if declared.by else None
        trace = telemetry.context_of(self._scope["state"].get("traceparent"))
        return Entry(
            subject=subject,
            token_id=token_id,
            action=action,
            outcome=outcome,
            object_kind=declared.kind,
            object_ids=named if told is None else clean([told, *named]),
            trace_id=f"{trace.trace_id:032x}" if trace else None,
        )
