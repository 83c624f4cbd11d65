"""Signing in and out: with a token in development, else at the provider. These pages alone are open to who has not signed in."""

import hmac
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from libs.common.access import scopes
from libs.common.access.caller import Denied
from libs.common.http.deps import ClockDep, DatabaseDep
from services.analytics.pages import forms, guard, rendering, session_store, sessions
from services.analytics.pages.gate import Gate
from services.analytics.pages.guard import gate_of
from services.analytics.pages.id_tokens import Person, Refusal
from services.analytics.pages.sessions import Flow, Session

log = structlog.get_logger()
router = APIRouter(include_in_schema=False)

RETURN_PATH: Final = "/sign-in/return"
_TOLD_MAX: Final = 4_096
NextDep = Annotated[str | None, Query(alias="next", max_length=4_000)]
Told = Annotated[str | None, Query(max_length=_TOLD_MAX)]


@router.get("/sign-in")
async def get_sign_in(request: Request, clock: ClockDep, next_: NextDep = None, out: Told = None) -> Response:
    wanted = sessions.next_of(next_)
    if await guard.session_of(request, clock.now()) is not None:
        return _to(wanted)
    return _page(request, clock, wanted, said="signed_out" if out else None)


@router.post("/sign-in")
async def sign_in(request: Request, clock: ClockDep, database: DatabaseDep) -> Response:
    """By a token, where there is no provider."""
    gate, told = gate_of(request), await forms.read(request)
    wanted = sessions.next_of(told.get("next"))
    visitor = gate.told(request, "visitor")
    if not (guard.is_own(request) and visitor and gate.sealer.is_mark(told.get("csrf", ""), "visitor", visitor)):
        return _page(request, clock, wanted, reason="form_refused")
    if gate.provider is not None:
        return _page(request, clock, wanted, reason="by_provider")
    try:
        caller = await gate.check("".join(told.get("token", "").split()))
    except Denied as denied:
        log.info("signin_refused", reason=denied.reason)
        return _page(request, clock, wanted, reason="token_unknown")
    now = clock.now()
    latest = (now + sessions.LASTS).timestamp()  # a token's end may be beyond what a calendar has
    until = now.fromtimestamp(min(caller.expires_at, latest), now.tzinfo)
    began = sessions.begin(
        caller.tenant_id, caller.subject, caller.subject, caller.scopes, "token", now, token_id=caller.token_id, until=until
    )
    return await _let_in(request, database, clock, began, wanted)


@router.get("/sign-in/start")
async def start(request: Request, clock: ClockDep, next_: NextDep = None) -> Response:
    """Go to the provider."""
    gate, wanted = gate_of(request), sessions.next_of(next_)
    origin = gate.origin(request)
    if gate.provider is None or origin is None:
        return _page(request, clock, wanted)
    flow = sessions.begin_flow(wanted, clock.now())
    language = guard.visit_of(request, clock.now(), "/sign-in").language
    try:
        answer = _to(await gate.provider.address(flow, origin + RETURN_PATH, language))
    except Refusal as refusal:
        return _page(request, clock, wanted, reason=refusal.reason)
    gate.give(answer, "flow", flow)
    return answer


@router.get(RETURN_PATH)
async def come_back(
    request: Request,
    clock: ClockDep,
    database: DatabaseDep,
    code: Told = None,
    state: Told = None,
    iss: Told = None,
    error: Told = None,
) -> Response:
    """Back from the provider, by the same browser that went there, once."""
    gate, now = gate_of(request), clock.now()
    flow, origin = gate.opened(request, "flow", Flow), gate.origin(request)
    if gate.provider is None or origin is None:
        return _page(request, clock, "/")
    if flow is None or flow.is_over(now) or not hmac.compare_digest((state or "").encode(), flow.state.encode()):
        return _page(request, clock, "/", reason="not_begun_here")
    if error is not None or not code:
        return _page(request, clock, flow.next, reason="provider_refused")
    if iss not in (None, gate.provider.issuer):  # RFC 9207: another provider's answer
        return _page(request, clock, flow.next, reason="token_refused")
    try:
        began = _session_of(await gate.provider.person(code, flow, origin + RETURN_PATH), clock)
    except Refusal as refusal:
        log.info("signin_refused", reason=refusal.reason)
        return _page(request, clock, flow.next, reason=refusal.reason)
    return await _let_in(request, database, clock, began, flow.next)


def _session_of(person: Person, clock: ClockDep) -> Session:
    """Errors: Refusal, where none of the person's roles is one of ours."""
    granted = scopes.of("", person.roles)
    if not granted:
        raise Refusal("no_role")
    return sessions.begin(person.tenant_id, person.subject, person.name, granted, "oidc", clock.now())


@router.post("/sign-out")
async def sign_out(request: Request, clock: ClockDep, database: DatabaseDep) -> Response:
    gate, now = gate_of(request), clock.now()
    told, session = await forms.read(request), await guard.session_of(request, now)
    answer = _to("/sign-in?out=1")
    if session is not None:
        if not (guard.is_own(request) and gate.sealer.is_mark(told.get("csrf", ""), "form", session.session_id)):
            raise guard.BadForm
        async with database.begin(session.tenant_id) as tx:
            await session_store.end(tx, session.tenant_id, session.session_id, session.ends_at, now)
        log.info("signed_out", way=session.way)
    gate.take(answer, "session")
    return answer


async def _let_in(request: Request, database: DatabaseDep, clock: ClockDep, began: Session, wanted: str) -> Response:
    """Begin the session, end the one that the browser had, and go on."""
    gate, now = gate_of(request), clock.now()
    earlier = gate.opened(request, "session", Session)
    if earlier is not None:
        async with database.begin(earlier.tenant_id) as tx:
            await session_store.end(tx, earlier.tenant_id, earlier.session_id, earlier.ends_at, now)
    answer = _to(wanted)
    gate.give(answer, "session", began)
    gate.take(answer, "flow")
    gate.take(answer, "visitor")
    log.info("signed_in", way=began.way)
    return answer


def _to(path: str) -> Response:
    return RedirectResponse(path, HTTPStatus.SEE_OTHER, headers={"Cache-Control": "no-store"})


def _page(request: Request, clock: ClockDep, wanted: str, *, reason: str | None = None, said: str | None = None) -> Response:
    gate = gate_of(request)
    visit = guard.visit_of(request, clock.now(), "/sign-in")
    visitor = gate.told(request, "visitor") or sessions.fresh()
    shown = {
        "way": _way(gate, request),
        "mark": gate.sealer.mark("visitor", visitor),
        "wanted": wanted,
        "query": urlencode({"next": wanted}) if wanted != "/" else "",
        "reason": reason,
        "said": said,
    }
    status = (
        HTTPStatus.OK if reason is None else HTTPStatus.SERVICE_UNAVAILABLE if reason == "provider_away" else HTTPStatus.FORBIDDEN
    )
    answer = rendering.page("sign_in.html", visit, status, current="", **shown)
    if gate.told(request, "visitor") is None:
        gate.give(answer, "visitor", visitor)
    gate.take(answer, "flow")
    return answer


def _way(gate: Gate, request: Request) -> str:
    if gate.origin(request) is None:
        return "closed"
    return "token" if gate.provider is None else "oidc"
