"""Who looks at pages: a session is known by its cookie, a form by its session; and what those are told who may not look."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, cast
from urllib.parse import urlencode

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.types import Scope

from libs.common.access.caller import Caller
from libs.common.database import Database
from libs.common.http.access import Door, unauthenticated
from libs.common.http.deps import CallerDep, ClockDep
from services.analytics.pages import forms, rendering, session_store
from services.analytics.pages.gate import Gate
from services.analytics.pages.sessions import Session
from services.analytics.pages.visit import Visit, Who, language_of, read

_SAFE: Final = ("GET", "HEAD")


class BadForm(Exception):  # noqa: N818 - the fact is the name
    """A form that is none of the sender's session."""


class Noted(APIRoute):
    """A page: that somebody looked at it is written down in the cookie. What scripts fetch by themselves is no look."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            made = await handle(request)
            session = _session(request)
            if session is not None and _is_look(request):
                seen = session.seen(request.app.state.clock.now())
                if seen is not session:
                    gate_of(request).give(made, "session", seen)
            return made

        return answer


def gate_of(request: Request) -> Gate:
    return cast("Gate", request.app.state.gate)


async def session_of(request: Request, now: datetime) -> Session | None:
    """Return the session that a request belongs to; None where it belongs to none that stands."""
    session = gate_of(request).opened(request, "session", Session)
    if session is None or session.is_over(now):
        return None
    if session.token_id is not None and cast("Door", request.app.state.door).verifier.is_revoked(session.token_id):
        return None
    async with cast("Database", request.app.state.database).begin(session.tenant_id) as tx:
        is_ended = await session_store.is_ended(tx, session.tenant_id, session.session_id, session.rights_id)
    return None if is_ended else session


def caller_of(session: Session) -> Caller:
    token_id = session.token_id or f"session:{session.session_id}"
    return Caller(session.tenant_id, session.subject, frozenset(session.scopes), token_id, session.ends_at.timestamp())


async def by_session(scope: Scope) -> Caller | None:
    """Say who comes with a cookie in place of a token; under `/v1` it opens what is read alone. Errors: Problem 401."""
    request = Request(scope)
    session = await session_of(request, request.app.state.clock.now())
    is_page = not f"{scope['path']}/".startswith("/v1/")
    if session is None or not (is_page or request.method in _SAFE):
        if is_page:
            return None
        raise unauthenticated()
    if is_page and request.method in _SAFE and _is_look(request) and session.is_to_be_confirmed(request.app.state.clock.now()):
        scope["state"]["to_be_confirmed"] = True
        return None
    scope["state"]["session"] = session
    return caller_of(session)


def _is_look(request: Request) -> bool:
    """Say whether a person opens something: what scripts fetch by themselves is no look."""
    return request.headers.get("sec-fetch-dest", "document") == "document"


def _session(request: Request) -> Session | None:
    return cast("Session | None", getattr(request.state, "session", None))


async def _visit(request: Request, clock: ClockDep, caller: CallerDep) -> Visit:
    return visit_of(request, clock.now(), request.url.path, _who(request, caller))


async def _form(request: Request) -> dict[str, str]:
    """Return the form of a page of this session. Errors: BadForm."""
    session = _session(request)
    if session is None or not is_own(request):
        raise BadForm
    told = await forms.read(request)
    if not gate_of(request).sealer.is_mark(told.pop("csrf", ""), "form", session.session_id):
        raise BadForm
    return told


VisitDep = Annotated[Visit, Depends(_visit)]
FormDep = Annotated[dict[str, str], Depends(_form)]


def is_own(request: Request) -> bool:
    """Say whether a form was sent by a page of this host; browsers say so of every form."""
    origin = gate_of(request).origin(request)
    return origin is not None and request.headers.get("origin") == origin


def _who(request: Request, caller: Caller) -> Who:
    """Return who looks. A program that comes with a token sees the pages, but has no forms."""
    session = _session(request)
    mark = gate_of(request).mark(session) if session else ""
    return Who(session.name if session else caller.subject, mark, caller.scopes)


async def seen(request: Request, path: str) -> Visit:
    """Return a visit of a path that is no page of ours, or none that is open, by whoever it is."""
    caller: Caller | None = request.state.caller
    return visit_of(request, request.app.state.clock.now(), path, _who(request, caller) if caller else None)


def visit_of(request: Request, now: datetime, path: str, who: Who | None = None) -> Visit:
    query = request.query_params
    kept = request.cookies.get(rendering.LANGUAGE_COOKIE)
    language = language_of(query.get("lang"), kept, request.headers.get("accept-language"))
    return read(path, list(query.multi_items()), language, now.date(), who)


def to_sign_in(request: Request) -> Response:
    """Lead who is nobody to where they sign in, and from there to the page that they wanted; whose roles are to be told anew,
    round by the provider, which asks them nothing.
    """
    path = request.url.path
    wanted = f"{path}?{request.url.query}" if request.url.query else path
    wanted = wanted if request.method in _SAFE else "/" + path.split("/")[1]
    told = {"next": wanted} if wanted != "/" else {}
    if getattr(request.state, "to_be_confirmed", False):
        return RedirectResponse(f"/sign-in/start?{urlencode({'quiet': '1', **told})}", HTTPStatus.SEE_OTHER)
    return RedirectResponse(f"/sign-in?{urlencode(told)}" if told else "/sign-in", HTTPStatus.SEE_OTHER)


async def not_allowed(request: Request, scope: str) -> Response:
    """Return the page that says what somebody lacks; the first page leads on to one that is open."""
    visit = await seen(request, request.url.path if request.method in _SAFE else "/")
    opened = next((rendering.PATHS[name] for name, needed in rendering.NEEDS.items() if visit.may(needed)), None)
    if request.url.path == rendering.PATHS["overview"] and opened is not None:
        return RedirectResponse(opened, HTTPStatus.SEE_OTHER)
    shown = {"title": "not_allowed", "detail": "not_allowed_long", "scope": scope}
    return rendering.page("message.html", visit, HTTPStatus.FORBIDDEN, current="", **shown)


async def bad_form(request: Request) -> Response:
    shown = {"title": "bad_form", "detail": "bad_form_long"}
    return rendering.page("message.html", await seen(request, "/"), HTTPStatus.FORBIDDEN, current="", **shown)
