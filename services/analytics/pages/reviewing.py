"""One item of an audit as a person judges it: what was denied and why, what was billed and paid, and the form for it."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Request, Response
from msgspec.structs import replace

from libs.common.access.caller import Caller
from libs.common.database import Database
from libs.common.http.deps import BehalfDep, CallerDep, ClockDep, DatabaseDep
from libs.common.http.neighbour import Behalf
from libs.common.http.problem import Problem
from services.analytics.audits import api as audits
from services.analytics.audits import store
from services.analytics.audits.plans import Plan
from services.analytics.audits.reviewing import ItemState
from services.analytics.audits.store import Audit, Item, Waiting
from services.analytics.audits.views import ItemView, VerdictBody
from services.analytics.pages import answering, audit_forms, rendering
from services.analytics.pages.answering import readable, status_of
from services.analytics.pages.doing import DoneDep, led_to
from services.analytics.pages.entered import Entered
from services.analytics.pages.guard import FormDep, Noted, VisitDep
from services.analytics.pages.neighbours import Neighbours, Told, away, found
from services.analytics.pages.visit import Visit

router = APIRouter(include_in_schema=False, route_class=Noted)

Form = Literal["review", "settle"]
_DONE: Final[Mapping[Form, str]] = {"review": "reviewed", "settle": "settled"}
_DISPUTED: Final[tuple[ItemState, ...]] = ("disputed",)
_NUMBER_MAX: Final = 2**31 - 1


@router.get("/audits/{audit_id}/items/{item}")
@readable
async def get_item(
    audit_id: str,
    item: str,
    request: Request,
    visit: VisitDep,
    database: DatabaseDep,
    caller: CallerDep,
    behalf: BehalfDep,
    done: DoneDep = None,
) -> Response:
    return await _item_page(audit_id, item, request, visit, database, caller, behalf, Entered(), status_of(visit), done)


async def _item_page(
    audit_id: str,
    item: str,
    request: Request,
    visit: Visit,
    database: Database,
    caller: Caller,
    behalf: Behalf,
    entered: Entered,
    status: int,
    done: str | None = None,
) -> Response:
    number = _number(audit_id, item)
    if number is None:
        return answering.missing(visit)
    tenant, who, named = caller.tenant_id, caller.subject, UUID(audit_id)
    async with database.begin(tenant) as tx:
        audit = await store.get(tx, tenant, named)
        held = next(iter(await store.items(tx, tenant, named, after=number - 1, limit=1)), None)
        if audit is None or held is None or held.item != number:
            return answering.missing(visit)
        told = (await store.reviews(tx, tenant, named, [number])).get(number, {})
        waiting = (await store.waiting(tx, tenant, {named: audit.plan.names_of(who)})).get(named, Waiting())
    denial, claim, remit = await _of_denial(request, visit, held, behalf)
    forms = visit.does("audits:review") and audit.state == "reviewing"
    shown: dict[str, Any] = {
        "audit": audit,
        "item": ItemView.of(held, told),
        "own": told.get(who),
        "waiting": waiting,
        "denial": found(denial),
        "claim": found(claim),
        "remit": found(remit),
        "away": away(denial, claim, remit),
        "reviews": forms and who in audit.plan.reviewers and held.state in ("open", "reviewing"),
        "settles": forms and held.state == "disputed" and who not in (*audit.plan.reviewers, *told),
        "entered": entered,
        "done": done,
    }
    visit = replace(visit, path=f"/audits/{named}/items/{number}")  # where the page is opened again, whatever was sent
    return rendering.page("audit_item.html", visit, status, current="audits", **shown)


def _number(audit_id: str, item: str) -> int | None:
    number = int(item) if item.isascii() and item.isdecimal() and len(item) <= len(str(_NUMBER_MAX)) else 0
    return number if answering.is_id(audit_id) and 1 <= number <= _NUMBER_MAX else None


async def _of_denial(request: Request, visit: Visit, item: Item, behalf: Behalf) -> tuple[Told, Told, Told]:
    """Return the denial, its claim and its remit, as far as who looks may see each."""
    services = cast("Neighbours", request.app.state.neighbours)
    if not visit.may("denials:read"):
        return None, None, None
    denial = await services["classifier"].ask(f"/v1/denials/{item.unit.denial_id}", behalf)
    return denial, *await services.billed(found(denial) or {}, visit.may, behalf)


@router.post("/audits/{audit_id}/items/{item}/review")
@readable
async def review(
    audit_id: str,
    item: str,
    form: FormDep,
    request: Request,
    visit: VisitDep,
    database: DatabaseDep,
    caller: CallerDep,
    behalf: BehalfDep,
    clock: ClockDep,
) -> Response:
    put = partial(audits.put_review, clock=clock)
    return await _judge("review", put, audit_id, item, form, request, visit, database, caller, behalf)


@router.post("/audits/{audit_id}/items/{item}/settle")
@readable
async def settle(
    audit_id: str,
    item: str,
    form: FormDep,
    request: Request,
    visit: VisitDep,
    database: DatabaseDep,
    caller: CallerDep,
    behalf: BehalfDep,
) -> Response:
    return await _judge("settle", audits.put_settlement, audit_id, item, form, request, visit, database, caller, behalf)


async def _judge(
    name: Form,
    put: Callable[[UUID, int, VerdictBody, str, str, Database], Awaitable[object]],
    audit_id: str,
    item: str,
    form: dict[str, str],
    request: Request,
    visit: Visit,
    database: Database,
    caller: Caller,
    behalf: Behalf,
) -> Response:
    """Keep what a person says of an item, and lead to the next one; or show the form again with what is wrong."""
    body = audit_forms.verdict_of(form)
    entered = Entered(name, form, body if isinstance(body, tuple) else ())
    number = _number(audit_id, item)
    if number is None:
        return answering.missing(visit)
    if not isinstance(body, tuple):
        try:
            await put(UUID(audit_id), number, body, caller.tenant_id, caller.subject, database)
        except Problem as problem:
            entered = _late(problem, name, form)
        else:
            return await _onwards(audit_id, number, database, caller, _DONE[name])
    status = HTTPStatus.CONFLICT if entered.refused else HTTPStatus.UNPROCESSABLE_ENTITY
    return await _item_page(audit_id, item, request, visit, database, caller, behalf, entered, status)


def _late(problem: Problem, name: str, form: dict[str, str]) -> Entered:
    """Return what was entered where it is not for this person, or no longer, to say. Errors: the Problem, if it is another."""
    if problem.status == HTTPStatus.CONFLICT:
        return Entered(name, form, (), "changed")
    if problem.name in ("not-a-reviewer", "settles-own-dispute"):
        return Entered(name, form, (), "not_yours")
    raise problem


async def _onwards(audit_id: str, number: int, database: Database, caller: Caller, done: str) -> Response:
    """Lead to the next item that waits for the same from this person, those before it last; or to the audit, where none does."""
    named = UUID(audit_id)
    async with database.begin(caller.tenant_id) as tx:
        audit = await store.get(tx, caller.tenant_id, named)
        wanted = _wanted(audit, caller.subject, done)
        for after in (number, 0):
            following = await store.items(tx, caller.tenant_id, named, **wanted, after=after, limit=1)
            if following:
                return led_to(f"/audits/{named}/items/{following[0].item}?done={done}")
    return led_to(f"/audits/{named}?done=all_{done}")


def _wanted(audit: Audit | None, who: str, done: str) -> dict[str, Any]:
    plan: Plan | None = audit.plan if audit else None
    return {"waits_for": plan.names_of(who) if plan else []} if done == "reviewed" else {"states": _DISPUTED}
