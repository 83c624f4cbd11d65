"""One trace from the POST to analytics, and events that any CloudEvents library reads."""

import json
import secrets
from datetime import date
from typing import Any

import httpx
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from libs.common.contracts import denial_classified, remit_received
from libs.synthetic import remittances
from libs.x12 import Remit
from tests.e2e.spans import SpanReceiver
from tests.support import eventually
from tests.support.access import bearer
from tests.support.system import System

SERVICES = {"recours-ingest", "recours-classifier", "recours-appeals", "recours-analytics"}


@pytest.fixture(scope="module")
def trace_id(system: System) -> str:
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
