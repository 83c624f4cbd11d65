"""Idempotency-Key: a POST that creates is done once, however often it is sent, and answered the same each time.

The key is kept in the transaction of what it created, so that either both are there or neither.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Header
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.audit.acting import about
from libs.common.http.problem import Problem
from libs.common.sealing.answers import opened, sealed

KEEP = timedelta(days=1)
_LOCK_NOT_AVAILABLE = "55P03"
_ID_LENGTH = 36  # of a UUID; any other answer that is kept is a document
Key = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200, description="a name of your own for this request")
]


class Kept(Struct, frozen=True):
    """The answer that a key's first request got."""

    status: int
    location: str | None
    body: str


def digest(*parts: str) -> str:
    """Return what two equal requests have in common."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def require(key: str | None) -> None:
    """Errors: Problem 400, where a request that is done once by its key alone has none."""
    if key is None:
        raise Problem(400, "idempotency-key-missing", "Name this request in an Idempotency-Key header.")


async def begin(tx: AsyncConnection, tenant_id: str, key: str | None, request_digest: str, now: datetime) -> Kept | None:
    """Take a key for this transaction; return the kept answer when its request was answered before.

    Errors: Problem 422 (the key was used for another request), 409 (its first request is still under way).
    """
    if key is None:
        return None
    try:
        taken = await _take(tx, tenant_id, key, request_digest, now)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise _in_flight() from None  # with its cause it would be taken for a database that is away
        raise
    if taken:
        return None
    kept = await find(tx, tenant_id, key, request_digest, now)
    if kept is None:
        raise _in_flight()
    return kept


async def _take(tx: AsyncConnection, tenant_id: str, key: str, request_digest: str, now: datetime) -> bool:
    """Write the key; False when it is there. Another transaction that holds it makes this wait, but not for long."""
    await tx.execute(text("SET LOCAL lock_timeout = '2s'"))
    await tx.execute(
        text("DELETE FROM idempotency_keys WHERE tenant_id = :t AND key = :k AND kept_until < :now"),
        {"t": tenant_id, "k": key, "now": now},
    )
    written = await tx.execute(
        text(
            "INSERT INTO idempotency_keys (tenant_id, key, request_digest, kept_until) VALUES (:t, :k, :digest, :until)"
            " ON CONFLICT DO NOTHING"
        ),
        {"t": tenant_id, "k": key, "digest": request_digest, "until": now + KEEP},
    )
    await tx.execute(text("SET LOCAL lock_timeout = DEFAULT"))
    return bool(written.rowcount)


def _in_flight() -> Problem:
    headers = {"Retry-After": "2"}
    return Problem(409, "request-in-flight", "The first request with this Idempotency-Key is still under way.", headers=headers)


async def find(tx: AsyncConnection, tenant_id: str, key: str, request_digest: str, now: datetime) -> Kept | None:
    """Return the answer that a key's request got before, without taking the key. Errors: Problem 422, as `begin`."""
    found = await tx.execute(
        text(
            "SELECT request_digest, status, location, body FROM idempotency_keys"
            " WHERE tenant_id = :t AND key = :k AND kept_until >= :now AND status IS NOT NULL"
        ),
        {"t": tenant_id, "k": key, "now": now},
    )
    row = found.one_or_none()
    if row is None:
        return None
    if row.request_digest != request_digest:
        raise Problem(422, "idempotency-key-reused", "This Idempotency-Key was used for another request.")
    return Kept(row.status, row.location, await opened(tx, tenant_id, key, row.body))


async def finish(tx: AsyncConnection, tenant_id: str, key: str | None, kept: Kept) -> None:
    """Keep the answer of this transaction's key; where it says what was created, the audit log names that too."""
    if kept.location is not None:
        about(kept.location.rpartition("/")[2])
    elif len(kept.body) == _ID_LENGTH:
        about(kept.body)
    if key is not None:
        body = await sealed(tx, tenant_id, key, kept.body)
        await tx.execute(
            text(
                "UPDATE idempotency_keys SET status = :status, location = :location, body = :body WHERE tenant_id = :t AND key = :k"
            ),
            {"status": kept.status, "location": kept.location, "body": body, "t": tenant_id, "k": key},
        )
