"""What `make bench-guard` judges: counts beside kept ones, and the counting that needs no valgrind."""

from functools import partial

import pytest

from tests.bench import guard
from tests.bench.hot_loops import count_bytecodes


def _work(rounds: int) -> int:
    return sum(number * 2 for number in range(rounds))


@pytest.mark.parametrize(
    ("kept", "found", "well"),
    [
        ({"read": 0.5}, {"read": 0.5}, True),
        ({"read": 0.5}, {"read": 0.549}, True),
        ({"read": 0.5}, {"read": 0.551}, False),
        ({"read": 0.5, "decide": 0.5}, {"read": 0.1, "decide": 0.6}, False),  # one gain hides no loss
        ({"read": 0.5}, {"read": 0.1}, True),
        ({"read": 0.5}, {"read": 0.5, "unkept": 0.1}, False),
        ({"read": 0.5, "gone": 0.1}, {"read": 0.5}, False),
    ],
)
def test_more_than_a_tenth_more_fails_and_every_loop_is_kept(kept: dict[str, float], found: dict[str, float], well: bool) -> None:
    lines, told = guard.compare(kept, found)
    assert told is well
    assert len(lines) == len(kept.keys() | found.keys())


def test_a_loop_with_more_to_do_counts_more_bytecodes_the_same_every_time() -> None:
    counts = [count_bytecodes(partial(_work, rounds)) for rounds in (100, 100, 120)]
    assert counts[0] == counts[1]
    assert counts[2] / counts[0] > guard.LIMIT


def test_counts_are_told_in_those_of_the_reference() -> None:
    assert guard.in_references({"reference": 200, "read": 50}) == {"read": 0.25}
