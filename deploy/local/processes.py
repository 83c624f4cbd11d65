"""Which processes are a stack's own: one supervisor a folder, and children that are known again by number and time of birth.

A number alone may belong to somebody else by now: after a restart of the machine, or when numbers came round.
"""

import contextlib
import fcntl
import signal
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import psutil

_STOP_SECONDS = 15
_SAME_BIRTH_SECONDS = 2  # the machine's clock is set right now and then, and the time of birth is counted from it
_POLL_SECONDS = 0.05
_PATIENCE_SECONDS = 2


def hold(folder: Path) -> IO[bytes] | None:
    """Become the folder's one supervisor while the file stays open; None when there is one. At death the kernel lets go."""
    file = (folder / "lock").open("ab")
    deadline = time.monotonic() + _PATIENCE_SECONDS  # somebody may just be looking
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        if time.monotonic() > deadline:
            file.close()
            return None
        time.sleep(_POLL_SECONDS)


def is_held(folder: Path) -> bool:
    """Say whether a supervisor lives."""
    path = folder / "lock"
    if not path.exists():
        return False
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def birth_of(pid: int) -> float | None:
    """Return when a process was born; None when it is gone."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).create_time()
    return None


def find(told: Mapping[str, Any]) -> psutil.Process | None:
    """Return the living process that was noted as `pid` and `created`, and no other."""
    if told.get("pid") is None or told.get("created") is None:
        return None
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(told["pid"])
        if abs(process.create_time() - told["created"]) < _SAME_BIRTH_SECONDS and lives(process):
            return process
    return None


def lives(process: psutil.Process) -> bool:
    """A process that has ended and that nobody asked about (a zombie) does not live."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def stop_signal(name: str) -> signal.Signals:
    """PostgreSQL's fast shutdown is SIGINT: it breaks connections off and writes a clean end."""
    return signal.SIGINT if name == "postgres" else signal.SIGTERM


def end(named: Iterable[tuple[str, psutil.Process]]) -> None:
    """Ask processes to end, side by side; kill those that do not."""
    running = [(name, process) for name, process in named if lives(process)]
    for name, process in running:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(stop_signal(name))
            process.send_signal(signal.SIGCONT)  # one that was halted cannot end
    deadline = time.monotonic() + _STOP_SECONDS
    while any(lives(process) for _, process in running):
        if time.monotonic() > deadline:
            for _, process in running:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        time.sleep(_POLL_SECONDS)


def end_orphans(state: Mapping[str, Any]) -> list[str]:
    """End what a killed supervisor left behind, services before what they stand on; return their names."""
    found = [(name, process) for name, told in state.get("processes", {}).items() if (process := find(told)) is not None]
    services = [(name, process) for name, process in found if is_service(name)]
    end(services)
    for each in reversed([each for each in found if each not in services]):
        end([each])
    return [name for name, _ in found]


def is_service(name: str) -> bool:
    return name.endswith(("-api", "-worker"))
