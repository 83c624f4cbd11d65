"""`POST /v1/risk`: how likely claims are to be denied, for what, and why; nothing of them is kept."""

import asyncio
from datetime import UTC, date
from typing import Annotated, Any, Final, cast

import msgspec
import structlog
from fastapi import APIRouter, Header, Request, Response

from libs.common.contracts.claim_submitted import ClaimSubmittedV1
from libs.common.contracts.risk import PATH, ClaimRisk, LineRisk, RiskAnswer, RiskQuestion
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.problem import Problem
from libs.common.http.problems import responses, says_json
from services.classifier.models.registry import Altered
from services.classifier.risk.claims import days_to_submission, submission_of
from services.classifier.risk.desk import Judge, RiskJudges
from services.classifier.risk.model import Asked, Assessed

log = structlog.get_logger()
router = APIRouter()

BODY_MAX_BYTES: Final = 16 * 1024 * 1024
# What takes longer than a few milliseconds is done beside the event loop: other requests are answered meanwhile.
_LARGE_BYTES: Final = 256 * 1024
_FEW: Final = 20  # claims
_decode = msgspec.json.Decoder(RiskQuestion).decode
_encode = msgspec.json.Encoder().encode


def _schema(of: Any) -> dict[str, Any]:
    """Return the JSON Schema of a struct with everything in its place: OpenAPI has no room for definitions of its own here."""
    schema = msgspec.json.schema(of)
    definitions = schema.pop("$defs")

    def whole(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return whole(definitions[node["$ref"].rpartition("/")[2]])
            return {name: whole(each) for name, each in node.items()}
        return [whole(each) for each in node] if isinstance(node, list) else node

    return cast("dict[str, Any]", whole(schema))


_EXAMPLE: Final = {
    "claims": [
        {
            "claim_id": "3f0c2c1e-6f4e-5d57-9a0c-0d5f5f1b2a11",
            "claim_key": "8a4e1f70-52a5-5f25-8d4e-3c2b1a095e77",
            "patient_control_number": "ACCT-1",
            "claim_type": "professional",
            "frequency_code": "1",
            "charge_cents": 92500,
            "payer_id": "1999999984",
            "payer_name": "NORTHWIND HEALTH PLAN",
            "submitted_at": "2026-03-01T09:00:00Z",
            "lines": [{"line": 1, "charge_cents": 92500, "procedure_code": "E0601", "modifiers": ["RR"]}],
            "prior_authorization": False,
            "service_from_on": "2026-02-20",
            "findings": [{"rule": "PAYER-AUTHORIZATION", "severity": "error", "line": 1}],
        }
    ]
}


@router.post(
    PATH,
    tags=["risk"],
    summary="How likely claims are to be denied",
    response_class=Response,
    responses={
        200: {"description": "One for each claim, in order", "content": {"application/json": {"schema": _schema(RiskAnswer)}}},
        **responses(413, 415, 422),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "Claims as `claim.submitted` tells them; what is left out is unknown.",
            "content": {"application/json": {"schema": _schema(RiskQuestion), "example": _EXAMPLE}},
        }
    },
)
async def post_risk(
    request: Request,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    content_type: Annotated[str | None, Header(alias="Content-Type", include_in_schema=False)] = None,
) -> Response:
    """By the model that is live; where none is, by published rates and those of your own outcomes so far. Codes and payers that
    were never seen are no error: broader rates stand in.
    """
    if not says_json(content_type or "application/json"):
        raise Problem(415, "unsupported-media-type", "The body must be application/json.")
    try:
        body = await request.body()
        question = await asyncio.to_thread(_decode, body) if len(body) > _LARGE_BYTES else _decode(body)
    except msgspec.ValidationError as error:
        raise Problem(422, "invalid-request", f"The question is not valid: {error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(400, "bad-json", "The body is not JSON in UTF-8.") from error
    judges: RiskJudges = request.app.state.risk
    try:
        judge = await judges.of(database, tenant, clock.now())
    except Altered as error:
        log.exception("model_altered", model=error.name)
        raise Problem(503, "model-altered", f"Refused: {error}.", headers={"Retry-After": "60"}) from error
    few = len(question.claims) <= _FEW
    answer = _answer(judge, question) if few else await asyncio.to_thread(_answer, judge, question)
    return Response(answer, media_type="application/json")


def _answer(judge: Judge, question: RiskQuestion) -> bytes:
    found = judge.scorer.assess([_asked(claim) for claim in question.claims])
    return _encode(RiskAnswer(judge.name, tuple(map(_told, question.claims, found))))


def _asked(claim: ClaimSubmittedV1) -> Asked:
    told = submission_of(claim)
    submitted_on: date = claim.submitted_at.astimezone(UTC).date()
    return told, days_to_submission(told, submitted_on)


def _told(claim: ClaimSubmittedV1, found: Assessed) -> ClaimRisk:
    lines = tuple(LineRisk(each.line, each.probability) for each in found.lines)
    return ClaimRisk(str(claim.claim_id), found.probability, found.category, found.reasons, lines)
