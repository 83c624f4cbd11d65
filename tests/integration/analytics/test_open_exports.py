"""An export that is being sent when its token is revoked, or its tenant is suspended: it breaks off, and holds nothing any more."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from time import time
from typing import Any

import httpx
import pytest

from libs.common.access.directory import KeyDirectory, Wish
from libs.common.access.signing import AUDIENCE, LOCAL_ISSUER
from libs.common.access.sources import FileKeys, WatchedFile, read_revoked
from libs.common.access.verifier import Verifier
from libs.common.clock import FixedClock
from libs.common.http import file_answers
from services.analytics.api import make_app
from services.analytics.exports import api
from tests.integration.analytics.conftest import NOW, Analytics
from tests.support.access import VERIFIER, bearer
from tests.support.serving import PATIENCE_SECONDS, rest_of, served


@pytest.fixture(autouse=True)
def open_for(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let exports have no end; tell when the reading of one has ended."""
    ended: list[str] = []

    async def rows(*_: object) -> AsyncIterator[Sequence[Sequence[Any]]]:
        try:
            while True:
                yield [("key", 1, "claim", "{}")]
                await asyncio.sleep(0.01)
        finally:
            ended.append("read")

    monkeypatch.setattr(api, "rows", rows)
    monkeypatch.setattr(file_answers, "CHECK_SECONDS", 0.1)
    return ended


async def test_an_export_goes_on_while_it_may_be_read_and_breaks_off_when_its_token_is_revoked(
    analytics: Analytics, tmp_path: Path, open_for: list[str]
) -> None:
    folder = KeyDirectory(tmp_path)
    folder.prepare()
    verifier = Verifier({LOCAL_ISSUER: FileKeys(folder.jwks, time)}, AUDIENCE, WatchedFile(folder.revoked, read_revoked, time))
    own, issued = folder.issue(Wish("ada", analytics.tenant, roles=("manager",)), int(time()))
    async with (
        served(make_app(analytics.api, FixedClock(NOW), verifier)) as address,
        httpx.AsyncClient(headers={"Authorization": f"Bearer {own}"}, timeout=PATIENCE_SECONDS) as http,
        http.stream("GET", f"{address}/v1/exports/facts") as answer,
    ):
        assert answer.status_code == 200
        pieces = answer.aiter_bytes()
        for _ in range(50):  # half a second, in which the door is asked some times
            await anext(pieces)
        assert open_for == []
        folder.revoke(issued.token_id, int(time()))
        with pytest.raises(httpx.RemoteProtocolError):
            await rest_of(pieces)
        assert open_for == ["read"]


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
async def test_an_export_breaks_off_when_its_tenant_is_suspended(format_: str, analytics: Analytics, open_for: list[str]) -> None:
    async with (
        served(make_app(analytics.api, FixedClock(NOW), VERIFIER)) as address,
        httpx.AsyncClient(headers=bearer(analytics.tenant), timeout=PATIENCE_SECONDS) as http,
        http.stream("GET", f"{address}/v1/exports/facts", params={"format": format_}) as answer,
    ):
        assert answer.status_code == 200
        async with httpx.AsyncClient(headers=bearer("operators"), timeout=PATIENCE_SECONDS) as operator:
            path = f"{address}/v1/tenants/{analytics.tenant}"
            suspended = await operator.put(path, json={"state": "suspended", "why": "unpaid"})
        assert suspended.status_code == 200, suspended.text
        with pytest.raises(httpx.RemoteProtocolError):
            await rest_of(answer.aiter_bytes())
        assert open_for == ["read"]
