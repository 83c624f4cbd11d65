"""Deposits over HTTP: what the bank tells of, as CSV or NDJSON, each line answered; and which of them have a remittance."""

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import IO, Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from libs.common.audit.acting import about
from libs.common.database import Database
from libs.common.errors import Transient
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.json_bodies import JSON_BODY_MAX_BYTES, check_json
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_id_cursor
from libs.common.http.problem import Problem
from libs.common.http.problems import responses
from services.ingest.followups import banking
from services.ingest.followups.deposits import COLUMNS, BadDeposit, BadHeader, Deposit, Line, read_csv, read_json
from services.ingest.followups.views import DepositAnswer, DepositView
from services.ingest.upload import admitted, spooled

router = APIRouter(tags=["followups"])

MAX_BYTES: Final = 16 * 1024 * 1024
_LINE_MAX_BYTES: Final = 4096
_LINES_A_TRANSACTION: Final = 500
_CSV: Final = "text/csv"
_NDJSON: Final = "application/x-ndjson"
_JSON: Final = "application/json"
_READERS: Final = {_CSV: read_csv, _NDJSON: read_json, _JSON: read_json}
_TWO: Final = (
    "deposited_on,amount,trace_number,payer,reference\n2026-03-02,1234.56,0012345678,PAYER,\n2026-03-02,80.00,,PAYER,A-17\n"
)
_ONE: Final = '{"deposited_on": "2026-03-02", "amount": "1234.56", "trace_number": "0012345678"}\n'


_OBJECT: Final = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in COLUMNS},
    "required": list(COLUMNS[:2]),
    "additionalProperties": False,
    "example": json.loads(_ONE),
}


@router.post(
    "/v1/deposits",
    summary="Tell of deposits, from the bank's side",
    response_class=StreamingResponse,
    responses={
        200: {"description": "One DepositAnswer a line, in order", "content": {_NDJSON: {"schema": {"type": "string"}}}},
        **responses(400, 413, 415, 422),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": f"One deposit a line, up to 16 MiB: CSV with a header of {', '.join(COLUMNS)} (the last three may be"
            " left out), or the same as an object of texts; or a list of such objects (up to 1 MiB)."
            " `trace_number` is the payment's (TRN02).",
            "content": {
                _CSV: {"schema": {"type": "string"}, "examples": {"two": {"value": _TWO}}},
                _NDJSON: {"schema": {"type": "string"}, "examples": {"one": {"value": _ONE}}},
                _JSON: {"schema": {"oneOf": [_OBJECT, {"type": "array", "items": _OBJECT}]}},
            },
        }
    },
)
async def post_deposits(
    request: Request,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    content_type: Annotated[str | None, Header(alias="Content-Type", include_in_schema=False)] = None,
) -> StreamingResponse:
    """Each line is answered by itself; a broken one does not stop the others, and a deposit that was told before is `known`: a file
    that was broken off is simply sent again. Equal lines are one deposit; `reference` tells apart what the bank booked twice.
    """
    kind = (content_type or _CSV).partition(";")[0].strip().lower()
    reader = _READERS.get(kind)
    if reader is None:
        raise Problem(415, "unsupported-media-type", "Send deposits as text/csv, application/x-ndjson or application/json.")
    async with admitted(request):
        most = JSON_BODY_MAX_BYTES if kind == _JSON else MAX_BYTES
        large = Problem(413, "too-large", f"Deposits in this form may have {most} bytes at most; split them.")
        spool = await spooled(request.stream(), most, large)
    now = clock.now()
    lines = reader(_items(spool) if kind == _JSON else _lines(spool), now.date())
    try:
        first = next(lines, None)
    except BadHeader as error:
        spool.close()
        columns = f"{COLUMNS[0]} and {COLUMNS[1]}, and may name {', '.join(COLUMNS[2:])}"
        raise Problem(422, "bad-header", f"The first line of the CSV must name {columns}, and nothing else.") from error
    except Problem:
        spool.close()
        raise
    if first is None:
        spool.close()
        raise Problem(422, "empty", "The body holds no deposit.")
    answers = _answers(spool, database, tenant, itertools.chain([first], lines), now)
    return StreamingResponse(answers, media_type=_NDJSON)


def _items(spool: IO[bytes]) -> Iterator[bytes]:
    """Yield the objects of a JSON list, or the one that is all there is, each as a line of its own.

    Errors: Problem 400 (no JSON).
    """
    raw = spool.read()
    if raw.strip():
        check_json(raw)
        told = json.loads(raw)
        yield from (json.dumps(each).encode() for each in (told if isinstance(told, list) else [told]))


def _lines(spool: IO[bytes]) -> Iterator[bytes]:
    """Yield lines of bounded length; what is longer comes cut, and is no deposit."""
    while raw := spool.readline(_LINE_MAX_BYTES):
        rest = raw
        while rest and not rest.endswith(b"\n") and len(rest) == _LINE_MAX_BYTES:
            rest = spool.readline(_LINE_MAX_BYTES)
        yield raw


async def _answers(spool: IO[bytes], database: Database, tenant: str, lines: Iterator[Line], now: datetime) -> AsyncIterator[str]:
    """Write deposits some lines at a time and yield the answers; after the database went away, nothing more is tried."""
    with spool:
        away = False
        while part := list(itertools.islice(lines, _LINES_A_TRANSACTION)):
            named = {each.name(tenant): each for _, each in part if isinstance(each, Deposit)}
            new: set[UUID] = set()
            if named and not away:
                try:
                    async with database.begin(tenant) as tx:
                        new = await banking.insert(tx, tenant, named, now)
                        about(*new)
                except Transient:
                    away = True
            yield "".join(_answer(number, each, tenant, new, away=away) for number, each in part)


def _answer(number: int, told: Deposit | BadDeposit, tenant: str, new: set[UUID], *, away: bool) -> str:
    """Return the answer to a line; the first of equal lines is the new one."""
    if isinstance(told, BadDeposit):
        answer = DepositAnswer(line=number, status="invalid", field=told.field or None, problem=told.problem)
    elif away:
        answer = DepositAnswer(line=number, status="unavailable")
    else:
        deposit_id = told.name(tenant)
        answer = DepositAnswer(line=number, status="new" if deposit_id in new else "known", deposit_id=deposit_id)
        new.discard(deposit_id)
    return answer.model_dump_json(exclude_none=True) + "\n"


@router.get("/v1/deposits", summary="Deposits, newest first", responses=responses(400, 422))
async def list_deposits(
    tenant: TenantDep,
    database: DatabaseDep,
    waiting: Annotated[bool | None, Query(description="true: only those without a remittance; false: only those with one")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[DepositView]:
    filters = {"waiting": waiting}
    before = read_id_cursor(cursor, tenant, filters)
    async with database.begin(tenant) as tx:
        rows = await banking.find(tx, tenant, waiting, before, limit + 1)
    return cut_page(rows, limit, tenant, filters, lambda row: DepositView.model_validate(dict(row)))
