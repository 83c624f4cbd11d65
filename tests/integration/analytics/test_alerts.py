"""Alerts on a real database: facts go in as they come, the scan tells of a shift once, people take it up and end it."""

import asyncio
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest

from libs.common.clock import FixedClock
from libs.common.errors import Transient
from libs.common.retention.forgetting import Forgetter
from libs.synthetic.payer_days import Habit, PayerDay, Shifted, payer_days
from services.analytics.alerts import store
from services.analytics.alerts.scan import AlertScan
from services.analytics.facts import Denial, Fact, Remit
from services.analytics.retention import KINDS
from tests.integration.analytics.conftest import NOW, Analytics
from tests.support.access import PERSON

_IDS = UUID(int=8)
FIRST = NOW.date() - timedelta(days=78)
SHIFT = NOW.date() - timedelta(days=18)
HABIT = Habit(claims=30, rate=0.1, unrest=0, late=0)
DOUBLED = Shifted(SHIFT, 9.0, "authorization")


def facts_of(day: PayerDay, payer: str) -> list[list[Fact]]:
    """Return the accounts of a payer's day."""
    told: list[list[Fact]] = []
    causes = [category for category, count in day.denied.items() for _ in range(count)]
    for number in range(day.claims):
        remit_id = uuid5(_IDS, f"{payer} {day.on} {number}")
        known: list[Fact] = [Remit(remit_id, day.on, payer, day.on, "1", 10_000, 0, 1)]
        if number < len(causes):
            known.append(Denial(remit_id, remit_id, 1, day.on, True, payer, day.on, causes[number], 10_000))
        told.append(known)
    return told


async def tell(analytics: Analytics, days: list[PayerDay], payer: str = "P1") -> None:
    accounts = [account for day in days for account in facts_of(day, payer)]
    await analytics.tell(*accounts, first=uuid5(_IDS, f"{payer} {days[0].on}").int >> 8)


def scan_of(analytics: Analytics, now: datetime = NOW) -> AlertScan:
    return AlertScan(analytics.worker, FixedClock(now))


async def scan(analytics: Analytics, now: datetime = NOW) -> int:
    """Let the days before end, and look."""
    await analytics.end_days(now.date() - timedelta(days=1))
    return await scan_of(analytics, now).scan()


