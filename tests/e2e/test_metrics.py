"""What the nine processes tell of themselves, at `/metrics` and by OTLP: all that is defined, nothing else, and nobody's name."""

import secrets
from datetime import date
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord

from deploy.docs import metrics as _every_definition  # noqa: F401 - what is imported is defined
from deploy.local.layout import SERVICES
from libs.common.contracts import denial_classified, remit_received
from libs.common.metrics import DEFINITIONS
from libs.synthetic import remittances
from tests.e2e.points import PointReceiver
from tests.support import eventually, run_apart
from tests.support.access import bearer
from tests.support.scraping import PROCESSES, Series, address, scrape, total
from tests.support.system import System

# What happens only to a system that is unwell; each has a test that makes it happen.
_UNWELL = {
    "db.client.connection.timeouts", "recours.webhook.given_up", "recours.webhook.post.duration", "recours.balance.differences",
    "recours.inbox.dropped",
}  # fmt: skip
_OURS = ("recours_", "messaging_", "http_", "db_")
TRACE_ID = secrets.token_hex(16)


async def send(bootstrap: str, topic: str, record: ConsumerRecord | None) -> None:
    """Send a record once more, or one that nobody can read."""
    headers = list(record.headers) if record else [("ce_specversion", b"1.0"), ("ce_type", denial_classified.TYPE.encode())]
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    await producer.send_and_wait(
        topic, record.value if record else b"not JSON", key=record.key if record else b"key", headers=headers
    )
    await producer.stop()


@pytest.fixture(scope="module")
def before(system: System) -> dict[str, Series]:
    return {process: scrape(system, process) for process in PROCESSES}


@pytest.fixture(scope="module")
def body() -> bytes:
    (file,) = remittances(seed=11, claims=30, claims_per_file=30, first_on=date(2031, 3, 1))
    assert any(answer.truth.denied_cents for answer in file.answers())
    return file.body


@pytest.fixture(scope="module")
def after(system: System, before: dict[str, Series], body: bytes) -> dict[str, Series]:
    """Send a file, one of its events once more, and a record that nobody can read; wait until looks see that all is sent."""
    system.post(body, traceparent=f"00-{TRACE_ID}-{secrets.token_hex(8)}-01")
    system.come_to_rest()
    run_apart(send(system.stack.bootstrap, remit_received.TOPIC, system.records(remit_received.TOPIC)[-1]))
    run_apart(send(system.stack.bootstrap, denial_classified.TOPIC, None))
    system.come_to_rest()

    def seen() -> bool:
        series = {service: scrape(system, f"{service}_worker") for service in SERVICES}
        of_the_lag = [
            service for service, told in series.items() if any(name == "recours_consumer_lag_messages" for name, _ in told)
        ]
        return len(of_the_lag) == 3 and not any(total(told, "recours_outbox_size") for told in series.values())

    eventually(seen, seconds=60)
    return {process: scrape(system, process) for process in PROCESSES}


def test_all_that_is_defined_is_told_under_its_name_and_nothing_else(after: dict[str, Series]) -> None:
    told = {name for series in after.values() for name, _ in series if name.startswith(_OURS)}
    wanted: set[str] = set()
    for each in DEFINITIONS.values():
        name = each.at_prometheus()
        names = {f"{name}_{part}" for part in ("bucket", "sum", "count")} if each.kind == "histogram" else {name}
        assert each.name in _UNWELL or names <= told, each.name
        wanted |= names
    assert told <= wanted


def test_attributes_are_those_that_are_defined(after: dict[str, Series]) -> None:
    of_the_process = {"service_name", "recours_role", "le"}
    by_name = {each.at_prometheus(): each for each in DEFINITIONS.values()}
    for series in after.values():
        for name, labels in series:
            each = by_name.get(name) or by_name.get(name.rpartition("_")[0])
            if each is not None:
                assert {label for label, _ in labels} <= {a.replace(".", "_") for a in each.attributes} | of_the_process


def gained(before: dict[str, Series], after: dict[str, Series], process: str, name: str, **labels: str) -> float:
    return total(after[process], name, **labels) - total(before[process], name, **labels)


