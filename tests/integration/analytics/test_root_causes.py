"""Root causes over HTTP, on facts as the handlers record them: found, drilled into, and refused where the question is none."""

import re
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import UUID

import pytest

from services.analytics.facts import Fact, Refused
from tests.integration.analytics.conftest import NOW, Analytics
from tests.unit.analytics.facts import claim, denial, on, remit

PERIOD = {"from": "2026-01-01", "to": "2026-03-31"}


def answered(number: int, service: str, days: int, *, refused: bool, payer_id: str = "P1") -> list[Fact]:
    """Make a claim with one line and its answer."""
    told: list[Fact] = [
        claim(number, payer_id=payer_id, place="11", services=(service,), provider=f"D{number % 3}"),
        remit(number, days, 0 if refused else 8_000, claim_number=number, payer_id=payer_id, services=(service,)),
    ]
    if refused:
        reason = Refused(1, "coding_bundling", "4", 10_000)
        told.append(denial(number, days, payer_id=payer_id, category="coding_bundling", reasons=(reason,)))
    return told


def accounts() -> list[list[Fact]]:
    """Make 600 claims of two payers; from day 40 on P1 refuses every G0283 with modifier 59."""
    told = []
    for number in range(1, 601):
        service, days, payer_id = ("G0283:59", "A4550", "E0601")[number % 3], number // 8, ("P1", "P2")[number // 3 % 2]
        refused = (service, payer_id) == ("G0283:59", "P1") and days >= 40
        told.append(answered(number, service, days, refused=refused, payer_id=payer_id))
    return told


async def found_in(analytics: Analytics, **query: Any) -> dict[str, Any]:
    answer = await analytics.http.get("/v1/root-causes", params={**PERIOD, **query})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_cause_is_found_and_leads_to_its_claims(analytics: Analytics) -> None:
    await analytics.tell(*accounts())
    found = await found_in(analytics)
    assert (found["lines"], found["claims"]) == (600, 600)
    (cause,) = found["items"]
    assert {each["dimension"] for each in cause["conditions"]} >= {"payer"}
    assert (cause["category"], cause["began_on"]) == ("coding_bundling", on(40).isoformat())
    assert cause["now"]["rate"] == 1.0
    assert cause["before"]["refused"] == 0
    assert cause["denied_cents"] == 10_000 * cause["claims"]
    assert "Since February 14, 2026" in cause["sentence"]
    assert cause["suggested_rule"]["kind"] == "refused"  # with all its conditions: a wider rule would warn of what is paid
    assert (cause["suggested_rule"]["procedure_codes"], cause["suggested_rule"]["only"]["modifiers"]) in (
        (["G0283"], []),
        (["G0283"], ["59"]),
        ([], ["59"]),
    )
    assert cause["no_rule_because"] is None
    path, pages, cursor = f"/v1/root-causes/{cause['root_cause_id']}/claims", [], None
    while True:
        page = (await analytics.http.get(path, params={**PERIOD, "limit": 15, **({"cursor": cursor} if cursor else {})})).json()
        pages += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(pages) == cause["claims"] == len({each["claim_id"] for each in pages})
    assert sum(each["denied_cents"] for each in pages) == cause["denied_cents"]
    assert [each["payment_on"] for each in pages] == sorted((each["payment_on"] for each in pages), reverse=True)
    assert pages[0]["services"] == ["G0283:59"]
    assert pages[0]["denial_id"] is not None


