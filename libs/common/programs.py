"""A program that is run apart, in a process of its own: it never outlives the block that began it."""

import asyncio
import contextlib
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any


@asynccontextmanager
async def begun(*command: str, **options: Any) -> AsyncIterator[Process]:
    """Begin a program; one that still runs at the end of the block, however that ends, is killed. `options`: of asyncio."""
    process = await asyncio.create_subprocess_exec(*command, **options)
    try:
        yield process
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def run_apart(*command: str, stdin: IO[bytes] | int, cwd: Path, seconds: float) -> tuple[int | str, bytes]:
    """Run a program without our environment and in a session of its own; return its status and what it said.

    One that takes too long is killed, and its status is `timeout`. A pipe as its input stays open as long as it runs.
    """
    apart = begun(*command, stdin=stdin, stdout=PIPE, stderr=DEVNULL, env={}, cwd=cwd, start_new_session=True)
    async with apart as process:
        if process.stdout is None:
            raise AssertionError("a process begun with pipes has them")
        try:
            async with asyncio.timeout(seconds):
                told = await process.stdout.read()
                return await process.wait(), told
        except TimeoutError:
            return "timeout", b""
