"""What runs, on which ports, and where it keeps its things."""

import json
import os
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("ingest", "classifier", "appeals", "analytics")
ROLES = ("owner", "api", "worker")


class StackError(RuntimeError):
    """The stack cannot do what was asked; the message is one sentence for the person who asked."""


@dataclass(frozen=True)
class Ports:
    """One port each; all on the loopback address."""

    postgres: int = 54329
    kafka: int = 19092
    kafka_controller: int = 19093
    ingest: int = 8001
    classifier: int = 8002
    appeals: int = 8003
    analytics: int = 8004

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
        names = list(cls.__dataclass_fields__)
        sockets = [socket.socket() for _ in names]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        ports = cls(**{name: each.getsockname()[1] for name, each in zip(names, sockets, strict=True)})
        for each in sockets:
            each.close()
        return ports

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{asdict(self)[service]}"


def require_free(port: int, what: str) -> None:
    """Errors: StackError when somebody else listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            name = f"RECOURS_{what.upper()}_PORT"
            raise StackError(f"Port {port}, wanted for {what}, is taken; stop what uses it or set {name}.") from error


class Secrets:
    """Passwords of this stack's database roles: made once, kept in a file that only its owner may read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, name: str) -> str:
        """Return a password by its name. The file is read each time: several processes and objects share it."""
        known: dict[str, str] = json.loads(self._path.read_text()) if self._path.exists() else {}
        if name not in known:
            known[name] = secrets.token_urlsafe(24)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            self._path.write_text(json.dumps(known, indent=1))
        return known[name]
