"""A receiver of spans, as an OpenTelemetry collector is one: OTLP over HTTP, kept in memory."""

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.e2e.receiver import Receiver


class SpanReceiver(Receiver):
    """Keeps (service, name, span id, parent's span id) by trace id, and all as it was sent."""

    def __init__(self) -> None:
        super().__init__("/v1/traces")
        self.traces: dict[str, list[tuple[str, str, str, str]]] = {}

    def take(self, body: bytes) -> None:
        super().take(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = next(item.value.string_value for item in resource.resource.attributes if item.key == "service.name")
            for scope in resource.scope_spans:
                for span in scope.spans:
                    told = (service, span.name, span.span_id.hex(), span.parent_span_id.hex())
                    self.traces.setdefault(span.trace_id.hex(), []).append(told)
