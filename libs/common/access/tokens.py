"""Reading a token (RFC 7519, RFC 9068): its signature, who made it, for whom, from when to when. Pure.

Only the key's own algorithm is tried, never the one that the token asks for; and a key is looked up by `kid` among those that we
hold, never where a token says.
"""

import base64
import re
from typing import Final, TypeVar

import msgspec
from jwt import PyJWS
from jwt.exceptions import PyJWTError
from msgspec import Struct

from libs.common.access import scopes
from libs.common.access.caller import SERVICE_PREFIX, Caller, Denied, is_name, is_tenant
from libs.common.access.keys import ALGORITHMS, Key

TOKEN_MAX: Final = 8192
LEEWAY_SECONDS: Final = 30.0
T = TypeVar("T")

_JWS: Final = PyJWS(algorithms=list(ALGORITHMS))
_TYPES: Final = frozenset({"at+jwt", "application/at+jwt", "jwt"})
_PART: Final = re.compile(r"[A-Za-z0-9_-]+")
_SUBJECT_MAX, _ID_MAX = 200, 200


class _Header(Struct, frozen=True):
    alg: str
    kid: str
    typ: str = "jwt"
    crit: msgspec.Raw = msgspec.Raw(b"")
    b64: bool = True


class _Issued(Struct, frozen=True):
    iss: str


class _Claims(Struct, frozen=True):
    """Times are seconds since 1970."""

    iss: str
    aud: str | list[str]
    sub: str
    tenant: str
    exp: float
    iat: float
    jti: str
    nbf: float | None = None
    scope: str = ""
    roles: list[str] = []


def peek(token: str) -> tuple[str, str]:
    """Return which issuer and which key a token names, which proves nothing yet. Errors: Denied."""
    if len(token) > TOKEN_MAX:
        raise Denied("malformed")
    parts = token.split(".")
    if len(parts) != 3 or not all(map(_PART.fullmatch, parts)):  # noqa: PLR2004 - header, claims, signature
        raise Denied("malformed")
    header = _decode(parts[0], _Header)
    if header.alg not in ALGORITHMS:
        raise Denied("algorithm")
    if header.typ.lower() not in _TYPES:
        raise Denied("type")
    if header.crit or not header.b64:
        raise Denied("critical_header")
    return _decode(parts[1], _Issued).iss, header.kid


def read(token: str, key: Key, issuer: str, audience: str, now: float) -> Caller:
    """Return who a token speaks for. `now` is in seconds since 1970. Errors: Denied."""
    try:
        payload = _JWS.decode(token, key.public, algorithms=[key.algorithm])
    except PyJWTError as error:
        raise Denied("signature") from error
    try:
        told = msgspec.json.decode(payload, type=_Claims)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Denied("claims") from error
    if told.iss != issuer:
        raise Denied("issuer")
    if audience != told.aud and (isinstance(told.aud, str) or audience not in told.aud):
        raise Denied("audience")
    if now >= told.exp + LEEWAY_SECONDS:
        raise Denied("expired")
    if max(told.nbf or 0, told.iat) > now + LEEWAY_SECONDS:
        raise Denied("not_yet_valid")
    if not is_tenant(told.tenant) or not is_name(told.sub, _SUBJECT_MAX) or not is_name(told.jti, _ID_MAX):
        raise Denied("claims")
    return Caller(told.tenant, told.sub, _granted(told, key), told.jti, told.exp)


def _granted(told: _Claims, key: Key) -> frozenset[str]:
    """Return the scopes of a token. One of our services has its own and no others, and nobody else goes by its name."""
    if key.subject is None:
        if told.sub.startswith(SERVICE_PREFIX):
            raise Denied("subject")
        return scopes.of(told.scope, told.roles)
    if told.sub != key.subject:
        raise Denied("subject")
    return scopes.SERVICES.get(told.sub.removeprefix(SERVICE_PREFIX), frozenset())


def _decode(part: str, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)), type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Denied("malformed") from error
