"""The process that holds the stack: it starts everything in order, starts again what dies, and ends all in good order.

`python -m deploy.local.supervisor STATE_DIR` runs until SIGTERM. What it knows it writes to STATE_DIR/state.json, for `up`, `down`,
`status` and the tests to read.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from deploy.local import provision
from deploy.local.infra import Infrastructure, choose
from deploy.local.layout import ROOT, SERVICES, Ports, Secrets, StackError

_READY_SECONDS = 90
_STOP_SECONDS = 15
_BACKOFF_SECONDS = (0.2, 5.0)
_STEADY_SECONDS = 10  # a process that ran this long starts again at once
_TICK_SECONDS = 0.1


@dataclass
class Child:
    """One process of the stack, and how it is started."""

    name: str
    start: Callable[[], "subprocess.Popen[bytes]"]
    process: "subprocess.Popen[bytes] | None" = None
    restarts: int = 0
    started_at: float = 0.0
    backoff: float = _BACKOFF_SECONDS[0]
    start_after: float = 0.0

    def launch(self) -> None:
        self.process = self.start()
        self.started_at = time.monotonic()

    def describe(self) -> dict[str, Any]:
        pid = self.process.pid if self.process and self.process.poll() is None else None
        return {"pid": pid, "restarts": self.restarts}


@dataclass
class State:
    """What others may read. `status`: starting, ready, failed, stopped."""

    path: Path
    status: str = "starting"
    message: str = ""
    infra: str = ""
    kafka: str = ""
    admin_url: str = ""
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def write(self) -> None:
        told = asdict(self)
        del told["path"]
        told["supervisor"] = {"pid": os.getpid(), "created": psutil.Process().create_time()}
        fresh = self.path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(told, indent=1))
        fresh.replace(self.path)


class Supervisor:
    """Holds the children of one stack."""

    def __init__(self, folder: Path, ports: Ports, services: tuple[str, ...]) -> None:
        self._folder = folder
        self._ports = ports
        self._services = services
        self._secrets = Secrets(folder / "secrets.json")
        self._state = State(folder / "state.json", ports=asdict(ports))
        self._infra: Infrastructure | None = None
        self._children: list[Child] = []
        self._stopping = False

    def run(self) -> int:
        """Start, watch, stop. Returns the exit status."""
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, lambda *_: setattr(self, "_stopping", True))
        self._state.write()
        try:
            self._start()
            self._watch()
        except StackError as error:
            self._state.status, self._state.message = "failed", str(error)
        finally:
            self._stop()
        if self._state.status != "failed":
            self._state.status = "stopped"
        self._note_processes()
        return 0 if self._state.status == "stopped" else 1

    def _start(self) -> None:
        infra = self._infra = choose(self._folder, self._ports, self._secrets)
        for name, start in infra.processes():
            child = Child(name, start)
            child.launch()
            self._children.append(child)
            self._note_processes()
        self._state.infra, self._state.kafka, self._state.admin_url = infra.kind, infra.bootstrap, infra.admin_url
        self._state.notes = asyncio.run(provision.make_topics(infra.bootstrap)) if self._services else []
        owners = {}
        for service in self._services:
            asyncio.run(provision.make_roles(infra.admin_url, service, self._secrets))
            asyncio.run(provision.make_database(infra.admin_url, service))
            owners[service] = provision.role_url(infra.admin_url, service, "owner", self._secrets)
        for service, url in owners.items():
            provision.migrate(service, url)
        for service in self._services:
            for role in ("api", "worker"):
                child = Child(f"{service}-{role}", self._starter(service, role))
                child.launch()
                self._children.append(child)
        self._note_processes()
        self._await_ready()
        self._state.status = "ready"
        self._note_processes()

    def _starter(self, service: str, role: str) -> Callable[[], "subprocess.Popen[bytes]"]:
        infra = self._infra
        if infra is None:
            raise StackError("Nothing is started yet.")
        environment = {
            **os.environ,
            "RECOURS_DATABASE_URL": provision.role_url(infra.admin_url, service, role, self._secrets),
            "RECOURS_KAFKA": infra.bootstrap,
            "RECOURS_PORT": str(asdict(self._ports)[service]),
            "RECOURS_INSTANCE": f"{service}-1",
            **{f"RECOURS_{name.upper()}_URL": self._ports.url(name) for name in SERVICES},
        }
        log_path = self._folder / "logs" / f"{service}-{role}.log"

        def start() -> "subprocess.Popen[bytes]":
            log_path.parent.mkdir(parents=True, exist_ok=True)
            with log_path.open("ab") as log:
                command = [sys.executable, "-m", f"services.{service}", role]
                return subprocess.Popen(
                    command, cwd=ROOT, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
                )

        return start

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        waiting = {service: self._ports.url(service) + "/readyz" for service in self._services}
        while waiting and not self._stopping:
            for service, url in list(waiting.items()):
                if _answers(url):
                    del waiting[service]
            self._revive()
            if time.monotonic() > deadline:
                service = next(iter(waiting))
                raise StackError(f"{service} was not ready within {_READY_SECONDS} s.{self._last_lines(f'{service}-api')}")
            time.sleep(_TICK_SECONDS)

    def _last_lines(self, name: str) -> str:
        path = self._folder / "logs" / f"{name}.log"
        lines = path.read_text(errors="replace").splitlines()[-20:] if path.exists() else []
        return "".join(f"\n  {name}: {line}" for line in lines)

    def _watch(self) -> None:
        while not self._stopping:
            if self._revive():
                self._note_processes()
            time.sleep(_TICK_SECONDS)

    def _revive(self) -> bool:
        """Start again what died; a process that dies at once waits longer each time."""
        changed = False
        now = time.monotonic()
        for child in self._children:
            if child.process is not None and child.process.poll() is not None:
                steady = now - child.started_at > _STEADY_SECONDS
                child.backoff = _BACKOFF_SECONDS[0] if steady else min(child.backoff * 2, _BACKOFF_SECONDS[1])
                child.process, child.start_after = None, now + (0 if steady else child.backoff)
                changed = True
            if child.process is None and now >= child.start_after and not self._stopping:
                try:
                    child.launch()
                except StackError as error:
                    self._state.notes.append(f"{child.name}: {error}")
                    child.start_after = now + child.backoff
                child.restarts += 1
                changed = True
        return changed

    def _stop(self) -> None:
        """End the services first, side by side, then what they stand on."""
        services = [child for child in self._children if child.name.endswith(("-api", "-worker"))]
        _end(services, signal.SIGTERM)
        for child in reversed([child for child in self._children if child not in services]):
            # PostgreSQL's fast shutdown is SIGINT: it breaks connections off and writes a clean end.
            _end([child], signal.SIGINT if child.name == "postgres" else signal.SIGTERM)
        if self._infra is not None:
            self._infra.stop()

    def _note_processes(self) -> None:
        self._state.processes = {child.name: child.describe() for child in self._children}
        self._state.write()


def _end(children: list[Child], sign: signal.Signals) -> None:
    running = [child.process for child in children if child.process is not None and child.process.poll() is None]
    for process in running:
        process.send_signal(sign)
    deadline = time.monotonic() + _STOP_SECONDS
    for process in running:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, deadline - time.monotonic()))
    for process in running:
        if process.poll() is None:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback address
            return int(answer.status) == 200  # noqa: PLR2004
    except OSError:
        return False


def main() -> None:
    folder = Path(sys.argv[1])
    services = tuple(sys.argv[2].split(",")) if len(sys.argv) > 2 and sys.argv[2] else ()  # noqa: PLR2004
    ports = Ports(**json.loads(sys.argv[3])) if len(sys.argv) > 3 else Ports.from_environment()  # noqa: PLR2004
    sys.exit(Supervisor(folder, ports, services).run())


if __name__ == "__main__":
    main()
