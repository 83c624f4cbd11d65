"""Packets over HTTP and the worker that builds them, on a real PostgreSQL: equal bytes, nothing half visible."""

import asyncio
import contextlib
import hashlib
import io
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from pypdf import PdfReader

from deploy.local.layout import ROOT
from libs.common.clock import FixedClock
from libs.common.object_stores import open_store
from services.appeals.documents.blobs import Blobs
from services.appeals.documents.keeping import Desk as DocumentDesk
from services.appeals.letters.builder import PacketBuilder
from tests.integration.appeals.conftest import NOW, Desk
from tests.integration.appeals.test_letters import Others, others, set_head, write
from tests.integration.consumers.conftest import Service
from tests.support.papers import docx, image, pdf

__all__ = ["others"]

LEASE = timedelta(seconds=20)
WORKER = """
import asyncio, sys
from libs.common.clock import SystemClock
from libs.common.database import Database
from libs.common.object_stores import open_store
from services.appeals.documents.blobs import Blobs
from services.appeals.letters.builder import PacketBuilder
from datetime import UTC, datetime
class Clock:
    def now(self): return datetime.fromisoformat(sys.argv[4])
database = Database(sys.argv[1])
documents, packets = (Blobs(open_store(folder), database) for folder in sys.argv[2:4])
builder = PacketBuilder(database, Clock(), documents, packets)
asyncio.run(builder.build_next())
"""


class Room:
    """A case with its letter and documents, the folders that bytes lie in, and a worker."""

    def __init__(self, desk: Desk, folder: Path, case: dict[str, Any]) -> None:
        self.desk, self.case = desk, case
        self.folders = folder / "documents", folder / "packets"
        self.documents, self.packets = (Blobs(open_store(str(each)), desk.appeals.worker) for each in self.folders)
        self.path = f"/v1/cases/{case['case_id']}"
        state = desk.http._transport.app.state  # type: ignore[attr-defined]  # the application that the desk asks
        state.documents, state.packets = DocumentDesk(self.documents), self.packets

    def builder(self, later: timedelta = timedelta()) -> PacketBuilder:
        return PacketBuilder(self.desk.appeals.worker, FixedClock(NOW + later), self.documents, self.packets)

    async def upload(self, *contents: bytes, kind: str = "medical_records") -> None:
        for content in contents:
            sent = await self.desk.http.post(f"{self.path}/documents?kind={kind}", content=content)
            assert sent.status_code == 201, sent.text

    async def ask(self, **body: Any) -> Any:
        """Ask for the packet while a worker works."""
        working = asyncio.create_task(self.builder().run())
        try:
            return await self.desk.http.post(f"{self.path}/packet", json=body)
        finally:
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working

    async def ready(self, packet_id: str) -> dict[str, Any]:
        told: dict[str, Any] = (await self.desk.http.get(f"{self.path}/packets/{packet_id}")).json()
        return told


@pytest.fixture
async def room(desk: Desk, others: Others, tmp_path: Path) -> Room:
    case = await desk.denied()
    await set_head(desk)
    return Room(desk, tmp_path, case)


async def test_a_packet_is_built_given_back_and_the_same_when_asked_again(room: Room) -> None:
    assert (await room.desk.http.post(f"{room.path}/packet", json={})).json()["type"].endswith("letter-missing")
    await room.upload(pdf(3), image("PNG"), docx())
    await write(room.desk, room.case)
    built = await room.ask()
    while built.status_code == 202:  # where the machine is busy, and the worker was ended in the middle
        await room.builder(2 * LEASE).build_next()
        built = await room.ask()
    told = built.json()
    assert (told["state"], len(told["files"])) == ("ready", 1)
    given = await room.desk.http.get(f"{room.path}/packets/{told['packet_id']}/files/1")
    assert hashlib.sha256(given.content).hexdigest() == told["sha256"] == told["files"][0]["sha256"]
    assert len(PdfReader(io.BytesIO(given.content)).pages) == told["files"][0]["pages"]
    manifest = (await room.desk.http.get(f"{room.path}/packets/{told['packet_id']}/manifest")).json()
    assert [len(each["places"]) for each in manifest["exhibits"]] == [1, 1, 0]  # a DOCX goes beside the file
    letter = await room.desk.http.get(f"{room.path}/letter")
    assert manifest["letter"]["sha256"] == hashlib.sha256(letter.content).hexdigest()
    again = await room.desk.http.post(f"{room.path}/packet", json={})
    assert (again.status_code, again.json()) == (200, told)


