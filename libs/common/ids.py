"""Identity: names that are computed from what they name, and version 7 ids for rows that only grow.

Computed ids (UUIDv5) make a repeated file, claim or event the same file, claim or event. Version 7 ids grow with time, so
that their index pages are written once.
"""

import hashlib
import os
import struct
import threading
import time
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from asyncpg.pgproto import pgproto

# A uuid.UUID (equal, same hash, same text), but in C: made, compared and written ten times faster; each claim needs several.
QuickUUID: type[UUID] = pgproto.UUID

_ROOT = uuid5(NAMESPACE_URL, "urn:recours")
_ROOTED = hashlib.sha1(_ROOT.bytes, usedforsecurity=False)  # RFC 9562 prescribes it for version 5
_SEPARATOR = "\x1f"  # cannot occur in an X12 element, so two different tuples never join to the same text
_PCN_LENGTH_KEPT = 17  # payers echo at most this much of a patient control number reliably


def named_id(kind: str, *parts: str) -> UUID:
    """Return the UUIDv5 of a kind of thing and the parts that identify it."""
    name = _ROOTED.copy()
    name.update(_SEPARATOR.join((kind, *parts)).encode())
    octets = bytearray(name.digest()[:16])
    octets[6] = octets[6] & 0x0F | 0x50  # version 5
    octets[8] = octets[8] & 0x3F | 0x80  # the variant of RFC 9562
    return QuickUUID(bytes(octets))  # type: ignore[arg-type]  # it takes text or octets


def read_id(text: str) -> UUID:
    """Return the UUID that a text says. Errors: ValueError."""
    return QuickUUID(text)


def normalised_pcn(patient_control_number: str) -> str:
    """Return what stays of a PCN whatever payers do to it: cut to 17 characters, upper case, letters and digits only.

    Cut first, signs and all: a payer cuts what it was sent, and that then has the same key as the whole. The price is a payer that
    drops the signs of a number longer than 17 characters: no one order gives both the key of the whole.
    """
    kept = patient_control_number.strip()[:_PCN_LENGTH_KEPT]
    return kept.upper() if kept.isalnum() else "".join(filter(str.isalnum, kept)).upper()


def claim_key(tenant_id: str, patient_control_number: str) -> UUID:
    """Return the routing key of an account number: the Kafka key of every event about it. It does not identify a claim."""
    return named_id("claim_key", tenant_id, normalised_pcn(patient_control_number))


def denial_id(remit_id: UUID) -> UUID:
    """Return the id of our judgement of one remit."""
    return named_id("denial", str(remit_id))


_lock = threading.Lock()
_last = 0
_random: list[int] = []  # asked of the system for many ids at once: asking it for each costs more than all the rest


def first_uuid7(at: datetime) -> UUID:
    """Return the version 7 id before which all ids are older than a moment, and from which on none is."""
    millis = max(int(at.timestamp() * 1000), 0)
    return UUID(bytes=millis.to_bytes(6, "big") + b"\x70" + bytes(1) + b"\x80" + bytes(7))


def uuid7() -> UUID:
    """Return a UUIDv7 (RFC 9562): milliseconds, then 12 bits that only grow inside one process, then 62 random bits."""
    global _last  # noqa: PLW0603 - the counter belongs to the process
    with _lock:
        ticks = (time.time_ns() << 12) // 1_000_000
        _last = ticks = max(ticks, _last + 1)
        if not _random:
            _random.extend(struct.unpack("<512Q", os.urandom(4096)))
        low = _random.pop() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    high = (ticks >> 12) << 16 | 0x7000 | ticks & 0xFFF
    return QuickUUID((high << 64 | low).to_bytes(16, "big"))  # type: ignore[arg-type]  # as above


def made_at(id_: UUID) -> datetime:
    """Return when a version 7 id was made, to the millisecond."""
    return datetime.fromtimestamp((id_.int >> 80) / 1000, UTC)
