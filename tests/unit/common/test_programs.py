"""A program that is run apart ends with the block that began it, and what it said is had."""

import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import pytest

from libs.common.programs import begun, run_apart

HERE = Path(__file__).parent
SLEEP = "import time; time.sleep(600)"


async def test_a_program_that_still_runs_at_the_end_of_its_block_is_killed() -> None:
    with pytest.raises(LookupError):
        async with begun(sys.executable, "-c", SLEEP) as process:
            raise LookupError
    assert process.returncode == -9


async def test_what_a_program_said_comes_with_its_status_and_nothing_of_our_environment_goes_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RECOURS_SECRET", "secret")
    program = "import os, sys; print(os.environ.get('RECOURS_SECRET'), os.getcwd()); sys.exit(3)"
    told = await run_apart(sys.executable, "-c", program, stdin=DEVNULL, cwd=HERE, seconds=60)
    assert told == (3, f"None {HERE}\n".encode())


async def test_a_program_that_takes_too_long_is_ended() -> None:
    assert await run_apart(sys.executable, "-c", SLEEP, stdin=DEVNULL, cwd=HERE, seconds=0.1) == ("timeout", b"")


async def test_a_pipe_as_input_stays_open_while_a_program_runs() -> None:
    program = "import select, sys; print(select.select([sys.stdin], [], [], 0.2)[0])"
    assert await run_apart(sys.executable, "-c", program, stdin=PIPE, cwd=HERE, seconds=60) == (0, b"[]\n")
