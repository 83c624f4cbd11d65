"""Who looks at the pages, for how long, and where a sign-in may lead. Pure.

A session ends at a fixed time, and sooner when nobody looks at anything for a while. What the provider said of roles stands for
some minutes: the next page then asks it again.
"""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

LASTS: Final = timedelta(hours=12)
IDLE: Final = timedelta(minutes=30)
ROLES_STAND: Final = timedelta(minutes=5)
FLOW_LASTS: Final = timedelta(minutes=10)
_NOTED: Final = timedelta(minutes=1)  # how far apart looks are for the later one to be written down
_AHEAD: Final = timedelta(minutes=1)  # by which clocks of two machines may differ
_NEXT_MAX: Final = 2_000
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_RANDOM_BYTES: Final = 32

Way = Literal["token", "oidc"]


class Session(Struct, frozen=True, kw_only=True):
    """Somebody who signed in. `name` is what the pages call them, `subject` what histories do."""

    session_id: str
    tenant_id: str
    subject: str
    name: str
    scopes: tuple[str, ...]
    token_id: str | None
    way: Way
    began_at: datetime
    seen_at: datetime
    ends_at: datetime
    confirmed_at: datetime  # when the provider, or the token, said what the scopes follow from
    rights_id: str = ""  # of the scopes: another one where they become others

    def is_over(self, now: datetime) -> bool:
        """Say whether it opens nothing any more. What scripts fetch, and forms, ask no provider: roles stand for as long as nobody
        need look.
        """
        stands = self.began_at - _AHEAD <= now < self.ends_at and now - self.seen_at < IDLE
        return not (stands and (self.way == "token" or now - self.confirmed_at < IDLE))

    def is_to_be_confirmed(self, now: datetime) -> bool:
        """Say whether the provider is to be asked again before a page is shown. A token says the same for as long as it lasts."""
        return self.way == "oidc" and now - self.confirmed_at >= ROLES_STAND

    def confirmed(self, name: str, scopes: Collection[str], now: datetime) -> "Session":
        """Return the same session with what the provider says now; its end stays."""
        told = tuple(sorted(scopes))
        rights_id = self.rights_id if told == self.scopes else fresh()
        return replace(self, name=name, scopes=told, rights_id=rights_id, seen_at=now, confirmed_at=now)

    def seen(self, now: datetime) -> "Session":
        """Return the session after a look at something; the same one where the last look was just before."""
        return self if now - self.seen_at < _NOTED else replace(self, seen_at=now)


class Flow(Struct, frozen=True):
    """A sign-in that has gone to the provider and has not come back yet. `quiet`: the person is signed in and is asked nothing."""

    state: str
    nonce: str
    verifier: str
    next: str
    began_at: datetime
    quiet: bool = False

    def is_over(self, now: datetime) -> bool:
        return not self.began_at - _AHEAD <= now < self.began_at + FLOW_LASTS

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier beforehand (PKCE, S256)."""
        return urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")


def fresh() -> str:
    """Return what nobody can guess."""
    return secrets.token_urlsafe(_RANDOM_BYTES)


def begin(
    tenant_id: str,
    subject: str,
    name: str,
    scopes: Collection[str],
    way: Way,
    now: datetime,
    *,
    token_id: str | None = None,
    until: datetime | None = None,
) -> Session:
    """Begin a session under a name that never was before. `until`: when what it was begun with ends."""
    ends_at = now + LASTS
    return Session(
        session_id=fresh(),
        tenant_id=tenant_id,
        subject=subject,
        name=name,
        scopes=tuple(sorted(scopes)),
        token_id=token_id,
        way=way,
        began_at=now,
        seen_at=now,
        ends_at=min(ends_at, until) if until else ends_at,
        confirmed_at=now,
        rights_id=fresh(),
    )


def begin_flow(next_: str, now: datetime, *, quiet: bool = False) -> Flow:
    return Flow(fresh(), fresh(), fresh(), next_, now, quiet)


def next_of(told: str | None, own: Sequence[str] = ("/sign-in", "/sign-out", "/v1", "/assets")) -> str:
    """Return where a sign-in leads: a page of this host, and the overview where that is not what was asked for."""
    if not told or len(told) > _NEXT_MAX or not told.isascii() or "\\" in told:
        return "/"
    if not told.startswith("/") or told.startswith("//") or any(not "!" <= each <= "~" for each in told):
        return "/"
    path = urlsplit(told).path
    return "/" if any(path == each or path.startswith(f"{each}/") for each in own) else told


def origin_of(public: str | None, host: str | None) -> str | None:
    """Return as what this host is known to browsers; None where nobody may sign in under that name.

    `public` is the configured address. Without one only this machine's own names are served: a session never travels in the
    clear, and a foreign name that was made to point here (DNS rebinding) is no name of ours.
    """
    if public is not None:
        told = urlsplit(public)
        return f"{told.scheme}://{told.netloc}"
    try:
        named = urlsplit(f"//{host}")
        is_ours = bool(host) and named.hostname in _LOOPBACK and (named.port or 1) > 0 and named.netloc == host
    except ValueError:
        return None
    return f"http://{host}" if is_ours and "@" not in str(host) else None


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in _LOOPBACK
