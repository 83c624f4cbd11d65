"""HTTP: load a reference table, see what is loaded."""

import asyncio
import hashlib
import io
import itertools
import tempfile
from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import IO, Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from libs.common.database import Database
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.problems import Problem, responses
from services.ingest.checks.reference import FEE_SCHEDULE
from services.ingest.followups.store import touch_claims_of_schedule
from services.ingest.reference import store
from services.ingest.reference.broken import BrokenTable
from services.ingest.reference.fee_schedule import HEADER
from services.ingest.reference.formats import read_rows
from services.ingest.reference.quarter import PATTERN, Quarter
from services.ingest.upload import inflate

router = APIRouter(tags=["reference"])

MAX_BYTES: Final = 512 * 1024 * 1024
_ROWS_AT_ONCE = 5000  # a transaction each: one that stays open holds up every relay
_SPOOL_BYTES = 8 * 1024 * 1024
_SMALLER = 9, 10  # a release loses at most a tenth of its rows from one quarter to the next

SetName = Literal[
    "icd10cm",
    "hcpcs",
    "nucc-taxonomy",
    "ncci-ptp-practitioner",
    "ncci-ptp-hospital",
    "ncci-mue-practitioner",
    "ncci-mue-hospital",
    "fee-schedule",
]
_REASONS: Final = {
    "no_rows": "The file holds no row of this set.",
    "broken_row": "A row is not whole: the file is cut, or is another one.",
    "bad_date": "A row has a date that is none, or ends before it begins.",
    "bad_amount": "A row has an amount that is none such as 1234.56.",
    "bad_header": f"The first line must be {','.join(HEADER)}.",
    "wrong_quarter": "A row begins after the quarter ends: the file is of a later quarter.",
}


class ReleaseView(BaseModel):
    """One release of a set that is live; it holds from the first day of its quarter until that of the next one loaded."""

    name: SetName
    quarter: str = Field(description="such as 2026Q1")
    begins_on: date
    rows: int
    sha256: str = Field(description="of the bytes that were loaded")
    loaded_at: datetime


class ReferenceView(BaseModel):
    releases: list[ReleaseView]
    not_loaded: list[SetName] = Field(description="sets of which nothing is loaded: what needs them is not checked")


@router.get("/v1/reference", summary="Which tables are loaded", responses=responses())
async def get_reference(tenant: TenantDep, database: DatabaseDep) -> ReferenceView:
    async with database.begin(tenant) as tx:
        rows = await store.releases(tx, tenant)
    here = {row["name"] for row in rows}
    missing = [name for name in SetName.__args__ if name not in here]  # type: ignore[attr-defined]  # Literal's own names
    return ReferenceView(releases=[ReleaseView.model_validate(dict(row)) for row in rows], not_loaded=missing)


@router.post(
    "/v1/reference/{name}",
    summary="Load a release of a table",
    status_code=201,
    responses={
        200: {"model": ReleaseView, "description": "These bytes are live for this quarter already"},
        **responses(400, 413, 422),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The public file as it is published (unpacked); files of one release may follow one another.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
)
async def load_reference(
    name: SetName,
    request: Request,
    response: Response,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    quarter: Annotated[
        str | None, Query(pattern=PATTERN, description="from which quarter on it holds; else the current one")
    ] = None,
    smaller: Annotated[bool, Query(description="take it although it has far fewer rows than the release before")] = False,
    encoding: Annotated[str | None, Header(alias="Content-Encoding", description="gzip, or nothing")] = None,
) -> ReleaseView:
    """Takes ICD-10-CM's order file, the HCPCS contractor file, NUCC's CSV, NCCI's PTP and MUE tables as text, and fee schedules of
    your own as CSV (all payers' in one file), against which answered claims are then held. The rows become
    visible all at once when the last one is in; a file that is broken, cut or of a later quarter changes nothing.
    """
    now = clock.now()
    holds = Quarter.parse(quarter) if quarter else Quarter.of(now.date())
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
        sha256 = await _spool(inflate(request.stream()) if encoding in ("gzip", "x-gzip") else request.stream(), spool)
        async with database.begin(tenant) as tx:
            known = await store.live_release(tx, tenant, name, holds)
            before = await store.rows_before(tx, tenant, name)
            unused = await store.unused_releases(tx, tenant, name, now)
        if known is not None and known["sha256"] == sha256:
            response.status_code = 200
            return _view(name, holds, known["rows"], sha256, known["loaded_at"])
        for release_id in unused:
            await _purge(database, tenant, name, release_id)
        rows = await _load(database, tenant, name, holds, spool, sha256, now, 0 if smaller else before)
    return _view(name, holds, rows, sha256, now)


def _view(name: SetName, quarter: Quarter, rows: int, sha256: str, loaded_at: datetime) -> ReleaseView:
    return ReleaseView(name=name, quarter=str(quarter), begins_on=quarter.begins_on, rows=rows, sha256=sha256, loaded_at=loaded_at)


async def _spool(body: AsyncIterator[bytes], spool: IO[bytes]) -> str:
    """Put a body into a file; return its hash."""
    digest, size = hashlib.sha256(), 0
    try:
        async for piece in body:
            size += len(piece)
            if size > MAX_BYTES:
                raise Problem(413, "too-large", f"A table may have {MAX_BYTES} bytes at most.")
            digest.update(piece)
            spool.write(piece)
    except ClientDisconnect as error:
        raise Problem(400, "broken-off", "The connection ended before the body did; nothing was stored.") from error
    spool.seek(0)
    return digest.hexdigest()


async def _load(
    database: Database, tenant: str, name: str, quarter: Quarter, spool: IO[bytes], sha256: str, now: datetime, before: int
) -> int:
    """Write the rows where nobody sees them, then switch; what cannot be used is taken away again."""
    async with database.begin(tenant) as tx:
        release_id = await store.open_release(tx, tenant, name, quarter, sha256, now)
    count = 0
    try:
        rows = read_rows(name, io.TextIOWrapper(spool, encoding="latin-1", newline=""), quarter)
        while chunk := list(itertools.islice(rows, _ROWS_AT_ONCE)):
            async with database.begin(tenant) as tx:
                await store.insert_rows(tx, tenant, name, release_id, chunk)
            count += len(chunk)
            await asyncio.sleep(0)  # other requests are answered meanwhile
    except BrokenTable as error:
        await _purge(database, tenant, name, release_id)
        told = error.reason.replace("_", "-")
        raise Problem(422, "bad-table", f"{_REASONS[error.reason]} Nothing was changed.", reason=told, line=error.line) from error
    if count * _SMALLER[1] < before * _SMALLER[0]:
        await _purge(database, tenant, name, release_id)
        raise Problem(422, "table-much-smaller", "The file has far fewer rows than the release before. Nothing was changed.")
    async with database.begin(tenant) as tx:
        await store.switch(tx, tenant, name, quarter, release_id, count)
    if name == FEE_SCHEDULE:
        await _look_anew(database, tenant, release_id, now)
    return count


async def _look_anew(database: Database, tenant: str, release_id: int, now: datetime) -> None:
    """Have the claims of a schedule's payers held against it."""
    place: UUID | None = UUID(int=0)
    while place is not None:
        async with database.begin(tenant) as tx:
            place = await touch_claims_of_schedule(tx, tenant, release_id, place, _ROWS_AT_ONCE, now)


async def _purge(database: Database, tenant: str, name: str, release_id: int) -> None:
    more = True
    while more:
        async with database.begin(tenant) as tx:
            more = await store.purge(tx, tenant, name, release_id)
