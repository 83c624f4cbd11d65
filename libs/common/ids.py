"""Identity: names that are computed from what they name, and version 7 ids for rows that only grow.

Computed ids (UUIDv5) make a repeated file, claim or event the same file, claim or event. Version 7 ids grow with time, so
that their index pages are written once.
"""

import os
import threading
import time
from uuid import NAMESPACE_URL, UUID, uuid5

_ROOT = uuid5(NAMESPACE_URL, "urn:recours")
_SEPARATOR = "\x1f"  # cannot occur in an X12 element, so two different tuples never join to the same text
_PCN_LENGTH_KEPT = 17  # payers echo at most this much of a patient control number reliably


def named_id(kind: str, *parts: str) -> UUID:
    """Return the UUIDv5 of a kind of thing and the parts that identify it."""
    return uuid5(_ROOT, _SEPARATOR.join((kind, *parts)))


def normalised_pcn(patient_control_number: str) -> str:
    """Return what stays of a PCN whatever payers do to it: cut to 17 characters, upper case, letters and digits only."""
    return "".join(filter(str.isalnum, patient_control_number.strip()[:_PCN_LENGTH_KEPT])).upper()


def claim_key(tenant_id: str, patient_control_number: str) -> UUID:
    """Return the routing key of an account number: the Kafka key of every event about it. It does not identify a claim."""
    return named_id("claim_key", tenant_id, normalised_pcn(patient_control_number))


def denial_id(remit_id: UUID) -> UUID:
    """Return the id of our judgement of one remit."""
    return named_id("denial", str(remit_id))


_lock = threading.Lock()
_last = 0


def uuid7() -> UUID:
    """Return a UUIDv7 (RFC 9562): milliseconds, then 12 bits that only grow inside one process, then 62 random bits."""
    global _last  # noqa: PLW0603 - the counter belongs to the process
    with _lock:
        ticks = (time.time_ns() << 12) // 1_000_000
        _last = max(ticks, _last + 1)
        ticks = _last
    random = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    return UUID(int=(ticks >> 12) << 80 | 0x7 << 76 | (ticks & 0xFFF) << 64 | 0b10 << 62 | random)
