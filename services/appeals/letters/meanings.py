"""What reason codes mean, in our own words, asked of the classifier, which has a page for each; remembered for an hour."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import httpx

from libs.common.access.signing import OwnTokens
from libs.common.http.neighbour import RETRY_AFTER, Behalf, Neighbour
from libs.common.http.problem import Problem
from services.appeals.letters.language import Language

CODES_MAX: Final = 40  # of one letter: beyond that they stand without their meaning
_REMEMBERED_SECONDS: Final = 3600.0
_KNOWN_MAX: Final = 5000

Code = tuple[str, str]  # "carc" or "rarc", and the code


def unavailable() -> Problem:
    detail = "The classifier, which knows what reason codes mean, does not answer; nothing was changed. Try again shortly."
    return Problem(503, "classifier-unavailable", detail, headers=RETRY_AFTER)


class Meanings(Neighbour):
    """Asks the classifier; one for a process. Errors: Problem 503 while it is away or not configured."""

    def __init__(self, url: str | None, own: OwnTokens | None = None, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(url, unavailable, own, transport)
        self._known: dict[Code, tuple[float, dict[str, str]]] = {}

    async def of(self, codes: Iterable[Code], language: Language, behalf: Behalf) -> dict[str, str]:
        """Return the meanings of codes, by code; one that nobody knows is not in it."""
        asked = list(dict.fromkeys(codes))[:CODES_MAX]
        found = await asyncio.gather(*(self._meaning(code, behalf) for code in asked))
        return {code: told[language] for (_, code), told in zip(asked, found, strict=True) if told.get(language)}

    async def _meaning(self, code: Code, behalf: Behalf) -> dict[str, str]:
        now = asyncio.get_running_loop().time()
        held = self._known.get(code)
        if held is not None and now - held[0] < _REMEMBERED_SECONDS:
            return held[1]
        kind, name = code
        page: dict[str, Any] | None = await self._get(f"/v1/codes/{kind}/{name}", behalf) if name.isalnum() else None
        told = {key: _as_clause(text) for key, text in (page or {}).get("meaning", {}).items()}
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known[code] = now, told
        return told


def _as_clause(meaning: str) -> str:
    """Leave out what is added after a semicolon, and begin with a small letter, as after a colon; capitals stay so."""
    text = meaning.partition(";")[0]
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text
