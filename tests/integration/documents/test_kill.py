"""The API killed with SIGKILL while documents come in: no row is without its bytes, and what is left over is swept."""

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx
from sqlalchemy import text

from deploy.local.layout import ROOT, Ports
from libs.common.clock import FixedClock
from libs.common.database import Database
from libs.common.object_stores import open_store
from services.appeals.documents.blobs import Blobs
from services.appeals.documents.sweep import GRACE, BlobSweep
from tests.support import ServiceDatabase, eventually, papers
from tests.support.access import bearer
from tests.support.cases import open_case

ROUNDS = 3


def start(database: ServiceDatabase, folder: Path, port: int) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ,
        "RECOURS_DATABASE_URL": database.api_url,
        "RECOURS_PORT": str(port),
        "RECOURS_DOCUMENTS_URL": str(folder),
    }
    return subprocess.Popen([sys.executable, "-m", "services.appeals", "api"], cwd=ROOT, env=environment)


def answers(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/readyz").status_code == 200
    return False


async def send_until_killed(url: str, case: UUID, round_: int, process: "subprocess.Popen[bytes]") -> int:
    """Send documents, each of its own content, several at a time; kill the server amid them. Returns how many it took."""
    taken = 0

    async def send(number: int) -> None:
        nonlocal taken
        body = papers.pdf(2, filler_bytes=20_000 + 100 * round_ + 2 * number)
        with suppress(httpx.TransportError):
            answer = await client.post(f"{url}/v1/cases/{case}/documents", content=body)
            taken += answer.status_code == 201
            if taken == round_ + 1:
                process.kill()

    async with httpx.AsyncClient(headers=bearer(), timeout=60) as client:
        await asyncio.gather(*(send(number) for number in range(12)))
    process.kill()
    await asyncio.to_thread(process.wait)
    return taken


async def test_no_row_is_ever_without_its_bytes(service_database: Callable[[str], ServiceDatabase], tmp_path: Path) -> None:
    database, folder, port = service_database("appeals"), tmp_path / "documents", Ports.free().appeals
    worker = Database(database.worker_url)
    case = await open_case(worker)
    url, taken = f"http://127.0.0.1:{port}", 0
    for round_ in range(ROUNDS):
        process = start(database, folder, port)
        try:
            await asyncio.to_thread(eventually, lambda: answers(url))
            taken += await send_until_killed(url, case, round_, process)
        finally:
            process.kill()
    async with worker.begin() as tx:
        query = "SELECT sha256, key, document_blobs.size_bytes FROM documents JOIN document_blobs USING (tenant_id, sha256)"
        rows = [(row.sha256, row.key, row.size_bytes) for row in await tx.execute(text(query))]
        assert len(rows) == (await tx.execute(text("SELECT count(*) FROM documents"))).scalar_one()
    assert len(rows) >= taken >= ROUNDS
    blobs = Blobs(open_store(str(folder)), worker)
    for sha256, key, size in rows:
        read = b"".join([piece async for piece in blobs.stream(key, 0, size)])
        assert hashlib.sha256(read).hexdigest() == sha256
    later = datetime.now(UTC) + GRACE + timedelta(minutes=1)
    await BlobSweep(worker, FixedClock(later), blobs).sweep()
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == {key for _, key, _ in rows}
    await worker.close()
