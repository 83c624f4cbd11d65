"""The consumers' HTTP interfaces: filters, pages, problems that never echo what was sent, dead letters."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from aiokafka import ConsumerRecord

from libs.common.clock import FixedClock
from libs.common.database import Database
from libs.common.messaging import dead_letters, outbox
from services.analytics.api import make_app as make_analytics
from services.appeals.api import make_app as make_appeals
from services.classifier.api import make_app as make_classifier
from tests.integration.consumers.conftest import PATIENT, Service, remit, reversal, service
from tests.support.access import VERIFIER, bearer

MAKE: dict[str, Callable[..., Any]] = {"classifier": make_classifier, "appeals": make_appeals, "analytics": make_analytics}


def client(service: Service, tenant: str = "local") -> httpx.AsyncClient:
    app = MAKE[service.name](service.api, FixedClock(datetime(2026, 3, 1, tzinfo=UTC)), VERIFIER)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(headers=bearer(tenant), transport=transport, base_url="http://service")


@pytest.fixture(params=list(MAKE))
async def each(request: pytest.FixtureRequest, service_database: Any) -> AsyncIterator[Service]:
    async for made in service(request.param, service_database):
        yield made


@pytest.fixture
async def filled(classifier: Service) -> AsyncIterator[httpx.AsyncClient]:
    """Three denials in two payers, two categories, two days; one is retracted; one is another tenant's."""
    await classifier.take(
        remit("ACCT-1", day=date(2026, 1, 1), claim_id=UUID(int=7)),
        remit("ACCT-2", day=date(2026, 1, 2), payer_id="2", adjustments=[("CO", "29", 10000)]),
        remit("ACCT-3", day=date(2026, 1, 3)),
        reversal("ACCT-3", day=date(2026, 1, 4)),
        remit("ACCT-1", tenant="other"),
    )
    async with client(classifier) as asking:
        yield asking


@pytest.mark.parametrize(
    ("asked", "accounts"),
    [
        ({}, ["ACCT-3", "ACCT-2", "ACCT-1"]),
        ({"status": "active"}, ["ACCT-2", "ACCT-1"]),
        ({"status": "retracted"}, ["ACCT-3"]),
        ({"payer": "2"}, ["ACCT-2"]),
        ({"category": "timely_filing"}, ["ACCT-2"]),
        ({"claim_id": str(UUID(int=7))}, ["ACCT-1"]),
        ({"pcn": "acct 1"}, ["ACCT-1"]),
        ({"pcn": "ACCT"}, []),
        ({"from": "2026-01-02", "to": "2026-01-02"}, ["ACCT-2"]),
        ({"from": "2026-01-02"}, ["ACCT-3", "ACCT-2"]),
        ({"status": "active", "category": "authorization"}, ["ACCT-1"]),
    ],
)
async def test_denials_are_chosen_by_each_filter(asked: dict[str, str], accounts: list[str], filled: httpx.AsyncClient) -> None:
    answer = await filled.get("/v1/denials", params=asked)
    assert answer.status_code == 200, answer.text
    assert [item["patient_control_number"] for item in answer.json()["items"]] == accounts


async def test_each_action_filters_to_its_denials(filled: httpx.AsyncClient) -> None:
    for item in (await filled.get("/v1/denials")).json()["items"]:
        chosen = (await filled.get("/v1/denials", params={"action": item["action"]})).json()["items"]
        assert item["denial_id"] in {each["denial_id"] for each in chosen}
        assert {each["action"] for each in chosen} == {item["action"]}


