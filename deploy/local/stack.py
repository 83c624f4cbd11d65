"""A stack as a value: start it, ask it, kill parts of it, stop it. `make up` and the tests use the same one."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from deploy.local import provision
from deploy.local.layout import ROOT, SERVICES, Ports, Secrets, StackError

_START_SECONDS = 400  # a first start fetches Kafka's jars
_STOP_SECONDS = 60
_POLL_SECONDS = 0.1


class Stack:
    """One stack in one folder; several may run side by side on ports of their own."""

    def __init__(self, folder: Path, ports: Ports | None = None, services: tuple[str, ...] = SERVICES) -> None:
        self.folder = folder.resolve()
        self.ports = ports or Ports.from_environment()
        self.services = services

    def state(self) -> dict[str, Any]:
        """Return what the supervisor last wrote; {} when there was none."""
        path = self.folder / "state.json"
        try:
            return json.loads(path.read_text()) if path.exists() else {}
        except json.JSONDecodeError:
            return {}

    def running(self) -> bool:
        """Say whether this stack's supervisor lives; another process under its old number does not count."""
        return self._supervisor() is not None

    def _supervisor(self) -> psutil.Process | None:
        told = self.state().get("supervisor")
        if told is None:
            return None
        try:
            process = psutil.Process(told["pid"])
            same = abs(process.create_time() - told["created"]) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if same else None

    def start(self, report: Callable[[dict[str, Any]], None] | None = None) -> None:
        """Start what is not running and return when all of it is ready. Errors: StackError; nothing is left running then."""
        if not self.running():
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "logs").mkdir(exist_ok=True)
            (self.folder / "state.json").unlink(missing_ok=True)
            with (self.folder / "logs" / "supervisor.log").open("ab") as log:
                arguments = [str(self.folder), ",".join(self.services), json.dumps(asdict(self.ports))]
                subprocess.Popen(
                    [sys.executable, "-m", "deploy.local.supervisor", *arguments],
                    cwd=ROOT,
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
        self._await_ready(report)

    def _await_ready(self, report: Callable[[dict[str, Any]], None] | None) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            state = self.state()
            if report is not None and state:
                report(state)
            if state.get("status") == "ready":
                return
            if state.get("status") == "failed":
                raise StackError(state["message"])
            if state and not self.running():
                raise StackError(f"The supervisor ended while starting; its log is {self.folder / 'logs' / 'supervisor.log'}.")
            time.sleep(_POLL_SECONDS)
        self.stop()
        raise StackError(f"The stack was not ready within {_START_SECONDS} s.")

    def stop(self) -> bool:
        """Stop what this stack started, and nothing else; False when nothing ran."""
        supervisor = self._supervisor()
        if supervisor is None:
            return False
        supervisor.send_signal(signal.SIGTERM)
        try:
            supervisor.wait(_STOP_SECONDS)
        except psutil.TimeoutExpired as error:
            raise StackError(f"The supervisor (process {supervisor.pid}) did not end within {_STOP_SECONDS} s.") from error
        return True

    def pid(self, name: str) -> int | None:
        """Return the process id of `ingest-api`, `ingest-worker`, ..., `kafka`, `postgres`; None while it is down."""
        found = self.state().get("processes", {}).get(name, {}).get("pid")
        return int(found) if found is not None else None

    def kill(self, name: str, sign: signal.Signals = signal.SIGKILL) -> bool:
        """Send a signal to one process; False when it is down at the moment."""
        pid = self.pid(name)
        if pid is None:
            return False
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
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

    def database_url(self, service: str, role: str) -> str:
        """Return the address of a service's database as owner, api or worker."""
        return provision.role_url(self.admin_url, service, role, Secrets(self.folder / "secrets.json"))
