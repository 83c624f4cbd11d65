"""The worklist on a real PostgreSQL: places and deadlines, leases, the clock, bulk actions, payers that somebody settles."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from deploy.local import provision
from deploy.local.layout import ROOT, Secrets
from deploy.local.stack import Stack
from libs.common.clock import FixedClock
from libs.common.database import Database
from libs.common.worker import catch_up
from services.appeals.api import make_app
from services.appeals.worklist.bulk import BulkRunner
from services.appeals.worklist.clock import CaseClock
from tests.integration.appeals.conftest import NOW
from tests.integration.consumers.conftest import Sent, Service, remit
from tests.support import ServiceDatabase, run_apart
from tests.support.access import VERIFIER, bearer

PAID = date(2026, 2, 1)
MEDICAL_NECESSITY = (("CO", "50", 100_000),)  # an appeal
PAYER = "1999999999"


def denial(pcn: str, cents: int = 100_000, *, kind: str | None = "medicare", day: date = PAID, **changed: Any) -> Sent:
    return remit(pcn, adjustments=(("CO", "50", cents),), charge=cents, payer_kind=kind, day=day, **changed)


# A worker that does bulk actions one case at a time, so that it is killed in the middle.
RUNNER = """
import asyncio, sys
from libs.common.clock import SystemClock
from libs.common.database import Database
from services.appeals.worklist.bulk import BulkRunner

async def main():
    runner = BulkRunner(Database(sys.argv[1]), SystemClock(), batch=1)
    while await runner.do_batch():
        await asyncio.sleep(0.3)

asyncio.run(main())
"""


class Office:
    """Several people at the interface of appeals, its worker's jobs, and a clock for both."""

    def __init__(self, appeals: Service, classifier: Service) -> None:
        self.appeals, self._classifier = appeals, classifier
        self.clock = FixedClock(NOW)
        self._app = make_app(appeals.api, self.clock, VERIFIER)
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(headers=bearer(), transport=transport, base_url="http://appeals")
        self.case_clock = CaseClock(appeals.worker, self.clock)
        self.bulk = BulkRunner(appeals.worker, self.clock, batch=7)

    async def denied(self, *remits: Sent) -> None:
        await self.appeals.take(*await self._classifier.take(*remits))

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def cases(self, **query: Any) -> dict[str, dict[str, Any]]:
        """Return cases by account number, in the order of the list."""
        return {each["patient_control_number"]: each for each in (await self.get("/v1/cases", **query))["items"]}

    async def send(self, method: str, path: str, body: Any, status: int = 200, key: str = "", who: str = "") -> Any:
        headers = {"Idempotency-Key": key or str(uuid4()), **(bearer(sub=who) if who else {})}
        answer = await self.http.request(method, path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def next(self, who: str, status: int = 200, **body: Any) -> Any:
        return await self.send("POST", "/v1/cases:next", body, status, who=who)

    async def warned(self) -> list[tuple[str, int]]:
        rows = await self.appeals.rows(
            "SELECT c.patient_control_number AS pcn, w.days_before FROM case_warnings AS w"
            " JOIN cases AS c USING (tenant_id, case_id) ORDER BY pcn, days_before DESC"
        )
        return [(row["pcn"], row["days_before"]) for row in rows]

    async def on(self, day: date) -> int:
        """Let the clock look at the noon of a day."""
        self.clock.at = datetime(day.year, day.month, day.day, 17, tzinfo=UTC)
        return await catch_up(self.case_clock.scan_batch)


@pytest.fixture(scope="module")
def databases(servers: Stack, templates: Callable[[str], str]) -> dict[str, ServiceDatabase]:
    """Make the two databases that all tests here share; each test begins with empty tables."""
    secrets = Secrets(servers.folder / "secrets.json")
    made = {}
    for service in ("appeals", "classifier"):
        name = f"test_worklist_{service}_{uuid4().hex[:10]}"
        run_apart(provision.make_database(servers.admin_url, service, name=name, template=templates(service)))
        urls = {role: provision.role_url(servers.admin_url, service, role, secrets, name) for role in ("owner", "api", "worker")}
        made[service] = ServiceDatabase(**{f"{role}_url": url for role, url in urls.items()})
    return made


_KEPT = ("alembic_version", "relay_position", "audit_log", "audit_chain", "audit_seals", "audit_position", "data_keys")


@pytest.fixture
async def office(databases: dict[str, ServiceDatabase]) -> AsyncIterator[Office]:
    services = []
    for name, urls in databases.items():
        owner = Database(urls.owner_url, pool_size=1)
        async with owner.begin() as tx:
            tables = (await tx.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))).scalars()
            await tx.execute(text(f"TRUNCATE {', '.join(table for table in tables if table not in _KEPT)}"))
        await owner.close()
        services.append(Service(name, Database(urls.worker_url), Database(urls.api_url)))
    made = Office(*services)
    yield made
    await made.http.aclose()
    for service in services:
        await service.worker.close()
        await service.api.close()


