"""A stack as a value: start it, ask it, kill parts of it, stop it. `make up` and the tests use the same one."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from deploy.local import access, processes, provision
from deploy.local.infra import Docker
from deploy.local.layout import ROOT, SERVICES, Ports, Secrets, StackError
from deploy.local.postgres import away_from
from deploy.local.supervisor import read_state
from libs.common.access.directory import Wish
from libs.common.access.scopes import ROLES

_START_SECONDS = 400  # a first start fetches Kafka's jars
_STOP_SECONDS = 90
_POLL_SECONDS = 0.1


class Stack:
    """One stack in one folder; several may run side by side on ports of their own.

    `environment` is told to every process on top of ours: RECOURS_INFRA, OTEL_TRACES_EXPORTER, ...
    """

    def __init__(
        self,
        folder: Path,
        ports: Ports | None = None,
        services: tuple[str, ...] = SERVICES,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self._wanted_ports = ports
        self.services = services
        self._environment = environment or {}

    @property
    def ports(self) -> Ports:
        """Where it runs or last ran, unless other ports were asked for; the environment's before it ever ran."""
        if self._wanted_ports is not None:
            return self._wanted_ports
        told = self.state().get("ports") if self.running() else None
        return Ports(**told) if told else Ports.from_environment()

    def state(self) -> dict[str, Any]:
        """Return what the supervisor last wrote; {} when there was none."""
        return read_state(self.folder)

    def running(self) -> bool:
        """Say whether this stack's supervisor lives."""
        return processes.is_held(self.folder)

    def start(self, report: Callable[[dict[str, Any]], None] | None = None) -> None:
        """Start what is not running and return when all of it is ready. Errors: StackError; nothing is left running then."""
        before, supervisor = None, None
        if not self.running():
            before = self.state().get("supervisor")
            (self.folder / "logs").mkdir(parents=True, exist_ok=True)
            with (self.folder / "logs" / "supervisor.log").open("ab") as log:
                arguments = [str(self.folder), ",".join(self.services), json.dumps(asdict(self.ports))]
                supervisor = subprocess.Popen(
                    [sys.executable, "-m", "deploy.local.supervisor", *arguments],
                    cwd=ROOT,
                    env={**os.environ, **self._environment},
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
        self._await_ready(before, supervisor, report)

    def _await_ready(
        self,
        before: dict[str, Any] | None,
        supervisor: "subprocess.Popen[bytes] | None",
        report: Callable[[dict[str, Any]], None] | None,
    ) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            ended = (supervisor is None or supervisor.poll() is not None) and not self.running()  # asked before the state is read
            state = self.state()
            if state.get("supervisor") == before:
                state = {}  # what it says is of an earlier run
            if report is not None and state:
                report(state)
            if state.get("status") == "failed":
                raise StackError(state["message"])
            if ended:
                raise StackError(f"The supervisor ended while starting; its log is {self.folder / 'logs' / 'supervisor.log'}.")
            if state.get("status") == "ready":
                return
            time.sleep(_POLL_SECONDS)
        self.stop()
        raise StackError(f"The stack was not ready within {_START_SECONDS} s.")

    def stop(self) -> bool:
        """Stop what this stack started, and nothing else; False when nothing ran."""
        if not self.running():
            state = self.state()
            if state.get("infra") == Docker.kind and state.get("status") != "stopped":
                self._docker().stop()
            return bool(processes.end_orphans(state))
        supervisor = processes.find(self.state().get("supervisor", {}))
        if supervisor is not None:
            supervisor.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while self.running():
            if time.monotonic() > deadline:
                raise StackError(f"The stack did not stop within {_STOP_SECONDS} s; its log is {self.folder / 'logs'}.")
            time.sleep(_POLL_SECONDS)
        return True

    def _docker(self) -> Docker:
        return Docker(self.folder, Ports(**self.state()["ports"]), Secrets(self.folder / "secrets.json"))

    def discard(self) -> None:
        """Stop it and remove all that it kept, also what lies outside its folder."""
        if self.folder.exists():
            self.stop()
            if self.state().get("infra") == Docker.kind:
                self._docker().remove()
            shutil.rmtree(away_from(self.folder), ignore_errors=True)
            shutil.rmtree(self.folder)

    def pid(self, name: str) -> int | None:
        """Return the process id of `ingest-api`, `ingest-worker`, ..., `kafka`, `postgres`; None while it is down."""
        process = processes.find(self.state().get("processes", {}).get(name, {}))
        return process.pid if process is not None else None

    def kill(self, name: str, sign: signal.Signals = signal.SIGKILL) -> bool:
        """Send a signal to one process; False when it is down at the moment."""
        process = processes.find(self.state().get("processes", {}).get(name, {}))
        if process is None:
            return False
        try:
            process.send_signal(sign)
        except psutil.NoSuchProcess:
            return False
        return True

    @property
    def bootstrap(self) -> str:
        return str(self.state()["kafka"])

    @property
    def admin_url(self) -> str:
        return str(self.state()["admin_url"])

    def url(self, service: str) -> str:
        return self.ports.url(service)

    def token(self, tenant_id: str | None = None) -> str:
        """Return its owner's token, or one like it for another tenant."""
        if tenant_id is None:
            return access.token_file(self.folder).read_text()
        wish = Wish(access.SUBJECT, tenant_id, tuple(ROLES))
        return access.keys(self.folder).issue(wish, int(time.time()))[0]

    def database_url(self, service: str, role: str) -> str:
        """Return the address of a service's database as owner, api or worker."""
        return provision.role_url(self.admin_url, service, role, Secrets(self.folder / "secrets.json"))
