"""Ingest's HTTP interface: interchanges in, and what came of them."""

import contextlib
import itertools
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from operator import itemgetter
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, FastAPI, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from libs.common.access.verifier import Verifier
from libs.common.audit.acting import about
from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.http import dead_letters, idempotency, ledger, outbox, trails
from libs.common.http.app import create_app
from libs.common.http.deps import DatabaseDep, HereDep, PeriodDep, TenantDep
from libs.common.http.file_answers import FileAnswer
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_id_cursor, read_number_cursor
from libs.common.http.problem import Problem, forgotten, not_found
from libs.common.http.problems import responses
from libs.common.http.rates import Places
from libs.common.ids import named_id
from services.ingest import queries, store
from services.ingest.audited import AUDITED
from services.ingest.checks import api as checks
from services.ingest.checks.risk import RiskDesk
from services.ingest.claims import api as claims
from services.ingest.deidentified import api as deidentified
from services.ingest.example import REMITTANCE
from services.ingest.followups import api as followups
from services.ingest.followups import deposits_api as deposits
from services.ingest.matches import api as matches
from services.ingest.payers import api as payers
from services.ingest.received import Received
from services.ingest.reference import api as reference
from services.ingest.retention import KINDS
from services.ingest.sandbox.payer import Sandbox
from services.ingest.scopes import SCOPES
from services.ingest.seals import HOLDINGS
from services.ingest.settings import WAITING_BYTES
from services.ingest.trail import told_of_account
from services.ingest.upload import MAX_BYTES, Upload, admitted, too_large, with_room
from services.ingest.views import (
    FindingView,
    InterchangeSummary,
    InterchangeView,
    ProviderAdjustmentView,
    RemitDetail,
    RemittanceDetail,
    RemittanceTotals,
    RemittanceView,
    RemitView,
    TransactionView,
)
from services.ingest.waiting import Waiting

_TAKEN, _KNOWN = 202, 200
_SHOWN = 1000  # transactions, and findings, of one interchange
_UNKNOWN = -1
_UPLOADS_AT_ONCE = 16  # each holds some megabytes; more wait their turn at the client

router = APIRouter()


@router.post(
    "/v1/interchanges",
    tags=["interchanges"],
    summary="Send an X12 interchange",
    status_code=202,
    response_model=InterchangeView,
    responses={
        200: {"model": InterchangeView, "description": "These bytes were received before; the first interchange is answered"},
        **responses(400, 409, 413, 415, 422),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "Any media type but multipart is taken for X12.",
            "content": {
                "application/edi-x12": {
                    "schema": {"type": "string", "contentMediaType": "application/edi-x12"},
                    "examples": {"835": {"summary": "A remittance: one claim paid, one refused", "value": REMITTANCE}},
                }
            },
        }
    },
)
async def post_interchange(
    request: Request,
    here: HereDep,
    key: idempotency.Key = None,
    encoding: Annotated[str | None, Header(alias="Content-Encoding", description="gzip, or nothing")] = None,
) -> Response:
    """The raw X12 body, up to 256 MiB; `Content-Encoding: gzip` is understood. The answer is given once the bytes are safe; they
    are read in the background, and `Location` tells how far that is. The same bytes are the same interchange: sent again, they are
    answered with the first one, so an Idempotency-Key is not needed here; where one is given, it is honoured.
    """
    tenant, database = here.tenant_id, here.database
    coding = (encoding or "identity").strip().lower()
    if request.headers.get("content-type", "").lower().startswith("multipart/"):
        raise Problem(415, "unsupported-media-type", "Send the X12 bytes as the body itself, not as a form.")
    if coding not in ("identity", "gzip", "x-gzip"):
        raise Problem(415, "unsupported-encoding", "Only gzip is understood as Content-Encoding.")
    size_bytes = int(request.headers.get("content-length", _UNKNOWN))  # the server has seen to it that this is a number
    if size_bytes > MAX_BYTES:
        raise too_large(MAX_BYTES)
    await request.app.state.waiting.admit(database, tenant)
    async with contextlib.AsyncExitStack() as held:
        upload = Upload(bytes_max=MAX_BYTES)
        held.callback(upload.close)
        is_small = 0 <= size_bytes <= store.SMALL_BYTES and coding == "identity"
        if not is_small:
            await held.enter_async_context(admitted(request))
        await upload.take(request.stream(), gzip=coding != "identity")
        if is_small:  # holds next to nothing while it comes, however slowly
            await held.enter_async_context(with_room(request))
        interchange_id = named_id("interchange", tenant, upload.sha256)
        received = Received(tenant, interchange_id, here.clock.now(), here.traceparent)
        status, new = await _keep(database, received, key, upload)
    if new:  # nothing is known of it yet: no need to ask
        view = InterchangeView.just_received(received, upload.sha256, upload.size_bytes)
    else:
        view = await _interchange(database, tenant, interchange_id)
    headers = {"Location": f"/v1/interchanges/{interchange_id}"}
    return Response(view.model_dump_json(), status, headers, "application/json")


