"""Every answer of the four services is one that their OpenAPI documents promise, whatever is asked; on real databases."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from uuid import UUID

import httpx
import hypothesis
import msgspec
import pytest
import schemathesis
from hypothesis import strategies
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    negative_data_rejection,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from schemathesis.core.result import Ok

from deploy.docs.schemas import DEAD_LETTER, EVENTS
from deploy.local.layout import SERVICES
from libs.common.clock import SystemClock
from libs.common.contracts.envelope import Received
from libs.common.database import Database
from libs.common.ids import uuid7
from libs.common.messaging import dead_letters, outbox
from services.analytics import handlers as analytics
from services.appeals import api as appeals_api
from services.appeals import handlers as appeals
from services.appeals.ingest import Ingest
from services.appeals.records.attaching import handle_requests
from services.appeals.records.store import Asked
from services.appeals.store import Denial as AppealedDenial
from services.classifier import front_door
from services.classifier import handlers as classifier
from services.classifier.risk.claims import SubmittedClaim
from services.classifier.risk.intake import MatchedRemit, handle_matched
from services.ingest.example import REMITTANCE
from services.ingest.reading import IntakeReader
from services.ingest.sandbox.payer import Sandbox
from tests.support import ServiceDatabase, run_apart
from tests.support.access import VERIFIER, bearer, own_tokens
from tests.support.serving import served_by_thread

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    negative_data_rejection,
    unsupported_method,
]
KEY = b"a key for tests alone"
TENANTS = ("local", "another")
WITHOUT_END = "/v1/stream"  # an answer that goes on for ever: tests/integration/analytics/test_stream.py
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
READS: dict[str, list[tuple[str, type[msgspec.Struct], Any]]] = {
    "ingest": [],
    "classifier": [
        ("remit.received", classifier.RemitToClassify, classifier.handle),
        ("claim.acknowledged", front_door.AnsweredClaim, front_door.handle_answers),
        ("claim.submitted", SubmittedClaim, front_door.handle_submitted),
        ("remit.matched", MatchedRemit, handle_matched),
    ],
    "appeals": [
        ("remit.received", appeals.Remit, appeals.handle_remits),
        ("denial.classified", AppealedDenial, appeals.handle_denials),
        ("records.requested", Asked, handle_requests),
    ],
    "analytics": [(each.topic, each.schema, each.handle) for each in analytics.SUBSCRIPTIONS],
}


@schemathesis.serializer("application/edi-x12", "application/x-ndjson")
def write_x12(_: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


@contextmanager
def served(service: str, database: ServiceDatabase, **told: Any) -> Iterator[str]:
    """Serve a service's application as its process does, which is told what its settings would say; yield its address."""
    app = import_module(f"services.{service}.api").make_app(Database(database.api_url), SystemClock(), VERIFIER, **told)
    app.state.pseudonym_key = KEY
    # Appeals asks an ingest that knows no claim.
    app.state.ingest = Ingest("http://ingest", own_tokens("appeals"), httpx.MockTransport(lambda _: httpx.Response(404, json={})))
    with served_by_thread(app) as port:
        yield f"http://127.0.0.1:{port}"


async def fill(service: str, database: ServiceDatabase, tenant_id: str = "local") -> None:
    """Let a service's own handlers take every published example, and bury one record."""
    worker = Database(database.worker_url)
    for topic, struct, handle in READS[service]:
        event = next(event for event in EVENTS if event.name == topic)
        batch = [received(json.loads(path.read_bytes()), event.type_name, struct, tenant_id) for path in event.examples()]
        async with worker.begin() as tx:
            await outbox.append(tx, await handle(tx, batch, NOW))
    buried = json.loads(DEAD_LETTER.examples()[-1].read_bytes())
    headers = json.dumps({"ce_tenantid": tenant_id, "ce_reason": buried["reason"], "ce_sequence": "0"})
    topic = f"{buried['topic']}.{service}{dead_letters.SUFFIX}"
    async with worker.begin() as tx:
        row = (uuid7(), tenant_id, topic, buried["key"], dead_letters.TYPE, json.dumps(buried).encode(), headers)
        await outbox.append_rows(tx, [row])
    while service == "ingest" and await IntakeReader(worker, SystemClock(), KEY, Sandbox()).read_next():
        pass
    await worker.close()


def received(data: dict[str, Any], type_name: str, struct: type[msgspec.Struct], tenant_id: str = "local") -> Received[Any]:
    return Received(
        id=uuid7(),
        source="recours/test",
        type=type_name,
        key=data.get("claim_key") or data["subject_id"],
        tenant_id=tenant_id,
        sequence=1,
        correlation_id="test",
        traceparent=None,
        data=msgspec.convert(data, struct),
    )