async def test_documents_that_the_letter_does_not_name_stop_the_packet(room: Room) -> None:
    await write(room.desk, room.case)
    await room.upload(pdf(1))
    refused = await room.desk.http.post(f"{room.path}/packet", json={})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:recours:problem:letter-outdated")


async def test_a_payers_limits_cut_the_packet_or_refuse_it(room: Room) -> None:
    await room.upload(pdf(4, filler_bytes=60_000), pdf(5, filler_bytes=60_000))
    await write(room.desk, room.case)
    portal = {"channel": "portal", "file_bytes_max": 400_000}
    payer = f"/v1/payers/{room.case['payer_id']}"
    assert (await room.desk.http.put(payer, json={"channels": [portal]})).status_code == 200
    waiting = await room.desk.http.post(f"{room.path}/packet", json={})  # no worker works
    assert (waiting.status_code, waiting.headers["retry-after"]) == (202, "1")
    assert await room.builder().build_next()
    told = (await room.desk.http.get(waiting.headers["location"])).json()
    assert (told["state"], [each["part"] for each in told["files"]]) == ("ready", [1, 2])
    manifest = await room.desk.http.get(f"{waiting.headers['location']}/manifest")
    assert hashlib.sha256(manifest.content).hexdigest() == told["sha256"]
    fax = {"channel": "fax", "files_max": 1, "file_bytes_max": 400_000}
    assert (await room.desk.http.put(payer, json={"channels": [portal, fax]})).status_code == 200
    other = (await room.desk.http.post(f"{room.path}/packet", json={"channel": "fax"})).json()
    assert await room.builder().build_next()
    assert other["packet_id"] != told["packet_id"]
    assert (await room.ready(other["packet_id"]))["reason"] == "too_many_files"


@pytest.mark.parametrize("moment", ["while_it_builds", "when_bytes_are_kept"])
async def test_a_worker_killed_in_the_middle_leaves_nothing_half_visible_and_the_next_builds_the_same(
    room: Room, appeals: Service, moment: str
) -> None:
    await room.upload(pdf(400))
    await write(room.desk, room.case)
    packet_id = (await room.desk.http.post(f"{room.path}/packet", json={})).json()["packet_id"]
    url = appeals.worker.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    command = [sys.executable, "-c", WORKER, url, *map(str, room.folders), NOW.isoformat()]
    worker = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    while worker.returncode is None and not _has_come(moment, worker.pid, room.folders[1]):  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.005)
    pressing = _children(worker.pid)
    with contextlib.suppress(ProcessLookupError):
        worker.kill()
    await worker.wait()
    assert psutil.wait_procs(pressing, timeout=30)[1] == []
    told = await room.ready(packet_id)
    if told["state"] == "waiting":
        assert (told["files"], told["sha256"]) == ([], None)
        assert (await room.desk.http.get(f"{room.path}/packets/{packet_id}/files/1")).status_code == 404
        assert not await room.builder(later=timedelta(seconds=5)).build_next()  # the lease still holds
        assert await room.builder(later=LEASE * 2).build_next()
        told = await room.ready(packet_id)
    (kept,) = [path for path in room.folders[1].rglob("*.pdf") if path.is_file()]
    key = kept.relative_to(room.folders[1]).as_posix()
    read = b"".join([piece async for piece in room.packets.stream(key, 0, told["files"][0]["size_bytes"])])
    assert hashlib.sha256(read).hexdigest() == told["sha256"]
    await room.desk.appeals.rows("UPDATE packets SET state = 'waiting', leased_until = NULL RETURNING packet_id")
    assert await room.builder().build_next()
    assert (await room.ready(packet_id))["sha256"] == told["sha256"]


def _children(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).children(recursive=True)
    return []


def _has_come(moment: str, pid: int, packets: Path) -> bool:
    return bool(_children(pid)) if moment == "while_it_builds" else any(packets.rglob("*.pdf*"))


async def test_a_packet_that_ended_its_worker_again_and_again_is_given_up_and_may_be_asked_for_again(room: Room) -> None:
    await write(room.desk, room.case)
    packet_id = (await room.desk.http.post(f"{room.path}/packet", json={})).json()["packet_id"]
    await room.desk.appeals.rows("UPDATE packets SET attempts = 3 RETURNING packet_id")
    assert await room.builder().build_next()
    told = await room.ready(packet_id)
    assert (told["state"], told["reason"]) == ("failed", "gave_up")
    again = await room.ask()
    assert (await room.ready(packet_id))["state"] == "ready" or again.status_code == 202
    assert json.loads(again.content)["packet_id"] == packet_id
