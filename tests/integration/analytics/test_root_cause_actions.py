"""Actions against root causes: planned once, moved on by one table, measured; and a payer's rule made of a finding, tried first."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from libs.common.clock import FixedClock
from libs.common.database import Database
from services.analytics.api import make_app
from services.analytics.causes import naming
from services.analytics.causes.ingest import Rules
from services.analytics.causes.naming import Named
from services.analytics.facts import Claim, Fact
from services.ingest.api import make_app as make_ingest
from tests.integration.analytics.conftest import NOW, Analytics
from tests.integration.analytics.test_root_causes import answered
from tests.support.access import VERIFIER, bearer, own_tokens
from tests.unit.analytics.facts import on, remit

CAUSE = naming.write(Named("coding_bundling", (("payer", "P1"), ("procedure", "G0283"), ("modifier", "59"))))
PATH = f"/v1/root-causes/{CAUSE}/actions"
BODY = {"owner": "Coding lead", "due_on": "2026-03-01", "change": "59 only with a note", "expected_rate": 0.1}
BY = {"by": "Coding lead"}
Json = dict[str, Any]


async def planned(analytics: Analytics, key: str = "one", **told: Any) -> Json:
    answer = await analytics.http.post(PATH, json=BODY | told, headers={"Idempotency-Key": key})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def step(analytics: Analytics, action: Json, name: str, **told: Any) -> httpx.Response:
    return await analytics.http.post(f"/v1/root-cause-actions/{action['action_id']}/steps", json={"step": name, **BY, **told})


async def test_an_action_is_planned_once_and_moves_on_as_its_table_says(analytics: Analytics) -> None:
    action = await planned(analytics)
    assert (action["state"], action["next_steps"], action["category"]) == (
        "planned",
        ["start", "finish", "cancel"],
        "coding_bundling",
    )
    assert (await planned(analytics))["action_id"] == action["action_id"]
    other = await analytics.http.post(PATH, json=BODY | {"owner": "Else"}, headers={"Idempotency-Key": "one"})
    assert (other.status_code, other.json()["type"]) == (422, "urn:recours:problem:idempotency-key-reused")
    assert (await analytics.http.post(PATH, json=BODY)).status_code == 400
    assert (await step(analytics, action, "start")).json()["state"] == "started"
    assert len((await step(analytics, action, "start")).json()["history"]) == 2
    done = (await step(analytics, action, "finish", effective_on="2026-02-14", note="trained")).json()
    assert (done["state"], done["effective_on"], done["history"][-1]["note"]) == ("done", "2026-02-14", "trained")
    again = await step(analytics, action, "finish", effective_on="2026-02-14", note="trained")
    assert (again.status_code, len(again.json()["history"])) == (200, 3)
    for told in ({"effective_on": "2026-02-20", "note": "trained"}, {"effective_on": "2026-02-14", "note": "and shown"}):
        other = await step(analytics, action, "finish", **told)
        assert (other.status_code, other.json()["type"]) == (409, "urn:recours:problem:not-now")
    assert (await step(analytics, action, "finish", note="trained")).json()["effective_on"] == "2026-02-14"
    refused = await step(analytics, action, "cancel")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:recours:problem:not-now")
    assert (await step(analytics, action, "reopen")).json()["effective_on"] is None
    anew = (await step(analytics, action, "finish", effective_on="2026-02-20")).json()
    assert (anew["state"], anew["effective_on"]) == ("done", "2026-02-20")
    assert (await step(analytics, action, "reopen")).json()["state"] == "started"
    assert (await step(analytics, action, "cancel", effective_on="2026-02-14")).status_code == 422


async def test_actions_are_listed_by_cause_and_state_and_belong_to_their_tenant(analytics: Analytics) -> None:
    actions = [await planned(analytics, key=str(number)) for number in range(3)]
    await step(analytics, actions[0], "cancel")
    page = (await analytics.http.get("/v1/root-cause-actions", params={"root_cause_id": CAUSE, "limit": 2})).json()
    assert [each["action_id"] for each in page["items"]] == [actions[2]["action_id"], actions[1]["action_id"]]
    rest = {"root_cause_id": CAUSE, "limit": 2, "cursor": page["next_cursor"]}
    assert len((await analytics.http.get("/v1/root-cause-actions", params=rest)).json()["items"]) == 1
    assert len((await analytics.http.get("/v1/root-cause-actions", params={"state": "planned"})).json()["items"]) == 2
    analytics.tenant = "somebody else"
    analytics.http = analytics.client()
    assert (await analytics.http.get(f"/v1/root-cause-actions/{actions[0]['action_id']}")).status_code == 404
    assert (await analytics.http.get("/v1/root-cause-actions")).json()["items"] == []


@pytest.mark.parametrize(
    "told",
    [
        {"owner": ""},
        {"owner": "A\nB"},
        {"due_on": "soon"},
        {"due_on": "0001-01-01"},
        {"change": " "},
        {"expected_rate": 1.5},
        {"more": 1},
    ],
)
async def test_an_action_that_is_none_is_refused(analytics: Analytics, told: Json) -> None:
    answer = await analytics.http.post(PATH, json=BODY | told, headers={"Idempotency-Key": "bad"})
    assert answer.status_code == 422
    assert (await analytics.http.post("/v1/root-causes/x/actions", json=BODY, headers={"Idempotency-Key": "x"})).status_code == 404


def accounts() -> list[list[Fact]]:
    """P1 refuses every G0283 with modifier 59 up to day 40, and none from then on; one in five of the others all the time."""
    told = []
    for number in range(1, 801):
        service = "G0283:59" if number % 2 else "A4550"
        refused = number // 10 < 40 if number % 2 else number % 10 == 0
        told.append(sent(number // 10, answered(number, service, number // 10, refused=refused)))
    return told


def sent(days: int, facts: list[Fact]) -> list[Fact]:
    return [replace(fact, known_on=on(days)) if isinstance(fact, Claim) else fact for fact in facts]


async def test_an_action_is_measured_by_the_claims_that_were_sent_since(analytics: Analytics) -> None:
    """Answers take 21 days: of those in the 30 days from the change on most are to claims that were sent before it."""
    told = []
    for number in range(1, 801):
        service, day = "G0283:59" if number % 2 else "A4550", number // 10
        refused = day < 40 if number % 2 else number % 10 == 0
        told.append(sent(day, answered(number, service, day + 21, refused=refused)))
    await analytics.tell(*told)
    unmatched: list[list[Fact]] = [
        [remit(number, 45, 8_000, claim_number=None, services=("A4550",))] for number in range(2_001, 2_006)
    ]
    await analytics.tell(*unmatched, first=2_001)
    action = await planned(analytics)
    await step(analytics, action, "finish", effective_on=on(40).isoformat())
    found = (await analytics.http.get(f"/v1/root-cause-actions/{action['action_id']}/effect", params={"days": 30})).json()
    assert (found["verdict"], found["by_payment_day"]) == ("worked", 5)
    assert found["with_cause"] == {
        "before": {"claims": 150, "refused": 150, "rate": 1.0},
        "after": {"claims": 150, "refused": 0, "rate": 0.0},
    }
    assert found["beside"]["after"]["claims"] == 150 + 5


async def test_an_action_that_worked_is_seen_to(analytics: Analytics) -> None:
    await analytics.tell(*accounts())
    action = await planned(analytics, began_on=on(5).isoformat())
    path = f"/v1/root-cause-actions/{action['action_id']}/effect"
    assert (await analytics.http.get(path)).status_code == 409
    await step(analytics, action, "finish", effective_on=on(40).isoformat())
    found = (await analytics.http.get(path, params={"days": 40})).json()
    assert (found["verdict"], found["reached_expected"], found["apart_before"]) == ("worked", True, False)
    assert found["difference"] == pytest.approx(-1, abs=0.01)
    assert found["before_from"] == on(5).isoformat()
    assert found["with_cause"] == {
        "before": {"claims": 175, "refused": 175, "rate": 1.0},
        "after": {"claims": 200, "refused": 0, "rate": 0.0},
    }
    assert found["beside"]["after"] == {"claims": 200, "refused": 40, "rate": 0.2}
    assert found["avoided_claims"] == pytest.approx(200, abs=2)
    assert (await analytics.http.get(path, params={"days": 7})).json()["verdict"] == "worked"
    assert (await analytics.http.get(path, params={"days": 1})).status_code == 422


class Way(httpx.AsyncBaseTransport):
    """The way to ingest. `meet`: changes wait here until so many are on it."""

    def __init__(self, beyond: httpx.AsyncBaseTransport) -> None:
        self._beyond = beyond
        self.meet: asyncio.Barrier | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.meet is not None and request.method == "PUT":
            await self.meet.wait()
        return await self._beyond.handle_async_request(request)


@pytest.fixture
async def ingest(service_database: Callable[[str], Any]) -> AsyncIterator[Way]:
    database = Database(service_database("ingest").api_url)
    yield Way(httpx.ASGITransport(make_ingest(database, FixedClock(NOW), VERIFIER)))
    await database.close()


@pytest.fixture
async def beside_ingest(analytics: Analytics, ingest: Way) -> AsyncIterator[httpx.AsyncClient]:
    """Analytics' interface, whose ingest is the real one."""
    app = make_app(analytics.api, FixedClock(NOW), VERIFIER)
    app.state.rules = Rules("http://ingest", own_tokens("analytics"), ingest)
    async with httpx.AsyncClient(
        headers=bearer(analytics.tenant), transport=httpx.ASGITransport(app), base_url="http://analytics"
    ) as http:
        yield http


