"""What an operator does by docs/backup.md, for the stack of one machine: PostgreSQL's own programs, and copies of the rest."""

import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, Final

import asyncpg

from deploy.local import provision
from deploy.local.layout import SERVICES, Ports, Secrets
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.stack import Stack
from libs.common.messaging.rewind import rewind
from tests.support import eventually, run_apart

# What stands beside the databases: objects, and the keys without which nothing sealed is read again and nobody is let in.
_OBJECTS: Final = ("documents", "packets")
_KEYS: Final = ("master.keys", "secrets.json", "access", "token", "token.id", "authorization")
_RECEIVER: Final = "pg_receivewal"
_COPY_SECONDS: Final = 600.0


class Backup:
    """A base backup, all that is written after it, objects and keys, in a folder away from the stack.

    The server waits with each commit until the backup has it, too: what was acknowledged outlives the server's disk.
    """

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.folder = folder
        self._stack = stack
        self._server = EmbeddedPostgres(
            stack.folder / "postgres", stack.ports.postgres, Secrets(stack.folder / "secrets.json"), folder.with_suffix(".log")
        )
        self._base, self._log = folder / "base", folder / "wal"
        self._receiver: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Receive all that the server writes from now on, in step with its commits."""
        self._server.make_folder(self.folder)
        self._server.make_folder(self._log)
        slot = "recours_backup"
        assert self._server.begin(_RECEIVER, "--create-slot", "--if-not-exists", "-S", slot).wait(60) == 0
        self._receiver = self._server.begin(_RECEIVER, "-D", str(self._log), "-S", slot, "--synchronous", "--no-loop")
        eventually(lambda: self.ask("SELECT count(*) FROM pg_stat_replication WHERE application_name = $1", _RECEIVER) == 1)
        self.ask(f"ALTER SYSTEM SET synchronous_standby_names = '{_RECEIVER}'")
        self.ask("SELECT pg_reload_conf()")
        eventually(lambda: self.ask("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == 1)

    def take_base(self) -> int:
        """Copy the cluster while it runs, and hold the copy against its manifest; return its bytes."""
        self._server.make_folder(self._base)
        assert self._server.begin("pg_basebackup", "-D", str(self._base), "-X", "none", "-c", "fast").wait(_COPY_SECONDS) == 0
        assert self._server.begin("pg_verifybackup", "--no-parse-wal", str(self._base)).wait(_COPY_SECONDS) == 0
        return sum(path.stat().st_size for path in self._base.rglob("*") if path.is_file())

    def mark(self, point: str) -> None:
        """Name this moment: all four databases are brought back to it together."""
        self.ask("SELECT pg_create_restore_point($1)", point)

    def take_the_rest(self) -> None:
        """Copy objects and keys. After the databases' point: an object is there before the row that names it."""
        _copy_the_rest(self._stack.folder, self.folder)

    def end(self) -> None:
        """Let the receiver put down what it has: the server is gone by now."""
        if self._receiver is not None and self._receiver.poll() is None:
            self._receiver.send_signal(signal.SIGINT)
            self._receiver.wait(60)

    def ask(self, statement: str, *arguments: Any) -> Any:
        """Run one statement as administrator of the server that is backed up; return its first value."""
        return ask(self._server.url, statement, *arguments)

    def restore(self, folder: Path, point: str | None) -> Stack:
        """Bring everything back into a new folder, to a named point or to the last commit; return the stack.

        It runs PostgreSQL and Kafka alone. Kafka is empty: what was in it is sent again from the outboxes.
        """
        folder.mkdir(parents=True)
        _copy_the_rest(self.folder, folder)
        ports = Ports.free()
        server = EmbeddedPostgres(folder / "postgres", ports.postgres, Secrets(folder / "secrets.json"), folder / "restore.log")
        server.folder.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", str(self._base), str(server.folder)], check=True, stdin=subprocess.DEVNULL)
        told = [f"restore_command = 'cp {self._log}/%f %p 2>/dev/null || cp {self._log}/%f.partial %p'"]
        told += ["recovery_target_action = 'promote'", *([f"recovery_target_name = '{point}'"] if point is not None else [])]
        # In place of what the lost server was told: to wait for a receiver that is gone.
        (server.folder / "postgresql.auto.conf").write_text("\n".join(told) + "\n")
        (server.folder / "recovery.signal").touch()
        stack = Stack(folder, ports, services=(), environment={"RECOURS_INFRA": "embedded"})
        stack.start()
        eventually(lambda: ask(stack.admin_url, "SELECT pg_is_in_recovery()") is False, seconds=_COPY_SECONDS)
        ask(stack.admin_url, "ALTER SYSTEM RESET ALL")
        return stack


def _copy_the_rest(from_folder: Path, to_folder: Path) -> None:
    for name in (*_OBJECTS, *_KEYS):
        path = from_folder / name
        if path.is_dir():
            shutil.copytree(path, to_folder / name)
        elif path.exists():
            shutil.copy2(path, to_folder / name)


def rewind_all(stack: Stack) -> int:
    """Have every service send again what its outbox holds; return how many events that is."""
    secrets = Secrets(stack.folder / "secrets.json")
    urls = [provision.role_url(stack.admin_url, service, "owner", secrets) for service in SERVICES]
    return sum(int(run_apart(rewind(url))) for url in urls)


def ask(url: str, statement: str, *arguments: Any) -> Any:
    """Run one statement at an address; return its first value."""

    async def run() -> Any:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            return await connection.fetchval(statement, *arguments)
        finally:
            await connection.close()

    return run_apart(run())
