"""What is posted, as the `webhooks` of the OpenAPI document: each event type with the schema of its `data`."""

from collections.abc import Mapping
from typing import Any, Final, get_args
from uuid import UUID

import msgspec
from fastapi import FastAPI
from msgspec import Struct

from libs.common.contracts.appeal_decided import AppealDecidedV1
from libs.common.contracts.appeal_filed import AppealFiledV1
from libs.common.contracts.case_closed import CaseClosedV1
from libs.common.contracts.claim_acknowledged import ClaimAcknowledgedV1
from libs.common.contracts.claim_submitted import ClaimSubmittedV1
from libs.common.contracts.denial_classified import DenialClassifiedV1
from libs.common.contracts.followup_changed import FollowupChangedV1
from libs.common.contracts.remit_matched import RemitMatchedV1
from libs.common.contracts.remit_received import RemitReceivedV1
from services.analytics.alerts.views import ToldView
from services.analytics.reports.store import Report
from services.analytics.webhooks.rules import TEST, Disabled, EventType

_PLACE: Final = "#/components/schemas/"
_OWN: Final = "posted."  # before the names of schemas that routes may have, too
_HEADERS: Final = {
    "webhook-id": "of this delivery, the same at every attempt: take each once",
    "webhook-timestamp": "when this attempt was made, in seconds since 1970; refuse what is older than five minutes",
    "webhook-signature": "`v1,` and HMAC-SHA256 in base64 over `id.timestamp.body`; two by a space while a secret is replaced",
}


class Tried(Struct, frozen=True):
    """What `:test` asks for."""

    webhook_id: UUID


TOPICS: Final[Mapping[str, type[Struct]]] = {
    "claim.submitted": ClaimSubmittedV1,
    "claim.acknowledged": ClaimAcknowledgedV1,
    "remit.received": RemitReceivedV1,
    "remit.matched": RemitMatchedV1,
    "denial.classified": DenialClassifiedV1,
    "appeal.filed": AppealFiledV1,
    "appeal.decided": AppealDecidedV1,
    "case.closed": CaseClosedV1,
    "followup.changed": FollowupChangedV1,
}
_STRUCTS: Final[Mapping[str, type[Struct]]] = {**TOPICS, "report.made": Report, "webhook.disabled": Disabled, TEST: Tried}


def install(app: FastAPI) -> FastAPI:
    """Let an application's document say what is posted; return it."""
    routes = app.openapi
    app.openapi = lambda: with_webhooks(routes())  # type: ignore[method-assign]  # FastAPI's documented way
    return app


def with_webhooks(document: dict[str, Any]) -> dict[str, Any]:
    """Return an OpenAPI document that says what is posted."""
    told, parts = msgspec.json.schema_components(list(_STRUCTS.values()), ref_template=f"{_PLACE}{_OWN}{{name}}")
    alert = ToldView.model_json_schema(ref_template=f"{_PLACE}{_OWN}{{model}}", mode="serialization")
    parts = {**parts, **alert.pop("$defs"), ToldView.__name__: alert}
    data: dict[str, Any] = dict(zip(_STRUCTS, told, strict=True))
    data |= {type_: {"$ref": f"{_PLACE}{_OWN}{ToldView.__name__}"} for type_ in get_args(EventType) if type_.startswith("alert.")}
    schemas = {**document["components"]["schemas"], **{f"{_OWN}{name}": part for name, part in parts.items()}}
    return {
        **document,
        "webhooks": {type_: _webhook(type_, data[type_]) for type_ in (*get_args(EventType), TEST)},
        "components": {**document["components"], "schemas": schemas},
    }


def _webhook(type_: str, data: Mapping[str, Any]) -> dict[str, Any]:
    body = {
        "type": "object",
        "properties": {
            "type": {"type": "string", "const": type_},
            "timestamp": {"type": "string", "format": "date-time", "description": "when analytics learned of it"},
            "sequence": {"type": "integer", "description": "numbers all that is told to a tenant's webhooks"},
            "previous": {"type": ["integer", "null"], "description": "what was queued before for the same webhook"},
            "data": data,
        },
        "required": ["type", "timestamp", "sequence", "previous", "data"],
        "additionalProperties": False,
    }
    return {
        "post": {
            "tags": ["webhooks"],
            "summary": f"What is posted of `{type_}`",
            "parameters": [
                {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": description}
                for name, description in _HEADERS.items()
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
            "responses": {"2XX": {"description": "It is held; what is answered is not read"}},
        }
    }
