"""Attacks on every route of every service, read from its own description: what is sent is text, and stays text."""

import json
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any
from urllib.parse import quote, urlencode

import asyncpg
import httpx
import pytest

from deploy.local.layout import SERVICES
from libs.common.clock import SystemClock
from libs.common.database import Database
from services.appeals.ingest import Ingest
from tests.support import ServiceDatabase
from tests.support.access import VERIFIER, bearer, own_tokens

SQL = (
    "' OR '1'='1",
    "x'; DROP TABLE outbox; --",
    "1) OR (SELECT 1 FROM pg_sleep(0)) IS NULL --",
    "\\'; SELECT version(); --",
    "$1",
    "%' ESCAPE '",
    "{tenant}:tenant%(tenant)s",
)
OUTSIDE = ("../../../../etc/passwd", "..\\..\\windows\\win.ini", "....//....//etc/passwd", "/etc/passwd", "file:///etc/passwd")
STOLEN = ("root:x:0:0", "PostgreSQL 1", "pg_catalog", "Traceback", "asyncpg", "sqlalchemy", "SELECT ")
WITHOUT_END = "/v1/stream"


def asked(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield addresses: every route that reads, with each attack in each of its filters and ids."""
    for path, methods in document["paths"].items():
        if "get" not in methods or path == WITHOUT_END:
            continue
        told = [*methods.get("parameters", []), *methods["get"].get("parameters", [])]
        ids = [each["name"] for each in told if each["in"] == "path"]
        filters = [each["name"] for each in told if each["in"] == "query"]
        for attack in (*SQL, *OUTSIDE):
            filled = path
            for name in ids:
                filled = filled.replace(f"{{{name}}}", quote(attack, safe=""))
            if ids:
                yield filled
            for name in filters if attack in SQL else ():
                yield f"{path.partition('{')[0].rstrip('/') if ids else path}?{urlencode({name: attack})}"
        yield f"{path.partition('{')[0]}..%2f..%2f..%2fetc%2fpasswd"


@pytest.mark.parametrize("service", SERVICES)
async def test_no_filter_and_no_id_is_more_than_text(service: str, service_database: Callable[[str], ServiceDatabase]) -> None:
    database = service_database(service)
    app = import_module(f"services.{service}.api").make_app(Database(database.api_url), SystemClock(), VERIFIER)
    app.state.pseudonym_key = b"a key for tests alone"
    app.state.ingest = Ingest("http://ingest", own_tokens("appeals"), httpx.MockTransport(lambda _: httpx.Response(404, json={})))
    owner = await asyncpg.connect(database.owner_url)
    before = await tables(owner)
    harmed = []
    count = 0
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(headers=bearer(), transport=transport, base_url="http://service") as client:
        document = (await client.get("/openapi.json")).json()
        for address in asked(document):
            answer = await client.get(address)
            count += 1
            if answer.status_code >= 500 or any(each in answer.text for each in STOLEN):
                harmed.append((answer.status_code, address, answer.text[:200]))
            elif answer.status_code == 200 and "json" in answer.headers["content-type"] and address.count("?"):
                assert not json.loads(answer.text).get("items"), address  # nothing is there to be found
    assert harmed == []
    assert count > 100
    assert await tables(owner) == before
    await owner.close()
    await app.state.database.close()


async def tables(owner: "asyncpg.Connection[Any]") -> list[str]:
    rows = await owner.fetch("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname")
    return [row["relname"] for row in rows]
