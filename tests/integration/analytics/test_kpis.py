"""Key figures over HTTP: values beside their definitions, groups, filters, comparisons, as of a day, and bad questions."""

import asyncio
from datetime import date
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from services.analytics import queries
from services.analytics.kpis.definitions import KPIS
from tests.integration.analytics.conftest import Analytics
from tests.unit.analytics.facts import answer, claim, closing, decision, denial, filing, on, remit

DENIED = [claim(), answer(), remit(), denial()]
PAID = [claim(facility="F2"), answer(), remit(paid=9_000, payer_id="P2")]


async def test_every_figure_answers_with_its_definition_or_says_why_it_has_no_number(analytics: Analytics) -> None:
    await analytics.tell([*DENIED, filing(), decision()], PAID)
    listed = (await analytics.http.get("/v1/kpis")).json()["items"]
    assert [each["id"] for each in listed] == [kpi.id for kpi in KPIS]
    for told in listed:
        found = await analytics.ask(told["id"], **{"from": "2026-01-01", "to": "2026-03-31"})
        if told["reason"] is not None:
            assert (found["total"], found["kpi"]) == (None, told)
            assert told["needs"]
        elif told["id"] == "cost-to-rework":
            assert found["total"] is None
            assert "PUT /v1/finance/rework-cost" in found["kpi"]["reason"]
        else:
            assert found["kpi"] == told
            assert found["total"]["numerator"] >= 0


async def test_a_rate_has_its_parts_groups_labels_and_filters(analytics: Analytics) -> None:
    await analytics.tell(DENIED, PAID)
    found = await analytics.ask("initial-denial-rate", group_by="payer")
    assert found["total"] == {"value": 0.5, "numerator": 1, "denominator": 2}
    assert [(each["keys"], each["value"]) for each in found["groups"]] == [({"payer": "P1"}, 1.0), ({"payer": "P2"}, 0.0)]
    by_category = await analytics.ask("initial-denial-rate", group_by=["category", "month"])
    assert [(each["keys"], each["denominator"]) for each in by_category["groups"]] == [
        ({"category": "authorization", "month": "2026-01-01"}, 2)
    ]
    filtered = await analytics.ask("initial-denial-rate", filter=["facility:F2", "facility:F9"])
    assert filtered["total"] == {"value": 0.0, "numerator": 0, "denominator": 1}


async def test_a_filter_that_matches_nothing_and_an_empty_period_have_no_value(analytics: Analytics) -> None:
    await analytics.tell(DENIED)
    questions: tuple[dict[str, Any], ...] = ({"filter": "payer:NOBODY"}, {"from": "2020-01-01", "to": "2020-12-31"})
    for asked in questions:
        found = await analytics.ask("initial-denial-rate", group_by="payer", **asked)
        assert found["total"] == {"value": None, "numerator": 0, "denominator": 0}
        assert found["groups"] == []
    assert (await analytics.ask("denied-dollars", filter="payer:NOBODY"))["total"]["value"] == 0


async def test_a_past_month_asked_as_of_a_day_stays_what_it_was(analytics: Analytics) -> None:
    january: dict[str, Any] = {"from": "2026-01-01", "to": "2026-01-31"}
    await analytics.tell(DENIED, PAID)
    await analytics.end_days(date(2026, 1, 31))
    then = await analytics.ask("denied-dollars-open", as_of="2026-01-31", **january)
    assert then["total"]["value"] == 10_000
    late = [remit(3, 25, claim_number=3, known_on=date(2026, 3, 20)), claim(3), denial(3, 25, known_on=date(2026, 3, 20))]
    overturned = [denial(version=2, is_active=False, known_on=date(2026, 3, 10)), decision(days=60)]
    await analytics.tell(overturned, [], late)
    assert await analytics.ask("denied-dollars-open", as_of="2026-01-31", **january) == then
    assert (await analytics.ask("denied-dollars-open", **january))["total"]["value"] == 10_000  # the late one
    rates = [
        (await analytics.ask("initial-denial-rate", **january, **more))["total"]["value"] for more in ({"as_of": "2026-02-28"}, {})
    ]
    assert rates == [0.5, 0.666667]
    assert then["is_final"] is True
    assert (await analytics.ask("denied-dollars", as_of="2026-03-31"))["is_final"] is False


