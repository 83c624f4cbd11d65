"""Appeals' HTTP interface: cases."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from fastapi import APIRouter, FastAPI, Response
from obstore.store import MemoryStore

from libs.common.access.verifier import Verifier
from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.http import dead_letters, ledger, outbox, trails
from libs.common.http.app import create_app
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.problems import responses
from libs.common.http.versions import etag
from services.appeals import store
from services.appeals.audited import AUDITED
from services.appeals.changing import AskingDep, Locked, change, detail_of
from services.appeals.collaboration import api as collaboration
from services.appeals.collaboration import guest
from services.appeals.corrections import api as corrections
from services.appeals.correspondence import api as correspondence
from services.appeals.documents import api as documents
from services.appeals.documents.blobs import Blobs
from services.appeals.documents.keeping import Desk
from services.appeals.evidence import api as evidence
from services.appeals.evidence.gate import require_evidence
from services.appeals.filing import api as filing
from services.appeals.filing import together_api as filing_together
from services.appeals.ingest import Ingest
from services.appeals.letters import api as letters
from services.appeals.letters.meanings import Meanings
from services.appeals.outcomes import api as outcomes
from services.appeals.payers import api as payers
from services.appeals.records import api as records
from services.appeals.records import list_api as records_list
from services.appeals.retention import KINDS
from services.appeals.scopes import SCOPES
from services.appeals.seals import holdings
from services.appeals.views import CaseDetail, MoveCase
from services.appeals.workflow import Move
from services.appeals.worklist import api as worklist_api
from services.appeals.worklist import bulk_api

router = APIRouter(tags=["cases"])


@router.get("/v1/cases/{case_id}", summary="One case with what may be done next and its history", responses=responses(404, 422))
async def get_case(case_id: UUID, response: Response, tenant: TenantDep, database: DatabaseDep, clock: ClockDep) -> CaseDetail:
    """The `ETag` is what a change wants in `If-Match`."""
    async with database.begin(tenant) as tx:
        detail = await detail_of(tx, tenant, case_id, clock)
    response.headers["ETag"] = etag(detail.version)
    return detail


@router.post(
    "/v1/cases/{case_id}/transitions",
    summary="Take the next step with a case",
    responses=responses(400, 404, 409, 412, 415, 422, 428),
)
async def move_case(case_id: UUID, body: MoveCase, asking: AskingDep) -> CaseDetail:
    """Who did what, when and why is kept. Of two who act on one version the second is told, and has to look again."""

    async def act(locked: Locked) -> None:
        await require_evidence(locked.tx, locked.tenant, case_id, body.command)
        await locked.take(store.case_of(locked.row), Move(command=body.command, who=locked.who, why=body.why))

    return await change(asking, case_id, "move_case", body, act)


def make_app(database: Database, clock: Clock, verifier: Verifier) -> FastAPI:
    """Put the application together."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await app.state.ingest.close()
        await app.state.meanings.close()
        await verifier.close()
        await database.close()

    app = create_app(
        "appeals",
        "Carries each recoverable denial from its opening to its outcome.",
        audited=AUDITED,
        retention=KINDS,
        verifier=verifier,
        scopes=SCOPES,
        checks={"database": database.ping},
        routers=[
            worklist_api.router,
            router,
            filing.router,
            filing_together.router,
            records.router,
            records_list.router,
            outcomes.router,
            bulk_api.router,
            payers.router,
            documents.router,
            evidence.router,
            *letters.ROUTERS,
            corrections.router,
            correspondence.router,
            collaboration.router,
            guest.router,
            ledger.router,
            dead_letters.router,
            outbox.router,
            trails.trail(),
        ],
        tags={
            "cases": "The work on denials that can be pursued.",
            "worklist": "What to work on next, who has it, and what is done to many cases at once.",
            "payers": "How payers are reached, and until when they take appeals.",
            "documents": "What stands behind an appeal.",
            "correspondence": "Calls, letters and messages between us and payers, and what was promised in them.",
            "collaboration": "Messages about a case, and links by which a guest sees what was shared.",
            "corrected claims": "Claims that are sent again, mended.",
            "evidence": "What an appeal needs, by category and payer, and what of it is there.",
            "letters": "Letters to payers, their templates, and the packets that carry them.",
        },
        lifespan=lifespan,
    )
    app.state.database, app.state.clock = database, clock
    app.state.channels = frozenset[str]()
    app.state.ingest, app.state.meanings = Ingest(None), Meanings(None)
    blobs, packets = Blobs(MemoryStore(), database), Blobs(MemoryStore(), database)
    app.state.documents, app.state.packets, app.state.holdings = Desk(blobs), packets, holdings(blobs, packets)
    return app
