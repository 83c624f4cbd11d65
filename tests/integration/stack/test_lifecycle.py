"""The local stack comes up whole, goes down exactly, and copes with what was killed, taken or moved. Real servers, no services."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import psutil
import pytest

from deploy.local import processes
from deploy.local.layout import Ports, StackError
from deploy.local.stack import Stack
from tests.support import eventually

EMBEDDED = {"RECOURS_INFRA": "embedded"}
SERVERS = ("postgres", "kafka")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def stack(place: Path) -> Iterator[Stack]:
    """A stack of servers alone; each test finds it as the one before left it, and starts it if need be."""
    stack = Stack(place / "stack", Ports.free(), services=(), environment=EMBEDDED)
    yield stack
    stack.discard()


def pids(stack: Stack) -> list[int | None]:
    return [stack.pid(name) for name in SERVERS]


def ended(pid: int | None) -> bool:
    return pid is None or not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def kill_supervisor(stack: Stack) -> None:
    supervisor = processes.find(stack.state()["supervisor"])
    assert supervisor is not None
    supervisor.kill()
    eventually(lambda: not stack.running())


def execute(stack: Stack, statement: str) -> str | None:
    async def ask() -> str | None:
        connection = await asyncpg.connect(stack.admin_url)
        try:
            found = await connection.fetchval(statement)
            return None if found is None else str(found)
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_two_starts_at_once_make_one_stack_and_a_third_changes_nothing(stack: Stack) -> None:
    twin = Stack(stack.folder, stack.ports, services=(), environment=EMBEDDED)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Stack.start, (stack, twin)))
    first = pids(stack)
    assert None not in first
    stack.start()
    assert pids(stack) == first
    assert (
        sum(str(stack.folder) in process.info["cmdline"] for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"])
        == 1
    )


def test_what_dies_is_started_again_with_its_data(stack: Stack) -> None:
    stack.start()
    execute(stack, "CREATE TABLE IF NOT EXISTS kept AS SELECT 'kept' AS word")
    before = pids(stack)
    for name in SERVERS:
        assert stack.kill(name)
    eventually(lambda: None not in pids(stack) and not set(pids(stack)) & set(before))
    eventually(lambda: answers(stack.ports.postgres) and answers(stack.ports.kafka))
    eventually(lambda: try_execute(stack, "SELECT word FROM kept") == "kept")


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def try_execute(stack: Stack, statement: str) -> str | None:
    try:
        return execute(stack, statement)
    except (OSError, asyncpg.PostgresError):
        return None  # it is still starting up


def test_the_next_start_ends_what_a_killed_supervisor_left_and_keeps_the_data(stack: Stack) -> None:
    stack.start()
    execute(stack, "CREATE TABLE IF NOT EXISTS kept AS SELECT 'kept' AS word")
    orphans = pids(stack)
    kill_supervisor(stack)
    assert not any(ended(pid) for pid in orphans)
    stack.start()
    assert all(ended(pid) for pid in orphans)
    assert None not in pids(stack)
    assert execute(stack, "SELECT word FROM kept") == "kept"


def test_down_ends_what_a_killed_supervisor_left(stack: Stack) -> None:
    stack.start()
    orphans = pids(stack)
    kill_supervisor(stack)
    assert stack.stop()
    assert all(ended(pid) for pid in orphans)
    assert not stack.stop()


def test_a_halted_process_does_not_hold_up_the_end(stack: Stack) -> None:
    stack.start()
    pid = stack.pid("kafka")
    stack.kill("kafka", signal.SIGSTOP)
    assert stack.stop()
    assert ended(pid)


def test_an_old_number_that_somebody_else_bears_now_stops_nobody(stack: Stack) -> None:
    stack.start()
    data = Path(str(execute(stack, "SHOW data_directory")))
    stack.stop()
    with subprocess.Popen(["sleep", "60"], user="nobody" if os.geteuid() == 0 else None) as stranger:
        (data / "postmaster.pid").write_text(f"{stranger.pid}\n{data}\n1\n{stack.ports.postgres}\n\n127.0.0.1\n")
        if os.geteuid() == 0:
            os.chown(data / "postmaster.pid", data.stat().st_uid, data.stat().st_gid)
        stack.start()
        assert stranger.poll() is None
        stranger.kill()


def test_a_folder_that_moved_keeps_its_data(stack: Stack, place: Path) -> None:
    stack.start()
    execute(stack, "CREATE TABLE IF NOT EXISTS kept AS SELECT 'kept' AS word")
    stack.stop()
    stack.folder.rename(place / "elsewhere")
    moved = Stack(place / "elsewhere", stack.ports, services=(), environment=EMBEDDED)
    try:
        moved.start()
        assert execute(moved, "SELECT word FROM kept") == "kept"
    finally:
        moved.stop()
        moved.folder.rename(stack.folder)


@pytest.mark.parametrize("name", ["postgres", "kafka", "ingest"])
def test_a_taken_port_is_one_clear_sentence(tmp_path: Path, name: str) -> None:
    stack = Stack(tmp_path / "stack", Ports.free(), services=("ingest",), environment=EMBEDDED)
    port = getattr(stack.ports, name)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(StackError) as refused:
            stack.start()
    expected = f"Port {port}, wanted for {name}, is taken; stop what uses it or set RECOURS_{name.upper()}_PORT."
    assert str(refused.value) == expected
    assert not stack.running()
    assert pids(stack) == [None, None]
    stack.discard()


def test_a_supervisor_that_cannot_start_is_reported_with_its_log(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text("raise SystemExit(3)")
    stack = Stack(tmp_path / "stack", Ports.free(), services=(), environment=EMBEDDED | {"PYTHONPATH": str(broken)})
    with pytest.raises(StackError, match="supervisor ended while starting; its log is"):
        stack.start()


def test_a_process_under_an_old_number_is_not_ours() -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        born = processes.birth_of(stranger.pid)
        assert born is not None
        assert processes.find({"pid": stranger.pid, "created": born}) is not None
        old = {"processes": {"ingest-api": {"pid": stranger.pid, "created": born - 3600}}}
        assert processes.end_orphans(old) == []
        assert stranger.poll() is None
        stranger.kill()


def test_the_command_line_says_in_one_line_what_is_wrong(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deploy.local", "up", "--state", str(tmp_path / "state")]
    for changed, said in (
        ({"RECOURS_INFRA": "clouds"}, "RECOURS_INFRA must be external, docker or embedded."),
        ({"RECOURS_KAFKA_PORT": "many"}, "RECOURS_KAFKA_PORT is not a port number."),
    ):
        done = subprocess.run(command, env=os.environ | changed, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stdout.strip() == said
        assert "Traceback" not in done.stderr
