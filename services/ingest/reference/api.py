"""HTTP: send a reference table to be loaded, see how far that is, see what is loaded."""

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, Field

from libs.common.audit.acting import about
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.problem import not_found
from libs.common.http.problems import responses
from libs.common.ids import uuid7
from services.ingest.reference import load_store, store
from services.ingest.reference.fee_schedule import HEADER
from services.ingest.reference.load_store import Load
from services.ingest.reference.quarter import PATTERN, Quarter
from services.ingest.upload import Upload, admitted

router = APIRouter(tags=["reference"])

MAX_BYTES: Final = 512 * 1024 * 1024

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
    "much_smaller": "The file has far fewer rows than the release before.",
    "gave_up": "Loading it ended its worker again and again.",
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


class LoadProgress(BaseModel):
    bytes_total: int
    bytes_read: int
    rows: int = Field(description="written so far, where nobody sees them yet")


class LoadView(BaseModel):
    """One file on its way to become a release, and what came of it."""

    load_id: UUID
    name: SetName
    quarter: str = Field(description="from which quarter on it holds")
    sha256: str
    status: Literal["received", "loading", "interrupted", "live", "refused", "failed"] = Field(
        description="interrupted: who loaded it is gone, and another one will begin anew; refused, failed: nothing changed"
    )
    progress: LoadProgress
    version: int | None = Field(description="the release's number, once it is live")
    reason: str | None = Field(description="of refused and failed: why, a stable word")
    message: str | None = Field(description="the same as a sentence")
    line: int | None = Field(description="of refused: where in the file, from 1")
    received_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, row: Any) -> Self:
        told, reason = dict(row), row["reason"]
        return cls.model_validate(
            told
            | {
                "status": "interrupted" if row["interrupted"] else row["status"],
                "progress": {"bytes_total": row["size_bytes"], "bytes_read": row["bytes_read"], "rows": row["rows"]},
                "version": row["release_id"] if row["status"] == "live" else None,
                "reason": reason and reason.replace("_", "-"),
                "message": reason and f"{_REASONS[reason]} Nothing was changed.",
            }
        )


@router.get("/v1/reference", summary="Which tables are loaded", responses=responses())
async def get_reference(tenant: TenantDep, database: DatabaseDep) -> ReferenceView:
    async with database.begin(tenant) as tx:
        rows = await store.releases(tx, tenant)
    here = {row["name"] for row in rows}
    missing = [name for name in SetName.__args__ if name not in here]  # type: ignore[attr-defined]  # Literal's own names
    return ReferenceView(releases=[ReleaseView.model_validate(dict(row)) for row in rows], not_loaded=missing)


@router.post(
    "/v1/reference/{name}",
    summary="Send a release of a table",
    status_code=202,
    responses={
        200: {"model": LoadView, "description": "These bytes are live for this quarter already"},
        **responses(400, 413, 422, 503),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The public file as published (unpacked), up to 512 MiB; files of one release may follow one another.",
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
) -> LoadView:
    """Takes ICD-10-CM's order file, the HCPCS contractor file, NUCC's CSV, NCCI's PTP and MUE tables as text, and fee schedules of
    your own as CSV (all payers' in one file), against which answered claims are then held. The answer is given once the bytes are
    safe; they are read in the background, and `Location` tells how far that is and what came of it. The rows become visible all
    at once when the last one is in; a file that is broken, cut or of a later quarter changes nothing.
    """
    now = clock.now()
    holds = Quarter.parse(quarter) if quarter else Quarter.of(now.date())
    async with admitted(request):
        upload = Upload(is_x12=False, bytes_max=MAX_BYTES)
        try:
            await upload.take(request.stream(), gzip=encoding in ("gzip", "x-gzip"))
            load = Load(tenant, uuid7(), name, holds, smaller, upload.sha256, 0, None)
            async with database.begin(tenant) as tx:
                known = await load_store.known(tx, load)
                if known is None:
                    about(load.load_id)
                    await load_store.insert(tx, load, upload.size_bytes, upload.blocks(), now)
        finally:
            upload.close()
    load_id, is_live = known or (load.load_id, False)
    response.status_code = 200 if is_live else 202
    response.headers["Location"] = f"/v1/reference/loads/{load_id}"
    return await get_load(load_id, tenant, database)


@router.get("/v1/reference/loads/{load_id}", summary="How far a load is, and what came of it", responses=responses(404, 422))
async def get_load(load_id: UUID, tenant: TenantDep, database: DatabaseDep) -> LoadView:
    async with database.begin(tenant) as tx:
        row = await load_store.get(tx, tenant, load_id)
    if row is None:
        raise not_found("load")
    return LoadView.of(row)
