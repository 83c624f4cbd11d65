"""The secret in a guest's link: whose case it is about, and 256 random bits, of which only a hash is kept."""

import base64
import binascii
import hashlib
import re
import secrets
from typing import Final

_BYTES: Final = 32
_SHAPE: Final = re.compile(r"([A-Za-z0-9_-]{2,344})\.([A-Za-z0-9_-]{43})")


def new_token(tenant_id: str) -> str:
    tenant = base64.urlsafe_b64encode(tenant_id.encode()).decode().rstrip("=")
    return f"{tenant}.{secrets.token_urlsafe(_BYTES)}"


def tenant_of(token: str) -> str | None:
    """Return whose a token says it is, which its secret must prove; None for what can be none."""
    told = _SHAPE.fullmatch(token)
    if told is None:
        return None
    try:
        tenant = base64.urlsafe_b64decode(told[1] + "=" * (-len(told[1]) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return tenant if tenant.isprintable() else None


def hash_of(token: str) -> str | None:
    """Return what is kept of a token; None for what can be none."""
    return hashlib.sha256(token.encode()).hexdigest() if _SHAPE.fullmatch(token) else None