def test_counters_count_what_went_through(before: dict[str, Series], after: dict[str, Series]) -> None:
    sent = {"messaging_destination_name": "remit.received"}
    assert gained(before, after, "ingest_worker", "recours_interchanges_total") == 1
    assert gained(before, after, "ingest_worker", "recours_interchange_claims_total") == 30
    assert gained(before, after, "ingest_worker", "recours_interchange_duration_seconds_count") == 1
    assert gained(before, after, "ingest_worker", "messaging_client_sent_messages_total", **sent) == 30
    for service in ("classifier", "appeals", "analytics"):
        assert gained(before, after, f"{service}_worker", "messaging_client_consumed_messages_total", **sent) == 31
        assert gained(before, after, f"{service}_worker", "recours_inbox_duplicates_total") == 1
    letters = {"messaging_destination_name": "denial.classified", "error_type": "not_a_cloudevent"}
    for service in ("appeals", "analytics"):
        assert gained(before, after, f"{service}_worker", "recours_dead_letters_total", **letters) == 1
    assert gained(before, after, "classifier_worker", "recours_classification_delay_seconds_count") >= 1
    posts = {"http_route": "/v1/interchanges", "http_request_method": "POST"}
    assert gained(before, after, "ingest_api", "http_server_request_duration_seconds_count", **posts) == 1


def test_at_rest_nobody_waits_and_one_relay_a_service_sends(after: dict[str, Series]) -> None:
    for service in ("classifier", "appeals", "analytics"):
        assert total(after[f"{service}_worker"], "recours_relay_active") == 1
        assert total(after[f"{service}_worker"], "recours_consumer_waiting_seconds") == 0


def test_otlp_tells_the_same_and_leads_to_the_trace(points: PointReceiver, after: dict[str, Series]) -> None:
    eventually(lambda: {name for names in points.names.values() for name in names} >= set(DEFINITIONS) - _UNWELL, seconds=60)
    assert ("recours-analytics", "webhooks") in points.names
    eventually(lambda: TRACE_ID in points.exemplars["http.server.request.duration"])
    assert points.exemplars["messaging.process.duration"]  # of batches, whose traces are their own


def test_more_tenants_make_no_more_series(system: System, after: dict[str, Series]) -> None:
    def posted(tenant_id: str, seed: int) -> None:
        (file,) = remittances(seed=seed, claims=5, claims_per_file=5, first_on=date(2031, 4, 1))
        headers = {**bearer(tenant_id), "Idempotency-Key": secrets.token_hex(8)}
        httpx.post(system.url("ingest") + "/v1/interchanges", content=file.body, headers=headers).raise_for_status()

    def series() -> dict[str, set[Any]]:
        return {process: set(scrape(system, process)) for process in PROCESSES}

    posted("tenant-0", 20)
    system.come_to_rest()
    first = series()
    for number in range(1, 9):
        posted(f"tenant-{number}", 20 + number)
    system.come_to_rest()
    grown = {process: now - first[process] for process, now in series().items()}
    # What is bounded may still come for the first time: a status of a route, a type of event.
    assert [told for each in grown.values() for told in each if "tenant-" in str(told)] == []
    assert sum(map(len, grown.values())) < 8 * len(PROCESSES)


def test_nothing_of_a_patient_a_payer_or_a_tenant_is_told(system: System, body: bytes) -> None:
    (file,) = remittances(seed=11, claims=30, claims_per_file=30, first_on=date(2031, 3, 1))
    marks = {answer.remit.payer_claim_control_number for answer in file.answers()}
    marks |= {answer.claim.member.member_id for answer in file.answers()} | {"tenant-1"}
    marks |= {answer.claim.patient_control_number for answer in file.answers()}
    told = "".join(httpx.get(f"http://{address(system, process)}/metrics").text for process in PROCESSES)
    assert [mark for mark in marks if mark and f'"{mark}"' in told] == []


def test_an_unknown_path_and_method_make_no_series_of_their_own(system: System) -> None:
    for word in ("quagga", "dodo"):
        httpx.request("PROPFIND", system.url("ingest") + f"/{word}/{word}", headers=bearer())
    told = httpx.get(f"http://{address(system, 'ingest_api')}/metrics").text
    assert 'http_request_method="_OTHER"' in told
    assert 'http_route="unknown"' in told
    assert "quagga" not in told.lower()
    assert "dodo" not in told.lower()


def test_a_scraper_that_speaks_openmetrics_gets_it(system: System) -> None:
    answer = httpx.get(f"http://{address(system, 'ingest_api')}/metrics", headers={"Accept": "application/openmetrics-text"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
