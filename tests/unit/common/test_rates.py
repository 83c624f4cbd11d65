"""What one tenant may ask of a process, and what is left for the others."""

import re
from contextlib import AsyncExitStack

import pytest

from libs.common.http.problem import Problem
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


LEFT = re.compile(r'"requests";r=(\d+);t=(\d+)')
POLICY = re.compile(r'"requests";q=(\d+);w=(\d+)')


def numbers(form: re.Pattern[str], told: bytes) -> tuple[int, int]:
    found = form.fullmatch(told.decode())
    assert found is not None, told
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("per_second", [500, 10, 0.3, 0.1])
def test_who_asks_no_more_than_is_said_to_be_left_is_never_refused(per_second: float) -> None:
    seconds = Seconds()
    rates = Rates(per_second, seconds)
    told = dict(rates.take("careful"))
    quota, window = numbers(POLICY, told[b"ratelimit-policy"])
    assert quota == max(1, 2 * per_second)
    for _ in range(5):
        left, within = numbers(LEFT, told[b"ratelimit"])
        assert (left < quota, within) == (True, window)
        for _ in range(left):
            told = dict(rates.take("careful"))
        assert told[b"ratelimit"].startswith(b'"requests";r=0')
        with pytest.raises(Problem) as refused:
            rates.take("careful")
        headers = refused.value.headers or {}
        assert headers["RateLimit"] == f'"requests";r=0;t={headers["Retry-After"]}', "who waits for the one waits for the other"
        assert headers["RateLimit-Policy"] == told[b"ratelimit-policy"].decode()
        seconds.now += window
        told = dict(rates.take("careful"))


async def test_one_tenant_holds_half_of_the_places_and_gives_them_back() -> None:
    places = Places(4)
    async with AsyncExitStack() as held:
        for _ in range(2):
            await held.enter_async_context(places.hold("noisy"))
        with pytest.raises(Problem, match="too-many-uploads") as refused:
            await held.enter_async_context(places.hold("noisy"))
        assert refused.value.headers == {
            "Retry-After": "2",
            "RateLimit": '"uploads";r=0;t=2',
            "RateLimit-Policy": '"uploads";q=2;qu="concurrent-requests"',
        }
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
