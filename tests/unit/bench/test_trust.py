"""What is said of two p99s: how much more the one is, and how sure that is."""

import random

from tests.bench.trust import between


def rounds(draw: random.Random, more: float) -> list[list[float]]:
    return [[draw.uniform(0.02, 0.08) + more for _ in range(500)] for _ in range(6)]


def test_how_much_more_a_p99_is_lies_between_what_is_told_and_no_difference_is_told_as_none() -> None:
    draw = random.Random(3)
    base = rounds(draw, 0.0)
    assert between(base, base) == [0.0, 0.0]
    least, most = between(rounds(draw, 0.01), base)
    assert 8 < least <= 10 <= most < 12


def test_one_round_that_was_slow_makes_it_less_sure() -> None:
    base = rounds(random.Random(4), 0.0)
    one_was_slow = [*base[1:], [each + 0.3 for each in base[0]]]
    least, most = between(one_was_slow, base)
    assert least <= 1
    assert most > 100