async def test_overturn_rates_are_cohorts_of_closed_cases_by_level(analytics: Analytics) -> None:
    won = [remit(), denial(), filing(), decision()]
    lost = [remit(), denial(), filing(), decision(recovered=0), filing(2, days=60, level="second")]
    still_open = [remit(), denial(), filing()]
    await analytics.tell(won, lost, still_open)
    found = await analytics.ask("overturn-rate", group_by="level", **{"from": "2026-01-01", "to": "2026-01-31"})
    assert [(each["keys"]["level"], each["numerator"], each["denominator"]) for each in found["groups"]] == [("first", 1, 2)]
    assert (await analytics.ask("days-to-appeal"))["total"] == {"value": 10.0, "numerator": 30, "denominator": 3}
    assert (await analytics.ask("appeals-in-time"))["total"] == {"value": 1.0, "numerator": 4, "denominator": 4}


async def test_a_period_is_compared_with_the_one_before_and_with_a_year_ago(analytics: Analytics) -> None:
    await analytics.tell(DENIED, [claim(known_on=on(40)), remit(days=45, paid=9_000)])
    found = await analytics.ask("initial-denial-rate", compare_to="previous", **{"from": "2026-02-01", "to": "2026-02-28"})
    assert (found["compared"]["from"], found["compared"]["to"]) == ("2026-01-01", "2026-01-31")
    assert (found["total"]["value"], found["compared"]["value"], found["compared"]["change"]) == (0.0, 1.0, -1.0)
    year = await analytics.ask("initial-denial-rate", compare_to="year", **{"from": "2027-01-01", "to": "2027-01-31"})
    assert (year["compared"]["from"], year["compared"]["value"], year["compared"]["change"]) == ("2026-01-01", 1.0, None)


async def test_receivables_are_a_state_of_an_evening_by_age(analytics: Analytics) -> None:
    await analytics.tell([claim()], [claim(known_on=on(80), charge_cents=30_000)], DENIED)
    evening = str(on(99))
    found = await analytics.ask("ar-aging", group_by="age", to=evening)
    assert found["total"] == {"value": 0.25, "numerator": 10_000, "denominator": 40_000}
    assert [(each["keys"]["age"], each["numerator"]) for each in found["groups"] if each["numerator"]] == [
        ("0-30", 30_000),
        ("91-120", 10_000),
    ]
    before_the_answer = await analytics.ask("ar-aging", to=str(on(10)))
    assert before_the_answer["total"]["denominator"] == 20_000
    days = await analytics.ask("ar-days", to=evening)
    assert days["total"] == {"value": 120.0, "numerator": 40_000, "denominator": 333}  # of 30,000 in 90 days: 333 and a third a day
    by_payer = await analytics.ask("ar-days", to=evening, group_by="payer")
    assert [each["value"] for each in by_payer["groups"]] == [120.0]


async def test_the_cost_to_rework_is_what_is_configured(analytics: Analytics) -> None:
    await analytics.tell([*DENIED, filing()])
    async with analytics.client(rework_cost_cents=5_700) as asking:
        found = (await asking.get("/v1/kpis/cost-to-rework")).json()
    assert found["total"]["value"] == 5_700


