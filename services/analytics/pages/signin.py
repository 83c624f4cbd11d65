"""Signing in and out: with a token in development, else at the provider. These pages alone are open to who has not signed in."""

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
from services.analytics.pages.oidc import Provider
from services.analytics.pages.sessions import Flow, Session

log = structlog.get_logger()
router = APIRouter(include_in_schema=False)

RETURN_PATH: Final = "/sign-in/return"
OUT_PATH: Final = "/sign-out"
_SAID: Final = {"1": "signed_out", "here": "signed_out_here"}
_TOLD_MAX: Final = 4_096
NextDep = Annotated[str | None, Query(alias="next", max_length=4_000)]
Told = Annotated[str | None, Query(max_length=_TOLD_MAX)]


@router.get("/sign-in")
async def get_sign_in(request: Request, clock: ClockDep, next_: NextDep = None, out: Told = None) -> Response:
    wanted = sessions.next_of(next_)
    if await guard.session_of(request, clock.now()) is not None:
        return _to(wanted)
    return _page(request, clock, wanted, said=_SAID.get(out or ""))


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
async def start(request: Request, clock: ClockDep, next_: NextDep = None, quiet: Told = None) -> Response:
    """Go to the provider; quietly, where it is to say again what it said some minutes ago."""
    gate, wanted = gate_of(request), sessions.next_of(next_)
    origin = gate.origin(request)
    if gate.provider is None or origin is None:
        return _page(request, clock, wanted)
    flow = sessions.begin_flow(wanted, clock.now(), quiet=quiet == "1")
    language = guard.visit_of(request, clock.now(), "/sign-in").language
    try:
        answer = _to(await gate.provider.address(flow, origin + RETURN_PATH, language))
    except Refusal as refusal:
        return _page(request, clock, wanted, reason=refusal.reason)
    gate.send(answer, flow)
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
    gate = gate_of(request)
    flow, origin = gate.flow(request, state or ""), gate.origin(request)
    if gate.provider is None or origin is None:
        return _page(request, clock, "/")
    if flow is None or flow.is_over(clock.now()):
        return _page(request, clock, "/", reason="not_begun_here")
    try:
        person = await gate.provider.person(_code(code, error, iss, flow, gate.provider), flow, origin + RETURN_PATH)
        answer = await _enter(request, database, clock, person, flow)
    except Refusal as refusal:
        log.info("signin_refused", reason=refusal.reason)
        answer = _page(request, clock, flow.next, reason=refusal.reason)
        if flow.quiet and refusal.reason != "provider_away":  # it said that the person is not what they were
            await _end(request, database, clock)
            gate.take(answer, "session")
    gate.end(answer, flow)
    return answer


def _code(code: str | None, error: str | None, iss: str | None, flow: Flow, provider: Provider) -> str:
    """Errors: Refusal, where the provider gave none, or another one answered."""
    if error is not None or not code:
        raise Refusal("provider_ended" if flow.quiet else "provider_refused")
    if iss not in (None, provider.issuer):  # RFC 9207
        raise Refusal("token_refused")
    return code


async def _enter(request: Request, database: DatabaseDep, clock: ClockDep, person: Person, flow: Flow) -> Response:
    """Let a person in. Who is in already, and went to the provider quietly, goes on with the same session and the roles of now.

    What the session opened with other roles before, a stream of alerts or a copy of its cookie, opens nothing any more.

    Errors: Refusal, where none of the person's roles is one of ours.
    """
    granted, now = scopes.of("", person.roles), clock.now()
    if not granted:
        raise Refusal("no_role")
    session = await guard.session_of(request, now) if flow.quiet else None
    if session is None or (session.way, session.tenant_id, session.subject) != ("oidc", person.tenant_id, person.subject):
        began = sessions.begin(person.tenant_id, person.subject, person.name, granted, "oidc", now)
        return await _let_in(request, database, clock, began, flow.next)
    answer, confirmed = _to(flow.next), session.confirmed(person.name, granted, now)
    if session.rights_id and confirmed.rights_id != session.rights_id:
        async with database.begin(session.tenant_id) as tx:
            await session_store.end(tx, session.tenant_id, session.rights_id, session.ends_at, now)
    gate_of(request).give(answer, "session", confirmed)
    return answer


@router.get(OUT_PATH)
async def come_out() -> Response:
    """Back from the provider, where the person signed out, too."""
    return _to("/sign-in?out=1")


@router.post(OUT_PATH)
async def sign_out(request: Request, clock: ClockDep, database: DatabaseDep) -> Response:
    gate = gate_of(request)
    told, session = await forms.read(request), await guard.session_of(request, clock.now())
    answer: Response = _to("/sign-in?out=1")
    if session is not None:
        if not (guard.is_own(request) and gate.sealer.is_mark(told.get("csrf", ""), "form", session.session_id)):
            raise guard.BadForm
        await _end(request, database, clock)
        log.info("signed_out", way=session.way)
        if session.way == "oidc":
            answer = await _way_out(request, clock)
    gate.take(answer, "session")
    return answer


async def _way_out(request: Request, clock: ClockDep) -> Response:
    """Lead on to the provider, to sign out there, too. By a page: a policy of forms holds for where their answers lead."""
    gate, visit = gate_of(request), guard.visit_of(request, clock.now(), "/sign-in")
    origin = gate.origin(request)
    try:
        address = await gate.provider.way_out(f"{origin}{OUT_PATH}", visit.language) if gate.provider and origin else None
    except Refusal:
        address = None
    if address is None:
        return _to("/sign-in?out=here")
    answer = rendering.page("leaving.html", visit, current="", address=address)
    answer.headers["Refresh"] = f"0; url={address}"
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def _end(request: Request, database: DatabaseDep, clock: ClockDep) -> None:
    """End the session that the browser has."""
    session = gate_of(request).opened(request, "session", Session)
    if session is not None:
        async with database.begin(session.tenant_id) as tx:
            await session_store.end(tx, session.tenant_id, session.session_id, session.ends_at, clock.now())


async def _let_in(request: Request, database: DatabaseDep, clock: ClockDep, began: Session, wanted: str) -> Response:
    """Begin the session, end the one that the browser had, and go on."""
    gate = gate_of(request)
    await _end(request, database, clock)
    answer = _to(wanted)
    gate.give(answer, "session", began)
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
    return answer


def _way(gate: Gate, request: Request) -> str:
    if gate.origin(request) is None:
        return "closed"
    return "token" if gate.provider is None else "oidc"
