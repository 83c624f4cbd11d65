"""PostgreSQL and Kafka, three ways and one interface: addresses that are given, containers, or embedded servers."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from deploy.local.kafka import EmbeddedKafka
from deploy.local.layout import ROOT, Ports, Secrets, Server, StackError, stack_id, write_whole
from deploy.local.postgres import EmbeddedPostgres

_COMPOSE_FILE = ROOT / "deploy" / "compose.yaml"
_DOCKER_ANSWERS_SECONDS = 2


class Infrastructure(Protocol):
    """`admin_url` is that of a PostgreSQL superuser; `bootstrap` that of the brokers."""

    kind: str

    @property
    def admin_url(self) -> str: ...
    @property
    def bootstrap(self) -> str: ...
    def servers(self) -> Sequence[Server]:
        """Return what must be started as our own processes, in order; what else is needed is started here."""
        ...

    def stop(self) -> None:
        """Stop what `servers` does not return."""
        ...


class External:
    """Servers that somebody else runs."""

    kind = "external"

    def __init__(self, admin_url: str, bootstrap: str) -> None:
        self.admin_url = admin_url
        self.bootstrap = bootstrap

    def servers(self) -> Sequence[Server]:
        return ()

    def stop(self) -> None:
        """Nothing here is ours to stop."""


class Embedded:
    """A server each from a Python package and from jars, in the stack's own folder."""

    kind = "embedded"

    def __init__(self, folder: Path, ports: Ports, secrets: Secrets) -> None:
        logs = self._logs = folder / "logs"
        self._postgres = EmbeddedPostgres(folder / "postgres", ports.postgres, secrets, logs / "postgres.log")
        self._kafka = EmbeddedKafka(folder / "kafka", ports.kafka, ports.kafka_controller, logs / "kafka.log")

    @property
    def admin_url(self) -> str:
        return self._postgres.url

    @property
    def bootstrap(self) -> str:
        return self._kafka.bootstrap

    def servers(self) -> Sequence[Server]:
        postgres, kafka = self._postgres, self._kafka
        return (
            Server("postgres", postgres.start, postgres.answers, self._logs / "postgres.log"),
            Server("kafka", kafka.start, kafka.answers, self._logs / "kafka.log"),
        )

    def stop(self) -> None:
        """All of it is processes."""


class Docker:
    """PostgreSQL and Kafka of deploy/compose.yaml; the services run beside them."""

    kind = "docker"

    def __init__(self, folder: Path, ports: Ports, secrets: Secrets) -> None:
        self._project = f"recours-{stack_id(folder)}"  # two stacks have containers and volumes of their own
        password = secrets.get("postgres")
        self.admin_url = f"postgresql://postgres:{password}@127.0.0.1:{ports.postgres}/postgres"
        self.bootstrap = f"127.0.0.1:{ports.kafka}"
        told = folder / "containers" / "postgres" / "password"
        if not told.exists():
            write_whole(told, password)
            told.chmod(0o444)  # the server runs as another user; the folder above is closed to all but ours
        folder.chmod(0o700)
        self._environment = {
            **os.environ,
            "RECOURS_SECRETS": str(told.parents[1]),
            "RECOURS_POSTGRES_PORT": str(ports.postgres),
            "RECOURS_KAFKA_PORT": str(ports.kafka),
        }

    def _compose(self, *arguments: str) -> None:
        command = ["docker", "compose", "--project-name", self._project, "--file", str(_COMPOSE_FILE), *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            raise StackError(f"docker compose failed: {said[-1]}")

    def servers(self) -> Sequence[Server]:
        self._compose("up", "--detach", "--wait", "postgres", "kafka")
        return ()

    def stop(self) -> None:
        self._compose("stop")

    def remove(self) -> None:
        """Remove the containers and their data."""
        self._compose("down", "--volumes")


def choose(folder: Path, ports: Ports, secrets: Secrets) -> Infrastructure:
    """Take RECOURS_INFRA at its word, else the first way that this machine can do. Errors: StackError."""
    wanted = os.environ.get("RECOURS_INFRA", "")
    admin_url, bootstrap = os.environ.get("RECOURS_POSTGRES"), os.environ.get("RECOURS_KAFKA")
    if wanted not in ("", "external", "docker", "embedded"):
        raise StackError("RECOURS_INFRA must be external, docker or embedded.")
    if wanted == "external" or (not wanted and admin_url and bootstrap):
        if not admin_url or not bootstrap:
            raise StackError(
                "RECOURS_INFRA=external needs RECOURS_POSTGRES (an administrator's URL) and RECOURS_KAFKA (host:port)."
            )
        return External(admin_url, bootstrap)
    if wanted == "docker" or (not wanted and docker_answers() and compose_answers()):
        return Docker(folder, ports, secrets)
    return Embedded(folder, ports, secrets)


def docker_answers() -> bool:
    """Say whether a Docker engine (not only its client) is here."""
    return _succeeds("docker", "info")


def compose_answers() -> bool:
    """Say whether the client can compose, too: Debian's and some others come without."""
    return _succeeds("docker", "compose", "version")


def _succeeds(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    try:
        asked = subprocess.run(command, capture_output=True, timeout=_DOCKER_ANSWERS_SECONDS, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0