async def test_a_tenant_tells_its_cost_and_what_was_known_before_stays(analytics: Analytics) -> None:
    await analytics.tell([*DENIED, filing()])
    async with analytics.client(rework_cost_cents=5_700) as asking:
        assert (await asking.get("/v1/finance")).json() == {"rework_cost_cents": 5_700, "net_revenue": []}
        told = await asking.put("/v1/finance/rework-cost", json={"cents": 4_400})
        assert told.json()["rework_cost_cents"] == 4_400
        assert (await asking.get("/v1/kpis/cost-to-rework")).json()["total"]["value"] == 4_400
        before = (await asking.get("/v1/kpis/cost-to-rework", params={"as_of": "2026-03-30"})).json()
        assert before["total"]["value"] == 5_700
    for bad in ({"cents": -1}, {"cents": "SMITH"}, {}):
        assert (await analytics.http.put("/v1/finance/rework-cost", json=bad)).status_code == 422
    other = Analytics(analytics.worker, analytics.api, "another")
    assert (await other.http.get("/v1/finance")).json()["rework_cost_cents"] is None


async def test_write_offs_are_measured_against_the_net_revenue_that_was_told(analytics: Analytics) -> None:
    await analytics.tell([*DENIED, closing(days=30)], PAID)
    february: dict[str, Any] = {"from": "2026-02-01", "to": "2026-02-28"}
    assert (await analytics.ask("denied-dollars-written-off", **february))["total"]["value"] == 10_000
    untold = await analytics.ask("denial-write-off-rate", **february)
    assert untold["total"] == {"value": None, "numerator": 10_000, "denominator": 0}
    for cents in (500_000, 400_000, 400_000):
        told = await analytics.http.put("/v1/finance/net-revenue/2026-02", json={"cents": cents})
    assert [(each["month"], each["cents"]) for each in told.json()["net_revenue"]] == [("2026-02-01", 400_000)]
    found = await analytics.ask("denial-write-off-rate", group_by=["category", "month"], **february)
    assert found["total"] == {"value": 0.025, "numerator": 10_000, "denominator": 400_000}
    assert [(each["keys"], each["value"]) for each in found["groups"]] == [
        ({"category": "authorization", "month": "2026-02-01"}, 0.025)
    ]
    longer = {"from": "2026-01-01", "to": "2026-02-28"}
    assert (await analytics.ask("denial-write-off-rate", **longer))["total"]["value"] is None  # January was not told
    assert (await analytics.ask("denial-write-off-rate", as_of="2026-03-30", **february))["total"]["value"] is None
    for month in ("2026-13", "1066-10", "2026-2"):
        assert (await analytics.http.put(f"/v1/finance/net-revenue/{month}", json={"cents": 1})).status_code == 422


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"from": "2026-02-01", "to": "2026-01-01"}, "bad-period"),
        ({"from": "1900-01-01", "to": "2100-01-01"}, "bad-period"),
        ({"compare_to": "year"}, "bad-period"),
        ({"from": "0001-01-01", "to": "0001-02-01", "compare_to": "previous"}, "bad-period"),
        ({"group_by": "SMITH"}, "invalid-request"),
        ({"group_by": "level"}, "unknown-group"),
        ({"group_by": ["payer", "payer"]}, "unknown-group"),
        ({"group_by": ["payer", "day", "category", "provider"]}, "invalid-request"),
        ({"filter": "SMITH"}, "unknown-group"),
        ({"filter": "level:first"}, "unknown-group"),
        ({"filter": "birthday:SMITH"}, "unknown-group"),
        ({"filter": ["payer:1"] * 51}, "invalid-request"),
        ({"as_of": "SMITH"}, "invalid-request"),
    ],
)
async def test_a_bad_question_is_refused_with_what_is_wrong_and_not_echoed(asked: Any, name: str, analytics: Analytics) -> None:
    answer = await analytics.http.get("/v1/kpis/initial-denial-rate", params=asked)
    assert (answer.status_code, answer.json()["type"]) == (422, f"urn:recours:problem:{name}")
    assert "SMITH" not in answer.text
    if name == "bad-period" and "compare_to" not in asked:
        assert (await analytics.http.get("/v1/denial-rate", params=asked)).json()["type"] == answer.json()["type"]
    assert (await analytics.http.get("/v1/kpis/SMITH")).status_code == 404


