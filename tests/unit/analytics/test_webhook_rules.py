"""How long posts are tried, when an address is left alone, and who is served next."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.analytics.webhooks.rules import (
    ATTEMPTS_MAX,
    DISABLED_AFTER,
    Health,
    Share,
    Waiting,
    body_of,
    judge,
    share,
    wait_after,
)

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
IN_VAIN, TAKEN = (False, "receiver_away_500"), (True, "HTTP 200")


def test_waits_grow_over_days_and_end() -> None:
    waits = [wait_after(attempts) for attempts in range(1, ATTEMPTS_MAX)]
    known = [each for each in waits if each is not None]
    assert (known[0], known[-1]) == (timedelta(seconds=5), timedelta(days=1))
    assert known == sorted(known)
    assert timedelta(days=3) < sum(known, timedelta()) < timedelta(days=4)
    assert wait_after(ATTEMPTS_MAX) is None


def test_one_that_takes_nothing_is_left_alone_longer_and_longer_and_disabled_after_days() -> None:
    health, now, pauses = Health(), NOW, []
    while health.disabled_reason is None:
        health = judge(health, [IN_VAIN], now)
        pauses.append((health.paused_until or now) - now)
        now = max(health.paused_until or now, now + timedelta(seconds=1))
    assert pauses[:5] == [timedelta(), timedelta(), timedelta(), timedelta(), timedelta(seconds=10)]
    assert max(pauses) == timedelta(minutes=10)
    assert (health.disabled_reason, health.failing_since) == ("failing", NOW)
    assert timedelta() <= now - NOW - DISABLED_AFTER <= timedelta(minutes=11)


def test_one_success_among_failures_is_well_and_one_that_is_gone_is_disabled_at_once() -> None:
    ill = Health(40, NOW - timedelta(days=6), NOW)
    assert judge(ill, [IN_VAIN, TAKEN, IN_VAIN], NOW) == Health()
    assert judge(Health(), [TAKEN, (False, "refused_410")], NOW).disabled_reason == "gone"
    assert judge(Health(), [(False, "refused_404")], NOW).disabled_reason is None


def key(tenant: str, number: int) -> tuple[str, UUID]:
    return tenant, UUID(int=number)


def test_tenants_take_turns_however_many_webhooks_one_has() -> None:
    waiting = [Waiting("crowd", UUID(int=number), 0) for number in range(50)] + [Waiting("alone", UUID(int=99), 0)]
    shares = share(waiting, {}, {})
    assert key("alone", 99) in shares
    assert sum(each.at_once for (tenant, _), each in shares.items() if tenant == "crowd") == 64


def test_one_that_is_slow_or_fails_gets_one_post_at_a_time_and_one_that_is_quick_a_batch() -> None:
    waiting = [
        Waiting("t", UUID(int=1), 0),
        Waiting("t", UUID(int=2), 3),
        Waiting("t", UUID(int=3), 0),
        Waiting("t", UUID(int=4), 0),
    ]
    took = {key("t", 1): timedelta(seconds=9), key("t", 3): timedelta(milliseconds=9)}
    shares = share(waiting, {}, took)
    assert shares == {key("t", 1): Share(1, 1), key("t", 2): Share(1, 1), key("t", 3): Share(32, 8), key("t", 4): Share(8, 8)}


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40), st.integers(0, 2)), max_size=80),
    st.dictionaries(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), st.integers(1, 8), max_size=40),
)
def test_nobody_is_served_twice_and_what_is_in_flight_stays_bounded(
    told: list[tuple[str, int, int]], in_flight: dict[tuple[str, int], int]
) -> None:
    busy = {key(*each): posts for each, posts in in_flight.items()}
    waiting = {key(tenant, number): Waiting(tenant, UUID(int=number), failures) for tenant, number, failures in told}
    shares = share(waiting.values(), busy, {})
    assert not set(shares) & set(busy)
    given_now = sum(each.at_once for each in shares.values())
    assert given_now == 0 or given_now + sum(busy.values()) <= 256


def test_a_body_is_json_with_what_was_told_as_it_was_told() -> None:
    told = json.loads(body_of("denial.classified", NOW, 7, None, b'{"denied_cents":12}'))
    assert told == {
        "type": "denial.classified", "timestamp": "2026-03-31T12:00:00+00:00", "sequence": 7, "previous": None,
        "data": {"denied_cents": 12},
    }  # fmt: skip
    assert json.loads(body_of("alert.opened", NOW, 8, 7, b"{}"))["previous"] == 7
