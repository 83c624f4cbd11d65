"""HTTP: claims checked before they go out; nothing is stored."""

import asyncio
import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Header, Request
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect

from libs.common.contracts.claim_submitted import ClaimSubmittedV1
from libs.common.http.deps import BehalfDep, ClockDep, DatabaseDep, TenantDep
from libs.common.http.problem import Problem
from libs.common.http.problems import responses
from libs.common.ids import claim_key
from libs.x12 import Claim, Finding, InterchangeReader
from services.ingest.checks import loading
from services.ingest.checks.finding import Finding as RuleFinding
from services.ingest.checks.loading import Asked
from services.ingest.checks.risk import CLAIMS_MAX, Risk
from services.ingest.checks.views import CheckedClaimView, CheckView, RiskView
from services.ingest.claims import identity
from services.ingest.claims.body import ClaimBody
from services.ingest.claims.examples import CLAIMS
from services.ingest.claims.translation import to_event, told_findings
from services.ingest.upload import inflate
from services.ingest.views import FindingView

router = APIRouter(tags=["checks"])

MAX_BYTES: Final = 16 * 1024 * 1024
_CLAIMS_MAX: Final = 10_000
_CLAIMS_AT_ONCE = 200  # then other requests have their turn
_bodies: TypeAdapter[list[ClaimBody]] = TypeAdapter(list[ClaimBody])
_CLAIM: Final = {"$ref": "#/components/schemas/ClaimBody"}


@router.post(
    "/v1/claims/check",
    summary="Check claims before they go out",
    responses=responses(400, 413, 415, 422),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "A claim or a list of claims as JSON (up to 1 MiB), or an 837 (up to 16 MiB and 10,000 claims).",
            "content": {
                "application/json": {
                    "schema": {"oneOf": [_CLAIM, {"type": "array", "items": _CLAIM}]},
                    "examples": {name: {"summary": name, "value": told} for name, told in CLAIMS.items()},
                },
                "application/edi-x12": {"schema": {"type": "string", "contentMediaType": "application/edi-x12"}},
            },
        }
    },
)
async def check_claims(
    request: Request,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    behalf: BehalfDep,
    encoding: Annotated[str | None, Header(alias="Content-Encoding", description="gzip, or nothing; of an 837")] = None,
    content_type: Annotated[str | None, Header(alias="Content-Type", include_in_schema=False)] = None,
) -> CheckView:
    """What payers would refuse in these claims, by rules, by the tables that are loaded, by each payer's own rules and by what was
    submitted before. Claims of one request are earlier claims to those after them.
    """
    body = await _body(request, gzip=encoding in ("gzip", "x-gzip"))
    irregular: list[Finding] = []
    if "json" in (content_type or "").lower():
        claims = _of_json(body)
    else:
        claims, irregular = _of_x12(body)
    if len(claims) > _CLAIMS_MAX:
        raise Problem(413, "too-large", f"{_CLAIMS_MAX} claims can be checked at once; split them.")
    key = request.app.state.pseudonym_key
    asked = [
        Asked(claim, identity.claim_id(tenant, identity.encoded(claim)), identity.member_reference(key, tenant, claim))
        for claim in claims
    ]
    async with database.begin(tenant) as tx:
        reference = await loading.load(tx, tenant, claims)
        earlier = await loading.earlier_lines(tx, tenant, asked, reference)
    found: list[tuple[RuleFinding, ...]] = []
    now = clock.now()
    checked = loading.fold(asked, reference, earlier, now.date())
    while some := list(itertools.islice(checked, _CLAIMS_AT_ONCE)):
        found += some
        await asyncio.sleep(0)
    risk = Risk("too_many_claims")
    if len(asked) <= CLAIMS_MAX:
        questions = [_question(tenant, *each, now) for each in zip(asked, found, strict=True)]
        risk = await request.app.state.risk.ask(questions, behalf)
    views = [
        CheckedClaimView.of(each.claim, each.claim_id, place, findings, judged)
        for place, (each, findings, judged) in enumerate(itertools.zip_longest(asked, found, risk.claims), start=1)
    ]
    reading = [FindingView.model_validate(msgspec.to_builtins(each)) for each in irregular]
    return CheckView(claims=views, risk=RiskView.of(risk), not_loaded=list(reference.not_loaded), reading=reading)


def _question(tenant: str, asked: Asked, findings: Sequence[RuleFinding], now: datetime) -> ClaimSubmittedV1:
    """Tell of a claim as its event will, once it is submitted."""
    return to_event(
        asked.claim,
        claim_id=asked.claim_id,
        claim_key=claim_key(tenant, asked.claim.patient_control_number),
        interchange_id=None,
        replaces_claim_id=None,
        member_reference=asked.member_reference,
        submitted_at=now,
        findings=told_findings(findings),
    )


async def _body(request: Request, *, gzip: bool) -> bytes:
    held = bytearray()
    pieces = inflate(request.stream()) if gzip else request.stream()
    try:
        async for piece in pieces:
            held += piece
            if len(held) > MAX_BYTES:
                raise Problem(413, "too-large", f"A body may have {MAX_BYTES} bytes at most; split it.")
    except ClientDisconnect as error:
        raise Problem(400, "broken-off", "The connection ended before the body did.") from error
    return bytes(held)


def _of_json(body: bytes) -> list[Claim]:
    """Read one claim or a list of them. Errors: RequestValidationError, which is answered as a problem."""
    text = body.lstrip()
    try:
        if text.startswith(b"["):
            return [each.to_claim() for each in _bodies.validate_json(text)]
        return [ClaimBody.model_validate_json(text).to_claim()]
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in found]) from error


def _of_x12(body: bytes) -> tuple[list[Claim], list[Finding]]:
    """Read the claims of an 837, and what was irregular in it. Errors: Problem when it holds none."""
    reader = InterchangeReader()
    claims: list[Claim] = []
    irregular: list[Finding] = []
    for item in itertools.chain(reader.feed(body), reader.close()):
        if isinstance(item, Claim):
            claims.append(item)
        elif isinstance(item, Finding):
            irregular.append(item)
    if not claims:
        raise Problem(422, "no-claims", "The body holds no claim that could be read: send an 837, or claims as application/json.")
    return claims, irregular[:1000]
