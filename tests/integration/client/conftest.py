"""One command of `recours` in the test's own process, and a worker's job beside it."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest

from libs.client import cli
from libs.common.database import Database

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def recours(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one command; return its exit status and what it printed, on standard output and beside it."""

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["recours", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return int(str(ended.value.code or 0)), captured.out, captured.err

    return command


@contextmanager
def working(url: str, job: Callable[[Database], Coroutine[Any, Any, None]]) -> Iterator[None]:
    """Let a worker's job run in a thread, on a database of its own, until the block is over."""
    over = Event()

    async def work() -> None:
        worker = Database(url)
        listening, running = asyncio.create_task(worker.listener.run()), asyncio.create_task(job(worker))
        await asyncio.to_thread(over.wait)
        for task in (listening, running):
            task.cancel()
        await worker.close()

    thread = Thread(target=asyncio.run, args=(work(),))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
