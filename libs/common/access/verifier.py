"""Checking tokens for a service: each once, then remembered until it ends; what was revoked or whose key is gone opens nothing."""

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Final

from libs.common.access import tokens
from libs.common.access.caller import Caller, Denied
from libs.common.access.sources import Keys, WatchedFile

_REMEMBERED_MAX: Final = 4096


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


class Verifier:
    """One for a process. `issuers` are by their `iss`; `seconds` is the time since 1970."""

    def __init__(
        self,
        issuers: Mapping[str, Keys],
        audience: str,
        revoked: WatchedFile[frozenset[str]] | None = None,
        seconds: Callable[[], float] = time.time,
    ) -> None:
        self._issuers = dict(issuers)
        self._audience = audience
        self._revoked = revoked
        self._seconds = seconds
        self._known: dict[bytes, tuple[int, Caller]] = {}

    async def caller_of(self, token: str) -> Caller:
        """Return who a token speaks for. Errors: Denied; Transient where keys or revocations could not be read yet."""
        now = self._seconds()
        digest = _digest(token)
        known = self._known.get(digest)
        if known is not None and now < known[1].expires_at and known[0] == await self._generation():
            caller = known[1]
        else:
            caller = await self._read(token, now)
            self._remember(digest, caller)
        if self.is_revoked(caller.token_id):
            raise Denied("revoked")
        return caller

    def remembered(self, token: str) -> Caller | None:
        """Return whom a token was last found to speak for, unchecked: for what is no right."""
        known = self._known.get(_digest(token))
        return None if known is None else known[1]

    def is_revoked(self, token_id: str) -> bool:
        """Say whether what was begun with a token is over. Errors: Transient where revocations could not be read yet."""
        return self._revoked is not None and token_id in self._revoked.value()

    async def _generation(self) -> int:
        """Return what is another number as soon as any key is another."""
        for keys in self._issuers.values():
            await keys.look()
        return sum(keys.generation for keys in self._issuers.values())

    async def _read(self, token: str, now: float) -> Caller:
        issuer, kid = tokens.peek(token)
        keys = self._issuers.get(issuer)
        if keys is None:
            raise Denied("issuer")
        key = await keys.find(kid)
        if key is None:
            raise Denied("key")
        return tokens.read(token, key, issuer, self._audience, now)

    def _remember(self, digest: bytes, caller: Caller) -> None:
        if len(self._known) >= _REMEMBERED_MAX:
            del self._known[next(iter(self._known))]
        self._known[digest] = (sum(keys.generation for keys in self._issuers.values()), caller)

    async def check(self) -> None:
        """Errors: Transient while nobody can be let in."""
        for keys in self._issuers.values():
            await keys.look()
        if self._revoked is not None:
            self._revoked.value()

    async def close(self) -> None:
        for keys in self._issuers.values():
            await keys.close()
