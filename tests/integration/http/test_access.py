"""The door of real applications: no token, a wrong one, one of too little; another tenant's things; who a history names."""

import time
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter

from deploy.local.layout import SERVICES
from libs.common.access import scopes
from libs.common.access.directory import KeyDirectory, Wish
from libs.common.access.signing import AUDIENCE, LOCAL_ISSUER
from libs.common.access.sources import FileKeys, WatchedFile, read_revoked
from libs.common.access.verifier import Verifier
from libs.common.audit.entries import Entry
from libs.common.clock import SystemClock
from libs.common.database import Database
from libs.common.http.access import COMMON, Door
from services.ingest.claims.examples import PROFESSIONAL
from tests.integration.ingest.conftest import Ingest, ingest
from tests.support.access import PERSON, VERIFIER, NoneClosed, bearer, own_tokens

__all__ = ["ingest"]

_NOWHERE = "postgresql://nobody@localhost/nothing"
OPEN = ("/livez", "/readyz", "/assets/", "/guest/", "/sign-in", "/sign-out", "/docs", "/openapi.json")


class Refusals(Database):
    """A database that takes the audit log's entries about refusals, and nothing else."""

    def __init__(self) -> None:
        super().__init__(_NOWHERE)
        self.told: list[tuple[str, str, str]] = []

    async def append(self, tenant_id: str, entry: Entry) -> None:
        self.told.append((tenant_id, entry.subject, entry.outcome))


def app_of(service: str, verifier: Verifier = VERIFIER) -> Any:
    return import_module(f"services.{service}.api").make_app(Refusals(), SystemClock(), verifier)


def client(app: Any, **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        headers=headers, transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://service"
    )


def filled(path: str) -> str:
    return path.replace("{", "").replace("}", "")


@pytest.mark.parametrize("service", SERVICES)
async def test_every_route_asks_for_a_token_and_for_its_scope(service: str) -> None:
    table = {**COMMON, **import_module(f"services.{service}.scopes").SCOPES}
    app = app_of(service)
    async with client(app) as nobody, client(app, **bearer(scope="")) as somebody:
        for route, scope in table.items():
            method, path = route.split(" ")
            told = await nobody.request(method, filled(path))
            if scope == scopes.PUBLIC:
                assert path.startswith(OPEN), route
                continue
            assert told.status_code == 401, route
            assert told.headers["www-authenticate"] == 'Bearer realm="recours"'
            told = await somebody.request(method, filled(path))
            assert told.status_code == 403, route
            assert told.headers["www-authenticate"].endswith(f'error="insufficient_scope", scope="{scope}"')
            assert app.state.database.told.pop() == ("local", PERSON, "refused")
            if method != "HEAD":
                assert (told.json()["type"], told.json()["scope"]) == ("urn:recours:problem:scope-missing", scope)


@pytest.mark.parametrize("service", SERVICES)
def test_each_operation_says_its_scope_and_how_it_refuses(service: str) -> None:
    document = app_of(service).openapi()
    assert document["components"]["securitySchemes"]["bearer"]["bearerFormat"] == "JWT"
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path in ("/livez", "/readyz"):
                assert operation["security"] == []
                continue
            [[named]] = [each["bearer"] for each in operation["security"]]
            assert named in scopes.SCOPES
            assert {"401", "403"} <= operation["responses"].keys()


@pytest.mark.parametrize("needed", [{}, {"GET /a": "claims:read", "GET /b": "claims:read"}, {"GET /a": "everything"}])
def test_an_application_with_a_route_outside_of_the_table_is_not_made(needed: dict[str, str]) -> None:
    router = APIRouter()

    @router.get("/a")
    async def a() -> None: ...

    with pytest.raises(ValueError, match="scopes: missing"):
        Door(VERIFIER, needed, [router])


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "bearer x", "Bearer a.b.c", "Token x", "Bearer é.é.é"])
async def test_what_is_no_good_token_is_a_problem_that_repeats_nothing_of_it(header: str) -> None:
    async with client(app_of("ingest")) as http:
        told = await http.get("/v1/claims", headers=[(b"authorization", header.encode())])
    assert (told.status_code, told.json()["type"]) == (401, "urn:recours:problem:not-authenticated")
    assert 'error="invalid_token"' in told.headers["www-authenticate"]
    assert "a.b.c" not in told.text


async def test_two_tokens_are_none_and_a_token_elsewhere_is_none() -> None:
    token = bearer()["Authorization"]
    async with client(app_of("ingest")) as http:
        assert (await http.get("/v1/claims", headers=[("Authorization", token), ("Authorization", token)])).status_code == 401
        assert (await http.get("/v1/claims", params={"access_token": token.removeprefix("Bearer ")})).status_code == 401
        assert (await http.get("/v1/claims", headers={"Cookie": f"Authorization={token}"})).status_code == 401


