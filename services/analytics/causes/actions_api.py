"""Actions over HTTP: planned against a root cause, moved on, measured; and the payer's rule that would have warned of it."""

from datetime import date
from typing import Annotated, Any, Final, cast
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from msgspec.structs import replace

from libs.common.http import idempotency
from libs.common.http.deps import BehalfDep, ClockDep, DatabaseDep, TenantDep
from libs.common.http.neighbour import Refused
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_id_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.ids import uuid7
from services.analytics.causes import action_store as store
from services.analytics.causes import prevention
from services.analytics.causes.action_store import Action, Entry
from services.analytics.causes.action_views import (
    ActionBody,
    ActionView,
    EffectView,
    RuleBody,
    RuleView,
    StepBody,
    effect_view,
    view,
)
from services.analytics.causes.actions import TRANSITIONS, State, effect, windows
from services.analytics.causes.api import CauseId, named_by
from services.analytics.causes.ingest import Changed, Rules

router = APIRouter(tags=["root causes"])

_DAYS: Final = 90
_DAY_MIN, _DAY_MAX = date(1990, 1, 1), date(2200, 1, 1)
ActionId = Annotated[UUID, Path(description="as it was answered")]


@router.post(
    "/v1/root-causes/{root_cause_id}/actions",
    summary="Plan an action against a root cause",
    status_code=201,
    responses=responses(400, 404, 409, 413, 422),
)
async def plan_action(
    root_cause_id: CauseId,
    body: ActionBody,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    response: Response,
    key: idempotency.Key = None,
) -> ActionView:
    idempotency.require(key)
    named_by(root_cause_id)
    _plausible(body.due_on, body.began_on)
    now = clock.now()
    planned = Action(
        tenant_id=tenant,
        action_id=uuid7(),
        root_cause_id=root_cause_id,
        state="planned",
        owner=body.owner,
        due_on=body.due_on,
        change=body.change,
        expected_rate=body.expected_rate,
        began_on=body.began_on,
        effective_on=None,
        created_at=now,
        updated_at=now,
        history=(Entry(None, body.owner, now),),
    )
    async with database.begin(tenant) as tx:
        digest = idempotency.digest("plan_action", root_cause_id, body.model_dump_json())
        kept = await idempotency.begin(tx, tenant, key, digest, now)
        if kept is None:
            await store.insert(tx, planned)
            await idempotency.finish(tx, tenant, key, idempotency.Kept(201, None, str(planned.action_id)))
            action: Action | None = planned
        else:
            action = await store.get(tx, tenant, UUID(kept.body))
    if action is None:
        raise not_found("action")
    response.headers["Location"] = f"/v1/root-cause-actions/{action.action_id}"
    return view(action)


def _plausible(*days: date | None) -> None:
    if any(day is not None and not _DAY_MIN <= day <= _DAY_MAX for day in days):
        raise Problem(422, "bad-period", "A day of an action lies between 1990 and 2200.")