async def test_more_groups_than_anybody_reads_are_refused(analytics: Analytics, monkeypatch: pytest.MonkeyPatch) -> None:
    await analytics.tell(*([claim(), remit(payer_id=f"P{number}")] for number in range(12)))
    monkeypatch.setattr(queries, "GROUPS_MAX", 11)
    refused = await analytics.http.get("/v1/kpis/initial-denial-rate", params={"group_by": "payer"})
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:recours:problem:too-many-groups")
    assert len((await analytics.ask("initial-denial-rate", group_by="month"))["groups"]) == 1


async def test_groups_that_are_too_many_are_refused_before_all_their_rows_are_read(
    analytics: Analytics, monkeypatch: pytest.MonkeyPatch
) -> None:
    await analytics.tell(*([claim(provider=f"D{number}"), remit(payer_id=f"P{number}")] for number in range(12)))
    monkeypatch.setattr(queries, "_ROWS_SEEN", 5)  # of one measure
    asked = {"group_by": ["payer", "provider", "day"]}
    assert (await analytics.http.get("/v1/kpis/initial-denial-rate", params=asked)).status_code == 200
    monkeypatch.setattr(queries, "GROUPS_MAX", 4)
    summed: list[str] = []

    async def watched(tx: AsyncConnection) -> Any:
        connection = await driver(tx)

        async def fetch(query: str, *told: Any) -> Any:
            summed.append(query)
            return await connection.fetch(query, *told)

        return SimpleNamespace(fetchval=connection.fetchval, fetch=fetch)

    monkeypatch.setattr(queries, "driver", watched)
    refused = await analytics.http.get("/v1/kpis/initial-denial-rate", params=asked)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:recours:problem:too-many-groups")
    assert not summed


async def test_a_tenant_sees_its_own_figures_alone(analytics: Analytics) -> None:
    await analytics.tell(DENIED)
    other = Analytics(analytics.worker, analytics.api, "another")
    assert (await other.ask("initial-denial-rate"))["total"]["denominator"] == 0


async def test_workers_that_meet_on_accounts_keep_the_sums_right(analytics: Analytics) -> None:
    remits = [[remit(claim_number=None)] for _ in range(40)]
    denials = [[denial()] for _ in range(40)]
    claims = [[claim(number)] for number in range(1, 41)]
    await asyncio.gather(analytics.tell(*remits), analytics.tell(*denials), analytics.tell(*claims), analytics.tell(*remits))
    found = await analytics.ask("initial-denial-rate")
    assert found["total"] == {"value": 1.0, "numerator": 40, "denominator": 40}
    async with analytics.worker.begin() as tx:
        facts = dict([account async for some in queries.accounts(tx, analytics.tenant) for account in some])
    assert facts.keys() == {UUID(int=number) for number in range(1, 41)}
    assert {len(each) for each in facts.values()} == {3}


async def test_sums_of_months_days_and_fewer_dimensions_say_the_same(analytics: Analytics) -> None:
    moved = [claim(known_on=on(3)), remit(days=30), denial(days=30)]
    await analytics.tell(DENIED, PAID, moved)
    quarter: dict[str, Any] = {"from": "2026-01-01", "to": "2026-03-31"}
    for kpi in ("initial-denial-rate", "denied-dollars-open", "clean-claim-rate"):
        by_month = await analytics.ask(kpi, group_by=["facility", "month"], **quarter)
        by_day = await analytics.ask(kpi, group_by=["facility", "month"], as_of="2026-03-31", **quarter)
        assert by_month["groups"] == by_day["groups"] != []
        assert by_month["total"] == by_day["total"]
        days = await analytics.ask(kpi, group_by=["facility", "day"], **quarter)
        assert sum(each["numerator"] for each in days["groups"]) == by_month["total"]["numerator"]
