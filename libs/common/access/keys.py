"""Public keys that tokens are signed with (JWK Sets, RFC 7517): which of them we trust, and for what. Pure."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from jwt import PyJWK
from jwt.exceptions import PyJWTError
from msgspec import Struct

ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")
_CURVES: Final = {("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}
_RSA_BITS_MIN: Final = 2048
_KEYS_MAX: Final = 100


class BadKeys(ValueError):  # noqa: N818 - the fact is the name
    """What was read is no JWK Set."""


class Key(Struct, frozen=True):
    """A key and the one algorithm that it is for. Where it has a `subject`, it signs for this one alone."""

    algorithm: str
    public: Any
    subject: str | None


class _Jwk(Struct, frozen=True):
    kty: str
    kid: str | None = None
    use: str | None = None
    alg: str | None = None
    crv: str | None = None
    subject: str | None = None


class _Set(Struct, frozen=True):
    keys: list[msgspec.Raw]


def read_keys(told: bytes) -> Mapping[str, Key]:
    """Return the keys of a JWK Set by their id. Keys of other kinds, weak ones and ones without id are passed over.

    Errors: BadKeys.
    """
    try:
        found = msgspec.json.decode(told, type=_Set).keys
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadKeys("no JWK Set") from error
    if len(found) > _KEYS_MAX:
        raise BadKeys("too many keys")
    named = [(kid, key) for kid, key in map(_read, found) if kid is not None and key is not None]
    if len({kid for kid, _ in named}) != len(named):
        raise BadKeys("two keys of one id")
    return dict(named)


def _read(raw: msgspec.Raw) -> tuple[str | None, Key | None]:
    try:
        told = msgspec.json.decode(raw, type=_Jwk)
    except msgspec.DecodeError:
        return None, None
    algorithm = "RS256" if told.kty == "RSA" else _CURVES.get((told.kty, told.crv or ""))
    if algorithm is None or told.alg not in (None, algorithm) or told.use not in (None, "sig"):
        return told.kid, None
    try:
        public = PyJWK({**msgspec.json.decode(raw), "alg": algorithm}, algorithm).key
    except (PyJWTError, ValueError, TypeError):
        return told.kid, None
    if hasattr(public, "public_key"):  # a private key that somebody published: nobody may trust it any more
        return told.kid, None
    if algorithm == "RS256" and public.key_size < _RSA_BITS_MIN:
        return told.kid, None
    return told.kid, Key(algorithm, public, told.subject)
