"""The process that holds the stack: it starts everything in order, starts again what dies, and ends all in good order.

`python -m deploy.local.supervisor STATE_DIR` runs until SIGTERM. What it knows it writes to STATE_DIR/state.json, for `up`, `down`,
`status` and the tests to read.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil

from deploy.local import access, processes, provision, zipkin
from deploy.local.environment import environment_of
from deploy.local.infra import Infrastructure, choose
from deploy.local.layout import (
    ROOT,
    Ports,
    Secrets,
    Server,
    StackError,
    Start,
    require_free,
    tenant,
    write_whole,
)

_READY_SECONDS = 180  # on a busy machine too
_BACKOFF_SECONDS = (0.2, 5.0)
_STEADY_SECONDS = 10  # a process that ran this long starts again at once
_TICK_SECONDS = 0.1


@dataclass
class Child:
    """One process of the stack, and how it is started."""

    name: str
    start: Start
    process: "subprocess.Popen[bytes] | None" = None
    created: float | None = None
    restarts: int = 0
    trouble: str = ""
    started_at: float = 0.0
    backoff: float = _BACKOFF_SECONDS[0]
    start_after: float = 0.0

    def launch(self) -> None:
        self.process = self.start()
        self.created = processes.birth_of(self.process.pid)
        self.started_at = time.monotonic()
        self.trouble = ""

    def lives(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def describe(self) -> dict[str, Any]:
        pid = self.process.pid if self.process and self.lives() else None
        return {"pid": pid, "created": self.created, "restarts": self.restarts, "trouble": self.trouble}


def read_state(folder: Path) -> dict[str, Any]:
    """Return what the folder's last supervisor wrote; {} when there was none."""
    path = folder / "state.json"
    told = json.loads(path.read_text()) if path.exists() else {}
    return told if isinstance(told, dict) else {}


@dataclass
class State:
    """What others may read. `status`: starting, ready, failed, stopped."""

    path: Path
    status: str = "starting"
    message: str = ""
    infra: str = ""
    tenant: str = ""
    kafka: str = ""
    admin_url: str = ""
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def write(self) -> None:
        told = asdict(self)
        del told["path"]
        told["supervisor"] = {"pid": os.getpid(), "created": psutil.Process().create_time()}
        write_whole(self.path, json.dumps(told, indent=1))