async def test_a_body_of_a_stranger_is_not_read() -> None:
    read = []

    async def body():
        read.append(1)
        yield b"{}"

    async with client(app_of("ingest")) as http:
        told = await http.post("/v1/claims", content=body(), headers={"Content-Type": "application/json"})
    assert (told.status_code, told.json()["type"]) == (401, "urn:recours:problem:not-authenticated")


async def test_without_keys_nobody_is_let_in_and_the_service_says_that_it_is_not_ready(tmp_path: Path) -> None:
    keys = FileKeys(tmp_path / "jwks.json", time.time)
    app = app_of("ingest", Verifier({LOCAL_ISSUER: keys}, AUDIENCE))
    async with client(app, **bearer()) as http:
        told = await http.get("/v1/claims")
        assert (told.status_code, told.headers["retry-after"]) == (503, "5")
        assert (await http.get("/readyz")).json()["checks"]["keys"] == "Transient"
        assert (await http.get("/livez")).status_code == 200


async def test_a_service_is_let_in_to_its_own_scopes_alone() -> None:
    app = app_of("classifier")
    app.state.door.standing = NoneClosed()
    async with client(app, **own_tokens("ingest").headers("local")) as http:
        assert (await http.get("/v1/denials")).status_code == 403
        assert (await http.post("/v1/risk", content=b"x")).status_code == 400


async def test_another_tenants_things_are_not_there_whatever_a_request_says(ingest: Ingest) -> None:
    mine = await ingest.http.post("/v1/claims", json=PROFESSIONAL, headers={"Idempotency-Key": "one"})
    claim_id = mine.json()["claim_id"]
    other = {**PROFESSIONAL, "patient_control_number": "OTHER-1"}
    assert (await ingest.http.post("/v1/claims", json=other)).status_code == 201
    cursor = (await ingest.get("/v1/claims", limit=1))["next_cursor"]
    async with ingest.client("north") as north:
        assert (await north.get(f"/v1/claims/{claim_id}")).status_code == 404
        assert (await north.get(f"/v1/claims/{claim_id}/content")).status_code == 404
        assert (await north.get("/v1/claims")).json()["items"] == []
        assert (await north.get("/v1/claims", params={"cursor": cursor})).status_code == 400
        assert (await north.get("/v1/claims", params={"tenant": "local", "tenant_id": "local"})).json()["items"] == []
        named = {"X-Tenant": "local", "Recours-Tenant": "local", "ce_tenantid": "local"}
        assert (await north.get("/v1/claims", headers=named)).json()["items"] == []
        swapped = await north.post("/v1/claims", json={**PROFESSIONAL, "tenant_id": "local"})
        assert swapped.status_code == 422
        same = await north.post("/v1/claims", json=PROFESSIONAL, headers={"Idempotency-Key": "one"})
        assert (same.status_code, same.json()["claim_id"] == claim_id) == (201, False)
    assert len((await ingest.get("/v1/claims"))["items"]) == 2


async def test_a_history_names_who_the_token_says(ingest: Ingest) -> None:
    await ingest.http.post("/v1/claims", json=PROFESSIONAL)
    ingest.http.headers.update(bearer(sub="ada", jti="token-1"))
    answer = await ingest.http.put("/v1/payers/88001/rules", json={"rules": []}, headers={"If-Match": '"0"'})
    assert answer.status_code in (200, 201), answer.text
    [entry] = (await ingest.get("/v1/audit-log", subject="ada"))["items"]
    assert (entry["subject"], entry["token_id"], entry["outcome"]) == ("ada", "token-1", "changed")


async def test_a_revoked_token_is_refused_without_a_restart_and_a_rotated_key_changes_nothing(tmp_path: Path) -> None:
    folder, moment = KeyDirectory(tmp_path), [time.time()]
    folder.prepare()
    revoked = WatchedFile(folder.revoked, read_revoked, lambda: moment[0])
    keys = FileKeys(folder.jwks, lambda: moment[0])
    app = app_of("analytics", Verifier({LOCAL_ISSUER: keys}, AUDIENCE, revoked, lambda: moment[0]))
    wish = Wish("ada", "local", scopes=("tenants:admin",))
    async with client(app) as http:

        async def ask(token: str) -> httpx.Response:
            return await http.get("/v1/kpis", headers={"Authorization": f"Bearer {token}"})

        first, issued = folder.issue(wish, int(moment[0]))
        assert (await ask(first)).status_code == 403
        folder.rotate(int(moment[0]))
        second, _ = folder.issue(wish, int(moment[0]))
        assert [(await ask(token)).status_code for token in (first, second)] == [403, 403]
        folder.revoke(issued.token_id, int(moment[0]))
        moment[0] += 1
        refused = await ask(first)
        assert (refused.status_code, refused.json()["reason"]) == (401, "revoked")
        assert (await ask(second)).status_code == 403


def test_a_scope_that_no_route_asks_for_is_one_that_another_part_uses() -> None:
    asked = {scope for service in SERVICES for scope in import_module(f"services.{service}.scopes").SCOPES.values()}
    assert scopes.SCOPES.keys() - asked <= set(COMMON.values())