async def _keep(database: Database, received: Received, key: str | None, upload: Upload) -> tuple[int, bool]:
    """Keep what was uploaded, once; return the status to answer with, and whether the file is new."""
    blocks = upload.blocks()
    if key is None and upload.size_bytes <= store.SMALL_BYTES:
        async with database.begin(received.tenant_id) as tx:
            about(received.interchange_id)
            new = await store.receive_small(tx, received, upload.sha256, upload.size_bytes, next(blocks))
        return (_TAKEN if new else _KNOWN), new
    tenant = received.tenant_id
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, idempotency.digest(upload.sha256), received.received_at)
        new = await store.insert_interchange(tx, received, upload.sha256, upload.size_bytes, blocks)
        if kept is not None:
            return kept.status, new
        status = _TAKEN if new else _KNOWN
        await idempotency.finish(tx, tenant, key, idempotency.Kept(status, str(received.interchange_id), ""))
    return status, new


async def _interchange(database: Database, tenant: str, interchange_id: UUID) -> InterchangeView:
    async with database.begin(tenant) as tx:
        row = await queries.get_interchange(tx, tenant, interchange_id)
        if row is None:
            raise not_found("interchange")
        totals = await queries.get_totals(tx, tenant, interchange_id)
        transactions = await queries.get_transactions(tx, tenant, interchange_id, 0, _SHOWN)
        findings = await queries.get_findings(tx, tenant, interchange_id, -1, _SHOWN)
    return InterchangeView.of(
        row,
        totals=totals,
        transactions=[TransactionView.of(each) for each in transactions],
        errors=[FindingView.model_validate(each["finding"]) for each in findings],
    )


@router.get("/v1/interchanges", tags=["interchanges"], summary="Interchanges, newest first", responses=responses(400, 422))
async def list_interchanges(
    tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT
) -> Page[InterchangeSummary]:
    before = read_id_cursor(cursor, tenant, {})
    async with database.begin(tenant) as tx:
        rows = await queries.list_interchanges(tx, tenant, before, limit + 1)
    return cut_page(rows, limit, tenant, {}, InterchangeSummary.of)


@router.get(
    "/v1/interchanges/{interchange_id}",
    tags=["interchanges"],
    summary="How far it is, what it held, what was wrong",
    responses=responses(404, 422),
)
async def get_interchange(interchange_id: UUID, tenant: TenantDep, database: DatabaseDep) -> InterchangeView:
    return await _interchange(database, tenant, interchange_id)


@router.get(
    "/v1/interchanges/{interchange_id}/transactions",
    tags=["interchanges"],
    summary="All its transactions, in file order",
    responses=responses(400, 404, 422),
)
async def list_transactions(
    interchange_id: UUID, tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT
) -> Page[TransactionView]:
    filters = {"interchange_id": interchange_id, "of": "transactions"}
    after = read_number_cursor(cursor, tenant, filters)
    async with database.begin(tenant) as tx:
        if await queries.get_interchange(tx, tenant, interchange_id) is None:
            raise not_found("interchange")
        rows = await queries.get_transactions(tx, tenant, interchange_id, 0 if after is None else after, limit + 1)
    return cut_page(rows, limit, tenant, filters, TransactionView.of, position=itemgetter("ordinal"))


@router.get(
    "/v1/interchanges/{interchange_id}/errors",
    tags=["interchanges"],
    summary="All its findings, in file order",
    responses=responses(400, 404, 422),
)
async def list_errors(
    interchange_id: UUID, tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT
) -> Page[FindingView]:
    filters = {"interchange_id": interchange_id}
    after = read_number_cursor(cursor, tenant, filters)
    async with database.begin(tenant) as tx:
        if await queries.get_interchange(tx, tenant, interchange_id) is None:
            raise not_found("interchange")
        rows = await queries.get_findings(tx, tenant, interchange_id, -1 if after is None else after, limit + 1)
    return cut_page(
        rows, limit, tenant, filters, lambda row: FindingView.model_validate(row["finding"]), position=itemgetter("ordinal")
    )


@router.get(
    "/v1/interchanges/{interchange_id}/raw",
    tags=["interchanges"],
    summary="Its bytes, as they were received",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The file",
            "content": {"application/edi-x12": {"schema": {"type": "string", "contentMediaType": "application/edi-x12"}}},
        },
        **responses(404, 410, 422),
    },
)
async def get_raw(interchange_id: UUID, tenant: TenantDep, database: DatabaseDep) -> StreamingResponse:
    async with database.begin(tenant) as tx:
        if await queries.get_interchange(tx, tenant, interchange_id) is None:
            raise not_found("interchange")
        if not await queries.has_bytes(tx, tenant, interchange_id):
            raise forgotten("This file")
    return FileAnswer(_raw_chunks(database, tenant, interchange_id), media_type="application/edi-x12")


async def _raw_chunks(database: Database, tenant: str, interchange_id: UUID) -> AsyncGenerator[bytes, None]:
    """Yield a file's bytes; a short transaction a piece, however slowly the client reads."""
    for ordinal in itertools.count():
        async with database.begin(tenant) as tx:
            piece = await queries.raw_chunk(tx, tenant, interchange_id, ordinal)
        if piece is None:
            return
        yield piece


