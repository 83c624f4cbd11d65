"""Where webhooks may lead, and how long they are tried."""

from datetime import timedelta

import pytest

from services.analytics.webhooks.rules import ATTEMPTS_MAX, wait_after, wrong_with


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("https://hooks.example/alerts?team=1", None),
        ("https://93.184.215.14:8443/", None),
        ("http://hooks.example/", "not-https"),
        ("ftp://hooks.example/", "not-https"),
        ("https:///nowhere", "no-host"),
        ("nonsense", "no-host"),
        ("https://user:secret@hooks.example/", "has-credentials"),
        ("https://hooks.example:99999/", "bad-port"),
        ("https://10.0.0.1/", "private-address"),
        ("https://[::1]/", "private-address"),
        ("https://169.254.169.254/latest", "private-address"),
        ("http://127.0.0.1:8080/", "not-https"),
    ],
)
def test_what_cannot_be_subscribed_is_refused_at_once(url: str, wrong: str | None) -> None:
    assert wrong_with(url, loopback=False) == wrong


def test_this_machine_may_be_named_where_the_setting_says_so_and_nothing_else_private() -> None:
    assert wrong_with("http://127.0.0.1:8080/", loopback=True) is None
    assert wrong_with("https://10.0.0.1/", loopback=True) == "private-address"


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
