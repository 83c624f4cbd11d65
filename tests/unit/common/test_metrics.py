"""Definitions of metrics: names, units, and attributes that cannot name anybody; what was looked up goes silent with time."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from opentelemetry import metrics as api
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.semconv._incubating.metrics import db_metrics, http_metrics, messaging_metrics

from deploy.docs import metrics as _every_definition  # noqa: F401 - what is imported is defined
from libs.common import metrics
from libs.common.metrics import DEFINITIONS, Definition, Gauge
from services.analytics.webhooks.queue import Ended, Leased
from services.analytics.webhooks.sending import Outcome, _count
from services.ingest.booking import Progress
from services.ingest.measures import count_read
from services.ingest.received import Received
from tests.test_tidy import modules

_CONVENTIONS = {
    name for module in (db_metrics, http_metrics, messaging_metrics) for name in vars(module).values() if isinstance(name, str)
}
_UNITS = re.compile(r"s|By|1|\{[a-z]+\}")
# Whose values somebody else chooses, or whose number grows with what is worked on.
_NAMES_SOMEBODY = re.compile(
    r"tenant|claim|denial|patient|payer|provider|user|client\.address|server\.address|url|message\.key|\.id$"
)


@pytest.mark.parametrize("each", DEFINITIONS.values(), ids=lambda each: each.name)
def test_a_definition_is_named_after_the_conventions_and_names_nobody(each: Definition) -> None:
    assert each.name in _CONVENTIONS or each.name.startswith("recours.")
    assert _UNITS.fullmatch(each.unit)
    assert each.told.endswith(".")
    assert [name for name in each.attributes if _NAMES_SOMEBODY.search(name)] == []
    assert list(each.buckets) == sorted(each.buckets)


def test_no_name_is_the_beginning_of_another() -> None:
    assert [(a, b) for a in DEFINITIONS for b in DEFINITIONS if b.startswith(f"{a}.")] == []


def test_what_is_measured_is_defined_in_its_one_place() -> None:
    makers = re.compile(r"\.create_(observable_)?(counter|histogram|gauge|up_down_counter)\b")
    assert {name for name, text in modules("libs", "services") if makers.search(text)} == {"libs/common/metrics.py"}


def test_a_name_is_defined_once() -> None:
    with pytest.raises(ValueError, match="defined twice"):
        Gauge("recours.outbox.age", "s", "Again.", {})


@pytest.fixture(scope="module")
def reader() -> InMemoryMetricReader:
    """Return what reads this process's metrics; a process sets its provider up once."""
    reader = InMemoryMetricReader()
    api.set_meter_provider(MeterProvider([reader]))
    return reader


def told(reader: InMemoryMetricReader, name: str) -> list[tuple[dict[str, object], float]]:
    read = reader.get_metrics_data()
    every = [
        metric
        for resource in (read.resource_metrics if read else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
    ]
    points = [point for metric in every if metric.name == name for point in metric.data.data_points]
    return [(dict(point.attributes or {}), getattr(point, "value", getattr(point, "count", 0))) for point in points]


def test_what_was_looked_up_is_told_until_it_is_too_old(reader: InMemoryMetricReader, monkeypatch: pytest.MonkeyPatch) -> None:
    gauge = Gauge("recours.test.looked_up", "1", "A test's.", {})
    try:
        now = 1000.0
        monkeypatch.setattr("libs.common.metrics.time.monotonic", lambda: now)
        assert told(reader, "recours.test.looked_up") == []
        gauge.hold([(7.0, {})])
        now += 179
        assert told(reader, "recours.test.looked_up") == [({}, 7.0)]
        now += 2
        assert told(reader, "recours.test.looked_up") == []
    finally:
        del DEFINITIONS["recours.test.looked_up"]


def test_files_are_counted_by_how_they_ended_and_whether_they_balance(reader: InMemoryMetricReader) -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    received = Received("a-tenant", uuid4(), now - timedelta(seconds=3), "")
    count_read([Progress(received, claims=4, payments=1, unbalanced=True), Progress(received), Progress(received, payments=1)], now)
    by_status = {str(attributes["recours.interchange.status"]): count for attributes, count in told(reader, "recours.interchanges")}
    assert by_status == {"accepted_with_errors": 1, "rejected": 1, "accepted": 1}
    assert told(reader, "recours.balance.differences") == [({}, 1)]
    assert told(reader, "recours.interchange.claims") == [({}, 4)]
    assert told(reader, "recours.interchange.duration") == [({}, 3)]


def test_an_exporter_that_nobody_knows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "statsd")
    with pytest.raises(ValueError, match="not statsd"):
        metrics.set_up("ingest", "api")


def test_why_a_post_failed_is_told_in_our_words_and_never_what_the_receiver_answered(reader: InMemoryMetricReader) -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    leased = Leased(
        "a-tenant", uuid4(), uuid4(), 1, None, 0, now, "alert.opened", now, b"{}", None, "https://a.example", b"", None, None
    )
    _count(
        [Outcome(leased, True, "receipt 4711", now, 20), Outcome(leased, False, "refused_404", now, 30)],
        [Ended(leased, "delivered", now, now), Ended(leased, "dead", now, now)],
    )
    assert told(reader, "recours.webhook.post.duration") == [({}, 1), ({"error.type": "refused"}, 1)]
    assert told(reader, "recours.webhook.given_up") == [({}, 1)]
