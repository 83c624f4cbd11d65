"""What is done about a root cause, on pages: an action from its plan to its effect, and the payer's rule that would have warned."""

from datetime import date, timedelta
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request, Response
from msgspec.structs import replace

from libs.common.database import Database
from libs.common.http.deps import BehalfDep, ClockDep, DatabaseDep, Period, TenantDep
from libs.common.http.problem import Problem
from services.analytics import queries
from services.analytics.causes import actions_api as actions
from services.analytics.causes import api as causes
from services.analytics.causes import naming, prevention
from services.analytics.causes.action_views import ActionBody, RuleBody, RuleView, StepBody
from services.analytics.causes.naming import ID_LENGTH_MAX, Named
from services.analytics.causes.views import condition
from services.analytics.pages import answering, rendering
from services.analytics.pages.answering import readable, status_of
from services.analytics.pages.doing import DoneDep, checked, led_to, not_done
from services.analytics.pages.entered import Entered, share_of, told
from services.analytics.pages.guard import FormDep, Noted, VisitDep
from services.analytics.pages.visit import Visit, day_of

router = APIRouter(include_in_schema=False, route_class=Noted)

_ROWS = 25
_REFUSED = {"no-rule": "no_rule", "rule-refused": "rule_refused", "ingest-unavailable": "ingest_away"}


@router.get("/root-causes/{root_cause_id}")
@readable
async def get_root_cause(
    root_cause_id: str,
    visit: VisitDep,
    database: DatabaseDep,
    tenant: TenantDep,
    began_on: Annotated[str | None, Query(max_length=20)] = None,
) -> Response:
    """One cause: what it is about, what is done about it, and what can be."""
    began = day_of(began_on)
    entered = Entered("plan", {"began_on": began.isoformat()} if began else {})
    return await _cause_page(root_cause_id, visit, database, tenant, entered, status=status_of(visit))


async def _cause_page(
    root_cause_id: str,
    visit: Visit,
    database: Database,
    tenant: str,
    entered: Entered,
    *,
    status: int = HTTPStatus.OK,
    tried: RuleView | None = None,
) -> Response:
    named = naming.read(root_cause_id[: ID_LENGTH_MAX + 1])
    if named is None:
        return answering.missing(visit)
    listed = await actions.list_actions(tenant, database, root_cause_id, limit=_ROWS)
    began_on = day_of(entered.value("plan", "began_on"))
    shown: dict[str, Any] = {
        "claims_at": claims_at(visit, root_cause_id, began_on),
        "cause": await _told(named, database, tenant),
        "root_cause_id": root_cause_id,
        "actions": listed.items,
        "no_rule": prevention.unsaid(named),
        "key": entered.value("plan", "key") or str(uuid4()),
        "entered": entered,
        "tried": tried,
    }
    return rendering.page("root_cause.html", visit, status, current="root-causes", **shown)


def claims_at(visit: Visit, root_cause_id: str, began_on: date | None = None, ended_on: date | None = None) -> str:
    """Return the address of a cause's own claims: of the days in which it holds, else of all days that are looked at."""
    last = ended_on - timedelta(days=1) if ended_on else visit.last
    first = began_on or min(visit.first, last)
    return replace(visit, filters={}).over(first, max(first, last), f"/root-causes/{root_cause_id}/claims")