async def test_pages_hold_every_denial_once(filled: httpx.AsyncClient) -> None:
    seen, cursor = [], None
    while True:
        page = (await filled.get("/v1/denials", params={"limit": 1} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [item["patient_control_number"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["ACCT-3", "ACCT-2", "ACCT-1"]


async def test_one_denial_is_shown_and_anothers_is_not_there(filled: httpx.AsyncClient, classifier: Service) -> None:
    (mine,) = (await filled.get("/v1/denials", params={"pcn": "ACCT-1"})).json()["items"]
    assert (await filled.get(f"/v1/denials/{mine['denial_id']}")).json() == mine
    async with client(classifier, "other") as other:
        (theirs,) = (await other.get("/v1/denials")).json()["items"]
        assert (await other.get(f"/v1/denials/{mine['denial_id']}")).status_code == 404
    assert (await filled.get(f"/v1/denials/{theirs['denial_id']}")).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/v1/nothing", 404, "not-found"),
        ("DELETE", "/v1/ledger", 405, "method-not-allowed"),
        ("GET", "/v1/ledger?from=2026-02-01&to=2026-01-01", 422, "bad-period"),
        ("GET", "/v1/ledger?from=SMITH", 422, "invalid-request"),
        ("GET", "/v1/dead-letters?limit=0", 422, "invalid-request"),
        ("GET", "/v1/dead-letters?cursor=SMITH", 400, "bad-cursor"),
        ("GET", f"/v1/dead-letters/{UUID(int=1)}", 404, "not-found"),
        ("POST", f"/v1/dead-letters/{UUID(int=1)}/replay", 404, "not-found"),
    ],
)
async def test_errors_are_problems_of_a_stable_type(method: str, path: str, status: int, kind: str, each: Service) -> None:
    async with client(each) as asking:
        answer = await asking.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    told = answer.json()
    assert (told["type"], told["status"]) == (f"urn:recours:problem:{kind}", status)
    assert "SMITH" not in answer.text


GOOD: dict[str, Any] = {
    "charge_cents": 100,
    "paid_cents": 0,
    "adjustments": [{"group_code": "CO", "carc": "197", "amount_cents": 100}],
}
BAD_BODIES: dict[str, tuple[bytes, int]] = {
    "empty": (b"", 422),
    "not JSON": (b"{SMITH", 400),
    "NaN": (b'{"charge_cents": NaN}', 400),
    "Infinity": (b'{"charge_cents": -Infinity}', 400),
    "an infinite float": (json.dumps(GOOD).replace("100", "1e999").encode(), 422),
    "NaN in a string": (json.dumps({**GOOD, "charge_cents": "NaN SMITH"}).encode(), 422),
    "a lone surrogate": (b'{"claim_status_code": "\\ud800 SMITH"}', 400),
    "a NUL": (b'{"claim_status_code": "SMITH\\u0000"}', 400),
    "not UTF-8": (b'{"claim_status_code": "\xff"}', 400),
    "too deep": (b'{"a":' * 100 + b"1" + b"}" * 100, 400),
    "far too deep": (b"[" * 200_000, 400),
    "over a mebibyte": (b'{"x": "' + b"SMITH" * 250_000 + b'"}', 413),
    "a number of 5000 digits": (b'{"charge_cents": 1' + b"0" * 5000 + b"}", 400),
    "a huge number": (json.dumps({**GOOD, "charge_cents": 10**16}).encode(), 422),
    "a negative line": (json.dumps({**GOOD, "adjustments": [{**GOOD["adjustments"][0], "line": -1}]}).encode(), 422),
    "a float": (json.dumps({**GOOD, "charge_cents": 1.5}).encode(), 422),
    "a truth": (json.dumps({**GOOD, "charge_cents": True}).encode(), 422),
    "a list": (b"[]", 422),
    "a string": (b'"SMITH"', 422),
    "20,001 adjustments": (
        json.dumps(
            {**GOOD, "adjustments": [{"group_code": "CO", "carc": "1", "amount_cents": 1}] * 20_001}, separators=(",", ":")
        ).encode(),
        422,
    ),
    "a name as a key": (json.dumps({**GOOD, "rarcs": {"SMITH": ["N1"]}}).encode(), 422),
    "a name as an unknown field": (json.dumps({**GOOD, "context": {"SMITH": True}}).encode(), 422),
    "a name as a kind": (json.dumps({**GOOD, "payer_kind": "SMITH"}).encode(), 422),
}


@pytest.mark.parametrize("case", BAD_BODIES)
async def test_a_bad_body_is_a_problem_that_echoes_nothing(case: str, classifier: Service) -> None:
    body, status = BAD_BODIES[case]
    for content_type in ("application/json", "application/vnd.claim+json; charset=utf-8"):
        async with client(classifier) as asking:
            answer = await asking.post("/v1/classify", content=body, headers={"content-type": content_type})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text[:300]
        assert "SMITH" not in answer.text


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", None])
async def test_what_is_no_json_is_an_unsupported_media_type(content_type: str | None, classifier: Service) -> None:
    async with client(classifier) as asking:
        headers = {"content-type": content_type} if content_type else {}
        answer = await asking.post("/v1/classify", content=json.dumps(GOOD), headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (415, "urn:recours:problem:unsupported-media-type")


async def test_a_negative_amount_is_judged_and_nothing_is_kept(classifier: Service) -> None:
    turned = {"charge_cents": -100, "paid_cents": 0, "adjustments": [{"group_code": "CO", "carc": "197", "amount_cents": -100}]}
    async with client(classifier) as asking:
        assert (await asking.post("/v1/classify", json=turned)).json()["is_denial"] is False
        assert (await asking.post("/v1/classify", json=GOOD)).json()["is_denial"] is True
        assert (await asking.get("/v1/denials")).json()["items"] == []


async def test_a_bug_of_ours_is_a_problem_without_its_text(classifier: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("SMITH")

    monkeypatch.setattr("services.classifier.verdict.classify", fail)
    async with client(classifier) as asking:
        answer = await asking.post("/v1/classify", json=GOOD)
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json()["type"] == "urn:recours:problem:internal-error"
    assert "SMITH" not in answer.text


@pytest.mark.parametrize("name", MAKE)
async def test_without_its_database_a_service_lives_is_not_ready_and_says_when_to_come_again(name: str) -> None:
    database = Database("postgresql://nobody:nothing@127.0.0.1:1/nowhere")
    async with client(Service(name, database, database)) as asking:
        assert (await asking.get("/livez")).status_code == 200
        ready = await asking.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]) == (503, {"database": "Transient", "keys": "ok"})
        answer = await asking.get("/v1/ledger")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:recours:problem:unavailable")
    assert int(answer.headers["retry-after"]) > 0
    await database.close()


async def test_a_ready_service_says_so(each: Service) -> None:
    async with client(each) as asking:
        assert (await asking.get("/readyz")).status_code == 200


async def test_the_ledger_is_the_same_in_all_and_has_its_bounds(classifier: Service, appeals: Service, analytics: Service) -> None:
    batch = [remit(day=date(2026, 1, day)) for day in (1, 2, 3)] + [remit(tenant="other"), reversal(day=date(2026, 1, 3))]
    books = []
    for consuming in (classifier, appeals, analytics):
        await consuming.take(*batch)
        async with client(consuming) as asking:
            whole = (await asking.get("/v1/ledger")).json()
            part = (await asking.get("/v1/ledger", params={"from": "2026-01-02", "to": "2026-01-03"})).json()
        assert [day["day"] for day in part["days"]] == ["2026-01-02", "2026-01-03"]
        assert (part["totals"]["remits"], part["totals"]["charge_cents"]) == (3, 10000)
        books.append(whole)
    assert books[0] == books[1] == books[2]
    assert books[0]["totals"] == {
        "remits": 4, "charge_cents": 20000, "paid_cents": 0, "adjustment_cents": 20000, "adjustments_by_group": {"CO": 20000},
        "unbalanced_cents": 0,
    }  # fmt: skip


async def test_cases_are_listed_and_shown_with_their_history(classifier: Service, appeals: Service) -> None:
    await appeals.take(*await classifier.take(remit("ACCT-1"), remit("ACCT-2"), remit("ACCT-3", tenant="other")))
    await appeals.take(*await classifier.take(reversal("ACCT-1")))
    async with client(appeals) as asking:
        (open_case,) = (await asking.get("/v1/cases", params={"state": "open"})).json()["items"]
        (closed,) = (await asking.get("/v1/cases", params={"pcn": "acct 1"})).json()["items"]
        detail = (await asking.get(f"/v1/cases/{closed['case_id']}")).json()
        assert len((await asking.get("/v1/cases")).json()["items"]) == 2
        assert (await asking.get(f"/v1/cases/{uuid4()}")).status_code == 404
    assert (open_case["patient_control_number"], closed["state"]) == ("ACCT-2", "retracted")
    assert [(row["version"], row["state"], row["why"]) for row in detail["history"]] == [
        (1, "open", "denial_classified"),
        (2, "retracted", "denial_retracted"),
    ]


async def test_the_denial_rate_is_by_claims_and_dollars_in_each_grouping(classifier: Service, analytics: Service) -> None:
    batch = [
        remit("A", day=date(2026, 1, 1)),
        remit("B", day=date(2026, 1, 1), payer_id="2", adjustments=PATIENT),
        remit("C", day=date(2026, 1, 2), adjustments=[("CO", "197", 2500)]),
        remit("D", day=date(2026, 1, 2)),
        reversal("D", day=date(2026, 1, 2)),
        remit("E", day=date(2026, 1, 2), status="25"),
        remit("F", tenant="other"),
    ]
    await analytics.take(*batch, *await classifier.take(*batch))
    async with client(analytics) as asking:
        by = {
            group: (await asking.get("/v1/denial-rate", params={"group_by": group})).json()
            for group in ("payer", "category", "day")
        }
        first = (await asking.get("/v1/denial-rate", params={"from": "2026-01-01", "to": "2026-01-01"})).json()
        assert (await asking.get("/v1/denial-rate", params={"group_by": "SMITH"})).status_code == 422
        assert (await asking.get("/v1/denial-rate?from=2026-01-02&to=2026-01-01")).status_code == 422
    totals = by["payer"]["totals"]
    assert (totals["claims"], totals["denied_claims"], totals["charge_cents"], totals["denied_cents"]) == (3, 2, 30000, 12500)
    assert (totals["denial_rate_claims"], totals["denial_rate_dollars"]) == (0.666667, 0.416667)
    counted = {group: {row["key"]: (row["claims"], row["denied_claims"]) for row in told["groups"]} for group, told in by.items()}
    assert counted == {
        "payer": {"1999999999": (2, 2), "2": (1, 0)},
        "category": {"authorization": (3, 2)},
        "day": {"2026-01-01": (2, 1), "2026-01-02": (1, 1)},
    }
    assert (first["totals"]["claims"], first["totals"]["denied_claims"]) == (2, 1)


def letter(offset: int, tenant: str | None, key: bytes | None = b"a-key") -> tuple[ConsumerRecord, tuple[Any, ...]]:
    headers = (("ce_tenantid", tenant.encode()),) if tenant else ()
    record = ConsumerRecord("remit.received", 0, offset, 1, 0, key, b"\xff{SMITH", None, 5, 7, headers)
    return record, dead_letters.outbox_row(record, "not_json", "classifier")


async def bury(service: Service, *rows: tuple[Any, ...]) -> None:
    async with service.worker.begin() as tx:
        await outbox.append_rows(tx, rows)


@pytest.mark.parametrize("tenant", ["local", None])
async def test_a_dead_letter_is_listed_shown_and_replayed_once(tenant: str | None, classifier: Service) -> None:
    record, row = letter(7, tenant)
    await bury(classifier, row, letter(8, "other")[1])
    async with client(classifier) as asking:
        (listed,) = (await asking.get("/v1/dead-letters")).json()["items"]
        assert (listed["offset"], listed["reason"], listed["replayed_at"]) == (7, "not_json", None)
        shown = (await asking.get(f"/v1/dead-letters/{listed['dead_letter_id']}")).json()
        assert shown["value"] == "/3tTTUlUSA=="
        answers = await asyncio.gather(*(asking.post(f"/v1/dead-letters/{listed['dead_letter_id']}/replay") for _ in range(3)))
        assert sorted(answer.status_code for answer in answers) == [202, 409, 409]
        (listed,) = (await asking.get("/v1/dead-letters")).json()["items"]
        assert listed["replayed_at"] is not None
    again = await classifier.rows("SELECT payload, aggregateid FROM outbox WHERE aggregatetype = 'remit.received'")
    assert again == [{"payload": record.value, "aggregateid": "a-key"}]


async def test_a_record_whose_key_is_no_text_is_kept_and_not_sent_again(classifier: Service) -> None:
    await bury(classifier, letter(7, "local", b"\x00\x01")[1])
    async with client(classifier) as asking:
        (listed,) = (await asking.get("/v1/dead-letters")).json()["items"]
        answer = await asking.post(f"/v1/dead-letters/{listed['dead_letter_id']}/replay")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:recours:problem:not-replayable")