async def test_of_two_rules_made_live_at_once_none_is_lost(beside_ingest: httpx.AsyncClient, ingest: Way) -> None:
    """Both have read the same version before either writes: one goes live, the other is told to try again."""
    paths = [
        f"/v1/root-causes/{naming.write(Named('authorization', (('payer', 'P9'), ('procedure', code))))}/rule"
        for code in ("E0601", "A4550")
    ]
    live = {"effective_from": "2026-03-01", "dry_run": False, "version": 0}
    ingest.meet = asyncio.Barrier(2)
    answers = await asyncio.gather(*(beside_ingest.post(path, json=live) for path in paths))
    ingest.meet = None
    assert sorted(each.status_code for each in answers) == [200, 409]
    (late, path), *_ = ((each, path) for each, path in zip(answers, paths, strict=True) if each.status_code == 409)
    assert late.json()["type"] == "urn:recours:problem:rules-changed"
    assert (await beside_ingest.post(path, json=live | {"version": 1})).json()["state"] == "live"
    assert [(await beside_ingest.post(path, json=live | {"version": 2})).json()["state"] for path in paths] == ["live_already"] * 2


async def test_a_rule_is_no_wider_than_its_cause(beside_ingest: httpx.AsyncClient) -> None:
    cause = naming.write(
        Named(
            "coding_bundling",
            (
                ("payer", "P8"),
                ("facility", "1999999984"),
                ("provider", "1999999976"),
                ("place", "11"),
                ("claim_type", "professional"),
                ("diagnosis", "M54"),
                ("procedure", "G0283"),
                ("modifier", "59"),
            ),
        )
    )
    path, body = f"/v1/root-causes/{cause}/rule", {"effective_from": "2026-03-01"}
    tried = (await beside_ingest.post(path, json=body)).json()
    assert tried["rule"] == {
        "kind": "refused",
        "effective_from": "2026-03-01",
        "procedure_codes": ["G0283"],
        "revenue_codes": [],
        "only": {
            "modifiers": ["59"],
            "rendering_npis": ["1999999976"],
            "billing_npis": ["1999999984"],
            "facility_codes": ["11"],
            "claim_types": ["professional"],
            "diagnosis_prefixes": ["M54"],
        },
    }
    assert (await beside_ingest.post(path, json=body | {"dry_run": False, "version": 0})).json()["state"] == "live"
    assert (await beside_ingest.post(path, json=body)).json()["state"] == "live_already"
    wider = naming.write(Named("coding_bundling", (("payer", "P8"), ("procedure", "G0283"))))
    assert (await beside_ingest.post(f"/v1/root-causes/{wider}/rule", json=body)).json()["state"] == "tried"


