"""A job that looks again and again: at once while there is work, later where there is none; what is transient is waited out."""

import asyncio

import pytest

from libs.common import worker
from libs.common.errors import Transient


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return how long was slept, in order; nobody waits for it."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return slept


async def test_a_job_goes_on_after_work_after_a_rest_and_after_something_transient(rests: list[float]) -> None:
    steps = iter([0.0, Transient("away"), 1.5, None])

    async def step() -> float | None:
        told = next(steps)
        if isinstance(told, Transient):
            raise told
        return told

    with pytest.raises(RuntimeError, match="StopIteration"):  # the last step has no answer: what is no Transient ends the job
        await worker.look_again(step, idle_seconds=7, waiting="job_waits")
    assert rests == [0.0, 2.0, 1.5, 7]


async def test_a_job_rests_after_a_piece_that_was_not_full(rests: list[float]) -> None:
    pieces = iter([5, 5, 4, 0, 5])

    async def do() -> int:
        return next(pieces)

    with pytest.raises(RuntimeError, match="StopIteration"):
        await worker.work_off(do, full=5, idle_seconds=7, waiting="job_waits")
    assert rests == [0.0, 0.0, 7, 7, 0.0]


async def test_a_job_that_only_says_whether_there_was_work_rests_where_there_was_none(rests: list[float]) -> None:
    pieces = iter([True, False, True])

    async def do() -> bool:
        return next(pieces)

    with pytest.raises(RuntimeError, match="StopIteration"):
        await worker.work_off(do, idle_seconds=7, waiting="job_waits")
    assert rests == [0.0, 7, 0.0]


async def test_catching_up_ends_with_the_first_piece_that_was_not_full_and_counts_all() -> None:
    pieces = iter([5, 5, 4, 5])

    async def do() -> int:
        return next(pieces)

    assert await worker.catch_up(do, full=5) == 14
    assert list(pieces) == [5]