class Supervisor:
    """Holds the children of one stack."""

    def __init__(self, folder: Path, ports: Ports, services: tuple[str, ...]) -> None:
        self._folder = folder
        self._ports = ports
        self._services = services
        self._secrets = Secrets(folder / "secrets.json")
        self._state = State(folder / "state.json", ports=asdict(ports), tenant=tenant())
        self._infra: Infrastructure | None = None
        self._zipkin: zipkin.EmbeddedZipkin | None = None
        self._children: list[Child] = []
        self._stopping = False

    def run(self, before: dict[str, Any]) -> int:
        """Start, watch, stop. Returns the exit status. `before` is the state that the supervisor before this one left."""
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, lambda *_: setattr(self, "_stopping", True))
        processes.end_orphans(before)
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
        for service in self._services:
            for what in (service, f"{service}_worker", f"{service}_api"):
                require_free(asdict(self._ports)[what], what)
        access.write_token(self._folder, self._state.tenant)
        infra = self._infra = choose(self._folder, self._ports, self._secrets)
        servers = infra.servers()
        self._state.infra, self._state.kafka, self._state.admin_url = infra.kind, infra.bootstrap, infra.admin_url
        for server in servers:
            self._launch(Child(server.name, server.start))
        self._launch_zipkin()
        for server in servers:
            self._await_server(server)
            if server.name == "postgres":
                self._prepare_databases(infra)  # while Kafka gets going
                self._launch_services("api")  # which have no use for it
        if not servers:
            self._prepare_databases(infra)
            self._launch_services("api")
        if self._services and not self._stopping:
            self._state.notes += asyncio.run(provision.make_topics(infra.bootstrap))
            self._launch_services("worker")
        self._await_ready()
        if not self._stopping:
            self._state.status = "ready"
            self._note_processes()

    def _launch_zipkin(self) -> None:
        if self._services and zipkin.wanted():
            own = self._zipkin = zipkin.EmbeddedZipkin(self._ports.zipkin, self._folder / "logs" / "zipkin.log")
            self._state.notes.append(f"Traces: {own.url}/zipkin/")
            self._launch(Child("zipkin", own.start))

    def _launch_services(self, role: str) -> None:
        for service in () if self._stopping else self._services:
            self._launch(Child(f"{service}-{role}", self._starter(service, role)))

    def _launch(self, child: Child) -> None:
        """Start a process and note it at once: what is not noted, nobody finds again when this process is killed."""
        child.launch()
        self._children.append(child)
        self._note_processes()

    def _await_server(self, server: Server) -> None:
        child = next(each for each in self._children if each.name == server.name)
        deadline = time.monotonic() + _READY_SECONDS
        while not self._stopping and not server.answers():
            if not child.lives():
                raise StackError(f"{server.name} ended while starting; its log is {server.log}.")
            if time.monotonic() > deadline:
                raise StackError(f"{server.name} did not answer within {_READY_SECONDS} s; its log is {server.log}.")
            time.sleep(_TICK_SECONDS)

    def _prepare_databases(self, infra: Infrastructure) -> None:
        if self._stopping:
            return
        for service in self._services:
            asyncio.run(provision.make_roles(infra.admin_url, service, self._secrets))
            asyncio.run(provision.make_database(infra.admin_url, service))
        owners = {service: provision.role_url(infra.admin_url, service, "owner", self._secrets) for service in self._services}
        behind = {service: url for service, url in owners.items() if not asyncio.run(provision.is_newest(service, url))}
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(provision.migrate, behind.keys(), behind.values()))

    def _starter(self, service: str, role: str) -> Start:
        infra = self._infra
        if infra is None:
            raise StackError("Nothing is started yet.")
        told = environment_of(self._folder, self._ports, infra.admin_url, infra.bootstrap, service, role)
        environment = (self._zipkin.environment if self._zipkin is not None else {}) | told
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
        waiting = {f"{service}-api": self._ports.url(service) + "/readyz" for service in self._services}
        waiting |= {f"{service}-worker": self._ports.url(f"{service}_worker") + "/readyz" for service in self._services}
        waiting |= {"zipkin": self._zipkin.health_url} if self._zipkin is not None else {}
        while waiting and not self._stopping:
            for name, url in list(waiting.items()):
                if _answers(url):
                    del waiting[name]
            if self._revive():
                self._note_processes()
            if waiting and time.monotonic() > deadline:
                name = next(iter(waiting))
                raise StackError(f"{name} was not ready within {_READY_SECONDS} s.{self._last_lines(name)}")
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
                    child.restarts += 1
                except StackError as error:
                    child.trouble = str(error)
                    child.start_after = now + child.backoff
                changed = True
        return changed

    def _stop(self) -> None:
        """End the services first, side by side, then what they stand on."""
        running = [(each.name, psutil.Process(each.process.pid)) for each in self._children if each.process and each.lives()]
        services = [each for each in running if processes.is_service(each[0])]
        processes.end(services)
        for server in reversed([each for each in running if each not in services]):
            processes.end([server])
        if self._infra is not None:
            self._infra.stop()

    def _note_processes(self) -> None:
        self._state.processes = {child.name: child.describe() for child in self._children}
        self._state.write()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback address
            return int(answer.status) == 200  # noqa: PLR2004
    except (OSError, HTTPException):  # not HTTP: while nobody listens, TCP can connect a port above 32768 to itself
        return False


def main() -> None:
    folder = Path(sys.argv[1])
    services = tuple(sys.argv[2].split(",")) if len(sys.argv) > 2 and sys.argv[2] else ()  # noqa: PLR2004
    ports = Ports(**json.loads(sys.argv[3])) if len(sys.argv) > 3 else Ports.from_environment()  # noqa: PLR2004
    lock = processes.hold(folder)
    if lock is None:
        sys.exit(0)  # another `up` was quicker; whoever started us watches that one
    with lock:
        before = read_state(folder)
        sys.exit(Supervisor(folder, ports, services).run(before))


if __name__ == "__main__":
    main()
