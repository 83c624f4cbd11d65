"""One trace from the POST to analytics, and events that any CloudEvents library reads."""

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from deploy.local.layout import ROOT
from libs.common.contracts import denial_classified, remit_received
from libs.synthetic import remittances
from libs.x12 import Remit
from services.ingest.claims.examples import PROFESSIONAL
from tests.e2e.spans import SpanReceiver
from tests.support import eventually
from tests.support.access import bearer
from tests.support.system import System

SERVICES = {"recours-ingest", "recours-classifier", "recours-appeals", "recours-analytics"}


class Hook:
    """Somebody's address on this machine: keeps the traces that posts name, by the type of what they tell."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, str]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook.posts.append((body["type"], self.headers["traceparent"].split("-")[1]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture(scope="module")
def hook(system: System) -> Iterator[Hook]:
    """Subscribe to denials."""
    hook = Hook()
    Thread(target=hook.server.serve_forever, daemon=True).start()
    told = {"url": f"http://127.0.0.1:{hook.server.server_port}/", "event_types": ["denial.classified"]}
    made = httpx.post(
        f"{system.url('analytics')}/v1/webhooks", json=told, headers={**bearer(), "Idempotency-Key": secrets.token_hex(8)}
    )
    assert made.status_code == 201, made.text
    yield hook
    httpx.delete(f"{system.url('analytics')}/v1/webhooks/{made.json()['webhook_id']}", headers=bearer())
    hook.server.shutdown()
    hook.server.server_close()


@pytest.fixture(scope="module")
def trace_id(system: System, hook: Hook) -> str:
    """Send one file of a few claims, one of them refused, under a trace of our own."""
    trace_id = secrets.token_hex(16)
    (file,) = remittances(seed=5, claims=12, claims_per_file=12, first_on=date(2032, 1, 1))
    assert any(answer.truth.denied_cents for answer in file.answers())
    system.post(file.body, traceparent=f"00-{trace_id}-{secrets.token_hex(8)}-01")
    system.come_to_rest()
    return trace_id


def records_of(system: System, topic: str, trace_id: str) -> list[Any]:
    return [
        record
        for record in system.records(topic)
        if dict(record.headers).get("traceparent", b"").split(b"-")[1:2] == [trace_id.encode()]
    ]


def test_every_event_that_a_file_causes_carries_its_trace(system: System, trace_id: str) -> None:
    remits = records_of(system, remit_received.TOPIC, trace_id)
    denials = records_of(system, denial_classified.TOPIC, trace_id)
    assert len(remits) == 12
    causes = {dict(record.headers)["ce_id"] for record in remits}
    assert denials
    assert all(dict(record.headers)["ce_causationid"] in causes for record in denials)


def test_the_page_of_a_denial_tells_its_way_through_all_services_and_the_trace(system: System, trace_id: str) -> None:
    (denial, *_) = [json.loads(record.value) for record in records_of(system, denial_classified.TOPIC, trace_id)]
    page = httpx.get(f"{system.url('analytics')}/denials/{denial['denial_id']}", params={"lang": "en"}, headers=bearer())
    assert page.status_code == 200, page.text
    assert trace_id in page.text
    assert "does not answer" not in page.text
    for told in ("Answered by the payer", "Judged a denial", "Case: Open"):
        assert told in page.text
    stands = httpx.get(f"{system.url('analytics')}/system", params={"lang": "en"}, headers=bearer()).text
    assert "All four agree, to the cent." in stands
    assert "The broker does not answer" not in stands


def test_spans_of_all_four_services_are_in_one_trace_and_hang_together(spans: SpanReceiver, trace_id: str) -> None:
    eventually(lambda: {service for service, *_ in spans.traces.get(trace_id, [])} >= SERVICES)
    found = spans.traces[trace_id]
    own = {span_id: service for service, _, span_id, _ in found}
    assert any(service == "recours-ingest" and name == "POST /v1/interchanges" for service, name, *_ in found)
    parents = {(service, own[parent]) for service, _, _, parent in found if parent in own}
    assert {("recours-classifier", "recours-ingest"), ("recours-analytics", "recours-ingest")} <= parents
    assert ("recours-appeals", "recours-classifier") in parents


def test_a_post_to_a_webhook_is_in_the_trace_of_what_it_tells(system: System, hook: Hook, trace_id: str) -> None:
    denials = records_of(system, denial_classified.TOPIC, trace_id)
    eventually(lambda: hook.posts.count(("denial.classified", trace_id)) == len(denials))


def test_a_trace_goes_on_in_the_processes_that_take_the_place_of_those_that_were_killed(
    system: System, spans: SpanReceiver
) -> None:
    trace_id = secrets.token_hex(16)
    workers = [f"{service.removeprefix('recours-')}-worker" for service in sorted(SERVICES)]
    before = {name: system.stack.pid(name) for name in workers}
    (file,) = remittances(seed=6, claims=12, claims_per_file=12, first_on=date(2032, 2, 1))
    assert any(answer.truth.denied_cents for answer in file.answers())
    for name in workers:
        assert system.stack.kill(name, signal.SIGSTOP)
    try:
        system.post(file.body, traceparent=f"00-{trace_id}-{secrets.token_hex(8)}-01")
    finally:
        for name in workers:
            assert system.stack.kill(name, signal.SIGKILL)
    eventually(lambda: all(system.stack.pid(name) not in (None, before[name]) for name in workers))
    system.come_to_rest()
    assert len(records_of(system, remit_received.TOPIC, trace_id)) == 12
    assert records_of(system, denial_classified.TOPIC, trace_id)
    eventually(lambda: {service for service, *_ in spans.traces.get(trace_id, [])} >= SERVICES)


def zipkin(system: System, path: str, **query: str) -> Any:
    answer = httpx.get(f"http://127.0.0.1:{system.stack.ports.zipkin}/api/v2/{path}", params=query)
    return answer.json() if answer.status_code == 200 else []


def test_a_real_zipkin_has_the_whole_way_in_one_trace_and_links_no_batch_to_a_false_parent(system: System, trace_id: str) -> None:
    def names() -> set[tuple[str, str]]:
        return {(span["localEndpoint"]["serviceName"], span["name"]) for span in zipkin(system, f"trace/{trace_id}")}

    whole = {
        ("recours-ingest", "post /v1/interchanges"),
        ("recours-ingest", "read interchange"),
        *((f"recours-{service}", f"process {service}") for service in ("classifier", "appeals", "analytics")),
        ("recours-analytics", "post denial.classified"),
    }
    eventually(lambda: names() >= whole, otherwise=lambda: f"missing: {whole - names()}, there: {sorted(names())}")
    spans = zipkin(system, f"trace/{trace_id}")
    told = {(span["tags"]["db.system.name"], span["tags"]["db.namespace"]) for span in spans if span["name"] == "transaction"}
    assert told == {("postgresql", "recours_ingest")}, "those of consumers are in the traces of their batches"
    own = {span["id"] for span in spans}
    outside = {span["name"] for span in spans if span.get("parentId") not in own}
    assert outside == {"post /v1/interchanges"}, "all but the first, whose parent is whoever asked, have their parent in the trace"


def test_a_trace_is_found_by_the_claim_that_it_is_about(system: System) -> None:
    trace = secrets.token_hex(16)
    claim = {**PROFESSIONAL, "patient_control_number": f"TRACED{secrets.token_hex(4)}".upper()}
    headers = {**bearer(), "traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}
    made = httpx.post(f"{system.url('ingest')}/v1/claims", json=claim, headers=headers)
    query = f"recours.claim_id={made.json()['claim_id']}"
    services: set[str] = set()

    def found() -> bool:
        traces = zipkin(system, "traces", annotationQuery=query, limit="10")
        services.update(span["localEndpoint"]["serviceName"] for spans in traces for span in spans if span["traceId"] == trace)
        return services >= {"recours-ingest", "recours-classifier", "recours-analytics"}

    eventually(found, otherwise=lambda: f"only {services}")


def test_the_command_line_says_where_a_claim_is_and_how_it_came_there(system: System, trace_id: str) -> None:
    (denial, *_) = [json.loads(record.value) for record in records_of(system, denial_classified.TOPIC, trace_id)]
    told = {f"RECOURS_{service.upper()}_URL": system.url(service) for service in ("ingest", "classifier", "appeals", "analytics")}
    command = [sys.executable, "-m", "libs.client.cli", "trace", denial["patient_control_number"]]
    environment = {**os.environ, **told}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    for service, what in (
        ("ingest", "told remit.received"),
        ("classifier", "took remit.received"),
        ("appeals", "took remit.received"),
        ("analytics", "took remit.received"),
        ("classifier", "told denial.classified"),
        ("appeals", "took denial.classified"),
        ("analytics", "took denial.classified"),
        ("analytics", "told post of denial.classified"),
    ):
        assert any(service in line and what in line and trace_id in line for line in done.stdout.splitlines()), (service, what)
    nobody = subprocess.run([*command[:-1], "NOBODY"], capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert (nobody.returncode, nobody.stderr.strip()) == (1, "No service knows anything of it.")


@pytest.mark.parametrize("contract", [remit_received, denial_classified], ids=lambda contract: contract.TOPIC)
def test_the_official_cloudevents_library_reads_our_records(system: System, trace_id: str, contract: Any) -> None:
    for record in records_of(system, contract.TOPIC, trace_id):
        message = KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value)
        event = from_binary(message, JSONFormat(), CloudEvent)
        assert event.get_specversion() == "1.0"
        assert event.get_type() == contract.TYPE
        assert event.get_extension("tenantid") == "local"
        assert event.get_extension("partitionkey") == record.key.decode()
        assert event.get_datacontenttype() == "application/json"
        data = event.get_data()
        assert isinstance(data, dict)
        assert data == json.loads(record.value)
        assert data["claim_key"] == record.key.decode()


def test_no_patient_data_leaves_in_events_or_spans(system: System, spans: SpanReceiver, trace_id: str) -> None:
    (file,) = remittances(seed=5, claims=12, claims_per_file=12, first_on=date(2032, 1, 1))
    secret = {part for answer in file.answers() for part in _patient(answer.remit, answer.claim.member.member_id)}
    told = b"".join(
        record.value + repr(record.headers).encode()
        for topic in (remit_received.TOPIC, denial_classified.TOPIC)
        for record in records_of(system, topic, trace_id)
    )
    assert secret
    assert [part for part in secret if part.encode() in told] == []
    assert [part for part in secret if part in repr(spans.traces[trace_id])] == []


def _patient(remit: Remit, member_id: str) -> set[str]:
    names = [segment.split(remit.separator) for segment in remit.segments if segment.startswith("NM1")]
    return {member_id, *(f'"{value}"' for name in names for value in name[3:5] if value)}
