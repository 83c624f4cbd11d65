"""Making tokens: keys as JWKs, and what is signed with them."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt import PyJWK
from jwt.algorithms import OKPAlgorithm
from jwt.exceptions import PyJWTError

from libs.common.access.caller import SERVICE_PREFIX
from libs.common.access.sources import WatchedFile

SERVICES_ISSUER: Final = "urn:recours:services"
LOCAL_ISSUER: Final = "urn:recours:local"
AUDIENCE: Final = "recours"
_OWN_SECONDS: Final = 300
_OWN_RENEW_SECONDS: Final = 60
_TENANTS_MAX: Final = 1000
_ALGORITHM: Final = "EdDSA"


def new_key(**more: str) -> dict[str, Any]:
    """Return a fresh private key as a JWK, with more members where they are told."""
    made: dict[str, Any] = OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True)
    return {**made, "kid": uuid4().hex, "alg": _ALGORITHM, "use": "sig", **more}


def public_of(key: Mapping[str, Any]) -> dict[str, Any]:
    """Return what others may know of a private key."""
    return {name: value for name, value in key.items() if name != "d"}


def key_set(*keys: Mapping[str, Any]) -> bytes:
    """Return public keys as a JWK Set."""
    return json.dumps({"keys": [public_of(key) for key in keys]}, indent=1).encode()


def read_key(told: bytes) -> dict[str, Any]:
    """Read a private key of ours. Errors: ValueError."""
    key = msgspec.json.decode(told, type=dict[str, Any])
    try:
        PyJWK(key, _ALGORITHM)
    except PyJWTError as error:
        raise ValueError("no private key") from error
    if not {"d", "kid"} <= key.keys():
        raise ValueError("no private key")
    return key


def sign(key: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """Return a token that says `claims`."""
    headers = {"kid": str(key["kid"]), "typ": "at+jwt"}
    return jwt.encode(dict(claims), PyJWK(dict(key), _ALGORITHM).key, _ALGORITHM, headers=headers)


class OwnTokens:
    """A service's own tokens, by which it asks others for a tenant: short-lived, each used until shortly before its end."""

    def __init__(self, service: str, key_file: Path, audience: str = AUDIENCE, seconds: Callable[[], float] = time.time) -> None:
        self._subject = f"{SERVICE_PREFIX}{service}"
        self._key = WatchedFile(key_file, read_key, seconds)
        self._audience = audience
        self._seconds = seconds
        self._made: dict[tuple[str, str], tuple[float, str]] = {}

    def __repr__(self) -> str:
        return f"OwnTokens({self._subject})"

    def token(self, tenant_id: str) -> str:
        """Return a token for a tenant. Errors: Transient where the key cannot be read."""
        key = self._key.value()
        now = self._seconds()
        name = (tenant_id, str(key["kid"]))
        ends_at, made = self._made.get(name, (0.0, ""))
        if ends_at - now < _OWN_RENEW_SECONDS:
            ends_at = int(now) + _OWN_SECONDS
            claims = {"iss": SERVICES_ISSUER, "aud": self._audience, "sub": self._subject, "tenant": tenant_id}
            made = sign(key, {**claims, "iat": int(now), "exp": ends_at, "jti": uuid4().hex})
            if len(self._made) >= _TENANTS_MAX:
                self._made.clear()
            self._made[name] = ends_at, made
        return made

    def headers(self, tenant_id: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(tenant_id)}"}
