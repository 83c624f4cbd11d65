"""What is being received: a file, or a request that says the same."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.telemetry import trace_id_of


@dataclass
class Received:
    """The interchange that is being read, or the request that brought claims as JSON (its id then names no file)."""

    tenant_id: str
    interchange_id: UUID
    received_at: datetime
    traceparent: str

    @property
    def trace_id(self) -> str:
        """The trace that its W3C traceparent names."""
        return trace_id_of(self.traceparent)
