"""Corrected claims over HTTP: shown first, then sent, exactly once however often that is asked for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import Database
from libs.common.http import idempotency
from libs.common.http.deps import BehalfDep, ClockDep, DatabaseDep, TenantDep
from libs.common.http.neighbour import Behalf, Refused
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import FieldProblem, responses
from libs.common.http.versions import check_version, etag, read_version
from libs.common.ids import named_id
from services.appeals import store as cases
from services.appeals.changing import Asking, AskingDep, Locked
from services.appeals.corrections import rendering, store
from services.appeals.corrections.correcting import Change, ChangeRefused, Difference, compare, correct, digest_of
from services.appeals.corrections.views import (
    CorrectedClaimBody,
    CorrectedClaimView,
    DifferenceView,
    FoundView,
    SendCorrectedClaimBody,
    SentClaims,
    SentClaimView,
)
from services.appeals.filing.api import file, require_fileable
from services.appeals.filing.views import FileCase
from services.appeals.ingest import Ingest

router = APIRouter(tags=["corrected claims"])

_PATH: Final = "/v1/cases/{case_id}/corrected-claim"


class _Corrected(msgspec.Struct, frozen=True):
    """A claim and what it is corrected to."""

    claim_id: UUID
    payer_number: str
    claim: dict[str, Any]
    difference: list[Difference]
    digest: str


@router.post(_PATH, summary="Show a claim as it would be sent again", responses=responses(404, 409, 415, 422))
async def show_corrected_claim(
    request: Request,
    case_id: UUID,
    body: CorrectedClaimBody,
    database: DatabaseDep,
    clock: ClockDep,
    behalf: BehalfDep,
) -> CorrectedClaimView:
    """What differs, what checks find in it, and its 837. Nothing is stored and nothing is sent."""
    ingest: Ingest = request.app.state.ingest
    corrected = await _corrected(ingest, database, case_id, body, behalf)
    [checked] = (await _asked(ingest.check(corrected.claim, behalf)))["claims"]
    edi, lacks = _edi(corrected, body, clock.now())
    return CorrectedClaimView(
        case_id=case_id,
        claim_id=corrected.claim_id,
        corrected_claim_id=checked["claim_id"],
        frequency_code=body.frequency_code,
        payer_claim_control_number=corrected.payer_number,
        difference=[_difference(each) for each in corrected.difference],
        verdict=checked["verdict"],
        findings=[FoundView.model_validate(each) for each in checked["findings"]],
        edi=edi,
        edi_lacks=lacks,
    )


async def _corrected(ingest: Ingest, database: Database, case_id: UUID, body: CorrectedClaimBody, behalf: Behalf) -> _Corrected:
    """Ask ingest for the claim and change it. Errors: Problem 404, 409 (claim or payer's number not known), 422, 503."""
    async with database.begin(behalf.tenant_id) as tx:
        case = await store.get_case(tx, behalf.tenant_id, case_id)
    if case is None:
        raise not_found("case")
    if not case["payer_claim_control_number"]:
        raise Problem(409, "no-payer-number", "The payer gave its claim no number, so that nothing can take its place by REF*F8.")
    claim_id = case["corrected_before"] or await ingest.claim_id_of(case["remit_id"], behalf)
    claim = await ingest.content(claim_id, behalf) if claim_id else None
    if claim_id is None or claim is None:
        raise Problem(409, "claim-not-known", "Ingest does not know which claim was refused; decide the match of its remit first.")
    changes = [Change(each.path, each.value) for each in body.changes]
    try:
        corrected = correct(claim, changes, body.frequency_code, case["payer_claim_control_number"])
    except ChangeRefused as refused:
        errors = [FieldProblem(pointer=f"/body/changes/{refused.place}/path", problem=refused.problem).model_dump()]
        raise Problem(422, "change-refused", "A change cannot be made.", errors=errors) from None
    digest = digest_of(corrected)
    return _Corrected(claim_id, case["payer_claim_control_number"], corrected, compare(claim, corrected), digest)


async def _asked(answer: Any) -> dict[str, Any]:
    """Await what ingest says of a claim. Errors: Problem 422 with ingest's own words on what is no claim any more."""
    try:
        told: dict[str, Any] = await answer
    except Refused as refused:
        errors = [each for each in refused.problem.get("errors") or () if {"pointer", "problem"} <= set(each)]
        raise Problem(422, "corrected-claim-refused", "With these changes it is no claim any more.", errors=errors) from None
    return told


def _edi(corrected: _Corrected, body: CorrectedClaimBody, now: datetime) -> tuple[str | None, list[str]]:
    claim = rendering.read(corrected.claim)
    parties = rendering.complete(rendering.Parties(**body.parties.model_dump()), claim)
    lacks = list(rendering.lacking(parties))
    if lacks:
        return None, lacks
    try:
        return rendering.write(claim, parties, corrected.digest[:30], now), []
    except ValueError:
        return None, ["characters that an X12 file can hold"]


@router.post(
    f"{_PATH}/send",
    summary="Send a corrected claim",
    responses=responses(400, 404, 409, 412, 415, 422, 428),
)
async def send_corrected_claim(request: Request, case_id: UUID, body: SendCorrectedClaimBody, asking: AskingDep) -> SentClaimView:
    """Hands it to ingest, which tells of it by `claim.submitted` with the claim that it replaces, and files the case with it
    (`appeal.filed`). A corrected claim is known by its content: asked for again, after whatever broke it off, it is sent once and
    answered alike.
    """
    idempotency.require(asking.key)
    version = read_version(asking.if_match)
    ingest: Ingest = request.app.state.ingest
    tenant, database, clock = asking.tenant, asking.database, asking.clock
    corrected = await _corrected(ingest, database, case_id, body, asking.behalf)
    correction_id = named_id("correction", tenant, str(case_id), corrected.digest)
    told = {"action": "correct_and_resubmit", "channel": "electronic", "why": body.why, "good_cause": body.good_cause}
    filing = FileCase.model_validate(told)
    async with database.begin(tenant) as tx:
        locked = await _lock(tx, asking, case_id)
        known = await store.get(tx, tenant, correction_id)
        if known is not None and known["state"] == "sent":
            asking.response.headers["ETag"] = etag(locked.row["version"])
            return _sent(known)
        if known is None:
            check_version(locked.row["version"], version, "case")
            await require_fileable(filing, locked)
            await store.begin(
                tx,
                tenant,
                correction_id,
                case_id,
                frequency_code=body.frequency_code,
                replaces_claim_id=corrected.claim_id,
                difference=corrected.difference,
                why=body.why,
                who=asking.who,
                now=clock.now(),
            )
    submitted = await _asked(ingest.submit(corrected.claim, str(correction_id), asking.behalf))
    claim_id = UUID(submitted["claim_id"])
    async with database.begin(tenant) as tx:
        locked = await _lock(tx, asking, case_id)
        await _file(filing.model_copy(update={"corrected_claim_id": claim_id}), locked)
        await store.finish(tx, tenant, correction_id, claim_id, clock.now())
        written = await store.get(tx, tenant, correction_id)
        after = await cases.version_of(tx, tenant, case_id)
    asking.response.headers["ETag"] = etag(after or locked.row["version"])
    return _sent(written or {})


async def _lock(tx: AsyncConnection, asking: Asking, case_id: UUID) -> Locked:
    now = asking.clock.now()
    row = await cases.lock_row(tx, asking.tenant, case_id)
    if row is None:
        raise not_found("case")
    return Locked(tx, asking.tenant, asking.who, row, now, asking.traceparent)


async def _file(filing: FileCase, locked: Locked) -> None:
    """File the case with the claim that is sent; where it has gone elsewhere meanwhile, nothing unsends the claim."""
    try:
        await file(filing, locked)
    except Problem as problem:
        if problem.name not in ("step-refused", "already-filed"):
            raise


@router.get("/v1/cases/{case_id}/corrected-claims", summary="What was sent again", responses=responses(404, 422))
async def list_corrected_claims(case_id: UUID, tenant: TenantDep, database: DatabaseDep) -> SentClaims:
    async with database.begin(tenant) as tx:
        if await store.get_case(tx, tenant, case_id) is None:
            raise not_found("case")
        return SentClaims(items=[_sent(row) for row in await store.of_case(tx, tenant, case_id)])


def _sent(row: Mapping[str, Any]) -> SentClaimView:
    return SentClaimView.model_validate(dict(row))


def _difference(each: Difference) -> DifferenceView:
    return DifferenceView(path=each.path, change=each.change, before=each.before, after=each.after)
