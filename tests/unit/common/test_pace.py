"""Work that comes in drops is gathered for as long as the last turn took, and never for longer than was said."""

import asyncio

import pytest

from libs.common.pace import rest


@pytest.fixture
def rested(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return waited


async def test_after_a_short_turn_there_is_a_rest_as_long_as_it_was(rested: list[float]) -> None:
    await rest(0.25, 1)
    assert rested == [0.25]


async def test_turns_begin_no_further_apart_than_was_said(rested: list[float]) -> None:
    await rest(0.75, 1)
    assert rested == [0.25]


async def test_after_a_long_turn_there_is_no_rest(rested: list[float]) -> None:
    await rest(1, 1)
    await rest(5, 1)
    assert rested == []
