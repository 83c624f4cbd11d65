"""deploy/observability/collector.yaml in a real collector: all of what failed or was slow comes through, and few of the rest."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from deploy.local.layout import ROOT, Ports
from tests.collector import PROGRAM, needs_collector
from tests.e2e.spans import SpanReceiver
from tests.support import eventually

pytestmark = needs_collector
SHIPPED = ROOT / "deploy" / "observability" / "collector.yaml"
SERVICES = ("recours-ingest", "recours-classifier")
_FAST_MS, _SLOW_MS = 40, 2500
_MANY = 3000


@dataclass(frozen=True)
class Collector:
    """One that runs: where it takes in spans, and what comes out of it."""

    url: str
    kept: SpanReceiver

    def take(self, traces: list[str], service: str, milliseconds: int = _FAST_MS, failed: bool = False) -> None:
        """Send a span of a service to each of some traces."""
        request = ExportTraceServiceRequest()
        resource = request.resource_spans.add()
        resource.resource.attributes.add(key="service.name").value.string_value = service
        scope = resource.scope_spans.add()
        for trace_id in traces:
            span = scope.spans.add(trace_id=bytes.fromhex(trace_id), span_id=secrets.token_bytes(8), name="work")
            span.start_time_unix_nano = 1_900_000_000_000_000_000
            span.end_time_unix_nano = span.start_time_unix_nano + milliseconds * 1_000_000
            if failed:
                span.status.code = Status.STATUS_CODE_ERROR
        headers = {"Content-Type": "application/x-protobuf"}
        httpx.post(f"{self.url}/v1/traces", content=request.SerializeToString(), headers=headers).raise_for_status()

    def services_of(self, trace_id: str) -> set[str]:
        return {service for service, *_ in self.kept.traces.get(trace_id, [])}


def listens(url: str) -> bool:
    try:
        return httpx.post(f"{url}/v1/traces", headers={"Content-Type": "application/x-protobuf"}).is_success
    except httpx.TransportError:
        return False


@contextmanager
def running(folder: Path, told: dict[str, Any]) -> Iterator[Collector]:
    """Run a collector on this machine that sends what it keeps to a receiver of ours."""
    address = f"127.0.0.1:{Ports.free().kafka}"
    told["receivers"]["otlp"]["protocols"]["http"]["endpoint"] = address
    told["service"]["telemetry"] = {"metrics": {"level": "none"}}  # else it listens on 8888, which may be somebody's
    (folder / "collector.yaml").write_text(yaml.safe_dump(told))
    with SpanReceiver() as kept, (folder / "log").open("w") as log:
        environment = os.environ | {"RECOURS_TRACES_BACKEND": kept.url.removesuffix("/v1/traces")}
        process = subprocess.Popen([PROGRAM, "--config", folder / "collector.yaml"], env=environment, stderr=log)
        try:
            eventually(lambda: listens(f"http://{address}"), seconds=30, otherwise=(folder / "log").read_text)
            yield Collector(f"http://{address}", kept)
        finally:
            process.terminate()
            process.wait()


@pytest.fixture
def told() -> dict[str, Any]:
    """Return what is shipped, only that it decides after a second and not after thirty."""
    told: dict[str, Any] = yaml.safe_load(SHIPPED.read_text())
    told["processors"]["tail_sampling"]["decision_wait"] = "1s"
    return told


def ids(count: int) -> list[str]:
    return [secrets.token_hex(16) for _ in range(count)]


def test_what_is_shipped_is_read() -> None:
    done = subprocess.run([PROGRAM, "validate", "--config", SHIPPED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_it_keeps_what_failed_or_was_slow_whole_and_one_in_a_hundred_of_the_rest(tmp_path: Path, told: dict[str, Any]) -> None:
    failed, slow, rest = ids(20), ids(20), ids(_MANY)
    with running(tmp_path, told) as collector:
        collector.take(failed + slow + rest, SERVICES[0])
        collector.take(failed, SERVICES[1], failed=True)  # in another process, later, and only in its own span
        collector.take(slow, SERVICES[1], milliseconds=_SLOW_MS)
        collector.take(rest, SERVICES[1])
        eventually(lambda: all(collector.services_of(trace_id) == set(SERVICES) for trace_id in failed + slow), seconds=30)
        some = ids(500)  # of a later second: when these are decided on, all those before are
        collector.take(some, SERVICES[0], failed=True)
        eventually(lambda: all(collector.services_of(trace_id) for trace_id in some), seconds=30)
        kept = [trace_id for trace_id in rest if trace_id in collector.kept.traces]
        assert all(collector.services_of(trace_id) == set(SERVICES) for trace_id in kept)
        assert 5 <= len(kept) <= 75  # of 3,000: 30, with a standard deviation of 5.4


def test_what_comes_long_after_the_decision_follows_it(tmp_path: Path, told: dict[str, Any]) -> None:
    told["processors"]["tail_sampling"]["num_traces"] = 100
    failed, fine = ids(20), ids(50)
    with running(tmp_path, told) as collector:
        collector.take(failed, SERVICES[0], failed=True)
        collector.take(fine, SERVICES[0])
        eventually(lambda: all(collector.services_of(trace_id) for trace_id in failed), seconds=30)
        for _ in range(4):
            collector.take(ids(100), SERVICES[0])  # whose spans take the place of theirs: what is left is the decision
        collector.take(failed + fine, SERVICES[1])
        kept = [trace_id for trace_id in fine if collector.services_of(trace_id)]
        eventually(lambda: all(collector.services_of(trace_id) == set(SERVICES) for trace_id in failed + kept), seconds=30)
        assert [trace_id for trace_id in fine if collector.services_of(trace_id)] == kept
