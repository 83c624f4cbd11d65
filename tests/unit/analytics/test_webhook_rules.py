"""How long deliveries are tried."""

from datetime import timedelta

from services.analytics.webhooks.rules import ATTEMPTS_MAX, wait_after


def test_waits_double_up_to_hours_and_end() -> None:
    waits = [wait_after(attempts, "receiver_away") for attempts in range(1, ATTEMPTS_MAX)]
    assert waits[:3] == [timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=2)]
    assert max(each for each in waits if each) == timedelta(hours=6)
    assert wait_after(ATTEMPTS_MAX, "receiver_away") is None


def test_what_can_never_succeed_is_given_up_at_once_and_a_refusal_that_may_pass_is_not() -> None:
    assert wait_after(1, "private_address") is None
    assert wait_after(1, "bad_address") is None
    assert wait_after(1, "refused_410") is None
    assert wait_after(1, "refused_404") is not None
