"""A receiver of metrics, as an OpenTelemetry collector is one: OTLP over HTTP, kept in memory."""

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.e2e.receiver import Receiver


class PointReceiver(Receiver):
    """Keeps the names of metrics by service and role, the trace ids of exemplars by metric, and all as it was sent."""

    def __init__(self) -> None:
        super().__init__("/v1/metrics")
        self.names: dict[tuple[str, str], set[str]] = {}
        self.exemplars: dict[str, set[str]] = {}

    def take(self, body: bytes) -> None:
        super().take(body)
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            told = {item.key: item.value.string_value for item in resource.resource.attributes}
            names = self.names.setdefault((told["service.name"], told["recours.role"]), set())
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                names.add(metric.name)
                found = self.exemplars.setdefault(metric.name, set())
                found |= {each.trace_id.hex() for point in metric.histogram.data_points for each in point.exemplars}
