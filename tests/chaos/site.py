"""What chaos runs in: three brokers, PostgreSQL behind a proxy, and a stack of all services that is told of those."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from uuid import uuid4

import psutil
from aiokafka import TopicPartition

from deploy.local import provision
from deploy.local.layout import ROOT, SERVICES, Ports, Secrets, free_ports
from deploy.local.postgres import away_from
from deploy.local.stack import Stack
from tests.chaos.cluster import Cluster
from tests.chaos.databases import Databases
from tests.chaos.messages import Planted
from tests.support import eventually, is_ready
from tests.support.proxy import Proxy
from tests.support.system import System

WORKERS = tuple(f"{service}-worker" for service in SERVICES)
APIS = tuple(f"{service}-api" for service in SERVICES)
WEBHOOKS = "analytics-webhooks"
_BROKERS = 3
_SABOTAGE = Path(__file__).parent / "sabotage"


class Site:
    """All of it, in one folder.

    `planted` are the dead letters that must be there; `offsets_before` is where topics ended when a round began.
    """

    def __init__(self, folder: Path) -> None:
        free = free_ports()
        self.folder = folder
        self.cluster = Cluster(folder, [(next(free), next(free)) for _ in range(_BROKERS)])
        self.databases = Databases(folder, (next(free), next(free)), Secrets(folder / "secrets.json"))
        self.proxy = Proxy(next(free), self.databases.server.port)
        behind = self.databases.admin_url.replace(f":{self.databases.server.port}/", f":{self.proxy.port}/")
        self.orders = folder / "orders"
        self.orders.mkdir(parents=True)
        self.planted: Planted = Counter()
        self.offsets_before: dict[TopicPartition, int] = {}
        told = {
            "PYTHONPATH": os.pathsep.join((str(_SABOTAGE), str(ROOT))),
            "CHAOS_SABOTAGE": str(self.orders),
        }
        told |= {"RECOURS_INFRA": "external", "RECOURS_POSTGRES": behind, "RECOURS_KAFKA": self.cluster.bootstrap}
        ports = Ports(**{field.name: next(free) for field in fields(Ports)})
        self.stack = Stack(folder / "stack", ports, environment=told)
        self._system: System | None = None

    @property
    def system(self) -> System:
        if self._system is None:
            self._system = System(self.stack)
        return self._system

    def start(self) -> None:
        self.databases.start()
        self.proxy.begin()
        self.cluster.start()
        self.stack.start()

    def discard(self) -> None:
        if self._system is not None:
            self._system.close()
        self.stack.discard()
        self.proxy.end()
        self.cluster.stop()
        self.databases.discard()
        shutil.rmtree(away_from(self.folder), ignore_errors=True)

    def database_url(self, service: str, role: str = "worker") -> str:
        """Return the address of a service's database at the server itself, past the proxy."""
        return provision.role_url(self.databases.admin_url, service, role, Secrets(self.stack.folder / "secrets.json"))

    def process(self, name: str) -> psutil.Process | None:
        """Return a process of the stack that lives now, the webhooks' among them."""
        if name != WEBHOOKS:
            pid = self.stack.pid(name)
            return psutil.Process(pid) if pid is not None else None
        worker = self.process("analytics-worker")
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in worker.children() if worker is not None else ():
                if "services.analytics.webhooks" in child.cmdline():
                    return child
        return None

    def living(self, name: str) -> psutil.Process:
        """Return a process of the stack as soon as it lives."""
        eventually(lambda: self.process(name) is not None)
        found = self.process(name)
        assert found is not None
        return found

    @contextmanager
    def changed(self, names: Sequence[str], what: str) -> Iterator[None]:
        """Have processes start again, changed as the sabotage's `what` says; at the end they start once more, as they were."""
        orders = [self.orders / f"{name}.{what}" for name in names]
        for order in orders:
            order.touch()
        try:
            self.start_again(names)
            yield
        finally:
            for order in orders:
                order.unlink()
            self.start_again(names)

    def start_again(self, names: Sequence[str]) -> None:
        """Kill processes of the stack and return when others have taken their place and are at work."""
        before = {name: self.living(name).pid for name in names}
        for name in names:
            self.living(name).kill()
        eventually(lambda: all(self.stack.pid(name) not in (None, before[name]) for name in names))
        eventually(lambda: all(self._is_ready(name) for name in names), otherwise=lambda: f"{names} are not ready")

    def _is_ready(self, name: str) -> bool:
        port = name.removesuffix("-api").replace("-", "_")
        return is_ready(self.stack.ports.url(port))

    @contextmanager
    def second_worker(self, service: str) -> Iterator[None]:
        """Have a second worker of a service, a member of its group without a name of its own, from its first partitions on.

        It is killed in the end.
        """
        told = self.living(f"{service}-worker").environ()
        for name in ("RECOURS_INSTANCE", "RECOURS_HEALTH_PORT", "RECOURS_WEBHOOKS_HEALTH_PORT"):  # the first worker has these
            told.pop(name, None)
        command = [sys.executable, "-m", f"services.{service}", "worker"]
        log_path = self.stack.folder / "logs" / f"{service}-second-{uuid4().hex[:8]}.log"
        with (
            log_path.open("wb") as log,
            subprocess.Popen(command, cwd=ROOT, env=told, stdout=log, stderr=log, stdin=subprocess.DEVNULL) as process,
        ):
            try:
                eventually(lambda: b"partitions_assigned" in log_path.read_bytes())
                yield
                assert process.poll() is None, f"the second worker of {service} has died: {log_path}"
            finally:
                process.kill()
