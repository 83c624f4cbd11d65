"""Tokens for tests: one key for the process, applications that trust it, and headers that carry a token.

`make_app(database, clock, VERIFIER)` trusts it; `httpx.AsyncClient(..., headers=bearer("local"))` has every scope for a tenant.
Stacks, commands and other processes that a test starts trust the key and send such a token by themselves (`trust`, in conftest.py).
"""

import atexit
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from libs.common.access import scopes
from libs.common.access.keys import Key, read_keys
from libs.common.access.signing import AUDIENCE, LOCAL_ISSUER, SERVICES_ISSUER, OwnTokens, key_set, new_key, sign
from libs.common.access.verifier import Verifier
from libs.common.database import Database
from libs.common.tenants.standing import Standing

PERSON = "local"
KEY = new_key()
SERVICE_KEYS = {service: new_key(subject=f"service:{service}") for service in scopes.SERVICES}


class HeldKeys:
    """Keys that stand still."""

    generation = 0

    def __init__(self, *keys: Mapping[str, Any]) -> None:
        self._keys = read_keys(key_set(*keys))

    async def find(self, kid: str) -> Key | None:
        return self._keys.get(kid)

    async def look(self) -> None: ...

    async def close(self) -> None: ...


VERIFIER = Verifier({LOCAL_ISSUER: HeldKeys(KEY), SERVICES_ISSUER: HeldKeys(*SERVICE_KEYS.values())}, AUDIENCE)


def claims(tenant: str = "local", **changed: Any) -> dict[str, Any]:
    """Return what a token with every scope says; what is None is left out."""
    now = int(time.time())
    told = {"iss": LOCAL_ISSUER, "aud": AUDIENCE, "sub": PERSON, "tenant": tenant, "iat": now, "exp": now + 86_400}
    told |= {"jti": uuid4().hex, "scope": " ".join(scopes.SCOPES)} | changed
    return {name: value for name, value in told.items() if value is not None}


def token(tenant: str = "local", **changed: Any) -> str:
    """Return such a token."""
    return sign(KEY, claims(tenant, **changed))


def bearer(tenant: str = "local", **changed: Any) -> dict[str, str]:
    """Return the header that carries such a token."""
    return {"Authorization": f"Bearer {token(tenant, **changed)}"}


@cache
def _folder() -> Path:
    folder = tempfile.mkdtemp(prefix="recours-keys-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


class NoneClosed(Standing):
    """All tenants are served: what a database would answer once a second, where there is none."""

    async def _ask(self, database: Database) -> None:
        self._closed, self._asked_at = {}, self._seconds()


def own_tokens(service: str) -> OwnTokens:
    """Return a service's own tokens, which VERIFIER trusts."""
    path = _folder() / f"{service}.key.json"
    path.write_bytes(msgspec.json.encode(SERVICE_KEYS[service]))
    return OwnTokens(service, path)


def trust() -> None:
    """Let every process that is started from here on trust this one's key, and `recours` send a token that it signed."""
    jwks = _folder() / "jwks.json"
    jwks.write_bytes(key_set(KEY))
    os.environ["RECOURS_JWKS"] = str(jwks)
    os.environ["RECOURS_TOKEN"] = token()
