"""Two tenants walk through every table and every route of every service: whatever the one has, the other neither sees nor changes.

Every table holds a row of the tenant `theirs`, all of whose ids are one id and all of whose texts are one word; then the tenant
`mine` asks every route for that id and that word. A new table or route is walked without anybody's doing; one whose ids lead to
something else than 404 has to be named here.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
from fastapi.routing import APIRoute

from deploy.local.layout import SERVICES
from deploy.local.stack import Stack
from libs.common.http.audited import action_of
from libs.common.http.paging import write_cursor
from tests.integration.http.test_contract import WITHOUT_END, served
from tests.integration.http.test_contract import fill as take_events
from tests.support import ServiceDatabase, run_apart
from tests.support.access import bearer
from tests.support.rows import ID, NUMBER, WORD, fill, superuser, tables
from tests.unit.contracts.test_audited import app_of, routes_of

# For those who run the system, who see all tenants: tests/integration/http/test_tenants_life.py.
OPERATORS: Final = {"listTenants", "getTenant", "createTenant", "putTenant", "exportTenant", "eraseTenant"}
# Addresses that name something by words which are everybody's, so that each tenant has its own under them, or none yet.
OWN_UNDER_ONE_NAME: Final = {
    "ingest": {"getPayerRules", "putPayerRules", "loadReference", "exportDeidentified"},
    "classifier": {"getCarc", "getRarc"},
    "appeals": {
        "putTeam", "getPayer", "putPayer", "getLevels", "putLevels", "listLevelsVersions", "setChecklist", "forgetChecklist",
        "getLetterTemplate", "putLetterTemplate", "listLetterTemplateVersions", "previewLetterTemplate",
    },
    "analytics": {"getKpi", "export", "getScorecards", "page.getAsset", "putNetRevenue"},
}  # fmt: skip

# What a body must say beside what its schema requires.
TOLD: Final[dict[str, dict[str, Any]]] = {
    "editFollowup": {"note": "mine"},
    "fileCase": {"level": "redetermination"},
    "fileSubmission": {"level": "redetermination"},
    "editLetter": {"paragraphs": [{"kind": "text", "text": "mine"}]},
}
# What is refused before anybody looks for the id: the channel is not set up; the service that has it is away; a form has no token.
FORMS: Final = (
    *("page.acknowledge", "page.resolve", "page.plan", "page.tryRule", "page.takeStep"),
    *("page.planAudit", "page.endSchedule", "page.cancel", "page.reassign", "page.review", "page.settle"),
)
REFUSED_BEFORE: Final = {"sendRecords": 409, "page.getDenial": 503, **dict.fromkeys(FORMS, 403)}


async def theirs(servers: Stack, database: ServiceDatabase, *, all_tables: bool = True) -> dict[str, str]:
    """Return what stands in each table of theirs, as a digest."""
    owner = await superuser(servers, database)
    found = {}
    for table in await tables(owner):
        rows = await owner.fetch(f"SELECT row::text AS told FROM {table} AS row WHERE tenant_id = 'theirs' ORDER BY 1")
        assert rows or not all_tables, table
        found[table] = hashlib.sha256(str(rows).encode()).hexdigest()
    await owner.close()
    return found


def value_of(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """Return a plain value of a schema; an id is theirs."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return value_of(next(each for each in schema[choice] if each.get("type") != "null"), schemas)
    if "const" in schema or "enum" in schema or "default" in schema:
        return schema.get("const", schema.get("default", (schema.get("enum") or [None])[0]))
    kind = schema.get("type")
    if kind == "object":
        return {name: value_of(schema["properties"][name], schemas) for name in schema.get("required", ())}
    if kind == "array":
        return [value_of(schema["items"], schemas)] * max(1, schema.get("minItems", 1))
    if kind in ("integer", "number", "boolean"):
        return max(1, int(schema.get("minimum", 1))) if kind != "boolean" else True
    told = {"uuid": ID, "date": "2026-01-01", "date-time": "2026-01-01T00:00:00Z", "uri": "https://example.com/"}
    return told.get(schema.get("format", ""), "mine".ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength", 200)])


class Walk:
    """One service, asked by the tenant `mine` for what is theirs."""

    def __init__(self, service: str, url: str) -> None:
        self.service = service
        self.document = app_of(service)[0].openapi()
        self.http = httpx.Client(base_url=url, headers=bearer("mine"), timeout=60)

    def ask(self, route: APIRoute) -> tuple[str, httpx.Response]:
        """Return what was sent, which may come back, and the answer."""
        method = next(iter(sorted(route.methods or ())))
        operation = self.document["paths"].get(route.path, {}).get(method.lower(), {})
        kinds = {each["name"]: each["schema"] for each in operation.get("parameters", ()) if each["in"] == "path"}
        path = re.sub(r"{(\w+)(:path)?}", lambda found: self._named(kinds.get(found[1], {})), route.path)
        # Theirs has a key of this name; mine may use it, once.
        headers = {"Idempotency-Key": WORD if "{" not in route.path else f"{WORD}-{uuid4()}", "If-Match": f'"{NUMBER}"'}
        asked = [each for each in operation.get("parameters", ()) if each["in"] == "query" and each.get("required")]
        schemas = self.document["components"]["schemas"]
        sent: dict[str, Any] = {"params": {each["name"]: value_of(each["schema"], schemas) for each in asked}}
        for media, told in operation.get("requestBody", {}).get("content", {}).items():
            if media == "application/json":
                sent["json"] = {**value_of(told["schema"], schemas), **TOLD.get(action_of(route), {})}
            else:
                sent["content"], headers["Content-Type"] = "mine", media
            break
        return f"{path} {sent}", self.http.request(method, path, headers=headers, **sent)

    def _named(self, schema: dict[str, Any]) -> str:
        if schema.get("type") in ("integer", "number"):
            return str(min(NUMBER, schema.get("maximum", NUMBER)))
        if schema.get("pattern", "").startswith("^[0-9]{4}-"):
            return "2026-01"  # a month, in which theirs has something too
        return str(schema["enum"][0]) if "enum" in schema else ID if schema.get("format") == "uuid" or not schema else WORD


@pytest.mark.parametrize("service", SERVICES)
def test_no_route_shows_or_changes_what_another_tenant_has(
    service: str, servers: Stack, service_database: Callable[[str], ServiceDatabase]
) -> None:
    database = service_database(service)
    run_apart(fill(servers, database))
    before = run_apart(theirs(servers, database))
    wrong: dict[str, Any] = {}
    with served(service, database) as url:
        walk = Walk(service, url)
        # The audit log of mine first: later it holds what mine asked for.
        for action, route in sorted(routes_of(app_of(service)[0]).items(), key=lambda each: each[0] != "listAuditLog"):
            if route.path == WITHOUT_END or action in OPERATORS or action.startswith(("page.swagger", "page.custom")):
                continue
            sent, answer = walk.ask(route)
            shown = {each for each in (ID, WORD, str(NUMBER)) if each in answer.text and each not in sent}
            if answer.status_code == REFUSED_BEFORE.get(action):
                continue
            if shown or answer.status_code in (401, 403) or answer.status_code >= 500:
                wrong[action] = (answer.status_code, shown, answer.text[:200])
            if "{" in route.path and answer.status_code != 404 and action not in OWN_UNDER_ONE_NAME[service]:
                wrong[action] = (answer.status_code, answer.text[:200])
    assert wrong == {}, "\n".join(f"{k}: {v}" for k, v in wrong.items())
    assert run_apart(theirs(servers, database)) == before, "nothing of theirs has changed"


@pytest.mark.parametrize("service", ["classifier", "appeals", "analytics"])
def test_an_event_that_names_another_tenant_changes_nothing_of_the_first(
    service: str, servers: Stack, service_database: Callable[[str], ServiceDatabase]
) -> None:
    """The same events, their ids too, under another `ce_tenantid`: who can write to a topic gives himself out for somebody else."""
    database = service_database(service)
    run_apart(take_events(service, database, "theirs"))
    before = run_apart(theirs(servers, database, all_tables=False))
    assert len(set(before.values())) > 5, "most tables hold something of theirs"
    run_apart(take_events(service, database, "mine"))
    assert run_apart(theirs(servers, database, all_tables=False)) == before


@pytest.mark.parametrize("service", SERVICES)
def test_a_cursor_of_another_tenant_is_none(service: str, service_database: Callable[[str], ServiceDatabase]) -> None:
    lists = {
        path: methods["get"]
        for path, methods in app_of(service)[0].openapi()["paths"].items()
        if "get" in methods and "{" not in path and any(each["name"] == "cursor" for each in methods["get"].get("parameters", ()))
    }
    assert lists
    with served(service, service_database(service)) as url, httpx.Client(base_url=url, headers=bearer("mine")) as http:
        for path in lists:
            for position in (ID, str(NUMBER), f"5:{ID}"):
                answer = http.get(path, params={"cursor": write_cursor(position, "theirs", {})})
                assert answer.status_code in (400, 422), path


def test_what_is_not_walked_is_a_page_or_a_stream() -> None:
    assert action_of(next(each for each in routes_of(app_of("analytics")[0]).values() if each.path == WITHOUT_END)) == "follow"
