"""What the audit log says of one act, its canonical bytes, and the hash by which each entry holds all before it. Pure.

docs/audit-log.md shows how to recompute a hash with nothing but SHA-256 and JSON: whoever checks the log needs no code of ours.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

Outcome = Literal["changed", "disclosed", "refused"]
SealKind = Literal["seal", "cut"]

IDS_MAX: Final = 200  # as many as a page holds
TEXT_MAX: Final = 200
_VERSION: Final = "recours.audit.v1"


class Entry(Struct, frozen=True):
    """Who did what: ids and words of ours, never a patient's data."""

    subject: str
    action: str  # the operation's id, as OpenAPI has it
    outcome: Outcome
    object_kind: str
    object_ids: tuple[str, ...] = ()
    token_id: str | None = None
    trace_id: str | None = None


class Kept(Struct, frozen=True):
    """An entry as it stands in the log."""

    entry_id: UUID
    at: datetime
    entry: Entry


def genesis(service: str, tenant_id: str) -> bytes:
    """Return what stands before a tenant's first entry in a service."""
    return hashlib.sha256(msgspec.json.encode([_VERSION, service, tenant_id])).digest()


def hash_of(tenant_id: str, seq: int, kept: Kept, before: bytes) -> bytes:
    """Return the hash of an entry at its place: over its canonical bytes, which hold the hash before it."""
    return hashlib.sha256(canonical(tenant_id, seq, kept, before)).digest()


def canonical(tenant_id: str, seq: int, kept: Kept, before: bytes) -> bytes:
    """Return a JSON array without spaces, in UTF-8: all that is hashed, in one order."""
    entry = kept.entry
    return msgspec.json.encode(
        [
            _VERSION,
            tenant_id,
            seq,
            before.hex(),
            str(kept.entry_id),
            kept.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            entry.subject,
            entry.token_id,
            entry.action,
            entry.object_kind,
            entry.object_ids,
            entry.outcome,
            entry.trace_id,
        ]
    )


def insertion(tenant_id: str, entry_id: UUID, entry: Entry, *, only_if_written: bool) -> str:
    """Return the statement that appends an entry, with its values written out: it travels with a COMMIT, and takes no parameters.

    `only_if_written`: nothing is appended where the transaction has changed nothing so far.
    """
    ids = ", ".join(_literal(each) for each in entry.object_ids[:IDS_MAX])
    texts = (entry.subject, entry.token_id, entry.action, entry.object_kind, entry.outcome, entry.trace_id)
    subject, token_id, action, kind, outcome, trace_id = map(_nullable, texts)
    named = f"{_literal(tenant_id)}, {_literal(str(entry_id))}::uuid, {subject}, {token_id}, {action}, {kind}"
    values = f"{named}, ARRAY[{ids}]::text[], {outcome}, {trace_id}"
    condition = " WHERE pg_current_xact_id_if_assigned() IS NOT NULL" if only_if_written else ""
    return (
        "INSERT INTO audit_log (tenant_id, entry_id, subject, token_id, action, object_kind, object_ids, outcome, trace_id)"
        f" SELECT {values}{condition}"
    )


def clean(told: Sequence[object]) -> tuple[str, ...]:
    """Return ids as the log keeps them: each of them once, none longer than a name, in their order."""
    return tuple(dict.fromkeys(_text(str(each)) for each in told))[:IDS_MAX]


def _text(told: str) -> str:
    return told[:TEXT_MAX].replace("\x00", "").encode(errors="replace").decode()


def _literal(told: str) -> str:
    """Quote a text. The server reads backslashes as they are (`standard_conforming_strings`)."""
    return "'" + _text(told).replace("'", "''") + "'"


def _nullable(told: str | None) -> str:
    return "NULL" if told is None else _literal(told)
