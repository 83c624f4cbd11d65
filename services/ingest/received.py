"""What is being received: a file, or a request that says the same."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass
class Received:
    """The interchange that is being read, or the request that brought claims as JSON (its id then names no file)."""

    tenant_id: str
    interchange_id: UUID
    received_at: datetime
    traceparent: str
