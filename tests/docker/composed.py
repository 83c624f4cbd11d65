"""The stack of deploy/compose.yaml with ports, secrets, containers and volumes of its own."""

import os
from pathlib import Path
from typing import Any

import httpx

from deploy.local.layout import ROOT, SERVICES, Ports
from tests.docker.images import VERSION
from tests.docker.standins import docker

_FILE = ROOT / "deploy" / "compose.yaml"
_START_SECONDS = 800
PROCESSES = tuple(f"{service}-{role}" for service in SERVICES for role in ("api", "worker"))


class Composed:
    """One project. What needs images that nothing here stands in for (dashboards, traces) is not started."""

    def __init__(self, folder: Path, ports: Ports) -> None:
        self._secrets = folder / "secrets"
        self._ports = ports
        self._project = f"recours-test-{os.getpid()}"

    def compose(self, *arguments: str, seconds: float = 120) -> str:
        told = {"RECOURS_SECRETS": str(self._secrets), "RECOURS_VERSION": VERSION, "OTEL_TRACES_EXPORTER": "none"}
        told |= {f"RECOURS_{name.upper()}_PORT": str(getattr(self._ports, name)) for name in ("postgres", "kafka", *SERVICES)}
        os.environ |= told
        return docker("compose", "--file", str(_FILE), "--project-name", self._project, *arguments, seconds=seconds)

    def start(self) -> None:
        self.compose("run", "--rm", "secrets")
        try:
            self.compose("up", "--no-build", "--detach", "--wait", *PROCESSES, seconds=_START_SECONDS)
        except RuntimeError as error:
            raise RuntimeError(f"{error}\n{self.compose('logs', '--tail', '20')}") from error

    def remove(self) -> None:
        self.compose("down", "--volumes", "--timeout", "5")

    def client(self, service: str) -> httpx.Client:
        """Return a client of a service's API that carries the owner's token."""
        token = (self._secrets / "token").read_text()
        return httpx.Client(
            base_url=self._ports.url(service), headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False
        )

    def get(self, service: str, path: str, **query: Any) -> Any:
        with self.client(service) as client:
            answer = client.get(path, params=query)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    def container(self, process: str) -> str:
        """Return the id of a process's container, also where it has ended."""
        return self.compose("ps", "--all", "--quiet", process).strip()
