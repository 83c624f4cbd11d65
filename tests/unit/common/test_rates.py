"""What one tenant may ask of a process, and what is left for the others."""

from contextlib import AsyncExitStack

import pytest

from libs.common.http.problems import Problem
from libs.common.http.rates import Places, Rates


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def admitted(rates: Rates, tenant_id: str, tries: int) -> int:
    """Return how many of some requests at once are let in."""
    refused: list[Problem] = []
    for _ in range(tries):
        try:
            rates.take(tenant_id)
        except Problem as problem:
            refused.append(problem)
    assert {(each.status, each.name) for each in refused} <= {(429, "too-many-requests")}
    assert all(int((each.headers or {})["Retry-After"]) >= 1 for each in refused)
    return tries - len(refused)


def test_a_tenant_has_a_burst_and_then_its_rate_and_takes_nothing_from_another() -> None:
    seconds = Seconds()
    rates = Rates(10, seconds)
    assert admitted(rates, "noisy", 100) == 20
    assert admitted(rates, "quiet", 5) == 5
    seconds.now = 0.5
    assert admitted(rates, "noisy", 100) == 5
    seconds.now = 1000
    assert admitted(rates, "noisy", 100) == 20, "what was not asked for is not saved up"


def test_who_waits_as_long_as_told_is_let_in() -> None:
    seconds = Seconds()
    rates = Rates(0.1, seconds)
    rates.take("slow")
    with pytest.raises(Problem) as told:
        rates.take("slow")
    seconds.now = float((told.value.headers or {})["Retry-After"])
    rates.take("slow")


async def test_one_tenant_holds_half_of_the_places_and_gives_them_back() -> None:
    places = Places(4)
    async with AsyncExitStack() as held:
        for _ in range(2):
            await held.enter_async_context(places.hold("noisy"))
        with pytest.raises(Problem, match="too-many-uploads"):
            await held.enter_async_context(places.hold("noisy"))
        for tenant_id in ("a", "b"):
            await held.enter_async_context(places.hold(tenant_id))
        with pytest.raises(Problem, match="busy"):
            await held.enter_async_context(places.hold("c"))

    async def break_off() -> None:
        async with places.hold("noisy"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await break_off()
    async with places.hold("noisy"), places.hold("noisy"):
        pass
