"""PostgreSQL on a small file system of its own, with a standby when one is asked for; what is asked of it goes through a proxy."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from deploy.local.layout import Secrets, StackError
from deploy.local.postgres import EmbeddedPostgres
from tests.support import eventually, run_apart

_DISK_BYTES = 3 * 1024**3
_SMALL_BYTES = 8 * 1024**2
_MKFS = "mkfs.ext4"
_KEPT_FREE = 64 * 1024


class Disk:
    """A small file system for one folder, in a sparse image: full when it is told to be."""

    def __init__(self, image: Path, folder: Path, size_bytes: int = _DISK_BYTES) -> None:
        self._folder = folder
        self._ballast = folder / "ballast"
        image.parent.mkdir(parents=True, exist_ok=True)
        with image.open("wb") as file:
            file.truncate(size_bytes)
        _run(_mkfs() or _MKFS, "-q", "-F", "-m", "0", str(image))
        folder.mkdir(parents=True, exist_ok=True)
        _run("mount", "-o", "loop", str(image), str(folder))

    @staticmethod
    @cache
    def why_not() -> str:
        """Say why no file system can be made here, by trying; "" when one can."""
        if os.geteuid() != 0:
            return "a file system of its own needs root"
        if not _mkfs():
            return f"{_MKFS} is not installed"
        with tempfile.TemporaryDirectory() as folder:
            try:
                Disk(Path(folder) / "image", Path(folder) / "disk", _SMALL_BYTES).unmount()
            except subprocess.CalledProcessError:
                return "a file system of its own cannot be mounted here"
        return ""

    def fill(self) -> None:
        free = shutil.disk_usage(self._folder).free - _KEPT_FREE
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free)

    def empty(self) -> None:
        self._ballast.unlink()

    def unmount(self) -> None:
        _run("umount", "--lazy", str(self._folder))


def _mkfs() -> str | None:
    return shutil.which(_MKFS, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)


class Databases:
    """`server` is the one that serves, until `fail_over`. `disk` is None where no file system can be made."""

    def __init__(self, folder: Path, ports: tuple[int, int], secrets: Secrets) -> None:
        self._folder, self._ports, self._secrets = folder, ports, secrets
        self.server = self._member("postgres", ports[0])
        self.disk: Disk | None = None
        if not Disk.why_not():
            self.disk = Disk(folder / "disk" / "postgres.image", self.server.folder.parent / "postgres-disk")
            self.server.folder = self.server.folder.parent / "postgres-disk" / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._standby: tuple[EmbeddedPostgres, subprocess.Popen[bytes]] | None = None
        self._old = 0

    def _member(self, name: str, port: int) -> EmbeddedPostgres:
        return EmbeddedPostgres(self._folder / name, port, self._secrets, self._folder / "logs" / f"{name}.log")

    @property
    def admin_url(self) -> str:
        return self.server.url

    def start(self) -> None:
        """Start the server, as soon as what an earlier one left behind lets it; return when it answers."""
        deadline = time.monotonic() + 60
        while True:
            try:
                self._process = self.server.start()
            except StackError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
                continue
            while self._process.poll() is None:
                if self.server.answers():
                    return
                time.sleep(0.05)
            assert time.monotonic() < deadline, "PostgreSQL does not start"

    def lives(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it in good order: connections are broken off, all is written."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)

    def kill(self) -> None:
        """Kill the postmaster with SIGKILL; its children end when they notice."""
        if self._process is None:
            return
        children = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        self._process.wait()
        psutil.wait_procs(children, 30)

    def crash(self) -> None:
        """Kill one of its processes: the server takes that for damage, ends all others and recovers by itself."""
        if self._process is None:
            return
        children = psutil.Process(self._process.pid).children()
        next(each for each in children if "recours" in " ".join(each.cmdline())).kill()
        psutil.wait_procs(children, 60)  # before they have all ended it has not noticed, and answers as if nothing were
        eventually(self.server.answers)

    def discard(self) -> None:
        for process in (self._process, self._standby[1] if self._standby else None):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGQUIT)
                process.wait(60)
        if self.disk is not None:
            self.disk.unmount()

    def ask(self, statement: str) -> Any:
        """Run one statement as administrator at the server itself, past the proxy; return its first value."""

        async def run() -> Any:
            connection = await asyncpg.connect(self.server.url, timeout=10)
            try:
                return await connection.fetchval(statement)
            finally:
                await connection.close()

        return run_apart(run())

    @contextmanager
    def told(self, **settings: str) -> Iterator[None]:
        """Have the server run with other settings for a while."""
        for name, value in settings.items():
            self.ask(f"ALTER SYSTEM SET {name} = '{value}'")
        self.ask("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            for name in settings:
                self.ask(f"ALTER SYSTEM RESET {name}")
            self.ask("SELECT pg_reload_conf()")

    def follow(self) -> None:
        """Start a standby that has all that the server has, and let each commit wait for it."""
        self._old += 1
        port = next(each for each in self._ports if each != self.server.port)
        standby = self._member(f"standby-{self._old}", port)
        standby.make_folder(standby.folder)
        copied = self.server.begin("pg_basebackup", "-D", str(standby.folder), "-R", "-X", "stream", "-c", "fast").wait()
        assert copied == 0, "pg_basebackup failed; the server's log says why"
        self._standby = (standby, standby.start())
        self.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.ask("SELECT pg_reload_conf()")
        eventually(lambda: self.ask("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == 1)

    def fail_over(self) -> None:
        """Kill the server for good and make the standby the server."""
        assert self._standby is not None
        self.kill()
        self.server, self._process = self._standby
        self._standby = None
        self.ask("SELECT pg_promote()")
        with contextlib.suppress(asyncpg.PostgresError):
            self.ask("ALTER SYSTEM RESET synchronous_standby_names")
        eventually(lambda: self.ask("SELECT pg_is_in_recovery()") is False)
