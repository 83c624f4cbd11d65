"""What several test suites share."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

_PATIENCE_SECONDS = 120  # far more than it takes: a limit against hanging, no measure of speed


@dataclass(frozen=True)
class ServiceDatabase:
    """A fresh database, as each of its three roles."""

    owner_url: str
    api_url: str
    worker_url: str


def run_apart(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end on a loop of its own, also where one is running."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def is_ready(url: str) -> bool:
    """Say whether a process of ours at an address can do its work."""
    try:
        return httpx.get(f"{url}/readyz", timeout=5).is_success
    except httpx.HTTPError:
        return False


async def until(holds: Callable[..., bool], *, seconds: float = 30) -> None:
    """Return as soon as something holds that other tasks or processes bring about. Errors: TimeoutError."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.02)


def eventually(
    holds: Callable[[], bool], *, seconds: float = _PATIENCE_SECONDS, otherwise: Callable[[], str] = lambda: "it did not come about"
) -> None:
    """Return as soon as something holds; fail when it never does, with what `otherwise` then says."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.05)
