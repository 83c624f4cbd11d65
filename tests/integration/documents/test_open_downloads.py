"""A document that is being fetched when who fetches it would not be let in any more: it breaks off."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import httpx
import pytest

from libs.common.http import file_answers
from services.appeals.documents.blobs import Blobs
from tests.integration.documents.conftest import Appeals
from tests.integration.documents.test_guests import document, link
from tests.support.access import bearer
from tests.support.serving import PATIENCE_SECONDS, rest_of, served


@pytest.fixture(autouse=True)
def ended(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let a document's bytes come one by one, for longer than anybody waits; tell when the reading of one has ended."""
    ended: list[str] = []

    async def stream(_: Blobs, key: str, first: int, end: int) -> AsyncIterator[bytes]:
        try:
            for _place in range(first, end):
                yield b"%"
                await asyncio.sleep(0.1)
        finally:
            ended.append(key)

    monkeypatch.setattr(Blobs, "stream", stream)
    monkeypatch.setattr(file_answers, "CHECK_SECONDS", 0.1)
    return ended


async def suspend(appeals: Appeals) -> None:
    done = await appeals.http.put("/v1/tenants/local", json={"state": "suspended", "why": "unpaid"})
    assert done.status_code == 200, done.text


async def delete(appeals: Appeals, path: str) -> None:
    done = await appeals.http.delete(path, params={"reason": "sent by mistake"})
    assert done.status_code == 204, done.text


async def breaks_off(
    appeals: Appeals, path: str, headers: dict[str, str], shut: Callable[[], Awaitable[None]], ended: list[str]
) -> None:
    """Fetch a document: it goes on while the door is asked some times, and breaks off after it was shut."""
    async with (
        served(appeals.app) as address,
        httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS) as http,
        http.stream("GET", f"{address}{path}") as answer,
    ):
        assert answer.status_code == 200
        pieces = answer.aiter_bytes()
        for _ in range(10):
            await anext(pieces)
        assert ended == []
        await shut()
        with pytest.raises(httpx.RemoteProtocolError):
            await rest_of(pieces)
        assert len(ended) == 1


async def test_a_document_breaks_off_when_its_tenant_is_suspended(appeals: Appeals, ended: list[str]) -> None:
    case = await appeals.case()
    path = f"/v1/cases/{case}/documents/{await document(appeals, case, 1)}/content"
    await breaks_off(appeals, path, bearer(), partial(suspend, appeals), ended)


async def guest_is_shut_out(appeals: Appeals, what: str, ended: list[str]) -> None:
    """Let a guest fetch a document, and take away the link or the document meanwhile."""
    case = await appeals.case()
    shared = await document(appeals, case, 1)
    made = await link(appeals, case, documents=[shared])
    shut = partial(delete, appeals, f"/v1/cases/{case}/{what.format(link=made['link_id'], document=shared)}")
    await breaks_off(appeals, f"{made['path']}/documents/{shared}", {}, shut, ended)


async def test_what_a_guest_fetches_breaks_off_when_the_link_is_revoked(appeals: Appeals, ended: list[str]) -> None:
    await guest_is_shut_out(appeals, "guest-links/{link}", ended)


async def test_what_a_guest_fetches_breaks_off_when_the_document_is_deleted(appeals: Appeals, ended: list[str]) -> None:
    await guest_is_shut_out(appeals, "documents/{document}", ended)
