"""CloudEvents in Kafka's binary mode: headers to and from the envelope.

Source: CloudEvents Kafka protocol binding 1.0.2, section 3.2.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from libs.common.contracts.envelope import Received
from libs.common.errors import Permanent
from libs.common.ids import read_id

Headers = Sequence[tuple[str, bytes]]

CONTENT_TYPE = b"application/json"
SPEC_VERSION = b"1.0"
_ATTRIBUTE_LENGTH_MAX = 500
_NUL = b"\\u0000"  # JSON spells it so alone; PostgreSQL's text holds none
REPLAY_HEADER = "ce_replayof"  # names the dead letter whose record is sent again

_decode_kept = msgspec.json.Decoder(dict[str, str]).decode


class Attributes(Struct, frozen=True, gc=False):
    """The attributes that the spine reads."""

    id: UUID
    source: str
    type: str
    tenant_id: str
    sequence: int
    correlation_id: str
    traceparent: str | None


def read_attributes(headers: Headers) -> Attributes:
    """Read the `ce_*` headers of a record.

    Errors: Permanent(not_a_cloudevent | bad_attribute).
    """
    found = dict(headers)
    if None in found.values():
        found = {name: value for name, value in headers if value is not None}
    try:
        if found["ce_specversion"] != SPEC_VERSION:
            raise Permanent("not_a_cloudevent")
        event_id, source, type_ = found["ce_id"], found["ce_source"], found["ce_type"]
        tenant_id = found["ce_tenantid"]
    except KeyError as error:
        raise Permanent("not_a_cloudevent") from error
    try:
        traceparent = found.get("traceparent")
        return Attributes(
            read_id(event_id.decode()),
            _known_text(source),
            _known_text(type_),
            _known_text(tenant_id),
            int(found["ce_sequence"]),
            _known_text(found["ce_correlationid"]),
            _known_text(traceparent) if traceparent else None,
        )
    except (KeyError, ValueError) as error:  # UnicodeDecodeError is a ValueError
        raise Permanent("bad_attribute") from error


def _text(value: bytes) -> str:
    """Read an attribute. Errors: ValueError for what no column and no index of ours can hold."""
    text = value.decode()
    if not 0 < len(text) <= _ATTRIBUTE_LENGTH_MAX or "\x00" in text:
        raise ValueError("not an attribute")
    return text


_known_text = lru_cache(maxsize=1024)(_text)  # most attributes are the same in all events of a file


def readable(value: bytes | None) -> str | None:
    """Return an attribute or a key as text; None for what no column can hold."""
    try:
        return _text(value or b"")
    except ValueError:
        return None


def receive(attributes: Attributes, key: bytes | None, value: bytes | None, decoder: msgspec.json.Decoder[Any]) -> Received[Any]:
    """Decode the data of an event whose attributes were read.

    Errors: Permanent(no_key | bad_key | no_data | not_json | violates_contract).
    """
    if not key:
        raise Permanent("no_key")
    if not value:
        raise Permanent("no_data")
    try:
        text_key = _text(key)
    except ValueError as error:
        raise Permanent("bad_key") from error
    try:
        data = decoder.decode(value)
    except msgspec.ValidationError as error:
        raise Permanent("violates_contract") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Permanent("not_json") from error
    if b"\\" in value and _NUL in value:  # one byte is found much faster, and hardly any event holds it
        raise Permanent("violates_contract")
    return Received(
        attributes.id,
        attributes.source,
        attributes.type,
        text_key,
        attributes.tenant_id,
        attributes.sequence,
        attributes.correlation_id,
        attributes.traceparent,
        data,
        value,
    )


def write_headers(event_id: UUID, source: bytes, type_: str, key: bytes, kept: str) -> list[tuple[str, bytes]]:
    """Return the headers of a record: the attributes that every event has, and those that its outbox row kept as JSON.

    A replayed record goes out exactly as it once came in, whatever it was: its dead letter kept bytes as Latin-1.
    """
    is_replay, shared = _shared(source, type_, kept)
    return shared if is_replay else [("ce_id", str(event_id).encode()), ("ce_partitionkey", key), *shared]


@lru_cache(maxsize=1024)  # the events of one file differ in their ids and keys, and in little else
def _shared(source: bytes, type_: str, kept: str) -> tuple[bool, list[tuple[str, bytes]]]:
    """Return whether this is a replay, and the headers that do not depend on the event."""
    extra = _decode_kept(kept)
    if REPLAY_HEADER in extra:
        return True, [(name, value.encode("latin-1")) for name, value in extra.items()]
    return False, [
        ("ce_specversion", SPEC_VERSION),
        ("ce_source", source),
        ("ce_type", type_.encode()),
        ("content-type", CONTENT_TYPE),
        *((name, value.encode()) for name, value in extra.items()),
    ]
