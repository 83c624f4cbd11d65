"""The worker's job that builds packets: leased, built by a program of its own, kept, and made seen all at once.

Killed anywhere, nothing of it is seen; whoever finds the lease run out builds the same bytes again, under the same keys.
"""

import asyncio
import contextlib
import hashlib
import shutil
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec
import structlog

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.errors import Transient
from libs.common.programs import run_apart
from libs.common.worker import work_off
from services.appeals.documents import store as documents
from services.appeals.documents.blobs import Blobs
from services.appeals.letters import packet_store, store
from services.appeals.letters.facts import Sheet
from services.appeals.letters.orders import CPU_SECONDS, Job, Result
from services.appeals.letters.packet_store import Built, Lease, StoredFile

log = structlog.get_logger()

LEASE: Final = timedelta(seconds=20)
_ATTEMPTS_MAX: Final = 3
_PROGRAM: Final = ("-m", "services.appeals.letters.press")
_FOLDER: Final = "recours-packet-"
_LEFT_SECONDS: Final = 3600.0  # far longer than a packet takes
_ROOT: Final = Path(__file__).resolve().parents[3]


class LeaseLost(Exception):  # noqa: N818 - not an error: somebody else builds the packet now
    """This worker was away for so long that another one took the packet over."""


class PacketBuilder:
    """Builds packets that are asked for, one at a time, for ever. Several may run: a lease keeps them apart."""

    def __init__(self, database: Database, clock: Clock, exhibits: Blobs, packets: Blobs, *, lease: timedelta = LEASE) -> None:
        self._database = database
        self._clock = clock
        self._exhibits = exhibits
        self._packets = packets
        self._lease = lease

    async def run(self) -> None:
        """Work until cancelled."""
        await asyncio.to_thread(_clear_up)
        await work_off(self.build_next, waiting="packet_waits", orders=self._database.listener)

    async def build_next(self) -> bool:
        """Build one packet to its end; False when none waits."""
        async with self._database.begin() as tx:
            held = await packet_store.lease(tx, self._clock.now(), self._lease)
        if held is None:
            return False
        try:
            async with self._kept(held):
                built = await self._build(held)
            async with self._database.begin() as tx:
                is_ours = await packet_store.finish(tx, held, built, self._clock.now())
        except LeaseLost:
            is_ours = False
        if not is_ours:
            log.warning("lease_lost", job="packet")
        return True

    @contextlib.asynccontextmanager
    async def _kept(self, held: Lease) -> AsyncIterator[None]:
        """Lengthen the lease while the packet is built. Errors: LeaseLost, inside the block."""
        building = asyncio.current_task()
        lost = False

        async def keep() -> None:
            nonlocal lost
            while True:
                await asyncio.sleep(self._lease.total_seconds() / 3)
                with contextlib.suppress(Transient):  # tried again; the lease has two more thirds
                    async with self._database.begin() as tx:
                        lost = not await packet_store.lengthen(tx, held, self._clock.now() + self._lease)
                if lost and building is not None:
                    building.cancel()
                    return

        keeping = asyncio.create_task(keep())
        try:
            yield
        except asyncio.CancelledError:
            if lost and building is not None:
                building.uncancel()
                raise LeaseLost from None
            raise
        finally:
            keeping.cancel()

    async def _build(self, held: Lease) -> Built:
        if held.attempts > _ATTEMPTS_MAX:
            return Built(reason="gave_up")
        async with self._database.begin() as tx:
            letter = await store.find_letter(tx, held.tenant_id, held.case_id, held.letter_version)
            if letter is None:
                raise AssertionError("a packet of a letter that is not there")
            if letter["forgotten_at"] is not None:
                return Built(reason="letter_forgotten")
            sheet = store.sheet_of(letter)
            head = await store.find_letterhead(tx, held.tenant_id, sheet.letterhead_version)
            wanted = [each.document_id for each in sheet.exhibits]
            rows = await documents.get_documents(tx, held.tenant_id, held.case_id, wanted)
        with tempfile.TemporaryDirectory(prefix=_FOLDER) as name:
            folder = Path(name)
            (folder / "job.json").write_bytes(msgspec.json.encode(Job(sheet, store.paragraphs_of(letter), held.limits)))
            (folder / "logo").write_bytes(head["logo"] if head is not None else b"")
            for exhibit in sheet.exhibits:
                if not await self._fetch(rows.get(exhibit.document_id), folder / f"exhibit-{exhibit.number}"):
                    return Built(reason="exhibit_gone", exhibit=exhibit.number)
            result = await _press(folder)
            if result.reason is not None:
                return Built(reason=result.reason, exhibit=result.exhibit)
            return await self._store(held, sheet, folder, result)

    async def _fetch(self, row: documents.Row | None, path: Path) -> bool:
        """Write an exhibit's bytes into a file; False where they were deleted. Errors: Transient."""
        if row is None or row["key"] is None:
            return False
        with path.open("wb") as file:
            await self._exhibits.fetch(row["key"], row["size_bytes"], file)
        return True

    async def _store(self, held: Lease, sheet: Sheet, folder: Path, result: Result) -> Built:
        """Keep the files under keys that follow from their content, so that building again leaves nothing behind."""
        files = []
        for part in result.parts:
            name = f"appeal-{held.case_id}-{part.part}-of-{len(result.parts)}.pdf"
            with (folder / f"part-{part.part}.pdf").open("rb") as file:
                key = await self._packets.put(held.tenant_id, file, f"{held.packet_id}/{part.sha256}.pdf")
            files.append(StoredFile(part.part, name, key, part.sha256, part.size_bytes, part.pages))
        manifest = _manifest(held, sheet, result, files)
        sha256 = files[0].sha256 if len(files) == 1 else hashlib.sha256(manifest.encode()).hexdigest()
        return Built(tuple(files), manifest, sha256)


def _clear_up() -> None:
    """Remove what workers that were killed left of exhibits on this machine."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _LEFT_SECONDS:
                shutil.rmtree(folder)


async def _press(folder: Path) -> Result:
    """Run the program that builds. One that its limits end has met something that is too much."""
    command = (sys.executable, *_PROGRAM, str(folder))
    status, _ = await run_apart(*command, stdin=PIPE, cwd=_ROOT, seconds=2 * CPU_SECONDS)
    if status != 0:
        log.warning("packet_too_large", status=status)
        return Result(reason="too_large_to_build")
    return msgspec.json.decode((folder / "result.json").read_bytes(), type=Result)


def _manifest(held: Lease, sheet: Sheet, result: Result, files: list[StoredFile]) -> str:
    """Write what is in a packet, always in the same words."""
    told = {
        "packet_id": held.packet_id,
        "case_id": held.case_id,
        "letter": {"version": held.letter_version, "sha256": result.letter_sha256, "pages": result.letter_pages},
        "letter_on": sheet.letter_on,
        "files": [
            {"part": each.part, "name": each.name, "sha256": each.sha256, "size_bytes": each.size_bytes, "pages": each.pages}
            for each in files
        ],
        "exhibits": result.exhibits,
    }
    return msgspec.json.encode(told).decode()
