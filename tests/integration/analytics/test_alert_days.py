"""Alerts day by day, as remits arrive: one shift is one alert, what was resolved stays so, and half of a day decides nothing."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from libs.common.clock import FixedClock
from libs.synthetic.payer_days import PayerDay
from services.analytics.alerts.scan import AlertScan
from tests.integration.analytics.conftest import Analytics
from tests.integration.analytics.test_alerts import alerts, facts_of

FIRST = date(2026, 1, 5)
LEARNED = 60
SHIFT = FIRST + timedelta(days=LEARNED)
USUAL = {"authorization": 1, "coding_bundling": 1, "duplicate": 1, "non_covered": 1}
MORE = USUAL | {"authorization": 9}
ALL_MORE = {"authorization": 5, "coding_bundling": 3, "duplicate": 3, "non_covered": 3}
_CLAIMS = 40


def on(days: int) -> date:
    return FIRST + timedelta(days=days)


def morning(day: date) -> datetime:
    return datetime.combine(day, time(9), UTC)


async def tell(
    analytics: Analytics, days: int, denied: Mapping[str, int] = USUAL, *, first: int = 0, claims: int = _CLAIMS
) -> None:
    """Tell of a day's claims, those of numbers from `first` on; the refused ones come before the others."""
    accounts = facts_of(PayerDay(on(days), first + claims, dict(denied), 0), "P1")[first:]
    await analytics.tell(*accounts, first=(days + 1) * 1_000 + first)


async def learn(analytics: Analytics) -> None:
    for days in range(LEARNED):
        await tell(analytics, days)


async def live(analytics: Analytics, days: Sequence[int], denied: Mapping[str, int] = USUAL) -> list[dict[str, Any]]:
    """Let days come, each looked at on the next morning, with a claim of an earlier day behind it; return all alerts so far."""
    for number in days:
        await tell(analytics, number, denied)
        await look(analytics, on(number + 1))
        await tell(analytics, number - 30, {}, first=500, claims=1)  # late, and looked at again
        await look(analytics, on(number + 1))
    return sorted(await alerts(analytics, status="all"), key=lambda each: str(each["opened_at"]))


async def look(analytics: Analytics, today: date) -> None:
    await analytics.end_days(today - timedelta(days=1))
    await AlertScan(analytics.worker, FixedClock(morning(today))).scan()


async def resolve(analytics: Analytics, alert: Mapping[str, Any], resolution: str, today: date) -> None:
    async with analytics.client(FixedClock(morning(today))) as http:
        path = f"/v1/alerts/{alert['alert_id']}"
        read = {"If-Match": (await http.get(path)).headers["ETag"]}
        ended = await http.post(f"{path}:resolve", json={"resolution": resolution}, headers=read)
        assert ended.status_code == 200, ended.text


def of(alert: Mapping[str, Any]) -> tuple[str | None, str]:
    return alert["category"], alert["status"]


@pytest.mark.parametrize("resolution", ["false_alarm", "fixed"])
async def test_what_a_category_told_of_is_not_told_as_of_all(analytics: Analytics, resolution: str) -> None:
    await learn(analytics)
    (alert,) = await live(analytics, range(60, 70), MORE)
    assert of(alert) == ("authorization", "open")
    await resolve(analytics, alert, resolution, on(70))
    seen = await live(analytics, range(70, 80))
    assert [of(each) for each in seen] == [("authorization", "resolved")]
    seen = await live(analytics, range(80, 90), MORE)
    assert [of(each) for each in seen] == [("authorization", "resolved"), ("authorization", "open")]
    assert seen[1]["began_on"] >= on(80).isoformat(), "a new shift"


async def test_what_a_person_called_the_new_normal_goes_on_without_another_alert(analytics: Analytics) -> None:
    await learn(analytics)
    (alert,) = await live(analytics, range(60, 70), MORE)
    await resolve(analytics, alert, "new_normal", on(70))
    seen = await live(analytics, range(70, 100), MORE)
    assert [of(each) for each in seen] == [("authorization", "resolved")]


@pytest.mark.parametrize("resolution", ["false_alarm", "fixed", "new_normal"])
async def test_what_all_told_of_is_not_told_by_categories(analytics: Analytics, resolution: str) -> None:
    await learn(analytics)
    (alert,) = await live(analytics, range(60, 75), ALL_MORE)
    assert of(alert) == (None, "open")
    await resolve(analytics, alert, resolution, on(75))
    seen = await live(analytics, range(75, 85), ALL_MORE if resolution == "new_normal" else USUAL)
    assert [of(each) for each in seen] == [(None, "resolved")]


async def test_a_shift_that_settles_is_told_of_once(analytics: Analytics) -> None:
    await learn(analytics)
    await live(analytics, range(60, 65), MORE)
    for days in range(65, 148):
        await tell(analytics, days, MORE)
    (alert,) = await live(analytics, range(148, 156), MORE)
    assert (alert["category"], alert["resolution"]) == ("authorization", "new_normal")


async def test_half_of_a_day_decides_nothing_and_the_whole_day_does(analytics: Analytics) -> None:
    await learn(analytics)
    await look(analytics, on(60))
    for days in (60, 61):  # a file with all refusals of its day comes first
        await tell(analytics, days, {"authorization": 5}, claims=8)
        await AlertScan(analytics.worker, FixedClock(morning(on(days)))).scan()
        await look(analytics, on(days + 1))  # the day has ended, and its other file comes on the next morning
        await tell(analytics, days, {}, first=8, claims=52)
        await AlertScan(analytics.worker, FixedClock(morning(on(days + 1)))).scan()
    assert await alerts(analytics, status="all") == []
    await look(analytics, on(64))
    assert await alerts(analytics, status="all") == []