def known_ids(url: str) -> dict[str, str]:
    """Return ids of things that exist, by the names of path parameters."""
    found: dict[str, str] = {}

    def look(node: Any) -> None:
        if isinstance(node, dict):
            found.update({name: value for name, value in node.items() if name.endswith("_id") and isinstance(value, str)})
        for held in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            look(held)

    for path, methods in httpx.get(timeout=60, headers=bearer(), url=f"{url}/openapi.json").json()["paths"].items():
        if "get" in methods and "{" not in path and path != WITHOUT_END:
            look(httpx.get(timeout=60, headers=bearer(), url=f"{url}{path}").json())
    if "remittance_id" in found:
        look(httpx.get(timeout=60, headers=bearer(), url=f"{url}/v1/remittances/{found['remittance_id']}/remits").json())
    found.pop("tenant_id", None)  # or the tenant that asks is suspended by its own asking
    return found


def is_own(value: str) -> bool:
    """Say whether a value is one tenant's alone, as ids are that were made by it or for it; others are everybody's."""
    try:
        return UUID(value).version in (5, 7)
    except ValueError:
        return False


def takes_something(operation: Any) -> bool:
    return bool(operation.body) or any(True for _ in operation.iter_parameters())


def check(operation: Any, mode: GenerationMode, known: dict[str, str]) -> None:
    """Ask as two tenants: what `known` names is the first one's, and no answer to the second may hold it."""

    @hypothesis.settings(max_examples=10, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(
        case=operation.as_strategy(generation_mode=mode), exists=strategies.booleans(), tenant=strategies.sampled_from(TENANTS)
    )
    def ask(case: Any, exists: bool, tenant: str) -> None:
        # What is no HTTP at all is refused by the server under the application, in its own words.
        hypothesis.assume(all(str(value).isascii() and str(value).isprintable() for value in (case.headers or {}).values()))
        if exists and mode is GenerationMode.POSITIVE:
            case.path_parameters |= {name: known[name] for name in case.path_parameters or () if name in known}
        if mode is GenerationMode.NEGATIVE:  # what was to be spoiled came out right after all
            hypothesis.assume(getattr(case.meta.phase.data, "description", None) != "positive test case")
        answer = case.call(headers=bearer(tenant), timeout=60)
        refused = answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE  # before anybody looked at what is wrong in it
        checks = [each for each in CHECKS if not (refused and each is negative_data_rejection)]
        case.validate_response(answer, checks, headers=bearer(tenant))
        if tenant != TENANTS[0]:
            sent = f"{case.path_parameters} {case.query} {case.body!r}"
            theirs = [value for value in known.values() if is_own(value) and value not in sent]
            assert [value for value in theirs if value.encode() in answer.content] == []

    ask()


@pytest.mark.parametrize("service", SERVICES)
def test_every_answer_is_one_that_the_document_promises(service: str, service_database: Callable[[str], ServiceDatabase]) -> None:
    database = service_database(service)
    with served(service, database) as url:
        if service == "ingest":
            httpx.post(headers=bearer(), url=f"{url}/v1/interchanges", content=REMITTANCE).raise_for_status()
        run_apart(fill(service, database))
        known = known_ids(url)
        document = httpx.get(f"{url}/openapi.json").json()
        for operation in (each for path in document["paths"].values() for each in path.values()):
            operation.pop("security", None)  # else a request without a token would be told as wrong, and we send it with one
        schema = schemathesis.openapi.from_dict(document)
        schema.config.base_url = url
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()
            if operation.path == WITHOUT_END:
                continue
            # A bad line of a batch is told in the answer to it, and refuses nothing.
            refuses = takes_something(operation) and operation.path not in ("/v1/claims:batch", "/v1/deposits")
            for mode in (GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if refuses else [])):
                check(operation, mode, known)


async def test_a_query_with_nul_is_a_problem_and_no_failure_of_ours(service_database: Callable[[str], ServiceDatabase]) -> None:
    app = appeals_api.make_app(Database(service_database("appeals").api_url), SystemClock(), VERIFIER)
    async with httpx.AsyncClient(headers=bearer(), transport=httpx.ASGITransport(app), base_url="http://appeals") as client:
        for query in ("pcn=a%00b", "payer=%00", "category=%00"):
            answer = await client.get(f"/v1/cases?{query}")
            assert (answer.status_code, answer.json()["type"]) == (400, "urn:recours:problem:bad-query")
    await app.state.database.close()