@router.get("/v1/root-cause-actions", summary="Actions against root causes, newest first", responses=responses(400, 422))
async def list_actions(
    tenant: TenantDep,
    database: DatabaseDep,
    root_cause_id: Annotated[str | None, Query(max_length=1_000, description="against this one alone")] = None,
    state: Annotated[State | None, Query(description="in this state alone")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[ActionView]:
    query = {"root_cause_id": root_cause_id, "state": state}
    before = read_id_cursor(cursor, tenant, query)
    async with database.begin(tenant) as tx:
        rows = await store.listed(tx, tenant, root_cause_id, state, before, limit)
    return cut_page(rows, limit, tenant, query, view, position=lambda action: action.action_id)


@router.get("/v1/root-cause-actions/{action_id}", summary="One action", responses=responses(404, 422))
async def get_action(action_id: ActionId, tenant: TenantDep, database: DatabaseDep) -> ActionView:
    async with database.begin(tenant) as tx:
        action = await store.get(tx, tenant, action_id)
    if action is None:
        raise not_found("action")
    return view(action)


@router.post("/v1/root-cause-actions/{action_id}/steps", summary="Move an action on", responses=responses(404, 409, 413, 422))
async def take_step(action_id: ActionId, body: StepBody, tenant: TenantDep, database: DatabaseDep, clock: ClockDep) -> ActionView:
    """What `next_steps` names; another step is 409. The same step by the same person again is not taken again; one that says
    something else is another (a note, the day from which a change holds): reopen the action, and finish it anew.
    """
    now = clock.now()
    if body.effective_on is not None and body.step != "finish":
        raise Problem(422, "not-this-step", "Only a change that is finished holds from a day on.")
    _plausible(body.effective_on)
    async with database.begin(tenant) as tx:
        action = await store.get(tx, tenant, action_id, lock=True)
        if action is None:
            raise not_found("action")
        if _is_taken(action, body):
            return view(action)
        state = TRANSITIONS.get((action.state, body.step))
        if state is None:
            raise Problem(409, "not-now", "This step cannot be taken now: `next_steps` of the action says which can.")
        entry = Entry(body.step, body.by, now, body.note)
        effective_on = (body.effective_on or now.date()) if body.step == "finish" else None
        action = replace(action, state=state, effective_on=effective_on, updated_at=now, history=(*action.history, entry))
        await store.update(tx, action)
    return view(action)


def _is_taken(action: Action, body: StepBody) -> bool:
    """Say whether a step is the last one that was taken, sent again; where no day is told, it was `today` then."""
    last = action.history[-1]
    is_same_day = body.effective_on in (None, action.effective_on)
    return (last.step, last.by, last.note) == (body.step, body.by, body.note) and is_same_day


@router.get("/v1/root-cause-actions/{action_id}/effect", summary="Whether an action worked", responses=responses(404, 409, 422))
async def get_effect(
    action_id: ActionId,
    tenant: TenantDep,
    database: DatabaseDep,
    days: Annotated[int, Query(ge=7, le=730, description="how many days before and after are compared")] = _DAYS,
) -> EffectView:
    """By the days on which claims were first submitted: before the day from which the change holds, and from it on. A claim whose
    submission is not known goes by the payment day of its first answer; `by_payment_day` says how many do.
    """
    async with database.begin(tenant) as tx:
        action = await store.get(tx, tenant, action_id)
        if action is None:
            raise not_found("action")
        if action.effective_on is None:
            raise Problem(409, "not-now", "The action is not done yet: there is nothing to measure.")
        first, half, end = windows(action.effective_on, days, action.began_on)
        named = named_by(action.root_cause_id)
        with_cause, beside, unsent = await store.observed(tx, tenant, named, first, half, action.effective_on, end)
    found = effect_view(action, effect(with_cause, beside), (first, half, end), with_cause, beside)
    return found.model_copy(update={"by_payment_day": unsent})


@router.post(
    "/v1/root-causes/{root_cause_id}/rule",
    summary="Try, and then make live, the payer's rule that warns of a root cause",
    responses=responses(404, 409, 413, 422),
)
async def make_rule(root_cause_id: CauseId, body: RuleBody, request: Request, behalf: BehalfDep) -> RuleView:
    """Tried first: a rule goes live only with the version of the payer's rules that a dry run told, else 409.

    The rule has all conditions of the cause; where a payer's rules cannot say one of them there is none (422). Rules are held,
    checked and kept by version by ingest; a rule that is there already is not added twice.
    """
    named = named_by(root_cause_id)
    rule = prevention.suggested(named, body.effective_from, body.kind)
    if rule is None:
        raise Problem(422, "no-rule", prevention.WORDS[cast("prevention.Why", prevention.unsaid(named, body.kind))])
    if not body.dry_run and body.version is None:
        raise Problem(422, "not-tried", "A rule is tried first: name the version that the dry run told.")
    payer_id, rules = named.told["payer"], cast("Rules", request.app.state.rules)
    told = await rules.of_payer(payer_id, behalf)
    changed = Problem(409, "rules-changed", "The payer's rules were changed since the dry run: try the rule again.")
    if not body.dry_run and told["version"] != body.version:
        raise changed
    if any(_same(rule, each) for each in told["rules"]):
        known = {"payer_id": payer_id, "rule": rule, "state": "live_already", "version": told["version"], "dry_run": None}
        return RuleView.model_validate(known)
    try:
        answer = await rules.put(payer_id, [*told["rules"], rule], told["version"], behalf, dry_run=body.dry_run)
    except Changed:
        raise changed from None
    except Refused as error:
        detail = "Ingest refused the rule, or all rules of the payer with it."
        raise Problem(422, "rule-refused", detail, ingest=str(error.problem.get("type", ""))) from error
    state = "tried" if body.dry_run else "live"
    return RuleView.model_validate(
        {"payer_id": payer_id, "rule": rule, "state": state, "version": answer["version"], "dry_run": answer.get("dry_run")}
    )


def _same(rule: dict[str, Any], other: dict[str, Any]) -> bool:
    """Say whether a payer has a rule already, from whatever day on."""
    names = ("kind", "procedure_codes", "revenue_codes")
    is_alike = all((rule.get(name) or []) == (other.get(name) or []) for name in names) and _named(rule) == _named(other)
    return is_alike and not other.get("effective_to")


def _named(rule: dict[str, Any]) -> dict[str, Any]:
    """Return the conditions of a rule that name something."""
    return {name: told for name, told in (rule.get("only") or {}).items() if told}