async def alerts(analytics: Analytics, **query: Any) -> list[dict[str, Any]]:
    answer = await analytics.http.get("/v1/alerts", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def test_a_shift_is_told_of_once_and_its_life_is_kept(analytics: Analytics) -> None:
    await tell(analytics, list(payer_days("one", HABIT, FIRST, 77, DOUBLED)))
    await analytics.end_days(NOW.date() - timedelta(days=1))
    await asyncio.gather(scan_of(analytics).scan(), scan_of(analytics).scan())
    (alert,) = await alerts(analytics)
    assert (alert["payer_id"], alert["category"], alert["status"]) == ("P1", "authorization", "open")
    assert abs((date.fromisoformat(alert["began_on"]) - SHIFT).days) <= 4
    path = f"/v1/alerts/{alert['alert_id']}"
    shown = await analytics.http.get(path)
    told = shown.json()
    assert [told["points"][place]["state"] for place in (0, -1)] == ["learning", "shifted"]
    read = {"If-Match": shown.headers["ETag"]}
    assert [each["category"] for each in told["by_category"]] == ["authorization"]
    taken = await analytics.http.post(f"{path}:acknowledge", json={"note": "asked the payer"}, headers=read)
    assert (taken.status_code, taken.json()["status"]) == (200, "acknowledged")
    stale = await analytics.http.post(f"{path}:resolve", json={"resolution": "fixed"}, headers=read)
    assert stale.status_code == 412
    ended = await analytics.http.post(f"{path}:resolve", json={"resolution": "fixed"}, headers={"If-Match": taken.headers["ETag"]})
    assert (ended.status_code, ended.json()["resolution"], ended.json()["resolved_by"]) == (200, "fixed", PERSON)
    again = await analytics.http.post(f"{path}:acknowledge", json={}, headers={"If-Match": ended.headers["ETag"]})
    assert (again.status_code, again.json()["type"]) == (409, "urn:recours:problem:step-refused")
    assert [(each["what"], each["who"], each["note"]) for each in ended.json()["history"]] == [
        ("opened", "recours", None), ("acknowledged", PERSON, "asked the payer"), ("resolved", PERSON, None),
    ]  # fmt: skip
    assert await alerts(analytics) == []
    assert await scan(analytics) == 0
    for days, note in ((2556, "asked the payer"), (2558, "forgotten")):
        await Forgetter(analytics.worker, FixedClock(NOW + timedelta(days=days)), KINDS).forget()
        kept = (await analytics.http.get(path)).json()["history"]
        assert [each["note"] for each in kept] == [None, note, None], "words go after their time, and steps stay"


async def test_what_is_back_ends_by_itself_and_what_comes_late_does_not_tell_twice(analytics: Analytics) -> None:
    days = list(payer_days("back", HABIT, FIRST, 77, DOUBLED))
    await tell(analytics, days[:-3])
    await scan(analytics)
    (alert,) = await alerts(analytics)
    for number, late in enumerate(days[-3:], start=1):
        await tell(analytics, [late])
        await scan(analytics, NOW + timedelta(days=number))
    (still,) = await alerts(analytics)
    assert (still["alert_id"], still["version"]) == (alert["alert_id"], 1)
    assert still["claims"] > alert["claims"]
    later = NOW + timedelta(days=40)
    await tell(analytics, list(payer_days("after", HABIT, NOW.date() + timedelta(days=2), 38)))
    await scan(analytics, later)
    (ended,) = await alerts(analytics, status="resolved")
    assert (ended["alert_id"], ended["resolution"], ended["resolved_by"]) == (alert["alert_id"], "back", "recours")
    assert await alerts(analytics) == []


async def test_a_scan_that_is_cut_off_is_as_if_it_had_not_begun(analytics: Analytics, monkeypatch: pytest.MonkeyPatch) -> None:
    await tell(analytics, list(payer_days("cut", HABIT, FIRST, 77, DOUBLED)))

    async def die(*_: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patched:
        patched.setattr(store, "write_mark", die)
        with pytest.raises(Transient):
            await scan(analytics)
    assert await alerts(analytics, status="all") == []
    await scan(analytics)
    assert len(await alerts(analytics, status="all")) == 1


async def test_lists_are_paged_and_filtered(analytics: Analytics) -> None:
    for payer in ("P1", "P2", "P3"):
        await tell(analytics, list(payer_days("pages", HABIT, FIRST, 77, DOUBLED)), payer)
    await scan(analytics)
    assert [each["payer_id"] for each in await alerts(analytics, payer="P2", category="authorization")] == ["P2"]
    assert await alerts(analytics, category="") == []
    seen = []
    cursor = None
    while True:
        page = (await analytics.http.get("/v1/alerts", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [each["payer_id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == ["P1", "P2", "P3"]
    assert (await analytics.http.get("/v1/alerts", params={"cursor": "x"})).status_code == 400
    assert (await analytics.http.get(f"/v1/alerts/{UUID(int=1)}")).status_code == 404


async def test_a_chart_is_shown_without_an_alert_and_says_what_it_told_of(analytics: Analytics) -> None:
    calm = list(payer_days("chart", HABIT, FIRST, 60))
    await tell(analytics, calm, "P9")
    await tell(analytics, list(payer_days("chart", HABIT, FIRST, 77, DOUBLED)))
    await scan(analytics)

    async def chart(**query: str) -> dict[str, Any]:
        answer = await analytics.http.get("/v1/charts", params=query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    quiet = await chart(payer="P9")
    assert (quiet["category"], quiet["state"], quiet["shifts"], quiet["waits"]) == (None, "watching", [], False)
    assert [each["claims"] for each in quiet["points"]] == [day.claims for day in calm]
    last = quiet["points"][-1]
    assert 0 < last["expected"] < last["upper_limit"] < 1
    assert 0 <= last["evidence"] < last["signal_at"]
    (alert,) = await alerts(analytics)
    shifted = await chart(payer="P1", category="authorization")
    assert (shifted["state"], [each["alert_id"] for each in shifted["shifts"]]) == ("shifted", [alert["alert_id"]])
    assert shifted["shifts"][0]["began_on"] == alert["began_on"]
    part = await chart(payer="P1")
    assert [each["alert_id"] for each in part["shifts"]] == [None], "the category's alert tells of it"
    before = await chart(payer="P1", category="authorization", as_of=(SHIFT - timedelta(days=1)).isoformat())
    assert (before["state"], before["points"][-1]["on"] < SHIFT.isoformat()) == ("watching", True)
    for unknown in ({"payer": "nobody"}, {"payer": "P1", "category": "never"}):
        assert (await analytics.http.get("/v1/charts", params=unknown)).status_code == 404
    assert (await analytics.http.get("/v1/charts")).status_code == 422
