"""The envelope: CloudEvents 1.0.2 in Kafka's binary mode, attributes in `ce_*` headers and JSON in the value.

Source: CloudEvents Kafka protocol binding 1.0.2; the partitioning, sequence and distributed tracing extensions.
"""

from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from libs.common.ids import uuid7

T = TypeVar("T")

_encode = msgspec.json.Encoder(enc_hook=str).encode

MAX_EVENT_BYTES = 512 * 1024  # one larger than this is refused at the door; a claim with 999 lines fits


class Event(Struct, frozen=True, gc=False):
    """One event on its way out: what an outbox row holds and a Kafka record will say.

    `sequence` is the version of the event's aggregate, given under the aggregate's row lock: a consumer never lets an older
    one overwrite a newer one.
    """

    topic: str
    type: str
    key: str
    tenant_id: str
    sequence: int
    data: bytes
    id: UUID
    correlation_id: str
    causation_id: str
    traceparent: str | None = None


class Received(Struct, Generic[T], frozen=True, gc=False):
    """One event on its way in, decoded; `data` is the consumer's own narrow struct, `value` the JSON that it was read from."""

    id: UUID
    source: str
    type: str
    key: str
    tenant_id: str
    sequence: int
    correlation_id: str
    traceparent: str | None
    data: T
    value: bytes = b""


def encode(data: Struct) -> bytes:
    """Return the JSON bytes of an event's data."""
    return _encode(data)


def first_event(  # an event that nothing but a request caused
    topic: str,
    type_: str,
    data: Struct,
    *,
    key: UUID,
    tenant_id: str,
    sequence: int,
    correlation_id: str,
    traceparent: str | None,
    event_id: UUID | None = None,
) -> Event:
    """Return an event that starts a chain: its cause is the request or file that `correlation_id` names.

    `event_id`: where what it tells of has an id that no other event has.
    """
    return Event(
        topic=topic,
        type=type_,
        key=str(key),
        tenant_id=tenant_id,
        sequence=sequence,
        data=_encode(data),
        id=event_id or uuid7(),
        correlation_id=correlation_id,
        causation_id=correlation_id,
        traceparent=traceparent,
    )


def caused_event(cause: Received[Any], topic: str, type_: str, data: Struct, *, sequence: int) -> Event:
    """Return an event that another one caused: it stays in that one's partition, correlation and trace."""
    return Event(
        topic=topic,
        type=type_,
        key=cause.key,
        tenant_id=cause.tenant_id,
        sequence=sequence,
        data=_encode(data),
        id=uuid7(),
        correlation_id=cause.correlation_id,
        causation_id=str(cause.id),
        traceparent=cause.traceparent,
    )
