"""What people do on the pages: take an alert up and end it. Sent twice, it is done once."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ValidationError

from libs.common.database import Database
from libs.common.http.deps import CallerDep, ClockDep, DatabaseDep, TenantDep
from libs.common.http.problem import Problem, not_found
from services.analytics.alerts import api as alerts
from services.analytics.alerts import store as alert_store
from services.analytics.alerts import stream
from services.analytics.alerts.lifecycle import Status
from services.analytics.alerts.views import AcknowledgeBody, ResolveBody
from services.analytics.pages import answering, rendering
from services.analytics.pages.answering import readable, status_of
from services.analytics.pages.entered import Entered, told
from services.analytics.pages.guard import FormDep, Noted, VisitDep
from services.analytics.pages.visit import Visit

router = APIRouter(include_in_schema=False, route_class=Noted)

B = TypeVar("B", bound=BaseModel)
DoneDep = Annotated[str | None, Query(max_length=40)]
_FORMS: Final[dict[Status, str]] = {"acknowledged": "acknowledge", "resolved": "resolve"}
_ROWS: Final = 25
_LATE: Final = (HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED)


def not_done(problem: Problem, name: str, form: Mapping[str, str], wrong: Mapping[str, str]) -> Entered:
    """Return what was entered where it was refused. `wrong`: the field that is, by the problem's name. Errors: other Problems."""
    if problem.name in wrong:
        return Entered(name, form, (wrong[problem.name],))
    if problem.name == "idempotency-key-reused":  # sent before with something else in it: as a form of its own
        return Entered(name, {**form, "key": ""}, (), "sent_before")
    raise problem


def checked(body: type[B], values: Mapping[str, Any]) -> B | tuple[str, ...]:
    """Return what was entered as a body, or the names of the fields that are wrong."""
    try:
        return body.model_validate(values)
    except ValidationError as error:
        return tuple(dict.fromkeys(str(each["loc"][0]) for each in error.errors() if each["loc"]))


def led_to(path: str) -> Response:
    """Lead on after something was done, so that what is opened again does not do it again."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)


@router.get("/alerts")
@readable
async def get_alerts(visit: VisitDep, database: DatabaseDep, tenant: TenantDep, done: DoneDep = None) -> Response:
    return await _alerts_page(visit, database, tenant, status_of(visit), done=done)


async def _alerts_page(
    visit: Visit, database: Database, tenant: str, status: int, entered: Entered | None = None, done: str | None = None
) -> Response:
    async with database.begin(tenant) as tx:
        told_until = await stream.now(tx, tenant)
    standing = await alerts.list_alerts(tenant, database, "standing", limit=_ROWS)
    resolved = await alerts.list_alerts(tenant, database, "resolved", limit=_ROWS)
    async with database.begin(tenant) as tx:
        count = await alert_store.count_standing(tx, tenant)
    shown = {"standing": standing.items, "resolved": resolved.items, "count": count, "told_until": told_until}
    return rendering.page("alerts.html", visit, status, current="alerts", entered=entered or Entered(), done=done, **shown)


@router.post("/alerts/{alert_id}/acknowledge")
@readable
async def acknowledge(
    alert_id: str, form: FormDep, visit: VisitDep, database: DatabaseDep, caller: CallerDep, clock: ClockDep
) -> Response:
    async def take(named: UUID, body: AcknowledgeBody, version: str) -> None:
        await alerts.acknowledge_alert(named, body, Response(), caller, database, clock, version)

    body = checked(AcknowledgeBody, told(form, ("note",)))
    late = await _taken(alert_id, "acknowledged", body, take, form, database, caller.tenant_id)
    return await _after(late, "acknowledged", visit, database, caller.tenant_id)


@router.post("/alerts/{alert_id}/resolve")
@readable
async def resolve(
    alert_id: str, form: FormDep, visit: VisitDep, database: DatabaseDep, caller: CallerDep, clock: ClockDep
) -> Response:
    async def take(named: UUID, body: ResolveBody, version: str) -> None:
        await alerts.resolve_alert(named, body, Response(), caller, database, clock, version)

    body = checked(ResolveBody, told(form, ("note", "resolution")))
    late = await _taken(alert_id, "resolved", body, take, form, database, caller.tenant_id)
    return await _after(late, "resolved", visit, database, caller.tenant_id)


async def _taken(
    alert_id: str,
    status: Status,
    body: B | tuple[str, ...],
    take: Callable[[UUID, B, str], Awaitable[None]],
    form: Mapping[str, str],
    database: Database,
    tenant: str,
) -> Entered | None:
    """Take a step of an alert; return what was entered where it could not be taken. Errors: Problem 404."""
    name = f"{_FORMS[status]}-{alert_id}"
    if not answering.is_id(alert_id):
        raise not_found("alert")
    if isinstance(body, tuple):
        return Entered(name, form, body)
    version = form.get("version", "")
    try:
        await take(UUID(alert_id), body, f'"{version}"')
    except Problem as problem:
        if problem.status not in _LATE:
            raise
        async with database.begin(tenant) as tx:
            alert = await alert_store.get(tx, tenant, UUID(alert_id))
        if alert is None or alert.status != status:  # else it was sent twice, and is done
            return Entered(name, form, (), "changed")
    return None


async def _after(late: Entered | None, status: Status, visit: Visit, database: Database, tenant: str) -> Response:
    if late is None:
        return led_to(f"/alerts?done={status}")
    answer = HTTPStatus.CONFLICT if late.refused else HTTPStatus.UNPROCESSABLE_ENTITY
    return await _alerts_page(visit, database, tenant, answer, late)
