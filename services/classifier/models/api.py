"""Models over HTTP: trained, looked at, held against what is live, put in its place or beside it, taken back, watched."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.audit.acting import about
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_id_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.ids import uuid7
from services.classifier.learners import LEARNERS
from services.classifier.models import jobs, store
from services.classifier.models.jobs import Job, Work
from services.classifier.models.learner import Learner
from services.classifier.models.life import TRANSITIONS, Command, Refusal, State, Subject, is_better, refusal
from services.classifier.models.registry import Altered, proved
from services.classifier.models.store import Model
from services.classifier.models.told import Window
from services.classifier.models.views import (
    DriftView,
    EvaluationView,
    JobView,
    ModelDetail,
    ModelView,
    ShadowView,
    SubjectBody,
    evaluation_view,
    told_of,
)
from services.classifier.models.watching import compare, drift

router = APIRouter(tags=["models"])

ModelId = Annotated[UUID, Path(description="the model")]
JobId = Annotated[UUID, Path(description="the job")]
Weeks = Annotated[int, Query(ge=1, le=52, description="how many, back from today")]
_SCORES_MAX: Final = 20_000
_DAY_MIN: Final = 50
_WEEKS: Final = 8


@router.post("/v1/models/train", summary="Train a model", status_code=202, responses=responses(409, 413, 422))
async def train(body: SubjectBody, tenant: TenantDep, database: DatabaseDep, clock: ClockDep, response: Response) -> JobView:
    """It becomes a candidate: nothing scores by it until it is promoted. The same again while it runs is the same job."""
    async with database.begin(tenant) as tx:
        wrong = await _learner(body.subject).unready(tx, tenant, clock.now().date())
        if wrong is not None:
            raise Problem(409, "too-few-outcomes", wrong)
        return await _begin(tx, tenant, body.subject, "train", None, clock.now(), response)


@router.get("/v1/models/jobs", summary="Trainings and evaluations, newest first", responses=responses(400, 422))
async def list_jobs(tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT) -> Page[JobView]:
    before = read_id_cursor(cursor, tenant, {})
    async with database.begin(tenant) as tx:
        rows = await jobs.find(tx, tenant, before=before, limit=limit + 1)
    return cut_page(rows, limit, tenant, {}, JobView.of, position=lambda row: row.job_id)


@router.get("/v1/models/jobs/{job_id}", summary="One job: how far it is, and how it ended", responses=responses(404, 422))
async def get_job(job_id: JobId, tenant: TenantDep, database: DatabaseDep) -> JobView:
    async with database.begin(tenant) as tx:
        return JobView.of(await _job(tx, tenant, job_id))


@router.post("/v1/models/jobs/{job_id}/cancel", summary="Stop a job", responses=responses(404, 409, 422))
async def cancel_job(job_id: JobId, tenant: TenantDep, database: DatabaseDep, clock: ClockDep) -> JobView:
    """Its process is ended within a few seconds, and nothing of it is registered."""
    async with database.begin(tenant) as tx:
        cancelled = await jobs.cancel(tx, tenant, job_id, clock.now())
        job = await _job(tx, tenant, job_id)
    if not cancelled and job.state != "cancelled":
        raise Problem(409, "job-ended", f"The job is {job.state} already.")
    return JobView.of(job)


@router.get("/v1/models", summary="Models, newest first", responses=responses(400, 422))
async def list_models(
    tenant: TenantDep,
    database: DatabaseDep,
    subject: Annotated[Subject | None, Query(description="of this subject alone")] = None,
    state: Annotated[State | None, Query(description="in this state alone")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[ModelView]:
    filters = {"subject": subject, "state": state}
    before = read_id_cursor(cursor, tenant, filters)
    async with database.begin(tenant) as tx:
        rows = await store.find(tx, tenant, subject, state, before=before, limit=limit + 1)
    return cut_page(rows, limit, tenant, filters, ModelView.of, position=lambda row: row.model_id)


@router.post("/v1/models/rollback", summary="Bring back the model before the live one", responses=responses(409, 413, 422))
async def roll_back(body: SubjectBody, tenant: TenantDep, database: DatabaseDep, clock: ClockDep) -> ModelDetail:
    """The live one is `rolled_back`, the one that gave way to it is live again."""
    async with database.begin(tenant) as tx:
        await store.lock(tx, tenant, body.subject)
        live = (await store.in_use(tx, tenant, body.subject)).get("live")
        earlier = await store.before_live(tx, tenant, body.subject)
        if live is None or earlier is None:
            raise Problem(409, "nothing-to-roll-back-to", "No model was live before the one that is, or none is.")
        await _prove(tx, earlier)
        await _move(tx, live, "roll_back", clock.now())
        await _move(tx, earlier, "restore", clock.now())
        return await _detail(tx, tenant, earlier.model_id)


@router.get("/v1/models/{model_id}", summary="One model: its card, and what was measured of it", responses=responses(404, 422))
async def get_model(model_id: ModelId, tenant: TenantDep, database: DatabaseDep) -> ModelDetail:
    async with database.begin(tenant) as tx:
        return await _detail(tx, tenant, model_id)


@router.post(
    "/v1/models/{model_id}/evaluate",
    summary="Hold a model against what is live",
    status_code=202,
    responses=responses(404, 409, 422),
)
async def evaluate(model_id: ModelId, tenant: TenantDep, database: DatabaseDep, clock: ClockDep, response: Response) -> JobView:
    """On all outcomes of what came after either of them had learned."""
    async with database.begin(tenant) as tx:
        model = await _model(tx, tenant, model_id)
        await _prove(tx, model)
        return await _begin(tx, tenant, model.subject, "evaluate", model_id, clock.now(), response)


@router.post("/v1/models/{model_id}/promote", summary="Put a model in use", responses=responses(404, 409, 422))
async def promote(model_id: ModelId, tenant: TenantDep, database: DatabaseDep, clock: ClockDep) -> ModelDetail:
    """Only when it was better than what is live now, on the newest period, which neither has learned from; else 409 with the
    figures of both. What is live already stays so.
    """
    async with database.begin(tenant) as tx:
        model = await _model(tx, tenant, model_id)
        await store.lock(tx, tenant, model.subject)
        live = (await store.in_use(tx, tenant, model.subject)).get("live")
        if live is None or live.model_id != model_id:
            await _prove(tx, model)
            measured = await store.evaluations(tx, tenant, model_id)
            wrong = refusal(measured[0].evaluation if measured else None, live.model_id if live else None)
            if wrong is not None:
                raise _refused(wrong, measured)
            if live is not None:
                await _move(tx, live, "give_way", clock.now())
            await _move(tx, model, "promote", clock.now())
        return await _detail(tx, tenant, model_id)


@router.post("/v1/models/{model_id}/shadow", summary="Let a model score beside the live one", responses=responses(404, 409, 422))
async def begin_shadow(model_id: ModelId, tenant: TenantDep, database: DatabaseDep, clock: ClockDep) -> ModelDetail:
    """What it says is kept and shown to nobody. A model that is in the shadow already makes room."""
    async with database.begin(tenant) as tx:
        model = await _model(tx, tenant, model_id)
        await store.lock(tx, tenant, model.subject)
        await _prove(tx, model)
        before = (await store.in_use(tx, tenant, model.subject)).get("shadow")
        if before is None or before.model_id != model_id:
            if before is not None:
                await _move(tx, before, "leave_shadow", clock.now())
            await _move(tx, model, "shadow", clock.now())
        return await _detail(tx, tenant, model_id)


@router.post("/v1/models/{model_id}/shadow/end", summary="Take a model out of the shadow", responses=responses(404, 409, 422))
async def end_shadow(model_id: ModelId, tenant: TenantDep, database: DatabaseDep, clock: ClockDep) -> ModelDetail:
    async with database.begin(tenant) as tx:
        model = await _model(tx, tenant, model_id)
        await store.lock(tx, tenant, model.subject)
        await _move(tx, model, "leave_shadow", clock.now())
        return await _detail(tx, tenant, model_id)


@router.get("/v1/models/{model_id}/shadow", summary="A model in the shadow beside the live one", responses=responses(404, 409, 422))
async def get_shadow(
    model_id: ModelId, tenant: TenantDep, database: DatabaseDep, clock: ClockDep, weeks: Weeks = _WEEKS
) -> ShadowView:
    """By what both said of the same claims or denials, which they had not learned from; of some 20,000 where there are more."""
    async with database.begin(tenant) as tx:
        model = await _model(tx, tenant, model_id)
        live = (await store.in_use(tx, tenant, model.subject)).get("live")
        if live is None or live.model_id == model_id:
            raise Problem(409, "nothing-to-compare", "There is no other model that is live.")
        found = await _learner(model.subject).judged(tx, tenant, [live.model_id, model_id], _window(clock.now(), weeks))
    return ShadowView.of(live.model_id, model_id, compare(found, live.model_id, model_id))


@router.get("/v1/models/{model_id}/drift", summary="Whether a model still fits what comes", responses=responses(404, 409, 422))
async def get_drift(
    model_id: ModelId, tenant: TenantDep, database: DatabaseDep, clock: ClockDep, weeks: Weeks = _WEEKS
) -> DriftView:
    """By week: how its scores are spread against its held-out period, and what came of them. Of many, some 20,000 are looked at."""
    async with database.begin(tenant) as tx:
        model = await _model(tx, tenant, model_id)
        if "reference" not in model.card:
            raise Problem(409, "nothing-to-compare", "The model's card names no distribution to compare with.")
        window = _window(clock.now(), weeks)
        counts = await store.scored_by_day(tx, tenant, model_id, window.first_on, window.last_on)
        found = await _learner(model.subject).judged(tx, tenant, [model_id], window)
    return DriftView.of(drift(found, model.card["reference"], counts))


def _learner(subject: Subject) -> Learner:
    learner = LEARNERS.get(subject)
    if learner is None:
        raise Problem(409, "not-learned", "Nothing is learned of this subject here.")
    return learner


def _window(now: datetime, weeks: int) -> Window:
    """Return so many weeks with the present one; of each day as much as leaves all of them within bounds."""
    today = now.date()
    first_on = today - timedelta(days=today.weekday() + 7 * (weeks - 1))
    return Window(first_on, first_on + timedelta(days=7 * weeks - 1), max(_DAY_MIN, _SCORES_MAX // (7 * weeks)))


async def _begin(
    tx: AsyncConnection, tenant: str, subject: Subject, work: Work, model_id: UUID | None, now: datetime, response: Response
) -> JobView:
    """Write a job, or find the one that is at it already."""
    wanted = Job(tenant, uuid7(), subject, work, model_id, "waiting", "waiting", 0.0, 0, None, now, now)
    await store.lock(tx, tenant, subject)
    job = await jobs.unfinished(tx, wanted)
    if job is None:
        await jobs.insert(tx, wanted)
        job = wanted
        about(job.job_id)
    response.headers["Location"] = f"/v1/models/jobs/{job.job_id}"
    return JobView.of(job)


async def _job(tx: AsyncConnection, tenant: str, job_id: UUID) -> Job:
    job = await jobs.get(tx, tenant, job_id)
    if job is None:
        raise not_found("job")
    return job


async def _model(tx: AsyncConnection, tenant: str, model_id: UUID) -> Model:
    model = await store.get(tx, tenant, model_id)
    if model is None:
        raise not_found("model")
    return model


async def _prove(tx: AsyncConnection, model: Model) -> None:
    """Refuse a model whose file is not the registered one, before anything relies on it."""
    try:
        proved(model.name, *await store.body(tx, model.tenant_id, model.model_id))
    except Altered as error:
        raise Problem(409, "model-altered", f"Refused: {error}.") from error


async def _move(tx: AsyncConnection, model: Model, command: Command, now: datetime) -> None:
    state = TRANSITIONS.get((model.state, command))
    if state is None:
        raise Problem(409, "model-elsewhere", f"A model that is {model.state} cannot do that.")
    await store.move(tx, model, state, now)


async def _detail(tx: AsyncConnection, tenant: str, model_id: UUID) -> ModelDetail:
    model = await _model(tx, tenant, model_id)
    measured = await store.evaluations(tx, tenant, model_id)
    return ModelDetail.model_validate(told_of(model) | {"evaluations": [_evaluation(each) for each in measured]})


def _evaluation(found: store.Measured) -> EvaluationView:
    return evaluation_view(found, is_better(found.metrics, found.rival))


def _refused(why: Refusal, measured: list[store.Measured]) -> Problem:
    """Say why a model may not be promoted, with the figures of both."""
    told: dict[str, Any] = {}
    if measured:
        newest = measured[0]
        period = {"first_on": newest.first_on.isoformat(), "last_on": newest.last_on.isoformat(), "rows": newest.rows}
        told = {"figures": newest.metrics, "rival": newest.rival, "held_out": period}
    if why == "evaluation-outdated":
        return Problem(
            409, "evaluation-outdated", "It was never held against what is live now: evaluate it, then promote it.", **told
        )
    sentence = "On the newest period, which neither has learned from, it is no better than what is live."
    return Problem(409, "model-not-better", sentence, **told)
