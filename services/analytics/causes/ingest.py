"""Ingest over HTTP: a payer's rules, read, tried and changed."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from libs.common.access.signing import OwnTokens
from libs.common.http.neighbour import JSON, RETRY_AFTER, Behalf, Neighbour, Refused
from libs.common.http.problem import Problem
from libs.common.http.versions import etag


def unavailable() -> Problem:
    detail = "Ingest, which holds payers' rules, does not answer; nothing was changed. Try again shortly."
    return Problem(503, "ingest-unavailable", detail, headers=RETRY_AFTER)


class Changed(Exception):  # noqa: N818 - the fact is the name
    """Somebody changed the payer's rules since they were read."""


class Rules(Neighbour):
    """Asks ingest; one for a process. Every method's errors: Problem 503 while ingest is away or not configured."""

    def __init__(self, url: str | None, own: OwnTokens | None = None, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(url, unavailable, own, transport)

    async def of_payer(self, payer_id: str, behalf: Behalf) -> dict[str, Any]:
        """Return a payer's rules and their version; version 0 has none."""
        return await self._get(_path(payer_id), behalf) or {"version": 0, "rules": []}

    async def put(
        self, payer_id: str, rules: Sequence[Mapping[str, Any]], version: int, behalf: Behalf, *, dry_run: bool
    ) -> dict[str, Any]:
        """Make these the payer's rules, or try what they would do. `version`: the one that they were made from.

        Errors: Refused; Changed where the payer's rules have another version by now.
        """
        path = _path(payer_id) + ("?dry_run=true" if dry_run else "")
        sent = msgspec.json.encode({"rules": rules})
        headers = {"Content-Type": JSON, "If-Match": etag(version)}
        status, told = await self._ask("PUT", path, behalf, content=sent, headers=headers)
        if status == HTTPStatus.PRECONDITION_FAILED:
            raise Changed
        if status >= HTTPStatus.BAD_REQUEST:
            raise Refused(told)
        return told


def _path(payer_id: str) -> str:
    return f"/v1/payers/{quote(payer_id, safe='')}/rules"