async def test_a_finding_becomes_a_payers_rule_that_is_tried_first(beside_ingest: httpx.AsyncClient, analytics: Analytics) -> None:
    cause = naming.write(Named("authorization", (("payer", "P1"), ("procedure", "E0601"))))
    path, body = f"/v1/root-causes/{cause}/rule", {"effective_from": "2026-03-01"}
    tried = (await beside_ingest.post(path, json=body)).json()
    assert (tried["state"], tried["version"]) == ("tried", 0)
    assert (tried["rule"]["kind"], tried["rule"]["procedure_codes"]) == ("prior_authorization", ["E0601"])
    assert tried["dry_run"]["warnings"] == ["There are no claims of this payer yet: nothing is known of what the rules would do."]
    untried = await beside_ingest.post(path, json=body | {"dry_run": False})
    assert (untried.status_code, untried.json()["type"]) == (422, "urn:recours:problem:not-tried")
    live = (await beside_ingest.post(path, json=body | {"dry_run": False, "version": 0})).json()
    assert (live["state"], live["version"]) == ("live", 1)
    changed = await beside_ingest.post(path, json=body | {"dry_run": False, "version": 0})
    assert (changed.status_code, changed.json()["type"]) == (409, "urn:recours:problem:rules-changed")
    assert (await beside_ingest.post(path, json=body | {"dry_run": False, "version": 1})).json()["state"] == "live_already"
    other = naming.write(Named("authorization", (("payer", "P1"), ("procedure", "A4550"))))
    both = (await beside_ingest.post(f"/v1/root-causes/{other}/rule", json=body | {"dry_run": False, "version": 1})).json()
    assert both["version"] == 2
    coded = naming.write(Named("coding_bundling", (("payer", "P1"), ("coder", "C1"), ("procedure", "G0283"))))
    none = await beside_ingest.post(f"/v1/root-causes/{coded}/rule", json=body)
    assert (none.status_code, none.json()["type"]) == (422, "urn:recours:problem:no-rule")
    assert "coders" in none.json()["detail"]
    odd = naming.write(Named("authorization", (("payer", "P1"), ("procedure", "not a code"))))
    refused = await beside_ingest.post(f"/v1/root-causes/{odd}/rule", json=body)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:recours:problem:rule-refused")
    away = await analytics.http.post(path, json=body)
    assert (away.status_code, away.json()["type"]) == (503, "urn:recours:problem:ingest-unavailable")
