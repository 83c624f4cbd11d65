"""A file that is being fetched when its tenant is suspended: it breaks off."""

import asyncio

import httpx
import pytest

from libs.common.http import file_answers
from services.ingest import queries
from tests.integration.ingest.conftest import Ingest
from tests.support.access import bearer
from tests.support.serving import PATIENCE_SECONDS, rest_of, served
from tests.unit.x12.build import encode, one


async def test_a_file_breaks_off_when_its_tenant_is_suspended(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    interchange_id = await ingest.accept(encode(one()))

    async def without_end(*_: object) -> bytes:
        await asyncio.sleep(0.01)
        return b"ISA"

    monkeypatch.setattr(queries, "raw_chunk", without_end)
    monkeypatch.setattr(file_answers, "CHECK_SECONDS", 0.1)
    async with (
        served(ingest.app) as address,
        httpx.AsyncClient(headers=bearer(), timeout=PATIENCE_SECONDS) as http,
        http.stream("GET", f"{address}/v1/interchanges/{interchange_id}/raw") as answer,
    ):
        assert answer.status_code == 200
        pieces = answer.aiter_bytes()
        for _ in range(50):
            await anext(pieces)
        await ingest.http.put("/v1/tenants/local", json={"state": "suspended", "why": "unpaid"})
        with pytest.raises(httpx.RemoteProtocolError):
            await rest_of(pieces)