async def test_a_case_has_its_deadline_its_level_and_its_worth_from_the_moment_it_opens(office: Office) -> None:
    await office.denied(denial("LAW"), denial("SEEN", kind="commercial", payer_id="2"), denial("ODD", kind="other", payer_id="3"))
    found = await office.cases()
    law, seen, odd = found["LAW"], found["SEEN"], found["ODD"]
    assert (law["due_on"], law["deadline_is"], law["level"], law["place"]) == ("2026-06-06", "firm", "redetermination", "free")
    assert law["expected_cents"] == 100_000 * 51 // 100 - 8948
    assert (seen["due_on"], seen["deadline_is"], seen["level"]) == ("2026-07-31", "assumed", "internal_appeal")
    assert (odd["due_on"], odd["deadline_is"], odd["level"]) == (None, "unknown", None)
    assert set(await office.cases(deadline="unknown")) == {"ODD"}
    assert list(await office.cases(sort="deadline")) == ["LAW", "SEEN"]


async def test_lists_are_sorted_filtered_and_paged(office: Office) -> None:
    await office.denied(*(denial(f"A{number}", 50_000 + number * 1000, payer_id=str(number % 2)) for number in range(7)))
    for sort in ("newest", "deadline", "expected", "amount"):
        seen, cursor = [], None
        while True:
            page = await office.get("/v1/cases", sort=sort, limit=3, **({"cursor": cursor} if cursor else {}))
            seen += [each["patient_control_number"] for each in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert sorted(seen) == [f"A{number}" for number in range(7)]
        if sort in ("expected", "amount"):
            assert seen[0] == "A6"
    assert set(await office.cases(payer="1", carc="50")) == {"A1", "A3", "A5"}
    assert await office.cases(carc="197") == {}


async def test_next_gives_the_most_valuable_case_weighted_by_its_deadline(office: Office) -> None:
    near = NOW.date() - timedelta(days=120)  # five days are left
    await office.denied(denial("RICH", 180_000), denial("NEAR", 100_000, day=near), denial("POOR", 1_000))
    assert [(await office.next("jo"))["patient_control_number"] for _ in range(3)] == ["NEAR", "RICH", "POOR"]
    await office.next("jo", status=204)


async def test_a_lease_ends_is_renewed_and_given_back(office: Office) -> None:
    await office.denied(denial("ONE"))
    case = await office.next("jo", lease_seconds=600)
    path = f"/v1/cases/{case['case_id']}/lease"
    assert (case["holder"], case["place"]) == ("jo", "leased")
    await office.next("marie", status=204)
    await office.send("PUT", path, {}, 409, who="marie")
    await office.send("PUT", path, {"worker": "jo"}, 422, who="marie")
    office.clock.at += timedelta(seconds=500)
    await office.send("PUT", path, {"lease_seconds": 600}, who="jo")
    office.clock.at += timedelta(seconds=500)
    await office.next("marie", status=204)
    office.clock.at += timedelta(seconds=101)
    assert (await office.next("marie"))["holder"] == "marie"
    assert (await office.http.delete(path, params={"worker": "marie"}, headers=bearer(sub="jo"))).status_code == 409
    assert (await office.http.delete(path, headers=bearer(sub="marie"))).status_code == 204
    assert (await office.next("jo"))["holder"] == "jo"


async def test_of_leases_that_are_over_the_best_goes_to_who_asks_and_the_others_end(office: Office) -> None:
    await office.denied(denial("OFF", 400_000), denial("A", 300_000), denial("B", 200_000), denial("C", 100_000))
    taken = [await office.next("jo", lease_seconds=600) for _ in range(3)]
    await office.send("PATCH", f"/v1/cases/{taken[0]['case_id']}", {"snoozed_until": str(NOW.date() + timedelta(days=5))})
    await office.next("sam", lease_seconds=3600)
    office.clock.at += timedelta(seconds=601)
    assert (await office.next("marie"))["patient_control_number"] == "A"
    stands = {name: (each["place"], each["holder"]) for name, each in (await office.cases()).items()}
    assert stands == {"OFF": ("snoozed", None), "A": ("leased", "marie"), "B": ("free", None), "C": ("leased", "sam")}


async def test_next_asked_twice_under_one_key_is_one_case(office: Office) -> None:
    await office.denied(denial("ONE"), denial("TWO"))
    told = [await office.send("POST", "/v1/cases:next", {}, key="again", who="jo") for _ in range(2)]
    assert told[0]["case_id"] == told[1]["case_id"]
    await office.send("POST", "/v1/cases:next", {}, 422, key="again", who="marie")
    assert (await office.next("jo"))["case_id"] != told[0]["case_id"]


async def test_people_get_what_is_theirs_their_teams_or_nobodys(office: Office) -> None:
    await office.denied(denial("JO", 200_000), denial("TEAM", 150_000), denial("ALL", 100_000))
    found = await office.cases()
    await office.send("PATCH", f"/v1/cases/{found['JO']['case_id']}", {"assignee": "jo"})
    await office.send("PATCH", f"/v1/cases/{found['TEAM']['case_id']}", {"team": "night"})
    await office.send("PUT", "/v1/teams/night", {"members": ["marie", "sam"]})
    assert [(await office.next(who))["patient_control_number"] for who in ("marie", "marie", "jo")] == ["TEAM", "ALL", "JO"]
    await office.next("sam", status=204)
    assert set(await office.cases(team="night")) == {"TEAM"}


async def test_fifty_who_ask_at_once_never_share_a_case(office: Office) -> None:
    await office.denied(*(denial(f"P{number}", 50_000 + number) for number in range(120)))
    pool = Database(str(office.appeals.api.engine.url.render_as_string(hide_password=False)), pool_size=50)
    app = make_app(pool, office.clock, VERIFIER)
    http = httpx.AsyncClient(headers=bearer(), transport=httpx.ASGITransport(app), base_url="http://appeals")

    async def work(number: int) -> list[str]:
        who = bearer(sub=f"w{number}")
        answers = [await http.post("/v1/cases:next", json={}, headers=who) for _ in range(3)]
        return [answer.json()["case_id"] for answer in answers if answer.status_code == 200]

    taken = [case for cases in await asyncio.gather(*map(work, range(50))) for case in cases]
    await http.aclose()
    await pool.close()
    assert len(taken) == len(set(taken)) == 120
    rows = await office.appeals.rows("SELECT count(DISTINCT case_id) AS held FROM worklist WHERE place = 'leased'")
    assert rows[0]["held"] == 120


async def test_what_is_put_off_comes_back_and_never_beyond_its_deadline(office: Office) -> None:
    await office.denied(denial("ONE"))
    [case] = (await office.cases()).values()
    path = f"/v1/cases/{case['case_id']}"
    await office.send("PATCH", path, {"snoozed_until": "2026-06-07"}, 409)
    await office.send("PATCH", path, {"snoozed_until": "2026-02-28"}, 409)
    await office.send("PATCH", path, {"snoozed_until": "2026-03-10"})
    await office.next("jo", status=204)
    assert set(await office.cases(snoozed=True)) == {"ONE"}
    await office.on(date(2026, 3, 9))
    await office.next("jo", status=204)
    await office.on(date(2026, 3, 10))
    assert (await office.next("jo"))["snoozed_until"] is None
    work = await office.get(f"{path}/work")
    assert [each["changes"] for each in work["edits"]] == [{"snoozed_until": [None, "2026-03-10"]}]


async def test_each_warning_is_raised_once_and_the_case_expires_once(office: Office) -> None:
    await office.denied(denial("ONE"))  # until 2026-06-06
    for day in (date(2026, 5, 22), date(2026, 5, 23), date(2026, 5, 23), date(2026, 5, 30), date(2026, 6, 4), date(2026, 6, 6)):
        await office.on(day)
    assert await office.warned() == [("ONE", 14), ("ONE", 7), ("ONE", 2)]
    assert (await office.cases())["ONE"]["state"] == "open"
    assert [await office.on(date(2026, 6, 7)) for _ in range(2)] == [1, 0]
    [case] = (await office.cases()).values()
    assert (case["state"], case["place"]) == ("expired", "away")
    history = (await office.get(f"/v1/cases/{case['case_id']}"))["history"]
    assert [(each["command"], each["who"], each["why"]) for each in history][1:] == [("expire", "recours", "deadline_passed")]


async def test_a_day_ends_where_the_payer_is(office: Office) -> None:
    await office.denied(denial("ONE"))
    office.clock.at = datetime(2026, 6, 7, 3, 59, tzinfo=UTC)  # a minute to midnight in New York
    await catch_up(office.case_clock.scan_batch)
    assert (await office.cases())["ONE"]["state"] == "open"
    office.clock.at = datetime(2026, 6, 7, 4, 0, tzinfo=UTC)
    await catch_up(office.case_clock.scan_batch)
    assert (await office.cases())["ONE"]["state"] == "expired"


async def test_a_service_that_slept_catches_up_each_warning_once(office: Office) -> None:
    await office.denied(*(denial(f"P{number}") for number in range(5)))
    office.case_clock = CaseClock(office.appeals.worker, office.clock, batch=2)
    other = CaseClock(office.appeals.worker, office.clock, batch=2)
    office.clock.at = datetime(2026, 8, 1, tzinfo=UTC)
    await asyncio.gather(catch_up(office.case_clock.scan_batch), catch_up(other.scan_batch))
    await catch_up(office.case_clock.scan_batch)
    assert await office.warned() == [(f"P{number}", days) for number in range(5) for days in (14, 7, 2)]
    rows = await office.appeals.rows("SELECT count(*) AS n FROM case_history WHERE command = 'expire'")
    assert rows[0]["n"] == 5


async def test_a_case_that_comes_late_is_warned_of_once_and_one_that_is_over_expires(office: Office) -> None:
    await office.denied(denial("LATE", day=NOW.date() - timedelta(days=120)), denial("OVER", day=date(2025, 1, 10)))
    assert await office.warned() == [("LATE", 7), ("OVER", 2)]
    await catch_up(office.case_clock.scan_batch)
    assert {pcn: case["state"] for pcn, case in (await office.cases()).items()} == {"LATE": "open", "OVER": "expired"}


async def test_who_opens_an_expired_case_again_is_not_overruled_by_the_clock(office: Office) -> None:
    await office.denied(denial("ONE"))
    await office.on(date(2026, 6, 7))
    [case] = (await office.cases()).values()
    headers = {"If-Match": f'"{case["version"]}"', "Idempotency-Key": "again"}
    answer = await office.http.post(
        f"/v1/cases/{case['case_id']}/transitions", json={"command": "reopen", "why": "The notice came late."}, headers=headers
    )
    assert answer.status_code == 200, answer.text
    await office.on(date(2026, 6, 9))
    assert (await office.next("jo"))["state"] == "open"


async def test_settling_a_payer_reckons_its_open_cases_anew(office: Office) -> None:
    await office.denied(
        *(denial(f"P{number}", kind="medicare_advantage") for number in range(9)), denial("OTHER", kind=None, payer_id="2")
    )
    [payer, other] = (await office.get("/v1/payers", deadline="unsettled"))["items"]
    assert (payer["payer_id"], payer["unknown_cases"], payer["unsettled_cents"]) == (PAYER, 9, 900_000)
    assert other["payer_id"] == "2"
    office.http.headers.update(bearer(sub="marie"))
    body = {"path": "medicare_advantage_non_contract"}
    settled = await office.send("PUT", f"/v1/payers/{PAYER}/levels", body)
    assert [level["level"] for level in settled["in_force"]][:2] == ["plan_reconsideration", "independent_review"]
    await catch_up(office.bulk.do_batch)
    assert (await office.get(settled["reckoning"]))["done"] == 9
    assert {case["due_on"] for case in (await office.cases(payer=PAYER)).values()} == {"2026-04-07"}
    assert {case["deadline_is"] for case in (await office.cases(payer=PAYER)).values()} == {"firm"}
    again = await office.send("PUT", f"/v1/payers/{PAYER}/levels", body)
    assert (again["version"], again["reckoning"]) == (1, None)
    own = {
        "levels": [
            {
                "level": "payer_dispute",
                "window": 90,
                "effective_from": "2026-01-01",
                "source": "contract",
                "verified_on": "2026-02-01",
            }
        ]
    }
    assert (await office.send("PUT", f"/v1/payers/{PAYER}/levels", own))["version"] == 2
    await catch_up(office.bulk.do_batch)
    assert {(case["due_on"], case["level"]) for case in (await office.cases(payer=PAYER)).values()} == {
        ("2026-05-02", "payer_dispute")
    }
    history = await office.get(f"/v1/payers/{PAYER}/levels/history")
    assert [(each["version"], each["changed_by"]) for each in history] == [(2, "marie"), (1, "marie")]
    assert [each["payer_id"] for each in (await office.get("/v1/payers", deadline="unsettled"))["items"]] == ["2"]


LEVEL = {"level": "payer_dispute", "window": 9, "effective_from": "2026-01-01", "source": "x"}


async def test_levels_that_make_no_sense_are_refused(office: Office) -> None:
    for body in (
        {"path": "no_such_path"},
        {"time_zone": "Mars/Olympus"},
        {"levels": [LEVEL | {"level": "arbitration"}]},
        {"levels": [LEVEL | {"window": 0}]},
        {"levels": [LEVEL | {"source": ""}]},
        {"levels": [LEVEL, LEVEL]},
        {"levels": [LEVEL | {"counted_from": "service"}]},
    ):
        await office.send("PUT", f"/v1/payers/{PAYER}/levels", body, 422)


async def test_the_registry_keeps_how_a_payer_is_reached_by_version(office: Office) -> None:
    await office.denied(denial("ONE"))
    entry = {
        "name": "Example Plan",
        "addresses": [{"purpose": "appeals", "lines": ["PO Box 1"]}],
        "channels": [{"channel": "portal", "files_max": 10, "next_check_days": 60}],
    }
    told = await office.send("PUT", f"/v1/payers/{PAYER}", entry)
    assert (told["name"], told["version"], told["entry"]["channels"][0]["files_max"]) == ("Example Plan", 1, 10)
    assert (await office.send("PUT", f"/v1/payers/{PAYER}", entry))["version"] == 1
    assert (await office.get(f"/v1/payers/{PAYER}"))["rules_seen"][0]["rule"] == "medicare_redetermination"
    await office.send("PUT", f"/v1/payers/{PAYER}", {"channels": [{"channel": "pigeon"}]}, 422)


async def test_one_decision_for_two_hundred_cases_survives_a_kill_in_the_middle(office: Office) -> None:
    await office.denied(*(denial(f"P{number}") for number in range(20)), denial("ELSE", payer_id="2"))
    cases = await office.cases(limit=200)
    done = next(case for case in cases.values() if case["patient_control_number"] == "P3")
    headers = {"If-Match": '"1"', "Idempotency-Key": "first"}
    wrote = {"command": "write_off", "why": "before"}
    assert (await office.http.post(f"/v1/cases/{done['case_id']}/transitions", json=wrote, headers=headers)).status_code == 200
    body = {
        "chosen": {"payer": PAYER, "carc": "50", "open_only": False},
        "command": "write_off",
        "why": "Not worth a contest.",
    }
    begun = await office.send("POST", "/v1/cases:bulk", body, 202, key="bulk")
    assert (await office.send("POST", "/v1/cases:bulk", body, 202, key="bulk"))["bulk_id"] == begun["bulk_id"]
    path = f"/v1/bulk-actions/{begun['bulk_id']}"
    url = office.appeals.worker.engine.url.render_as_string(hide_password=False)
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", RUNNER, url, cwd=ROOT)
    while (await office.get(path))["passed"] < 3:  # noqa: ASYNC110 - another process does the work
        await asyncio.sleep(0.02)
    killed.kill()
    assert await killed.wait() == -9
    assert (await office.get(path))["state"] == "running"
    await catch_up(BulkRunner(office.appeals.worker, office.clock, batch=7).do_batch)
    told = await office.get(path)
    assert (told["state"], told["total"], told["passed"], told["done"], told["refused"]) == ("done", 20, 20, 19, 1)
    [refused] = (await office.get(f"{path}/refusals"))["items"]
    assert (refused["case_id"], refused["reason"]) == (done["case_id"], "not-allowed")
    rows = await office.appeals.rows(
        "SELECT count(*) AS n, count(DISTINCT case_id) AS d FROM case_history WHERE command = 'write_off'"
    )
    assert (rows[0]["n"], rows[0]["d"]) == (20, 20)
    assert (await office.cases(payer="2"))["ELSE"]["state"] == "open"


async def test_a_bulk_action_edits_cancels_and_asks_for_one_thing_and_a_filter(office: Office) -> None:
    await office.denied(*(denial(f"P{number}") for number in range(9)))
    edit = {"team": "night", "add_tags": ["outage", "july"]}
    begun = await office.send("POST", "/v1/cases:bulk", {"chosen": {"payer": PAYER}, "edit": edit}, 202)
    await catch_up(office.bulk.do_batch)
    assert len(await office.cases(team="night", tag="outage")) == 9
    await office.send("POST", f"/v1/bulk-actions/{begun['bulk_id']}/cancel", None, 409)
    stopped = await office.send("POST", "/v1/cases:bulk", {"chosen": {"tag": "july"}, "edit": {"remove_tags": ["july"]}}, 202)
    await office.bulk.do_batch()
    await office.send("POST", f"/v1/bulk-actions/{stopped['bulk_id']}/cancel", None)
    await catch_up(office.bulk.do_batch)
    assert len(await office.cases(tag="july")) == 2
    await office.send("POST", "/v1/cases:bulk", {"chosen": {}, "edit": edit}, 422)
    await office.send("POST", "/v1/cases:bulk", {"chosen": {"payer": PAYER}}, 422)
    await office.send("POST", "/v1/cases:bulk", {"chosen": {"payer": PAYER}, "edit": edit, "command": "withdraw", "why": "x"}, 422)
    assert [each["kind"] for each in (await office.get("/v1/bulk-actions"))["items"]] == ["edit", "edit"]


async def test_cases_of_one_payer_and_category_go_out_together(office: Office) -> None:
    await office.denied(denial("A"), denial("B"), denial("C", payer_id="2"))
    begun = await office.send("POST", "/v1/submissions", {"payer": PAYER, "category": "medical_necessity"}, 201)
    fill = {"chosen": {"carc": "50"}, "submission_id": begun["submission_id"]}
    bulk = await office.send("POST", "/v1/cases:bulk", fill, 202)
    await catch_up(office.bulk.do_batch)
    told = await office.get(f"/v1/bulk-actions/{bulk['bulk_id']}")
    assert (told["done"], told["refused"]) == (2, 1)
    found = await office.cases(submission_id=begun["submission_id"])
    assert set(found) == {"A", "B"}
    path = f"/v1/submissions/{begun['submission_id']}"
    assert (await office.http.delete(f"{path}/cases/{found['A']['case_id']}")).status_code == 204
    assert (await office.get(path))["cases"] == 1


async def test_after_an_uphold_the_next_level_has_its_own_deadline(office: Office) -> None:
    await office.denied(denial("ONE"))
    [case] = (await office.cases()).values()
    path = f"/v1/cases/{case['case_id']}"

    async def change(name: str, body: dict[str, Any], version: int) -> None:
        headers = {"If-Match": f'"{version}"', "Idempotency-Key": str(uuid4())}
        answer = await office.http.post(f"{path}/{name}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text

    filing = {"action": "appeal", "level": "redetermination", "channel": "portal", "why": "The records show why."}
    await change("file", filing, 1)
    assert (await office.get(path))["place"] == "away"
    office.clock.at += timedelta(days=40)
    await change("outcome", {"outcome": "upheld", "decided_on": "2026-04-01", "why": "The letter says so."}, 2)
    upheld = await office.get(path)
    assert (upheld["place"], upheld["level"], upheld["due_on"]) == ("free", "reconsideration", "2026-10-03")


async def test_why_a_deadline_is_its_day_is_told_and_evidence_of_receipt_moves_it(office: Office) -> None:
    await office.denied(denial("ONE"))
    [case] = (await office.cases()).values()
    path = f"/v1/cases/{case['case_id']}"
    clock = (await office.get(f"{path}/deadlines"))["clocks"][0]
    assert (clock["rule"], clock["trigger"], clock["trigger_on"]) == ("redetermination", "receipt", "2026-02-06")
    assert clock["source"].startswith("42 CFR 405.942")
    await office.send("PATCH", path, {"received_on": "2026-01-31"}, 409)
    assert (await office.send("PATCH", path, {"received_on": "2026-02-20"}))["due_on"] == "2026-06-20"
    assert (await office.send("PATCH", path, {"received_on": None}))["due_on"] == "2026-06-06"


async def test_comments_mention_people_and_stay(office: Office) -> None:
    await office.denied(denial("ONE"), denial("TWO"))
    one = (await office.cases())["ONE"]
    path = f"/v1/cases/{one['case_id']}/comments"
    body = {"words": "The letter is with the physician.", "mentions": ["jo"]}
    for _ in range(2):
        await office.send("POST", path, body, 201, key="comment")
    [comment] = (await office.get(path))["items"]
    assert (comment["author"], comment["words"], comment["mentions"]) == ("local", body["words"], ["jo"])
    assert set(await office.cases(mentioned="jo")) == {"ONE"}
    await office.send("POST", path, body | {"words": ""}, 422)


async def test_a_new_judgement_keeps_who_has_a_case_and_a_retraction_takes_it_off_the_worklist(office: Office) -> None:
    told = denial("ONE")
    [event] = await office._classifier.take(told)
    await office.appeals.take(event)
    [case] = (await office.cases()).values()
    await office.send("PATCH", f"/v1/cases/{case['case_id']}", {"assignee": "jo"})
    [retracted] = await office._classifier.take(
        remit("ONE", adjustments=(("CO", "50", -100_000),), charge=-100_000, status="22", payer_kind="medicare", day=PAID)
    )
    await office.appeals.take(retracted)
    [case] = (await office.cases()).values()
    assert (case["state"], case["place"], case["assignee"]) == ("retracted", "away", "jo")
    await office.next("jo", status=204)
