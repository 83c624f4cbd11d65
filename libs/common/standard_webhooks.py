"""Signatures of posts as Standard Webhooks 1.0 prescribes: HMAC-SHA256 over id, time and body. Pure."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

Wrong = Literal["unsigned", "too-old", "too-new", "not-ours"]

_PREFIX: Final = "whsec_"
TOLERANCE: Final = timedelta(minutes=5)  # whoever replays a post that he saw has so long, and its id tells it from a new one


def write_secret(secret: bytes) -> str:
    return _PREFIX + base64.b64encode(secret).decode()


def read_secret(told: str) -> bytes:
    """Errors: ValueError."""
    try:
        return base64.b64decode(told.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("no secret") from error


def signatures(secrets: Sequence[bytes], name: str, moment: str, body: Iterable[bytes]) -> str:
    """Return a signature for each secret; the body comes in pieces."""
    begun = f"{name}.{moment}.".encode()
    signing = [hmac.new(secret, begun, hashlib.sha256) for secret in secrets]
    for piece in body:
        for each in signing:
            each.update(piece)
    return " ".join("v1," + base64.b64encode(each.digest()).decode() for each in signing)


def wrong_with(secret: bytes, headers: Mapping[str, str], body: bytes, now: datetime) -> Wrong | None:
    """Say why a post is not to be believed; None: it is. Names of headers are in lower case."""
    try:
        name, moment, signed = (headers[f"webhook-{part}"] for part in ("id", "timestamp", "signature"))
        at = datetime.fromtimestamp(int(moment), UTC)
    except (KeyError, ValueError, OverflowError, OSError):
        return "unsigned"
    expected = signatures([secret], name, moment, [body]).encode()
    if not any([hmac.compare_digest(each.encode(), expected) for each in signed.split()]):  # noqa: C419 - all, in equal time
        return "not-ours"
    if now - at > TOLERANCE:
        return "too-old"
    return "too-new" if at - now > TOLERANCE else None
