"""The other services as the pages ask them: what each says, or that it does not answer; a page shows what it has."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from libs.common.access.signing import OwnTokens
from libs.common.http.neighbour import Behalf, Neighbour
from libs.common.http.problem import Problem

NAMES: Final = ("ingest", "classifier", "appeals")


class Away:
    """A service did not answer, or where it listens is not configured."""

    def __init__(self, service: str) -> None:
        self.service = service


Told = dict[str, Any] | None | Away  # None: it knows no such thing


class Service(Neighbour):
    """One of the services, by name."""

    def __init__(
        self, name: str, url: str | None, own: OwnTokens | None, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        super().__init__(url, lambda: Problem(503, "unavailable", "Another service does not answer."), own, transport)
        self.name = name

    async def ask(self, path: str, behalf: Behalf, **query: str | None) -> Told:
        """Ask for one document."""
        told = {key: value for key, value in query.items() if value is not None}
        try:
            return await self._get(f"{path}?{urlencode(told)}" if told else path, behalf)
        except Problem:
            return Away(self.name)


class Neighbours:
    """All of them; one for a process."""

    def __init__(
        self,
        urls: Mapping[str, str | None],
        own: OwnTokens | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._services = {name: Service(name, urls.get(name), own, transport) for name in NAMES}

    def __getitem__(self, name: str) -> Service:
        return self._services[name]

    async def all(self, path: str, behalf: Behalf, **query: str | None) -> dict[str, Told]:
        """Ask every service for the same."""
        answers = await asyncio.gather(*(each.ask(path, behalf, **query) for each in self._services.values()))
        return dict(zip(self._services, answers, strict=True))

    async def of_ingest(self, kind: str, named: str | None, behalf: Behalf) -> Told:
        """Ask ingest for one of a kind; None where none is named."""
        return await self["ingest"].ask(f"/v1/{kind}/{named}", behalf) if named else None

    async def billed(self, denial: Mapping[str, Any], may: Callable[[str], bool], behalf: Behalf) -> tuple[Told, Told]:
        """Ask for the claim and the remit of a denial, as far as who looks may see them."""
        claim, remit = await asyncio.gather(
            self.of_ingest("claims", denial.get("claim_id") if may("claims:read") else None, behalf),
            self.of_ingest("remits", denial.get("remit_id") if may("remittances:read") else None, behalf),
        )
        return claim, remit

    async def close(self) -> None:
        for each in self._services.values():
            await each.close()


def found(told: Told) -> dict[str, Any] | None:
    """Return a document that was there."""
    return None if isinstance(told, Away) else told


def away(*told: Told) -> list[str]:
    """Return the names of services that did not answer."""
    return sorted({each.service for each in told if isinstance(each, Away)})
