"""A job that looks again and again: at once while there is work, later where there is none; what is transient is waited out."""

import asyncio

import pytest

from libs.common import worker
from libs.common.errors import Transient


async def test_a_job_goes_on_after_work_after_a_rest_and_after_something_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []

    async def sleep(seconds: float) -> None:
        rests.append(seconds)

    steps = iter([0.0, Transient("away"), 1.5, None])

    async def step() -> float | None:
        told = next(steps)
        if isinstance(told, Transient):
            raise told
        return told

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(RuntimeError, match="StopIteration"):  # the last step has no answer: what is no Transient ends the job
        await worker.look_again(step, idle_seconds=7, waiting="job_waits")
    assert rests == [0.0, 2.0, 1.5, 7]
