"""A worker's end: the first job that fails ends the process, also where another one does not let itself be ended."""

import subprocess
import sys

_WORKER = """
import asyncio
from libs.common import worker

worker._END_SECONDS = 0.3

async def fail():
    await asyncio.sleep(0.1)
    raise ValueError("a bug")

async def never_end():
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass

async def cancel_itself():
    await asyncio.sleep(0.1)
    raise asyncio.CancelledError

async def obey():
    await asyncio.sleep(60)

worker.run(lambda: worker.run_jobs([{first}, {other}]))
"""


def _run(other: str, first: str = "fail") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", _WORKER.format(first=first, other=other)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_job_that_fails_ends_the_process_and_is_told() -> None:
    ended = _run("obey")
    assert ended.returncode == 1
    assert "job_failed" in ended.stdout
    assert "ValueError: a bug" in ended.stderr


def test_a_job_that_does_not_let_itself_be_ended_is_cut_off() -> None:
    ended = _run("never_end")
    assert ended.returncode == 1
    assert "job_failed" in ended.stdout


def test_a_job_that_cancels_itself_ends_the_process_and_the_others_are_cut_off_too() -> None:
    assert _run("never_end", first="cancel_itself").returncode == 1
