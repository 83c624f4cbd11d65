"""Scheduled reports: each period's made once, kept for a while, and fetched."""

import asyncio
from datetime import timedelta
from typing import Any

from libs.common.clock import FixedClock
from services.analytics.reports.api import SCHEDULES_MAX
from services.analytics.reports.making import REPORTS_KEPT, ReportMaker
from tests.integration.analytics.conftest import NOW, Analytics
from tests.unit.analytics.facts import answered, claim, denial, remit

WEEKLY = {"what": "denials", "format": "csv", "cadence": "weekly"}
IN_WEEK = (NOW.date() - timedelta(days=1) - claim().known_on).days  # of the payment, in the week that holds NOW


async def add(analytics: Analytics, key: str, **told: Any) -> Any:
    return await analytics.http.post("/v1/report-schedules", json={**WEEKLY, **told}, headers={"Idempotency-Key": key})


async def make_all(analytics: Analytics, days: int, **told: Any) -> None:
    makers = [ReportMaker(analytics.worker, FixedClock(NOW + timedelta(days=days)), **told) for _ in range(3)]
    while sum(await asyncio.gather(*(maker.make_one() for maker in makers))):
        pass


async def reports(analytics: Analytics) -> list[dict[str, Any]]:
    answer = await analytics.http.get("/v1/reports")
    return list(answer.json()["items"])


async def test_each_periods_report_is_made_once_and_fetched(analytics: Analytics) -> None:
    await analytics.tell([claim(), remit(days=IN_WEEK), denial(days=IN_WEEK)])
    first, again = await add(analytics, "one"), await add(analytics, "one")
    assert (first.status_code, again.json()) == (201, first.json())
    assert first.json()["next_on"] == "2026-04-06"
    await make_all(analytics, 0)
    assert await reports(analytics) == []
    await make_all(analytics, 14)
    made = await reports(analytics)
    assert [(each["first_on"], each["last_on"]) for each in made] == [("2026-04-06", "2026-04-12"), ("2026-03-30", "2026-04-05")]
    files = [await analytics.http.get(f"/v1/reports/{each['report_id']}") for each in made]
    assert [len(each.text.splitlines()) for each in files] == [1, 2]
    assert [len(each.content) for each in files] == [each["size_bytes"] for each in made]
    assert files[1].headers["content-disposition"] == 'attachment; filename="denials-2026-03-30-2026-04-05.csv"'
    other = Analytics(analytics.worker, analytics.api, "another")
    assert (await other.http.get(f"/v1/reports/{made[0]['report_id']}")).status_code == 404
    assert await reports(other) == []


async def test_old_reports_go_and_all_go_with_their_schedule(analytics: Analytics) -> None:
    schedule = (await add(analytics, "one", what="kpis", format="xlsx")).json()
    await make_all(analytics, 7 * (REPORTS_KEPT + 2))
    made = await reports(analytics)
    assert len(made) == REPORTS_KEPT
    assert made[-1]["first_on"] == "2026-04-13"
    assert (await analytics.http.get(f"/v1/reports/{made[0]['report_id']}")).content.startswith(b"PK")
    path = f"/v1/report-schedules/{schedule['schedule_id']}"
    assert [(await analytics.http.delete(path)).status_code for _ in range(2)] == [204, 404]
    assert await reports(analytics) == []
    assert (await analytics.http.get(f"/v1/reports/{made[0]['report_id']}")).status_code == 404


async def test_what_is_made_to_be_shared_has_no_small_cells_and_says_so(analytics: Analytics) -> None:
    await analytics.tell(*answered("P1", 40, 3, IN_WEEK), *answered("P2", 50, 25, IN_WEEK), *answered("P3", 90, 30, IN_WEEK))
    made_of = await add(analytics, "one", what="kpis", shared=True)
    await add(analytics, "two", what="kpis")
    assert (made_of.json()["shared"], (await add(analytics, "bad", shared=True)).json()["type"]) == (
        True,
        "urn:recours:problem:not-shareable",
    )
    await make_all(analytics, 7)
    texts = {}
    for each in await reports(analytics):
        answer = await analytics.http.get(f"/v1/reports/{each['report_id']}")
        assert ("-shared-" in answer.headers["content-disposition"]) == each["shared"]
        texts[each["shared"]] = answer.text
    rates = {
        shared: [line.split(",")[-4:] for line in text.splitlines() if line.startswith("initial-denial-rate,")]
        for shared, text in texts.items()
    }
    assert rates[False] == [["P1", "0.075", "3", "40"], ["P2", "0.5", "25", "50"], ["P3", "0.333333", "30", "90"]]
    assert rates[True] == [["P1", "", "", ""], ["P2", "", "", ""], ["P3", "0.333333", "30", "90"]]


async def test_a_file_that_is_too_large_is_told_and_not_kept(analytics: Analytics) -> None:
    await add(analytics, "one")
    await make_all(analytics, 7, bytes_max=10)
    (made,) = await reports(analytics)
    assert made["size_bytes"] is None
    refused = await analytics.http.get(f"/v1/reports/{made['report_id']}")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:recours:problem:report-too-large")


async def test_bad_and_too_many_schedules_are_refused(analytics: Analytics) -> None:
    for told in ({"what": "facts"}, {"format": "SMITH"}, {"cadence": "hourly"}, {"more": 1}):
        refused = await add(analytics, "bad", **told)
        assert refused.status_code == 422
        assert "SMITH" not in refused.text
    assert (await analytics.http.post("/v1/report-schedules", json=WEEKLY)).status_code == 400
    for number in range(SCHEDULES_MAX):
        assert (await add(analytics, f"{number}")).status_code == 201
    assert (await add(analytics, "more")).status_code == 409
    listed = await analytics.http.get("/v1/report-schedules", params={"limit": 100})
    assert len(listed.json()["items"]) == SCHEDULES_MAX
