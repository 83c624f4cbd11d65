"""What fails again and again is left alone, and tried again by one."""

from libs.common.breaker import Breaker


def opened() -> Breaker:
    breaker = Breaker(failures_max=2, rest_seconds=5)
    for _ in range(2):
        assert breaker.admits(100)
        breaker.failed(100)
    return breaker


def test_it_opens_after_failures_in_a_row_and_not_before() -> None:
    breaker = Breaker(failures_max=2, rest_seconds=5)
    breaker.failed(100)
    breaker.succeeded()
    breaker.failed(100)
    assert breaker.admits(100)
    breaker.failed(100)
    assert not breaker.admits(104)


def test_after_the_rest_one_probe_is_let_through_and_its_success_closes_it() -> None:
    breaker = opened()
    assert [breaker.admits(105), breaker.admits(105)] == [True, False]
    breaker.succeeded()
    assert [breaker.admits(105), breaker.admits(105)] == [True, True]


def test_a_probe_that_fails_begins_another_rest() -> None:
    breaker = opened()
    assert breaker.admits(105)
    breaker.failed(106)
    assert [breaker.admits(110), breaker.admits(111)] == [False, True]


def test_a_probe_whose_end_is_never_told_does_not_keep_others_out_for_ever() -> None:
    breaker = opened()
    assert breaker.admits(105)
    assert [breaker.admits(109), breaker.admits(110)] == [False, True]
