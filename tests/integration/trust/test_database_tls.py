"""PostgreSQL over TLS as an address asks for it: the server proves its name, and a client its own by a certificate."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from libs.common import migrate
from libs.common.database import Database
from libs.common.errors import Transient
from tests.support.certificates import Authority

_ASKS_FOR_TLS = struct.pack("!ii", 8, 80877103)  # what a client says first, by PostgreSQL's protocol


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@contextlib.asynccontextmanager
async def front(authority: Authority, behind: int) -> AsyncIterator[int]:
    """Stand before a server that has no TLS of its own, as poolers do, and let in who has a certificate; yield the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.path))
    context.load_cert_chain(*authority.sign("postgres"))
    context.verify_mode = ssl.CERT_REQUIRED

    async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(65536):
                target.write(piece)
                await target.drain()
        target.close()

    async def admit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(8) != _ASKS_FOR_TLS:
            writer.close()
            return
        writer.write(b"S")
        try:
            await writer.start_tls(context)
        except OSError:
            return
        reader_behind, writer_behind = await asyncio.open_connection("127.0.0.1", behind)
        await asyncio.gather(pass_on(reader, writer_behind), pass_on(reader_behind, writer))

    server = await asyncio.start_server(admit, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def by_tls(url: str, port: int, authority: Path, client: tuple[Path, Path] | None) -> str:
    parts = urlsplit(url)
    told = (
        f"postgresql://{parts.username}:{parts.password}@127.0.0.1:{port}{parts.path}?sslmode=verify-full&sslrootcert={authority}"
    )
    return told + (f"&sslcert={client[0]}&sslkey={client[1]}" if client else "")


async def answers(url: str) -> bool:
    database = Database(url)
    try:
        await database.ping()
        alone = await database.connect_alone()
        await alone.close()
    except (Transient, DBAPIError):  # not to be reached, or not let in
        return False
    else:
        return True
    finally:
        await database.close()


async def test_a_database_is_reached_over_tls_by_who_has_a_certificate(
    service_database: Any, authority: Authority, tmp_path: Path
) -> None:
    urls = service_database("ingest")
    async with front(authority, urlsplit(urls.api_url).port or 0) as port:
        client = authority.sign("ingest")
        assert await answers(by_tls(urls.api_url, port, authority.path, client))
        assert not await answers(by_tls(urls.api_url, port, authority.path, None))
        strangers = Authority(tmp_path / "strangers")
        assert not await answers(by_tls(urls.api_url, port, strangers.path, client))
        assert not await answers(by_tls(urls.api_url, port, authority.path, strangers.sign("ingest")))
        assert not await answers(by_tls(urls.api_url, port, authority.path, None).partition("?")[0] + "?sslmode=disable")
        await asyncio.to_thread(migrate.upgrade, "ingest", by_tls(urls.owner_url, port, authority.path, client))


def system_server() -> Path | None:
    """Return where a PostgreSQL lies on this machine that was built with TLS, if there is one."""
    for initdb in [*sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")), Path(shutil.which("initdb") or "/none")]:
        if initdb.exists() and (initdb.parent / "postgres").exists():
            configured = subprocess.run([initdb.parent / "pg_config", "--configure"], capture_output=True, text=True, check=False)
            linked = subprocess.run(["ldd", initdb.parent / "postgres"], capture_output=True, text=True, check=False)
            if "openssl" in configured.stdout or "libssl" in linked.stdout:
                return initdb.parent
    return None


@pytest.fixture
def tls_server(authority: Authority, tmp_path: Path) -> Iterator[int]:
    """Start this machine's own PostgreSQL, which asks everybody for a certificate of their role; yield its port."""
    programs = system_server()
    if programs is None:
        pytest.skip("this machine has no PostgreSQL that was built with TLS; the one of the wheel is not")
    folder = Path("/var/tmp") / f"recours-tls-{tmp_path.name}"  # noqa: S108 - a user without rights must reach it
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    files = [shutil.copy(path, folder) for path in (authority.path, *authority.sign("server"))]
    as_nobody: dict[str, Any] = {"cwd": "/", "user": 65534, "group": 65534, "extra_groups": []} if _is_root() else {}
    if _is_root():
        for path in (folder, *map(Path, files)):
            shutil.chown(path, 65534, 65534)
    subprocess.run(
        [programs / "initdb", "-D", folder / "data", "-U", "ingest", "--auth=reject"], check=True, capture_output=True, **as_nobody
    )
    (folder / "data" / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 cert\n")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    told = {"ssl": "on", "ssl_ca_file": files[0], "ssl_cert_file": files[1], "ssl_key_file": files[2], "fsync": "off"}
    options = [part for name, value in told.items() for part in ("-c", f"{name}={value}")]
    process = subprocess.Popen(
        [programs / "postgres", "-D", folder / "data", "-h", "127.0.0.1", "-p", str(port), "-k", "", *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **as_nobody,
    )  # fmt: skip
    yield port
    process.send_signal(signal.SIGINT)  # without waiting for whoever is connected
    process.wait()
    shutil.rmtree(folder)


def _is_root() -> bool:
    return os.geteuid() == 0


async def test_a_server_with_tls_of_its_own_knows_a_role_by_its_certificate(tls_server: int, authority: Authority) -> None:
    url = by_tls("postgresql://ingest:none@127.0.0.1/postgres", tls_server, authority.path, authority.sign("ingest"))
    database = Database(url)
    async with asyncio.timeout(60):
        while not await answers(url):  # noqa: ASYNC110 - a server signals nothing
            await asyncio.sleep(0.2)
    async with database.begin() as tx:
        told = (await tx.execute(text("SELECT ssl, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))).one()
    await database.close()
    assert tuple(told) == (True, "/CN=ingest")
    assert not await answers(
        by_tls("postgresql://ingest:none@127.0.0.1/postgres", tls_server, authority.path, authority.sign("other"))
    )
    for other in (authority.sign("other"), None):
        assert not await answers(by_tls("postgresql://ingest:none@127.0.0.1/postgres", tls_server, authority.path, other))
