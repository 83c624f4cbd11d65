"""Several processes of each service, each of a release of its own, over one PostgreSQL and one Kafka, behind a load balancer."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from deploy.local import provision
from deploy.local.environment import environment_of
from deploy.local.layout import ROOT, SERVICES, Secrets, free_ports
from deploy.local.stack import Stack
from tests.support import eventually, is_ready, run_apart
from tests.support.balancer import Balancer

DRAIN_SECONDS = 3.0
_END_SECONDS = 90.0
_numbers = count(1)


def free_port() -> int:
    return next(free_ports())


@dataclass
class Member:
    """One process of a service: `root` is where its code stands."""

    service: str
    role: str
    root: Path
    environment: Mapping[str, str]
    folder: Path
    port: int = field(default_factory=free_port)
    health_port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it; `await_ready` returns when it is at work."""
        told = {
            **self.environment,
            "PYTHONPATH": str(self.root),
            "RECOURS_PORT": str(self.port),
            "RECOURS_HEALTH_PORT": str(self.health_port),
            "RECOURS_WEBHOOKS_HEALTH_PORT": str(free_port()),
            "RECOURS_DRAIN_SECONDS": f"{DRAIN_SECONDS:g}",
        }
        told.pop("RECOURS_INSTANCE", None)  # a member without a name of its own leaves its group when it ends
        self.log = self.folder / f"{self.service}-{self.role}-{next(_numbers)}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"services.{self.service}", self.role],
                cwd=self.root, env=told, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def await_ready(self) -> None:
        eventually(self._is_ready, seconds=240, otherwise=lambda: f"{self.log} ends with {self.log.read_text()[-2000:]}")

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"{self.log} ends with {self.log.read_text()[-2000:]}"
        port = self.port if self.role == "api" else self.health_port
        return is_ready(f"http://127.0.0.1:{port}")

    def leave(self) -> None:
        """Ask it to end."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def await_end(self) -> None:
        """Return when it has ended. Errors: AssertionError when it did otherwise than in good order."""
        assert self.process is not None
        assert self.process.wait(_END_SECONDS) == 0, f"{self.log} ends with {self.log.read_text()[-2000:]}"

    def start_again(self) -> None:
        """End it and start it once more; return when it is at work."""
        self.leave()
        self.await_end()
        self.start()
        self.await_ready()

    def discard(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Fleet:
    """All processes over a stack without services; where the stack would have its APIs, the balancer listens.

    Databases are made by `root`'s migrations, topics as the tree says.
    """

    def __init__(self, stack: Stack, root: Path = ROOT) -> None:
        self.stack = stack
        self._secrets = Secrets(stack.folder / "secrets.json")
        self.members: list[Member] = []
        self.balancer = Balancer([int(stack.url(service).rpartition(":")[2]) for service in SERVICES])
        for service in SERVICES:
            run_apart(provision.make_roles(stack.admin_url, service, self._secrets))
            run_apart(provision.make_database(stack.admin_url, service))
        run_apart(provision.make_topics(stack.bootstrap))
        self.migrate(root)

    def migrate(self, root: Path) -> None:
        """Bring the databases to the newest schema of a release, as an operator does it: while everything runs."""
        for service in SERVICES:
            url = provision.role_url(self.stack.admin_url, service, "owner", self._secrets)
            subprocess.run(
                [sys.executable, "-m", "libs.common.migrate", service],
                cwd=root, env={**os.environ, "PYTHONPATH": str(root), "RECOURS_DATABASE_URL": url},
                check=True, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def add(self, role: str, root: Path = ROOT, services: Sequence[str] = SERVICES) -> list[Member]:
        """Start one more process of services; return when all are at work and the balancer knows of them."""
        stack = self.stack
        of = [environment_of(stack.folder, stack.ports, stack.admin_url, stack.bootstrap, service, role) for service in services]
        added = [Member(service, role, root, told, stack.folder / "logs") for service, told in zip(services, of, strict=True)]
        self.members += added
        for member in added:
            member.start()
        for member in added:
            member.await_ready()
        self._lead()
        self.balancer.await_ready(*(member.port for member in added if role == "api"))
        return added

    def retire(self, members: Sequence[Member], seconds: float = 0.0) -> None:
        """Take processes off the balancer's list, wait, and end them, side by side."""
        self.members = [each for each in self.members if each not in members]
        self._lead()
        time.sleep(seconds)
        for member in members:
            member.leave()
        for member in members:
            member.await_end()

    def _lead(self) -> None:
        for service in SERVICES:
            servers = [each.port for each in self.members if (each.service, each.role) == (service, "api")]
            self.balancer.lead(int(self.stack.url(service).rpartition(":")[2]), servers)

    def discard(self) -> None:
        for member in self.members:
            member.discard()


@contextmanager
def fleet_over(stack: Stack, root: Path = ROOT) -> Iterator[Fleet]:
    """Have a fleet over a stack that runs without services; all of its processes end with it."""
    fleet = Fleet(stack, root)
    with fleet.balancer:
        try:
            yield fleet
        finally:
            fleet.discard()
