"""The letterhead over HTTP: who writes, and who signs."""

import msgspec
from fastapi import APIRouter, Response

from libs.common.database import lock_name
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep, WhoDep
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import FieldProblem, responses
from libs.common.http.versions import IfMatch, check_version, etag, read_version
from services.appeals.letters import store
from services.appeals.letters.facts import Letterhead
from services.appeals.letters.logos import LogoRefused, read_logo
from services.appeals.letters.views import LetterheadBody, LetterheadView

router = APIRouter(tags=["letters"])


@router.get("/v1/letterhead", summary="Who writes and who signs", responses=responses(404))
async def get_letterhead(tenant: TenantDep, database: DatabaseDep, response: Response) -> LetterheadView:
    """The `ETag` is what `PUT` wants in `If-Match`."""
    async with database.begin(tenant) as tx:
        row = await store.find_letterhead(tx, tenant)
    if row is None:
        raise not_found("letterhead")
    response.headers["ETag"] = etag(row["version"])
    return LetterheadView.model_validate({**row["content"], **row, "has_logo": bool(row["logo"])})


@router.put("/v1/letterhead", summary="Set who writes and who signs", responses=responses(400, 412, 413, 415, 422, 428))
async def put_letterhead(
    body: LetterheadBody,
    tenant: TenantDep,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
    response: Response,
    if_match: IfMatch = None,
) -> LetterheadView:
    """Letters that are written already keep the letterhead of their day. The first one is put on version 0 (`If-Match: "0"`)."""
    asked = read_version(if_match)
    try:
        logo = await read_logo(body.logo_png) if body.logo_png is not None else b""
    except LogoRefused as error:
        errors = [FieldProblem(pointer="/body/logo_png", problem=str(error)).model_dump()]
        raise Problem(422, "logo-refused", "The logo cannot be used.", errors=errors) from None
    head = msgspec.convert(body.model_dump(exclude={"logo_png"}), Letterhead)
    async with database.begin(tenant) as tx:
        await lock_name(tx, "recours.letterhead", tenant)
        before = await store.find_letterhead(tx, tenant)
        version = before["version"] if before else 0
        check_version(version, asked, "letterhead")
        await store.insert_letterhead(tx, tenant, version + 1, head, logo, who, clock.now())
    return await get_letterhead(tenant, database, response)
