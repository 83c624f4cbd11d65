"""What runs, on which ports, and where it keeps its things."""

import json
import os
import random
import secrets
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from libs.common.sealing.master import new_line

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("ingest", "classifier", "appeals", "analytics")
ROLES = ("owner", "api", "worker")
# Roles of those who read a service's database with SQL of their own: a group, to which each reader's role belongs.
READERS = {"analytics": "analytics_bi"}
# Below what systems give to outgoing connections: one of those may not take a port while its server starts again.
_FREE_PORTS = range(20_000, 32_000)

Start = Callable[[], "subprocess.Popen[bytes]"]


class StackError(RuntimeError):
    """The stack cannot do what was asked; the message is one sentence for the person who asked."""


@dataclass(frozen=True)
class Server:
    """What services stand on: `start` returns at once, `answers` says whether it takes connections by now."""

    name: str
    start: Start
    answers: Callable[[], bool]
    log: Path


@dataclass(frozen=True)
class Ports:
    """One port each; all on the loopback address. What is named after a process answers its /metrics."""

    postgres: int = 54329
    kafka: int = 19092
    kafka_controller: int = 19093
    ingest: int = 8001
    classifier: int = 8002
    appeals: int = 8003
    analytics: int = 8004
    ingest_worker: int = 8011
    classifier_worker: int = 8012
    appeals_worker: int = 8013
    analytics_worker: int = 8014
    ingest_api: int = 8021
    classifier_api: int = 8022
    appeals_api: int = 8023
    analytics_api: int = 8024
    analytics_webhooks: int = 8034
    zipkin: int = 9411

    @classmethod
    def from_environment(cls) -> "Ports":
        """Read RECOURS_POSTGRES_PORT, RECOURS_KAFKA_PORT, RECOURS_INGEST_PORT, ...; the rest keeps its default."""
        known = {}
        for name in cls.__dataclass_fields__:
            told = os.environ.get(f"RECOURS_{name.upper()}_PORT")
            if told is not None:
                if not told.isdecimal():
                    raise StackError(f"RECOURS_{name.upper()}_PORT is not a port number.")
                known[name] = int(told)
        return cls(**known)

    @classmethod
    def free(cls) -> "Ports":
        """Find ports that nobody uses now."""
        found = free_ports()
        return cls(**{name: next(found) for name in cls.__dataclass_fields__})

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{asdict(self)[service]}"


def tenant() -> str:
    """Return the tenant that services of this environment answer for."""
    return os.environ.get("RECOURS_TENANT", "local")


def free_ports() -> Iterator[int]:
    """Yield ports that nobody uses now, each once."""
    return (port for port in random.sample(_FREE_PORTS, 400) if is_free(port))


def is_free(port: int) -> bool:
    """Say whether nobody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def require_free(port: int, what: str) -> None:
    """Errors: StackError when somebody else listens there."""
    if not is_free(port):
        name = f"RECOURS_{what.upper()}_PORT"
        raise StackError(f"Port {port}, wanted for {what}, is taken; stop what uses it or set {name}.")


def stack_id(folder: Path) -> str:
    """Return the name of a stack, made once and kept in its folder: it stays when the folder moves."""
    path = folder / "id"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(secrets.token_hex(6))
    return path.read_text()


def write_whole(path: Path, told: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(told)
    fresh.replace(path)


def master_key_file(folder: Path) -> Path:
    """Return the file of a stack's master key, made once; only its owner may read it."""
    path = folder / "master.keys"
    if not path.exists():
        write_whole(path, new_line("first"))  # without it nothing of a patient is read again
    return path


class Secrets:
    """Passwords of this stack's database roles: made once, kept in a file that only its owner may read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, name: str) -> str:
        """Return a password by its name. The file is read each time: several processes and objects share it."""
        known: dict[str, str] = json.loads(self._path.read_text()) if self._path.exists() else {}
        if name not in known:
            known[name] = secrets.token_urlsafe(24)
            write_whole(self._path, json.dumps(known, indent=1))  # a lost password locks us out of our own data
        return known[name]
