"""A receiver of metrics, as an OpenTelemetry collector is one: OTLP over HTTP, kept in memory."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest


class PointReceiver:
    """Keeps the names of metrics by service and role, the trace ids of exemplars by metric, and all as it was sent."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.names: dict[tuple[str, str], set[str]] = {}
        self.exemplars: dict[str, set[str]] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.take(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/metrics"

    def take(self, body: bytes) -> None:
        self.raw.append(body)
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            told = {item.key: item.value.string_value for item in resource.resource.attributes}
            names = self.names.setdefault((told["service.name"], told["recours.role"]), set())
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                names.add(metric.name)
                found = self.exemplars.setdefault(metric.name, set())
                found |= {each.trace_id.hex() for point in metric.histogram.data_points for each in point.exemplars}

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
