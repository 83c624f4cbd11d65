"""Metrics: each is defined once, with its unit and what its attributes may hold; told by OTLP and to Prometheus.

No tenant, no person, no id and no text of anybody's goes into an attribute: each holds a word of ours, of a fixed set, so that the
number of series does not grow with what is worked on. Counted is by batch and by request, never by record.

OTEL_METRICS_EXPORTER, a list of prometheus (what a process has without being told), otlp and none, says where they go, the other
standard OTEL_* variables say how. A histogram's exemplars, by which a slow batch leads to its trace, travel by OTLP.

Source: OpenTelemetry semantic conventions for HTTP, messaging and database clients; `recours.` where they have no name.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

Kind = Literal["counter", "histogram", "gauge"]
Told = Sequence[tuple[float, Mapping[str, str]]]  # values and their attributes

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LONG_SECONDS: Final = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
COUNTS: Final = (1.0, 10.0, 100.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)

_FRESH_SECONDS: Final = 180.0  # what was looked up is told no longer than this
_LABELS: Final = frozenset({"service.name", "recours.role"})  # of a process; at Prometheus on each of its series

_meter = metrics.get_meter("recours")


@dataclass(frozen=True)
class Definition:
    """One metric. `attributes`: by name, what values there are. `unit` as UCUM writes it."""

    name: str
    kind: Kind
    unit: str
    told: str
    attributes: Mapping[str, str]
    buckets: Sequence[float] = ()

    def at_prometheus(self) -> str:
        """Return its name there; of a histogram what comes before `_bucket`, `_sum` and `_count`."""
        unit = {"s": "_seconds", "By": "_bytes"}.get(self.unit, "")
        return self.name.replace(".", "_") + unit + ("_total" if self.kind == "counter" else "")


DEFINITIONS: Final[dict[str, Definition]] = {}


def _define(definition: Definition) -> None:
    if definition.name in DEFINITIONS:
        raise ValueError(f"{definition.name} is defined twice")
    DEFINITIONS[definition.name] = definition


def counter(name: str, unit: str, told: str, attributes: Mapping[str, str]) -> Counter:
    _define(Definition(name, "counter", unit, told, attributes))
    return _meter.create_counter(name, unit, told)


def histogram(name: str, unit: str, told: str, attributes: Mapping[str, str], buckets: Sequence[float] = SECONDS) -> Histogram:
    _define(Definition(name, "histogram", unit, told, attributes, buckets))
    return _meter.create_histogram(name, unit, told, explicit_bucket_boundaries_advisory=buckets)


class Gauge:
    """What stands now. It is asked for when somebody reads the metrics, or held as it was looked up, until that is too old."""

    def __init__(self, name: str, unit: str, told: str, attributes: Mapping[str, str], *, additive: bool = False) -> None:
        """`additive`: the values of several processes add up, as the conventions say of some names."""
        _define(Definition(name, "gauge", unit, told, attributes))
        self._ask: Callable[[], Told] = tuple
        make = _meter.create_observable_up_down_counter if additive else _meter.create_observable_gauge
        make(name, [self._observe], unit, told)

    def ask(self, how: Callable[[], Told]) -> None:
        """Have it asked for: `how` is called from any thread, and waits for nothing."""
        self._ask = how

    def hold(self, told: Told) -> None:
        """Tell this for a while. What nobody looks up any more is absent then, and not what it once was."""
        until = time.monotonic() + _FRESH_SECONDS
        self._ask = lambda: told if time.monotonic() < until else ()

    def _observe(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(value, attributes) for value, attributes in self._ask()]


def set_up(service: str, role: str) -> None:
    """Tell metrics as the environment says; told to nobody, nothing is measured and nothing is paid. Errors: ValueError."""
    names = [name.strip() for name in os.environ.get("OTEL_METRICS_EXPORTER", "prometheus").split(",") if name.strip()]
    readers = [_reader(name) for name in names if name != "none"]
    if not readers:
        return
    told = {"service.name": os.environ.get("OTEL_SERVICE_NAME", f"recours-{service}"), "recours.role": role}
    metrics.set_meter_provider(MeterProvider(readers, Resource.create(told)))


def _reader(name: str) -> MetricReader:
    if name == "prometheus":
        from opentelemetry.exporter.prometheus import PrometheusMetricReader  # noqa: PLC0415 - only where asked for

        return PrometheusMetricReader(scope_info_enabled=False, resource_attribute_filter=_LABELS.__contains__)
    if name == "otlp":
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - as above

        return PeriodicExportingMetricReader(OTLPMetricExporter())
    raise ValueError(f"OTEL_METRICS_EXPORTER knows prometheus, otlp and none, not {name}")


def are_told() -> bool:
    return isinstance(metrics.get_meter_provider(), MeterProvider)


def exposition(accept: str) -> tuple[str, bytes]:
    """Return the content type and the text that Prometheus reads, of this process: ours, its memory, processor time and files."""
    from prometheus_client import REGISTRY  # noqa: PLC0415 - only where somebody scrapes
    from prometheus_client.exposition import choose_encoder  # noqa: PLC0415 - as above

    encode, content_type = choose_encoder(accept)
    return content_type, encode(REGISTRY)
