"""The life of a tenant: suspended by an operator, refused at every door a second later, and resumed; nobody else is touched."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from deploy.local.layout import SERVICES
from libs.common.clock import FixedClock, SystemClock
from libs.common.database import Database
from libs.common.errors import Transient
from libs.common.retention.forgetting import Forgetter
from libs.common.tenants import standing
from libs.common.tenants import store as tenants
from services.analytics.reports import store as reports
from services.analytics.retention import KINDS
from services.ingest.claims.examples import PROFESSIONAL
from tests.integration.client.conftest import Run, recours
from tests.integration.http.test_contract import served
from tests.support import ServiceDatabase
from tests.support.access import VERIFIER, bearer, own_tokens

__all__ = ["recours"]

READ = {"ingest": "/v1/claims", "classifier": "/v1/denials", "appeals": "/v1/cases", "analytics": "/v1/alerts"}
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
Databases = dict[str, ServiceDatabase]


@pytest.fixture(scope="module")
def databases(service_database: Callable[[str], ServiceDatabase]) -> Databases:
    return {service: service_database(service) for service in SERVICES}


class Moment:
    """A clock of doors: it stands still until it is moved."""

    at = 0.0

    def __call__(self) -> float:
        return self.at


class Served:
    """One service as several processes of it answer: each has a door of its own."""

    def __init__(self, service: str, urls: ServiceDatabase) -> None:
        self.service = service
        self.moment = Moment()
        self.database = Database(urls.api_url)

    def process(self) -> Any:
        app = import_module(f"services.{self.service}.api").make_app(self.database, SystemClock(), VERIFIER)
        app.state.pseudonym_key = b"a key for tests alone"
        app.state.door.standing = standing.Standing(self.moment)
        return app


def client(app: Any, headers: dict[str, str]) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers)


@pytest.fixture(params=SERVICES)
async def each(request: pytest.FixtureRequest, databases: Databases) -> AsyncIterator[Served]:
    made = Served(request.param, databases[request.param])
    yield made
    await made.database.close()


@pytest.fixture
async def ingest(databases: Databases) -> AsyncIterator[Served]:
    made = Served("ingest", databases["ingest"])
    yield made
    await made.database.close()


OPERATOR = bearer("house", scope="tenants:admin", sub="olga")


def told(state: str, why: str = "unpaid") -> dict[str, str]:
    return {"state": state, "why": why}


async def test_a_suspended_tenant_is_refused_by_each_process_a_second_later_and_let_in_again(each: Served) -> None:
    near, far, path = each.process(), each.process(), READ[each.service]
    async with (
        client(near, OPERATOR) as operator,
        client(near, bearer("north")) as north,
        client(far, bearer("north")) as north_far,
    ):
        assert [(await one.get(path)).status_code for one in (north, north_far)] == [200, 200]
        answer = await operator.put("/v1/tenants/north", json=told("suspended"))
        assert (answer.status_code, answer.json()["state"], answer.json()["changed_by"]) == (200, "suspended", "olga")
        refused = await north.get(path)
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:recours:problem:tenant-suspended")
        assert (await north_far.get(path)).status_code == 200, "another process was told less than a second ago"
        each.moment.at += standing.LOOK_SECONDS
        assert (await north_far.get(path)).status_code == 403
        async with client(near, bearer("south")) as south, client(far, own_tokens("analytics").headers("north")) as neighbour:
            assert (await south.get(path)).status_code == 200, "nobody else is touched"
            if each.service != "analytics":  # which nobody asks
                assert (await neighbour.get(path)).status_code == 200, "our own services go on"
        assert (await north.get("/livez")).status_code == (await north.get("/v1/outbox")).status_code == 200
        assert (await operator.put("/v1/tenants/north", json=told("active", "paid"))).status_code == 200
        each.moment.at += standing.LOOK_SECONDS
        assert [(await one.get(path)).status_code for one in (north, north_far)] == [200, 200]
        entries = (await north.get("/v1/audit-log", params={"object": "north"})).json()["items"]
        assert [(one["subject"], one["action"], one["outcome"]) for one in entries] == [("olga", "putTenant", "changed")] * 2
        refusals = (await north.get("/v1/audit-log", params={"outcome": "refused"})).json()["items"]
        assert len(refusals) == 2, "what was refused stands in the tenant's own log"


async def test_a_body_of_a_suspended_tenant_changes_nothing(ingest: Served) -> None:
    app = ingest.process()
    async with client(app, OPERATOR) as operator, client(app, bearer("east")) as east:
        await operator.put("/v1/tenants/east", json=told("suspended"))
        assert (await east.post("/v1/claims", json=PROFESSIONAL)).status_code == 403
        await operator.put("/v1/tenants/east", json=told("active"))
        assert (await east.get("/v1/claims")).json()["items"] == []


async def test_a_tenants_own_manager_may_not_suspend_nor_resume_nor_see_who_is(ingest: Served) -> None:
    app = ingest.process()
    manager = bearer("east", scope=None, roles=["manager", "auditor"])
    async with client(app, manager) as east:
        for answer in (
            await east.put("/v1/tenants/east", json=told("active")),
            await east.get("/v1/tenants"),
            await east.get("/v1/tenants/east"),
        ):
            assert (answer.status_code, answer.json()["scope"]) == (403, "tenants:admin")
    async with client(app, bearer("house", scope=None, roles=["operator"])) as operator:
        assert (await operator.get("/v1/tenants")).status_code == 200


async def test_an_operator_of_a_suspended_tenant_can_let_it_go_on(ingest: Served) -> None:
    app = ingest.process()
    async with client(app, bearer("house2")) as operator:
        await operator.put("/v1/tenants/house2", json=told("suspended"))
        assert (await operator.get("/v1/claims")).status_code == 403
        assert (await operator.put("/v1/tenants/house2", json=told("active"))).status_code == 200
        assert (await operator.get("/v1/claims")).status_code == 200


async def test_tenants_are_listed_page_by_page_and_found_by_name(ingest: Served) -> None:
    async with client(ingest.process(), OPERATOR) as operator:
        names = [f"pages-{letter}" for letter in "dacb"]
        for name in names:
            await operator.put(f"/v1/tenants/{name}", json=told("suspended" if name != "pages-c" else "active"))
        found: list[str] = []
        cursor = None
        while True:
            query = {"limit": "2", "state": "suspended"} | ({"cursor": cursor} if cursor else {})
            page = (await operator.get("/v1/tenants", params=query)).json()
            found += [item["tenant_id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert [name for name in found if name.startswith("pages-")] == ["pages-a", "pages-b", "pages-d"]
        assert (await operator.get("/v1/tenants/pages-c")).json()["state"] == "active"
        assert (await operator.get("/v1/tenants/never-heard-of")).status_code == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"why": "x"}, {"state": "suspended"}, {"legal_hold": 1, "why": "x"},
     {"state": "gone", "why": "x"}, {"state": "active", "why": ""}, {"state": "active", "why": "a\nb"},
     {"state": "active", "why": "x" * 501}, {"state": "active", "why": "x", "tenant_id": "north"}],
)  # fmt: skip
async def test_what_is_no_state_is_refused(ingest: Served, body: dict[str, str]) -> None:
    async with client(ingest.process(), OPERATOR) as operator:
        assert (await operator.put("/v1/tenants/wrong", json=body)).status_code == 422
        assert (await operator.get("/v1/tenants/wrong")).status_code == 404
        assert (await operator.put(f"/v1/tenants/{'x' * 65}", json=told("active"))).status_code == 422


async def test_a_hold_and_a_suspension_leave_one_another_alone(ingest: Served) -> None:
    async with client(ingest.process(), OPERATOR) as operator:

        async def put(**change: Any) -> tuple[Any, ...]:
            row = (await operator.put("/v1/tenants/held", json=change)).json()
            return row["state"], row["why"], row["legal_hold"], row["hold_why"]

        assert await put(legal_hold=True, why="matter 12") == ("active", "", True, "matter 12")
        assert await put(state="suspended", why="unpaid") == ("suspended", "unpaid", True, "matter 12")
        assert await put(legal_hold=False, why="settled") == ("suspended", "unpaid", False, "settled")
        assert await put(state="active", legal_hold=True, why="both") == ("active", "both", True, "both")


async def test_reports_and_messages_of_a_tenant_under_legal_hold_are_not_forgotten(databases: Databases) -> None:
    worker = Database(databases["analytics"].worker_url)
    left, sent = dict[str, int](), dict[str, int]()
    for tenant in ("keeps", "forgets"):
        async with worker.begin(tenant) as tx:
            await tenants.put(tx, tenant, tenants.Change(None, tenant == "keeps", "matter 12", "olga"), LONG_AGO)
            schedule = reports.Schedule(tenant, uuid4(), "kpis", "csv", "weekly", True, LONG_AGO.date(), LONG_AGO)
            await reports.insert_schedule(tx, schedule)
            for day in (1, 2, 3):
                on = date(2020, 1, day)
                made = reports.Report(tenant, uuid4(), schedule.schedule_id, schedule.what, "csv", True, on, on, 0, LONG_AGO)
                await reports.insert(tx, made, [], 1)
            await tx.execute(text("INSERT INTO webhook_sequences VALUES (:t, 1)"), {"t": tenant})
            message = (
                "INSERT INTO webhook_messages (tenant_id, message_id, type, occurred_at, told) VALUES (:t, :m, 'x', :at, '{}')"
            )
            await tx.execute(text(message), {"t": tenant, "m": uuid4(), "at": LONG_AGO})
    assert await Forgetter(worker, FixedClock(LONG_AGO + timedelta(days=31)), KINDS).forget() == 1
    async with worker.begin() as tx:
        for table, found in (("reports", left), ("webhook_messages", sent)):
            rows = await tx.execute(text(f"SELECT tenant_id, count(*) FROM {table} GROUP BY 1"))
            found.update({row[0]: row[1] for row in rows})
    assert (left, sent) == ({"keeps": 3, "forgets": 1}, {"keeps": 1})
    await worker.close()


class Away(Database):
    """A database that is away while `is_away`."""

    is_away = True

    def begin(self, tenant_id: str | None = None) -> Any:
        if self.is_away:
            raise Transient("away")
        return super().begin(tenant_id)


async def test_while_the_database_is_away_what_it_said_last_holds_and_without_that_nobody_is_let_in(databases: Databases) -> None:
    database, moment = Away(databases["classifier"].api_url), Moment()
    door = standing.Standing(moment)
    with pytest.raises(Transient):
        await door.closed_as(database, "west")
    moment.at += standing.LOOK_SECONDS
    database.is_away = False
    async with client(Served("classifier", databases["classifier"]).process(), OPERATOR) as operator:
        await operator.put("/v1/tenants/west", json=told("suspended"))
    assert await door.closed_as(database, "west") == "suspended"
    database.is_away = True
    moment.at += 3600
    assert (await door.closed_as(database, "west"), await door.closed_as(database, "south")) == ("suspended", None)
    await database.close()


def test_the_command_suspends_in_all_services_and_names_the_one_that_does_not_answer(
    databases: Databases, recours: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served("ingest", databases["ingest"]) as ingest_url, served("appeals", databases["appeals"]) as appeals_url:
        monkeypatch.setenv("RECOURS_INGEST_URL", ingest_url)
        monkeypatch.setenv("RECOURS_APPEALS_URL", appeals_url)
        for away in ("CLASSIFIER", "ANALYTICS"):
            monkeypatch.setenv(f"RECOURS_{away}_URL", "http://127.0.0.1:9")
        status, out, err = recours("tenants", "suspend", "clinic 7", "--why", "unpaid", "--json")
        lines = {one["service"]: one for one in map(json.loads, out.splitlines())}
        assert status == 1
        assert [lines[name]["tenant"]["state"] for name in ("ingest", "appeals")] == ["suspended"] * 2
        assert [lines[name]["problem"]["type"] for name in ("classifier", "analytics")] == ["unreachable"] * 2
        asked = httpx.get(f"{ingest_url}/v1/claims", headers=bearer("clinic 7"))
        assert (asked.status_code, asked.json()["type"]) == (403, "urn:recours:problem:tenant-suspended")
        status, out, err = recours("tenants", "list", "--service", "appeals", "--state", "suspended")
        assert (status, "clinic 7" in out, "unpaid" in out) == (0, True, True)
        status, out, err = recours("tenants", "resume", "clinic 7", "--why", "paid")
        assert (status, "Not done in classifier, analytics" in err) == (1, True)
        assert recours("tenants", "hold", "clinic 7", "--why", "matter 12", "--service", "ingest")[0] == 0
        assert "matter 12" in recours("tenants", "list", "--service", "ingest")[1]
        status, out, err = recours("tenants", "release", "clinic 7", "--why", "settled", "--service", "ingest", "--json")
        assert (status, json.loads(out)["tenant"]["legal_hold"]) == (0, False)
        assert recours("tenants", "resume", "clinic 7", "--why", "paid", "--service", "ingest")[0] == 0
        assert httpx.get(f"{ingest_url}/v1/claims", headers=bearer("clinic 7")).status_code == 200
    assert recours("tenants", "list", "--service", "nobody")[0] == 2


def test_the_commands_of_retention_say_it_and_show_it_and_the_one_of_the_export_writes_a_file(
    databases: Databases, recours: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with served("ingest", databases["ingest"]) as ingest_url:
        monkeypatch.setenv("RECOURS_INGEST_URL", ingest_url)
        assert recours("retention", "set", "ingest", "files", "365")[0] == 0
        status, out, _ = recours("retention", "list", "--service", "ingest", "--json")
        kept = {each["kind"]: each["days"] for each in json.loads(out)["retention"]["items"]}
        assert (status, kept["files"], kept["claim-patients"]) == (0, 365, 2557)
        assert "365" in recours("retention", "list", "--service", "ingest")[1]
        status, _, err = recours("retention", "set", "ingest", "files", "1")
        assert (status, "30 to 36500 days" in " ".join(err.split())) == (2, True), err
        assert json.loads(recours("retention", "reset", "ingest", "files", "--json")[1])["days"] == 2557
        lines = tmp_path / "lines.csv"
        assert recours("deidentify", "claim-lines", "-o", lines, "--year", "2025")[0] == 0
        assert lines.read_text().startswith("claim,line,claim_type")