@router.get("/v1/remittances", tags=["remittances"], summary="Payments, newest first", responses=responses(400, 422))
async def list_remittances(
    tenant: TenantDep,
    database: DatabaseDep,
    period: PeriodDep,
    payer_id: Annotated[str | None, Query(max_length=80, description="TRN03")] = None,
    trace_number: Annotated[str | None, Query(max_length=80, description="TRN02")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[RemittanceView]:
    wanted = {"payer_id": payer_id, "trace_number": trace_number}
    filters = wanted | {"first": period.first, "last": period.last}
    before = read_id_cursor(cursor, tenant, filters)
    async with database.begin(tenant) as tx:
        rows = await queries.list_remittances(tx, tenant, wanted, period.first, period.last, before, limit + 1)
    return cut_page(rows, limit, tenant, filters, lambda row: RemittanceView.model_validate(dict(row)))


@router.get(
    "/v1/remittances/{remittance_id}",
    tags=["remittances"],
    summary="One payment and whether it balances",
    responses=responses(404, 422),
)
async def get_remittance(remittance_id: UUID, tenant: TenantDep, database: DatabaseDep) -> RemittanceDetail:
    async with database.begin(tenant) as tx:
        row = await queries.get_remittance(tx, tenant, remittance_id)
        if row is None:
            raise not_found("remittance")
        totals = RemittanceTotals.model_validate(dict(await queries.remittance_totals(tx, tenant, remittance_id)))
        adjustments = await queries.get_provider_adjustments(tx, tenant, remittance_id)
    taken_cents = sum(item["amount_cents"] for item in adjustments)
    amount_cents = row["amount_cents"]
    return RemittanceDetail.model_validate(
        {
            **row,
            "provider_adjustments": [ProviderAdjustmentView.model_validate(dict(item)) for item in adjustments],
            "totals": totals,
            "balance_difference_cents": None if amount_cents is None else totals.paid_cents - taken_cents - amount_cents,
        }
    )


@router.get(
    "/v1/remittances/{remittance_id}/remits",
    tags=["remittances"],
    summary="The claims of a payment",
    responses=responses(400, 404, 422),
)
async def list_remits(
    remittance_id: UUID, tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT
) -> Page[RemitView]:
    filters = {"remittance_id": remittance_id}
    after = read_id_cursor(cursor, tenant, filters)
    async with database.begin(tenant) as tx:
        if await queries.get_remittance(tx, tenant, remittance_id) is None:
            raise not_found("remittance")
        rows = await queries.list_remits(tx, tenant, remittance_id, after, limit + 1)
    return cut_page(rows, limit, tenant, filters, lambda row: RemitView.of(row[1]), position=itemgetter(0))


@router.get(
    "/v1/remits/{remit_id}", tags=["remittances"], summary="One claim with its lines and adjustments", responses=responses(404, 422)
)
async def get_remit(remit_id: UUID, tenant: TenantDep, database: DatabaseDep) -> RemitDetail:
    async with database.begin(tenant) as tx:
        found = await queries.get_remit(tx, tenant, remit_id)
    if found is None:
        raise not_found("remit")
    return RemitDetail.of(found)


def make_app(database: Database, clock: Clock, verifier: Verifier) -> FastAPI:
    """Put the application together."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await app.state.risk.close()
        await verifier.close()
        await database.close()

    app = create_app(
        "ingest",
        "Takes claims and remittances in, reads them, and tells of every claim in them.",
        audited=AUDITED,
        retention=KINDS,
        verifier=verifier,
        scopes=SCOPES,
        checks={"database": database.ping},
        routers=[
            router,
            claims.router,
            matches.router,
            followups.router,
            deposits.router,
            checks.router,
            reference.router,
            payers.router,
            deidentified.router,
            ledger.router,
            dead_letters.router,
            outbox.router,
            trails.trail(told_of_account),
        ],
        tags={
            "interchanges": "Files as they were sent, and how far their reading is.",
            "claims": "Claims as they were sent, and what payers' front doors answered.",
            "remittances": "Payments, and the claims that they answer.",
            "matches": "Which claim each remit answers, and what a claim comes to.",
            "followups": "What waits too long, does not add up, or was not paid as agreed.",
            "checks": "What payers would refuse, before they do.",
            "reference": "Code sets and NCCI tables, by quarter.",
            "payers": "What each payer asks for and allows.",
            "de-identified": "Claims and adjudications without what says whose they are, for analysis.",
        },
        lifespan=lifespan,
    )
    app.state.database, app.state.clock = database, clock
    app.state.sandbox, app.state.holdings = Sandbox(), HOLDINGS
    app.state.small_zip3 = None
    app.state.risk = RiskDesk(None)
    app.state.uploads = Places(_UPLOADS_AT_ONCE)
    app.state.waiting = Waiting(WAITING_BYTES, time.monotonic)
    return app
