"""Work that comes in drops is gathered, and what comes after a pause does not wait."""

import asyncio

import pytest

from libs.common.pace import Pace


async def test_the_first_turn_begins_at_once_and_the_next_waits_for_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    turns = Pace(1000)
    await turns.turn()
    assert waited == []
    await turns.turn()
    (seconds,) = waited
    assert 0 < seconds <= 1000


async def test_what_comes_after_a_pause_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleep(_: float) -> None:
        raise AssertionError

    monkeypatch.setattr(asyncio, "sleep", sleep)
    turns = Pace(0)
    await turns.turn()
    await turns.turn()