@router.get("/root-causes/{root_cause_id}/claims")
@readable
async def get_root_cause_claims(
    root_cause_id: str,
    visit: VisitDep,
    database: DatabaseDep,
    tenant: TenantDep,
    clock: ClockDep,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """The refused claims behind one cause, newest first; each leads to its way through all services."""
    named = naming.read(root_cause_id[: ID_LENGTH_MAX + 1])
    if named is None:
        return answering.missing(visit)
    days = Period(visit.first, visit.last)
    listed = await causes.list_root_cause_claims(root_cause_id, days, tenant, database, clock, cursor, _ROWS)
    shown = {"cause": await _told(named, database, tenant), "root_cause_id": root_cause_id, "listed": listed}
    return rendering.page("root_cause_claims.html", visit, status_of(visit), current="root-causes", **shown)


async def _told(named: Named, database: Database, tenant: str) -> dict[str, Any]:
    async with database.begin(tenant) as tx:
        names = await queries.payer_names(tx, tenant)
    return {"category": named.category, "conditions": [condition(name, value, names) for name, value in named.conditions]}


@router.post("/root-causes/{root_cause_id}/actions")
@readable
async def plan(
    root_cause_id: str, form: FormDep, visit: VisitDep, database: DatabaseDep, tenant: TenantDep, clock: ClockDep
) -> Response:
    values: dict[str, Any] = dict(told(form, ("owner", "due_on", "change", "began_on")))
    if form.get("expected_rate"):
        values["expected_rate"] = share_of(form["expected_rate"])
    body = checked(ActionBody, values)
    if isinstance(body, tuple):
        entered = Entered("plan", form, body)
        return await _cause_page(root_cause_id, visit, database, tenant, entered, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        key = form.get("key") or None
        planned = await actions.plan_action(root_cause_id, body, tenant, database, clock, Response(), key)
    except Problem as problem:
        entered = not_done(problem, "plan", form, {"bad-period": "due_on"})
        return await _cause_page(root_cause_id, visit, database, tenant, entered, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return led_to(f"/root-cause-actions/{planned.action_id}?done=planned")


@router.post("/root-causes/{root_cause_id}/rule")
@readable
async def try_rule(
    root_cause_id: str,
    form: FormDep,
    request: Request,
    visit: VisitDep,
    database: DatabaseDep,
    tenant: TenantDep,
    behalf: BehalfDep,
) -> Response:
    """Say what a rule would do; nothing is changed, and it is made live where payers' rules are kept."""
    body = checked(RuleBody, told(form, ("effective_from",)))
    if isinstance(body, tuple):
        entered = Entered("rule", form, body)
        return await _cause_page(root_cause_id, visit, database, tenant, entered, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        tried = await actions.make_rule(root_cause_id, body, request, behalf)
    except Problem as problem:
        if problem.name not in _REFUSED:
            raise
        entered = Entered("rule", form, (), _REFUSED[problem.name])
        return await _cause_page(root_cause_id, visit, database, tenant, entered, status=problem.status)
    return await _cause_page(root_cause_id, visit, database, tenant, Entered("rule", form), tried=tried)


@router.get("/root-cause-actions/{action_id}")
@readable
async def get_action(action_id: str, visit: VisitDep, database: DatabaseDep, tenant: TenantDep, done: DoneDep = None) -> Response:
    """One action: what was planned, how far it is, whether it worked."""
    return await _action_page(action_id, visit, database, tenant, Entered(), status=status_of(visit), done=done)


async def _action_page(
    action_id: str,
    visit: Visit,
    database: Database,
    tenant: str,
    entered: Entered,
    *,
    status: int = HTTPStatus.OK,
    done: str | None = None,
) -> Response:
    if not answering.is_id(action_id):
        return answering.missing(visit)
    action = await actions.get_action(UUID(action_id), tenant, database)
    named = naming.read(action.root_cause_id)
    effect = await actions.get_effect(action.action_id, tenant, database) if action.effective_on and named else None
    shown: dict[str, Any] = {
        "action": action,
        "cause": await _told(named, database, tenant) if named else None,
        "effect": effect,
        "entered": entered,
        "done": done,
    }
    return rendering.page("action.html", visit, status, current="root-causes", **shown)


@router.post("/root-cause-actions/{action_id}/steps")
@readable
async def take_step(
    action_id: str, form: FormDep, visit: VisitDep, database: DatabaseDep, tenant: TenantDep, clock: ClockDep
) -> Response:
    if not answering.is_id(action_id):
        return answering.missing(visit)
    step = form.get("step", "")
    values = {"by": visit.who.name if visit.who else "", **told(form, ("step", "note", "effective_on"))}
    body = checked(StepBody, values)
    entered = Entered(step, form, body if isinstance(body, tuple) else ())
    if isinstance(body, StepBody):
        try:
            await actions.take_step(UUID(action_id), body, tenant, database, clock)
        except Problem as problem:
            if problem.name not in ("not-now", "bad-period"):
                raise
            late = problem.name == "not-now"
            entered = Entered(step, form, () if late else ("effective_on",), "changed" if late else None)
        else:
            return led_to(f"/root-cause-actions/{action_id}?done={body.step}")
    status = HTTPStatus.CONFLICT if entered.refused else HTTPStatus.UNPROCESSABLE_ENTITY
    return await _action_page(action_id, visit, database, tenant, entered, status=status)