async def test_the_page_of_a_cause_shows_its_own_claims_page_by_page(analytics: Analytics) -> None:
    await analytics.tell(*accounts())
    (cause,) = (await found_in(analytics))["items"]
    looked = await analytics.http.get("/root-causes", params={**PERIOD, "payer": "P2", "category": "coding_bundling"})
    (path,) = {unescape(each) for each in re.findall(r'href="(/root-causes/[^"]*/claims[^"]*)"', looked.text)}
    assert f"from={cause['began_on']}" in path
    shown: list[str] = []
    while path:
        page = await analytics.http.get(path)
        assert page.status_code == 200
        shown += re.findall(r'href="/denials/([0-9a-f-]{36})', page.text)
        more = re.search(r'href="([^"]*cursor=[^"]*)#list"', page.text)
        path = unescape(more[1]) if more else ""
    assert len(shown) == len(set(shown)) == cause["claims"] > 25
    assert (await analytics.http.get("/root-causes/x/claims")).status_code == 404
    assert (await analytics.http.get(f"/root-causes/{cause['root_cause_id']}/claims?cursor=x")).status_code == 404


async def test_what_is_refused_beside_a_cause_is_counted_with_it(analytics: Analytics) -> None:
    told = []
    for number in range(1, 401):
        payer_id, services = ("P1", "P2")[number % 2], (("E0601", "A4550"), ("A4550", "J1885"))[number // 2 % 2]
        each: list[Fact] = [
            claim(number, payer_id=payer_id, place="11", services=services, provider=f"D{number % 3}"),
            remit(number, number // 8, 0, claim_number=number, payer_id=payer_id, services=services),
        ]
        if (payer_id, services[0]) == ("P1", "E0601"):
            reason = Refused(0, "duplicate", "18", 10_000)  # the whole claim
            each.append(denial(number, number // 8, payer_id=payer_id, category="duplicate", reasons=(reason,)))
        told.append(each)
    await analytics.tell(*told)
    (cause,) = (await found_in(analytics))["items"]
    assert [(each["dimension"], each["value"]) for each in cause["conditions"]] == [("payer", "P1"), ("procedure", "E0601")]
    assert (cause["claims"], cause["now"]["refused"], cause["denied_cents"]) == (100, 100, 100 * 10_000)
    page = (await analytics.http.get(f"/v1/root-causes/{cause['root_cause_id']}/claims", params={**PERIOD, "limit": 200})).json()
    assert [(each["denied_cents"], each["services"]) for each in page["items"]] == [(10_000, ["E0601"])] * 100


async def test_a_search_is_narrowed_by_period_filter_and_category(analytics: Analytics) -> None:
    await analytics.tell(*accounts())
    assert (await found_in(analytics, filter=["payer:P2"]))["items"] == []
    assert (await found_in(analytics, filter=["payer:NOBODY"]))["lines"] == 0
    assert (await found_in(analytics, category="authorization"))["items"] == []
    assert (await found_in(analytics, to=on(30).isoformat()))["items"] == []
    assert len((await found_in(analytics, filter=["payer:P1"], category="coding_bundling"))["items"]) == 1
    assert (await found_in(analytics, affected_min=500))["items"] == []
    assert (await analytics.http.get("/v1/root-causes")).json()["from"] == (NOW.date() - timedelta(days=364)).isoformat()


async def test_a_limit_cuts_what_costs_least_of_the_categories_that_are_asked_for(analytics: Analytics) -> None:
    """P1 refuses every G0283 (the better explained, at 100 cents) and half of A4550 for another reason (the dearer)."""
    told = []
    for number in range(1, 801):
        service, payer_id = ("G0283", "A4550", "E0601", "J1885")[number % 4], ("P1", "P2")[number // 4 % 2]
        each: list[Fact] = [
            claim(number, payer_id=payer_id, place="11", services=(service,), provider="D1"),
            remit(number, number // 10, 0, claim_number=number, payer_id=payer_id, services=(service,)),
        ]
        if (service, payer_id) == ("G0283", "P1"):
            reasons = (Refused(1, "duplicate", "18", 100),)
            each.append(denial(number, number // 10, 100, payer_id=payer_id, category="duplicate", reasons=reasons))
        if (service, payer_id) == ("A4550", "P1") and number // 8 % 2:
            reasons = (Refused(1, "authorization", "197", 90_000),)
            each.append(denial(number, number // 10, 90_000, payer_id=payer_id, reasons=reasons))
        told.append(each)
    await analytics.tell(*told)
    every = (await found_in(analytics))["items"]
    assert [each["category"] for each in every] == ["authorization", "duplicate"]
    for query, category in (
        ({}, "authorization"),
        ({"category": "duplicate"}, "duplicate"),
        ({"category": "authorization"}, "authorization"),
    ):
        (only,) = (await found_in(analytics, limit=1, **query))["items"]
        assert only["category"] == category


async def test_a_claim_told_again_counts_once_and_a_new_judgement_takes_the_place_of_the_old(analytics: Analytics) -> None:
    await analytics.tell(*accounts())
    await analytics.tell(*accounts())
    (cause,) = (await found_in(analytics))["items"]
    again = [
        [denial(number, days=number // 8, version=2, category="authorization", denied_cents=10_000)]
        for number in range(1, 601)
        if number % 3 == 0 and number // 3 % 2 == 0 and number // 8 >= 40
    ]
    assert len(again) == cause["claims"]
    for facts in again:
        await analytics.tell(facts, first=facts[0].remit_id.int)
    (changed,) = (await found_in(analytics))["items"]
    assert (changed["category"], changed["claims"]) == ("authorization", cause["claims"])


async def test_a_finding_holds_the_payers_rule_that_would_have_warned_of_it(analytics: Analytics) -> None:
    told = [answered(number, "E0601" if number % 3 else "A4550", number // 8, refused=False) for number in range(1, 401)]
    for number in range(1, 401):
        if number % 3:
            reason = Refused(1, "authorization", "197", 10_000)
            told[number - 1].append(denial(number, number // 8, reasons=(reason,)))
    await analytics.tell(
        *told, *(answered(number, "E0601", number // 8, refused=False, payer_id="P2") for number in range(401, 601))
    )
    (cause,) = (await found_in(analytics))["items"]
    assert [(each["dimension"], each["value"]) for each in cause["conditions"]] == [("payer", "P1"), ("procedure", "E0601")]
    assert cause["suggested_rule"] == {
        "kind": "prior_authorization", "effective_from": NOW.date().isoformat(), "procedure_codes": ["E0601"], "revenue_codes": [],
        "only": None,
    }  # fmt: skip


async def test_one_tenant_sees_nothing_of_another(analytics: Analytics) -> None:
    await analytics.tell(*accounts())
    (cause,) = (await found_in(analytics))["items"]
    analytics.tenant = "somebody else"
    analytics.http = analytics.client()
    assert (await found_in(analytics))["lines"] == 0
    page = await analytics.http.get(f"/v1/root-causes/{cause['root_cause_id']}/claims", params=PERIOD)
    assert page.json()["items"] == []


@pytest.mark.parametrize(
    ("query", "status", "problem"),
    [
        ({"from": "2026-02-01", "to": "2026-01-01"}, 422, "bad-period"),
        ({"from": "1826-01-01", "to": "2026-01-01"}, 422, "bad-period"),
        ({"from": "0001-01-01"}, 422, "bad-period"),
        ({"filter": "colour:SMITH"}, 422, "unknown-group"),
        ({"filter": "payer"}, 422, "unknown-group"),
        ({"limit": "0"}, 422, "invalid-request"),
        ({"affected_min": "SMITH"}, 422, "invalid-request"),
    ],
)
async def test_a_question_that_is_none_is_refused_and_not_echoed(
    analytics: Analytics, query: dict[str, str], status: int, problem: str
) -> None:
    answer = await analytics.http.get("/v1/root-causes", params=query)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:recours:problem:{problem}")
    assert "SMITH" not in answer.text


async def test_an_id_that_is_none_leads_nowhere(analytics: Analytics) -> None:
    for told in ("x", "AAAA", str(UUID(int=1)), "WyJhIixbXV0"):
        answer = await analytics.http.get(f"/v1/root-causes/{told}/claims")
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:recours:problem:not-found")
