"""Claims over HTTP: one as JSON, many as NDJSON, and what became of them."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Body, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError

from libs.common.audit.acting import about
from libs.common.database import Database
from libs.common.errors import Transient
from libs.common.http import idempotency
from libs.common.http.deps import ClockDep, DatabaseDep, PeriodDep, TenantDep, TraceDep
from libs.common.http.json_bodies import JSON_BODY_MAX_BYTES, check_json
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_id_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import FieldProblem, field_problems, names, responses
from libs.common.ids import claim_key
from libs.common.messaging import outbox
from libs.x12.claim import ClaimType
from services.ingest.checks.store import findings_of
from services.ingest.claims import inquiry, intake, queries
from services.ingest.claims.body import ClaimBody
from services.ingest.claims.candidates import ClaimCandidate, Intake
from services.ingest.claims.examples import CLAIMS, DENTAL, PROFESSIONAL
from services.ingest.claims.views import BatchAnswer, ClaimDetail, ClaimView, State
from services.ingest.kept import claim_of
from services.ingest.packing import unpack
from services.ingest.received import Received
from services.ingest.sandbox.payer import Sandbox
from services.ingest.sandbox.store import insert_letters
from services.ingest.upload import admitted, spooled

BATCH_MAX_BYTES: Final = 64 * 1024 * 1024
_LINES_A_TRANSACTION: Final = 200
_NDJSON: Final = "application/x-ndjson"
_TOO_LARGE: Final = "The claim is larger than 512 KiB as an event."

_NAMES: Final = names(ClaimBody.model_json_schema())  # what a claim's JSON may hold; any other name may be a patient's

router = APIRouter()


@router.post(
    "/v1/claims",
    tags=["claims"],
    summary="Send a claim as JSON",
    status_code=201,
    responses={200: {"model": ClaimDetail, "description": "This claim is here already"}, **responses(400, 409, 413, 415, 422)},
)
async def post_claim(
    request: Request,
    response: Response,
    body: Annotated[ClaimBody, Body(openapi_examples={name: {"summary": name, "value": told} for name, told in CLAIMS.items()})],
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    traceparent: TraceDep,
    key: idempotency.Key = None,
) -> ClaimDetail:
    """A claim is named by its content: sent again, by whatever way, it is answered with 200 and changes nothing, so an
    Idempotency-Key is not needed here; where one is given, it is honoured. What checks find keeps no claim
    out; it stands in `findings`.
    """
    each = ClaimCandidate.of(tenant, request.app.state.pseudonym_key, body.to_claim(), coder=body.coder)
    if each.is_too_large():
        raise Problem(413, "too-large", _TOO_LARGE)
    received = Received(tenant, each.claim_id, clock.now(), traceparent)
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, idempotency.digest("claim", str(each.claim_id)), received.received_at)
        booked = await intake.book(tx, received, None, Intake(claims=[each]))
        await outbox.append(tx, booked.events)
        await insert_letters(tx, request.app.state.sandbox.letters(received, booked.claims))
        status = kept.status if kept else 201 if booked.new else 200
        if kept is None:
            await idempotency.finish(tx, tenant, key, idempotency.Kept(status, str(each.claim_id), ""))
    response.status_code = status
    response.headers["Location"] = f"/v1/claims/{each.claim_id}"
    return await get_claim(each.claim_id, tenant, database)


_TWO_LINES: Final = "\n".join(map(json.dumps, (PROFESSIONAL, DENTAL)))


@router.post(
    "/v1/claims:batch",
    tags=["claims"],
    summary="Send many claims as NDJSON",
    response_class=StreamingResponse,
    responses={
        200: {"description": "One BatchAnswer a line, in order", "content": {_NDJSON: {"schema": {"type": "string"}}}},
        **responses(400, 413, 415, 422),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "One claim a line, each as `POST /v1/claims` takes it; up to 64 MiB.",
            "content": {
                _NDJSON: {
                    "schema": {"type": "string"},
                    "examples": {"two": {"summary": "A professional and a dental claim", "value": _TWO_LINES}},
                }
            },
        }
    },
)
async def post_claims(
    request: Request,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    traceparent: TraceDep,
    content_type: Annotated[str | None, Header(alias="Content-Type", include_in_schema=False)] = None,
    content_length: Annotated[int | None, Header(alias="Content-Length", include_in_schema=False)] = None,
) -> StreamingResponse:
    """Each line is answered by itself, as soon as its claim is safe: a line that is broken does not stop the others, and what was
    sent before is `known`. So a batch that was broken off is simply sent again.
    """
    if (content_type or _NDJSON).partition(";")[0].strip().lower() not in (_NDJSON, "application/jsonl", "application/ndjson"):
        raise Problem(415, "unsupported-media-type", "Send the claims as application/x-ndjson, one a line.")
    if (content_length or 0) > BATCH_MAX_BYTES:
        raise _batch_too_large()
    async with admitted(request):
        spool = await spooled(request.stream(), BATCH_MAX_BYTES, _batch_too_large())
    received = Received(tenant, UUID(int=0), clock.now(), traceparent)
    answers = _answers(spool, database, received, request.app.state.pseudonym_key, request.app.state.sandbox)
    return StreamingResponse(answers, media_type=_NDJSON)


def _batch_too_large() -> Problem:
    return Problem(413, "too-large", f"A batch may have {BATCH_MAX_BYTES} bytes at most; split it.")


@dataclass
class _Line:
    """One line of a batch: a claim, or what is wrong with it."""

    number: int
    candidate: ClaimCandidate | None = None
    errors: Sequence[FieldProblem] = ()


async def _answers(spool: IO[bytes], database: Database, received: Received, key: bytes, sandbox: Sandbox) -> AsyncIterator[str]:
    """Book a batch some lines at a time and yield the answers; after the database went away, nothing more is tried."""
    with spool:
        away = False
        lines = _lines(spool, received.tenant_id, key)
        while part := [line for _, line in zip(range(_LINES_A_TRANSACTION), lines, strict=False)]:
            new: set[int] = set()
            if not away:
                try:
                    new = await _book(database, received, part, sandbox)
                except Transient:
                    away = True
            yield "".join(f"{_answer(line, new, away=away).model_dump_json(exclude_none=True)}\n" for line in part)


async def _book(database: Database, received: Received, part: Sequence[_Line], sandbox: Sandbox) -> set[int]:
    claims = [line.candidate for line in part if line.candidate is not None]
    if not claims:
        return set()
    async with database.begin(received.tenant_id) as tx:
        about(*(each.claim_id for each in claims))
        booked = await intake.book(tx, received, None, Intake(claims=claims))
        await outbox.append(tx, booked.events)
        await insert_letters(tx, sandbox.letters(received, booked.claims))
    return booked.new


def _answer(line: _Line, new: set[int], *, away: bool) -> BatchAnswer:
    if line.candidate is None:
        return BatchAnswer(line=line.number, status="invalid", errors=list(line.errors))
    if away:
        return BatchAnswer(line=line.number, status="unavailable")
    status = "new" if id(line.candidate) in new else "known"
    return BatchAnswer(line=line.number, status=status, claim_id=line.candidate.claim_id)  # type: ignore[arg-type]  # two of the words


def _lines(spool: IO[bytes], tenant: str, key: bytes) -> Iterator[_Line]:
    """Yield the lines of a batch; blank ones are passed over, and counted."""
    number = 0
    while raw := spool.readline(JSON_BODY_MAX_BYTES + 1):
        number += 1
        if len(raw) > JSON_BODY_MAX_BYTES and not raw.endswith(b"\n"):
            while raw and not raw.endswith(b"\n"):
                raw = spool.readline(JSON_BODY_MAX_BYTES)
            yield _invalid(number, f"A line may have {JSON_BODY_MAX_BYTES} bytes at most.")
        elif raw.strip():
            yield _line(number, raw, tenant, key)


def _line(number: int, raw: bytes, tenant: str, key: bytes) -> _Line:
    try:
        check_json(raw)
        body = ClaimBody.model_validate_json(raw)
        claim = body.to_claim()
    except Problem as problem:
        return _invalid(number, problem.detail)
    except ValidationError as error:
        found = [{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_input=False, include_url=False)]
        return _Line(number, errors=field_problems(found, _NAMES))
    candidate = ClaimCandidate.of(tenant, key, claim, coder=body.coder)
    return _invalid(number, _TOO_LARGE) if candidate.is_too_large() else _Line(number, candidate)


def _invalid(number: int, problem: str) -> _Line:
    return _Line(number, errors=[FieldProblem(pointer="/body", problem=problem)])


@router.get("/v1/claims", tags=["claims"], summary="Claims, newest first", responses=responses(400, 422))
async def list_claims(
    tenant: TenantDep,
    database: DatabaseDep,
    period: PeriodDep,
    pcn: Annotated[str | None, Query(max_length=80, description="patient control number, however it is spelled or cut")] = None,
    payer_id: Annotated[str | None, Query(max_length=80, description="the payer's id, as the claim gives it")] = None,
    state: Annotated[State | None, Query(description="what the front doors' answers come to")] = None,
    claim_type: Annotated[ClaimType | None, Query(description="the kind of 837")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[ClaimView]:
    """`from` and `to` are about the first day of service."""
    wanted = {
        "claim_key": None if pcn is None else claim_key(tenant, pcn),
        "payer_id": payer_id,
        "state": state,
        "claim_type": claim_type,
    }
    filters = wanted | {"first": period.first, "last": period.last}
    before = read_id_cursor(cursor, tenant, filters)
    async with database.begin(tenant) as tx:
        rows = await queries.list_claims(tx, tenant, wanted, period.first, period.last, before, limit + 1)
    return cut_page(rows, limit, tenant, filters, lambda row: ClaimView.model_validate(dict(row)))


@router.get(
    "/v1/claims/{claim_id}",
    tags=["claims"],
    summary="One claim: its lines, its life, what was answered",
    responses=responses(404, 422),
)
async def get_claim(claim_id: UUID, tenant: TenantDep, database: DatabaseDep) -> ClaimDetail:
    async with database.begin(tenant) as tx:
        found = await queries.get_claim(tx, tenant, claim_id)
        findings = await findings_of(tx, tenant, [claim_id])
    if found is None:
        raise not_found("claim")
    return ClaimDetail.build(*found, findings.get(claim_id, []))


@router.get(
    "/v1/claims/{claim_id}/content",
    tags=["claims"],
    summary="The whole claim, with patient data",
    response_class=Response,
    responses={
        200: {"model": ClaimBody, "description": "As `POST /v1/claims` takes it; what has its default is left out"},
        **responses(404, 422),
    },
)
async def get_content(claim_id: UUID, tenant: TenantDep, database: DatabaseDep) -> Response:
    async with database.begin(tenant) as tx:
        content = await queries.get_content(tx, tenant, claim_id)
    if content is None:
        raise not_found("claim")
    return Response(unpack(content), media_type="application/json")


@router.get(
    "/v1/claims/{claim_id}/status-inquiry",
    tags=["claims"],
    summary="A 276 that asks the payer where the claim is",
    response_class=Response,
    responses={
        200: {
            "description": "X12 005010X212, with patient data; the payer's 277 is posted to /v1/interchanges",
            "content": {"application/edi-x12": {"schema": {"type": "string", "contentMediaType": "application/edi-x12"}}},
        },
        **responses(404, 422),
    },
)
async def get_status_inquiry(claim_id: UUID, tenant: TenantDep, database: DatabaseDep, clock: ClockDep) -> Response:
    """Nothing is sent: the bytes are for your connection to the payer. What the claim lacks for it stands in `errors`."""
    async with database.begin(tenant) as tx:
        sent = await queries.get_sent(tx, tenant, claim_id)
    if sent is None:
        raise not_found("claim")
    claim = claim_of(sent[0])
    errors = [FieldProblem(pointer=pointer, problem=problem).model_dump() for pointer, problem in inquiry.lacking(claim)]
    if errors:
        raise Problem(422, "inquiry-incomplete", "The claim lacks what a status inquiry must say.", errors=errors)
    try:
        body = inquiry.write(claim, claim_id, sent[1], clock.now())
    except ValueError as error:
        raise Problem(422, "inquiry-unwritable", "A value of the claim cannot stand in an X12 file.") from error
    headers = {"Content-Disposition": f'attachment; filename="{claim_id}.276"'}
    return Response(body, media_type="application/edi-x12", headers=headers)
