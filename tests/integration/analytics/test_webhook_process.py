"""The process that posts lives as long as the worker that started it, however that one ends, and ends it where it dies."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

import psutil

from tests.support import eventually

_PARENT = """
import asyncio
from libs.common.beside import run_beside
asyncio.run(run_beside("services.analytics.webhooks"))
"""


def child_of(pid: int) -> psutil.Process | None:
    return next(iter(psutil.Process(pid).children()), None)


async def start(environment: Mapping[str, str]) -> tuple[asyncio.subprocess.Process, psutil.Process]:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", _PARENT, env=environment, stderr=asyncio.subprocess.PIPE)
    await asyncio.to_thread(eventually, lambda: child_of(parent.pid) is not None)
    child = child_of(parent.pid)
    assert child is not None
    return parent, child


async def test_it_ends_with_the_worker_and_the_worker_with_it(service_database: Callable[[str], Any]) -> None:
    environment = {**os.environ, "RECOURS_DATABASE_URL": service_database("analytics").worker_url, "RECOURS_KAFKA": "unused:1"}
    parent, child = await start(environment)
    parent.kill()
    await asyncio.to_thread(child.wait, 60)
    parent, child = await start(environment)
    child.kill()
    _, told = await parent.communicate()
    assert (parent.returncode, b"services.analytics.webhooks ended by itself, with status -9" in told) == (1, True)
