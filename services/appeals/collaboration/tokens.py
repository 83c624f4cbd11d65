"""The secret in a guest's link: 256 random bits, of which only a hash is kept."""

import hashlib
import re
import secrets
from typing import Final

_BYTES: Final = 32
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def new_token() -> str:
    return secrets.token_urlsafe(_BYTES)


def hash_of(token: str) -> str | None:
    """Return what is kept of a token; None for what can be none."""
    return hashlib.sha256(token.encode()).hexdigest() if _SHAPE.fullmatch(token) else None
