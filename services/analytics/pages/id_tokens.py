"""What a provider says of who signed in: an ID token (OpenID Connect Core, 3.1.3.7), believed when all of it holds. Pure."""

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import jwt
import msgspec
from msgspec import Struct

from libs.common.access.caller import SERVICE_PREFIX, is_tenant
from libs.common.access.keys import ALGORITHMS, Key

_JWS: Final = jwt.PyJWS(algorithms=list(ALGORITHMS))
_LEEWAY_SECONDS: Final = 60
_TOKEN_MAX: Final = 16_384
_NAME_MAX: Final = 200
_ROLES_MAX: Final = 100


class Refusal(Exception):  # noqa: N818 - the fact is the name
    """A sign-in that leads nowhere. `reason` is one of the closed list `signin` of the pages' texts."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownKey(Exception):  # noqa: N818 - the fact is the name
    """The token names a key that is not among those that are known: they may have been changed since."""


class Claims(Struct, frozen=True):
    """Under which names the provider tells of tenant and roles."""

    tenant: str
    roles: str


class Person(Struct, frozen=True):
    subject: str
    name: str
    tenant_id: str
    roles: tuple[str, ...]


def read(token: object, keys: Mapping[str, Key], issuer: str, client_id: str, nonce: str, claims: Claims, now: datetime) -> Person:
    """Return whom an ID token is about. Errors: Refusal; UnknownKey."""
    if not isinstance(token, str) or len(token) > _TOKEN_MAX:
        raise Refusal("token_refused")
    told = _signed(token, keys)
    seconds = now.timestamp()
    audience = told.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
    holds = (
        told.get("iss") == issuer
        and client_id in audiences
        and (len(audiences) == 1 or told.get("azp") == client_id)
        and told.get("azp", client_id) == client_id
        and _number(told.get("exp")) > seconds - _LEEWAY_SECONDS
        and _number(told.get("iat")) <= seconds + _LEEWAY_SECONDS
        and _number(told.get("nbf", 0)) <= seconds + _LEEWAY_SECONDS
        and hmac.compare_digest(str(told.get("nonce", "")).encode(), nonce.encode())
    )
    if not holds:
        raise Refusal("token_refused")
    return _person(told, claims)


def _signed(token: str, keys: Mapping[str, Key]) -> dict[str, Any]:
    """Return what a token says, where a key of the provider signed it: by the key's own algorithm, whatever the token names."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise Refusal("token_refused") from None
    named = header.get("kid")
    key = next(iter(keys.values())) if named is None and len(keys) == 1 else keys.get(str(named))
    if key is None:
        raise UnknownKey
    try:
        told = msgspec.json.decode(_JWS.decode(token, key.public, algorithms=[key.algorithm]))
    except (jwt.InvalidTokenError, msgspec.DecodeError, UnicodeDecodeError):
        raise Refusal("token_refused") from None
    if not isinstance(told, dict):
        raise Refusal("token_refused")
    return told


def _person(told: Mapping[str, Any], claims: Claims) -> Person:
    """Nobody goes by the name of one of our services, nor for a tenant that no token could name: it could not be suspended."""
    subject, tenant, roles = told.get("sub"), told.get(claims.tenant), told.get(claims.roles)
    if not isinstance(subject, str) or not 0 < len(subject) <= _NAME_MAX or not subject.isprintable():
        raise Refusal("token_refused")
    if subject.startswith(SERVICE_PREFIX):
        raise Refusal("token_refused")
    if not isinstance(tenant, str) or not is_tenant(tenant):
        raise Refusal("no_tenant")
    listed = roles.split() if isinstance(roles, str) else roles if isinstance(roles, list) else []
    named = (told.get(each) for each in ("name", "preferred_username", "email"))
    name = next((each for each in named if isinstance(each, str) and each.isprintable() and each.strip()), subject)
    return Person(subject, name[:_NAME_MAX], tenant, tuple(each for each in listed[:_ROLES_MAX] if isinstance(each, str)))


def _number(told: object) -> float:
    """Return a time as tokens have it; what is none is no time at all, and nothing holds of it."""
    return float(told) if isinstance(told, int | float) and not isinstance(told, bool) else float("nan")
