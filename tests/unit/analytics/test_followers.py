"""Who follows the alerts and leaves: the place is free again, whatever else happens at that moment."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from libs.common.changes import FIRST_CHANGE, Change
from services.analytics.alerts.stream import EventStream, Followers


class Silent(Followers):
    """There is nothing to tell; that there might be is said by `wake`."""

    async def _look(self) -> None:
        await asyncio.Event().wait()

    async def read(self, place: Change) -> tuple[list[Any], dict[str, str]]:
        return [], {}

    def wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


class NeverShut:
    async def until_shut(self, request: Any, every_seconds: float) -> None:
        await asyncio.Event().wait()


@pytest.mark.parametrize("turns", range(-6, 7))
async def test_who_leaves_at_the_moment_of_news_gives_the_place_back(turns: int) -> None:
    followers = Silent(None, "t")  # type: ignore[arg-type]  # nothing is read
    leave = asyncio.Event()

    async def receive() -> dict[str, str]:
        await leave.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        """Take whatever is sent."""

    scope = {"type": "http", "app": SimpleNamespace(state=SimpleNamespace(door=NeverShut()))}
    answering = asyncio.create_task(EventStream(followers, "t", FIRST_CHANGE)(scope, receive, send))
    for _ in range(20):
        await asyncio.sleep(0)
    first, second = (followers.wake, leave.set) if turns > 0 else (leave.set, followers.wake)
    first()
    for _ in range(abs(turns)):
        await asyncio.sleep(0)
    second()
    ended, _ = await asyncio.wait([answering], timeout=5)
    assert ended
    assert followers.count == 0
