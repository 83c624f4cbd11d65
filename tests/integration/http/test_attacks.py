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

SQL = ("' OR '1'='1", "x'; DROP TABLE outbox; --", "\\'; SELECT version(); --", "$1 :tenant %(tenant)s {tenant}")
OUTSIDE = ("../../../../etc/passwd", "..\\..\\windows\\win.ini")
NOBODY = "00000000-0000-7000-8000-000000000000"
STOLEN = ("root:x:0:0", "PostgreSQL 1", "pg_catalog", "Traceback", "asyncpg", "sqlalchemy", "SELECT ")
WITHOUT_END = "/v1/stream"


def asked(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (what would be asked, what is asked): every route that reads, with each attack in each of its filters and ids."""
    for path, methods in document["paths"].items():
        if "get" not in methods or path == WITHOUT_END:
            continue
        told = [*methods.get("parameters", []), *methods["get"].get("parameters", [])]
        ids = {each["name"]: next(iter(each["schema"].get("enum", [NOBODY]))) for each in told if each["in"] == "path"}
        usual = filled(path, ids)
        for attack in (*SQL, *OUTSIDE) if ids else ():
            yield usual, filled(path, dict.fromkeys(ids, attack))
        for each in told:
            for attack in SQL if each["in"] == "query" else ():
                yield usual, f"{usual}?{urlencode({each['name']: attack})}"
        yield usual, f"{path.partition('{')[0]}..%2f..%2f..%2fetc%2fpasswd"


def filled(path: str, ids: Mapping[str, str]) -> str:
    for name, value in ids.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return path


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
        found: dict[str, int] = {}
        for usual, address in asked(document):
            if usual not in found:
                found[usual] = how_many(await client.get(usual))
            answer = await client.get(address)
            count += 1
            if answer.status_code >= 500 or any(each in answer.text for each in STOLEN) or how_many(answer) > found[usual]:
                harmed.append((answer.status_code, address, answer.text[:200]))
    assert harmed == []
    assert count > 100
    assert await tables(owner) == before
    await owner.close()
    await app.state.database.close()


def how_many(answer: httpx.Response) -> int:
    """Return how many things a list gave."""
    if answer.status_code != 200 or "json" not in answer.headers["content-type"]:
        return 0
    told = json.loads(answer.text)
    return len(told.get("items", [])) if isinstance(told, dict) else 0


async def tables(owner: "asyncpg.Connection[Any]") -> list[str]:
    rows = await owner.fetch("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname")
    return [row["relname"] for row in rows]
