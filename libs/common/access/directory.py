"""A folder of our own keys: what `recours token` issues from, and what services read to check it.

`key.json` signs and is its owner's alone; `jwks.json` has the public keys, `revoked.json` the revoked tokens' ids, `issued.json`
what was issued, without the tokens. `services/NAME.json` is the key of one of our services, `services.json` their public keys.
"""

import contextlib
import fcntl
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from msgspec import Struct
from msgspec import json as mjson
from msgspec.structs import replace

from libs.common.access import scopes
from libs.common.access.caller import SERVICE_PREFIX, fits_an_address
from libs.common.access.signing import AUDIENCE, LOCAL_ISSUER, key_set, new_key, public_of, read_key, sign

SECONDS_MAX: Final = 366 * 86_400


class Issued(Struct, frozen=True):
    """A token that was issued, without the token. Times are seconds since 1970."""

    token_id: str
    subject: str
    tenant_id: str
    roles: list[str]
    scopes: list[str]
    issued_at: int
    expires_at: int
    key_id: str
    revoked_at: int | None = None


class _Kept(Struct, frozen=True):
    """A public key, and until when tokens that it signed may be in use; None for the one that signs."""

    jwk: dict[str, Any]
    until: int | None = None


class Wish(Struct, frozen=True):
    """What a token is to say."""

    subject: str
    tenant_id: str
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    seconds: int = 86_400


class KeyDirectory:
    """One folder; several processes may use it at once."""

    def __init__(self, folder: Path, issuer: str = LOCAL_ISSUER, audience: str = AUDIENCE) -> None:
        self.folder = folder
        self._issuer = issuer
        self._audience = audience

    @property
    def jwks(self) -> Path:
        return self.folder / "jwks.json"

    @property
    def services_jwks(self) -> Path:
        return self.folder / "services.json"

    @property
    def revoked(self) -> Path:
        return self.folder / "revoked.json"

    def service_key(self, service: str) -> Path:
        return self.folder / "services" / f"{service}.json"

    def prepare(self, services: Iterable[str] = ()) -> None:
        """Make what is missing."""
        with self._held():
            if not (self.folder / "key.json").exists():
                self._new_key([])
            if not self.revoked.exists():
                self._write(self.revoked, {})
            for service in services:
                if not self.service_key(service).exists():
                    self._write(self.service_key(service), new_key(subject=f"{SERVICE_PREFIX}{service}"))
            keys = [read_key(path.read_bytes()) for path in sorted((self.folder / "services").glob("*.json"))]
            self._write_bytes(self.services_jwks, key_set(*keys))

    def issue(self, wish: Wish, now: int) -> tuple[str, Issued]:
        """Return a token and what is remembered of it. Errors: ValueError names what cannot be issued."""
        _check(wish)
        with self._held():
            key = read_key((self.folder / "key.json").read_bytes())
            told = Issued(
                uuid4().hex, wish.subject, wish.tenant_id, list(wish.roles), list(wish.scopes), now, now + wish.seconds, key["kid"]
            )
            claims: dict[str, Any] = {"iss": self._issuer, "aud": self._audience, "sub": wish.subject, "tenant": wish.tenant_id}
            claims |= {"scope": " ".join(wish.scopes), "roles": list(wish.roles)}
            claims |= {"iat": now, "exp": told.expires_at, "jti": told.token_id}
            self._write(self.folder / "issued.json", [*self._issued(now), told])
        return sign(key, claims), told

    def issued(self, now: int) -> list[Issued]:
        """Return the tokens that have not ended, oldest first."""
        with self._held():
            return self._issued(now)

    def revoke(self, token_id: str, now: int, *, ends_at: int | None = None) -> bool:
        """Revoke a token; False where no such token was issued here and when it ends is not told either."""
        with self._held():
            issued = self._issued(now)
            found = next((each for each in issued if each.token_id == token_id), None)
            until = found.expires_at if found else ends_at
            if until is None:
                return False
            revoked: dict[str, int] = json.loads(self.revoked.read_bytes()) if self.revoked.exists() else {}
            kept = {name: end for name, end in revoked.items() if end + _SLACK_SECONDS > now}
            self._write(self.revoked, {**kept, token_id: until})
            if found:
                marked = [each if each is not found else replace(each, revoked_at=now) for each in issued]
                self._write(self.folder / "issued.json", marked)
        return True

    def rotate(self, now: int) -> str:
        """Sign with a fresh key from now on; return its id. The one before is trusted until its last token has ended."""
        with self._held():
            last = max([each.expires_at for each in self._issued(now)], default=now)
            kept = [_Kept(each.jwk, each.until if each.until is not None else last) for each in self._kept()]
            return self._new_key([each for each in kept if each.until is not None and each.until + _SLACK_SECONDS > now])

    def _new_key(self, others: list[_Kept]) -> str:
        key = new_key()
        kept = [*others, _Kept(public_of(key))]
        self._write(self.folder / "keys.json", kept)
        self._write_bytes(self.jwks, key_set(*(each.jwk for each in kept)))  # known to all before anything is signed with it
        self._write(self.folder / "key.json", key)
        return str(key["kid"])

    def _kept(self) -> list[_Kept]:
        return mjson.decode((self.folder / "keys.json").read_bytes(), type=list[_Kept])

    def _issued(self, now: int) -> list[Issued]:
        path = self.folder / "issued.json"
        known = mjson.decode(path.read_bytes(), type=list[Issued]) if path.exists() else []
        return [each for each in known if each.expires_at > now]

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _write(self, path: Path, told: object) -> None:
        self._write_bytes(path, mjson.format(mjson.encode(told), indent=1))

    @staticmethod
    def _write_bytes(path: Path, told: bytes) -> None:
        """Whole or not at all, and for its owner alone."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_bytes(told)
        fresh.replace(path)


_SLACK_SECONDS: Final = 3600  # longer than clocks differ


def _check(wish: Wish) -> None:
    unknown = [*(set(wish.roles) - scopes.ROLES.keys()), *(set(wish.scopes) - scopes.SCOPES.keys())]
    if unknown:
        raise ValueError(f"There is no role or scope named {', '.join(sorted(unknown))}.")
    if not wish.roles and not wish.scopes:
        raise ValueError("Name at least one role or scope.")
    if wish.subject.startswith(SERVICE_PREFIX):
        raise ValueError(f"A subject may not begin with {SERVICE_PREFIX}: services have keys of their own.")
    if not 0 < wish.seconds <= SECONDS_MAX:
        raise ValueError("A token lasts 366 days at most.")
    if not fits_an_address(wish.tenant_id):
        raise ValueError("A tenant's name holds no slash, and is not . or ..: no address could hold it.")
    for told, most, name in ((wish.subject, 200, "subject"), (wish.tenant_id, 64, "tenant")):
        if not 0 < len(told) <= most or not told.isprintable():
            raise ValueError(f"A {name} has 1 to {most} characters.")
