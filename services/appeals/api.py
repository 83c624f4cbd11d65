"""Appeals' HTTP interface: cases."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from fastapi import APIRouter, FastAPI, Response
from obstore.store import MemoryStore
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.http import dead_letters, idempotency, ledger
from libs.common.http.app import create_app
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.problems import Problem, not_found, responses
from libs.common.http.versions import IfMatch, check_version, etag, read_version
from libs.common.people import PERSON
from services.appeals import store
from services.appeals.collaboration import api as collaboration
from services.appeals.collaboration import guest
from services.appeals.corrections import api as corrections
from services.appeals.documents import api as documents
from services.appeals.documents.blobs import Blobs
from services.appeals.documents.keeping import Desk
from services.appeals.evidence import api as evidence
from services.appeals.evidence.gate import require_evidence
from services.appeals.ingest import Ingest
from services.appeals.payers import api as payers
from services.appeals.views import CaseDetail, MoveCase
from services.appeals.workflow import Move, Refusal, allowed, decide
from services.appeals.worklist import api as worklist_api
from services.appeals.worklist import bulk_api

router = APIRouter(tags=["cases"])


@router.get("/v1/cases/{case_id}", summary="One case with what may be done next and its history", responses=responses(404, 422))
async def get_case(case_id: UUID, response: Response, tenant: TenantDep, database: DatabaseDep, clock: ClockDep) -> CaseDetail:
    """The `ETag` is what a change wants in `If-Match`."""
    async with database.begin(tenant) as tx:
        detail = await _detail(tx, tenant, case_id, clock)
    response.headers["ETag"] = etag(detail.version)
    return detail


async def _detail(tx: AsyncConnection, tenant: str, case_id: UUID, clock: Clock) -> CaseDetail:
    found = await store.get_case(tx, tenant, case_id)
    if found is None:
        raise not_found("case")
    row, history = found
    return CaseDetail.build(row, history, allowed(store.case_of(row), clock.now()))


@router.post(
    "/v1/cases/{case_id}/transitions",
    summary="Take the next step with a case",
    responses=responses(400, 404, 409, 412, 415, 422, 428),
)
async def move_case(
    case_id: UUID,
    body: MoveCase,
    response: Response,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    if_match: IfMatch = None,
    key: idempotency.Key = None,
) -> CaseDetail:
    """Who did what, when and why is kept. Of two who act on one version the second is told, and has to look again."""
    if key is None:
        raise Problem(400, "idempotency-key-missing", "Name this request in an Idempotency-Key header.")
    version = read_version(if_match)
    now = clock.now()
    digest = idempotency.digest("move_case", str(case_id), str(version), body.model_dump_json())
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, digest, now)
        if kept is not None:
            detail = CaseDetail.model_validate_json(kept.body)
            response.headers["ETag"] = etag(detail.version)
            return detail
        case = await store.lock_case(tx, tenant, case_id)
        if case is None:
            raise not_found("case")
        check_version(case.version, version, "case")
        await require_evidence(tx, tenant, case_id, body.command)
        decision = decide(case, Move(command=body.command, who=PERSON, why=body.why), now)
        if isinstance(decision, Refusal):
            raise Problem(409, "step-refused", decision.detail, reason=decision.reason)
        await store.move(tx, {(tenant, case_id): decision.case}, now)
        await store.tell(tx, [((tenant, case_id), step) for step in decision.steps])
        detail = await _detail(tx, tenant, case_id, clock)
        await idempotency.finish(tx, tenant, key, idempotency.Kept(200, None, detail.model_dump_json()))
    response.headers["ETag"] = etag(detail.version)
    return detail


def make_app(database: Database, clock: Clock, tenant: str) -> FastAPI:
    """Put the application together."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await app.state.ingest.close()
        await database.close()

    app = create_app(
        "appeals",
        "Carries each recoverable denial from its opening to its outcome.",
        checks={"database": database.ping},
        routers=[
            worklist_api.router,
            router,
            bulk_api.router,
            payers.router,
            documents.router,
            evidence.router,
            corrections.router,
            collaboration.router,
            guest.router,
            ledger.router,
            dead_letters.router,
        ],
        tags={
            "cases": "The work on denials that can be pursued.",
            "worklist": "What to work on next, who has it, and what is done to many cases at once.",
            "payers": "How payers are reached, and until when they take appeals.",
            "documents": "What stands behind an appeal.",
            "collaboration": "Messages about a case, and links by which a guest sees what was shared.",
            "corrected claims": "Claims that are sent again, mended.",
            "evidence": "What an appeal needs, by category and payer, and what of it is there.",
        },
        lifespan=lifespan,
    )
    app.state.database, app.state.clock, app.state.tenant = database, clock, tenant
    app.state.ingest = Ingest(None)
    app.state.documents = Desk(Blobs(MemoryStore()))
    return app
