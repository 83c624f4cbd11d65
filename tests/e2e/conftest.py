"""The real processes over the real stack, once a session; spans and metrics go to receivers in the test process and to a Zipkin."""

from collections.abc import Iterator

import pytest

from deploy.local.layout import Ports
from deploy.local.stack import Stack
from tests.e2e.points import PointReceiver
from tests.e2e.spans import SpanReceiver
from tests.support.system import System

# Another tenant than that of the stack's own APIs: what happens to theirs is what happens with real payers.
SANDBOX = {"RECOURS_SANDBOX_TENANTS": "sandbox", "RECOURS_SANDBOX_SECONDS": "3"}


@pytest.fixture(scope="session")
def spans() -> Iterator[SpanReceiver]:
    with SpanReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def points() -> Iterator[PointReceiver]:
    with PointReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory, spans: SpanReceiver, points: PointReceiver) -> Iterator[System]:
    told = {
        "RECOURS_FILING_FOLDER": str(tmp_path_factory.mktemp("outbox")),
        "OTEL_TRACES_EXPORTER": "otlp,zipkin",  # a receiver of ours to look into, and a real one to ask
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": spans.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_METRICS_EXPORTER": "prometheus,otlp",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": points.url,
        "OTEL_METRIC_EXPORT_INTERVAL": "2000",
        "RECOURS_DRAIN_SECONDS": "1.5",
        **SANDBOX,
    }
    stack = Stack(tmp_path_factory.mktemp("system"), Ports.free(), environment=told)
    stack.start()
    system = System(stack)
    yield system
    system.close()
    stack.discard()
