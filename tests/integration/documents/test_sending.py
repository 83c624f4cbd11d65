"""What Recours sends itself: in the transaction of its filing, once, whoever is killed when."""

import asyncio
import hashlib
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local.layout import ROOT
from libs.common.clock import FixedClock
from libs.common.object_stores import open_store
from libs.common.signed_post import Undeliverable
from services.appeals.documents.blobs import Blobs
from services.appeals.filing.channels import Folder, Parcel
from services.appeals.filing.sending import LEASE, Sender
from tests.integration.documents.conftest import Appeals
from tests.support.cases import NOW
from tests.support.papers import pdf

PACKET = pdf()
SHA256 = hashlib.sha256(PACKET).hexdigest()
FILE = {"level": "internal_appeal", "channel": "folder", "packet_sha256": SHA256, "why": "It was approved."}


async def filed(appeals: Appeals, **changed: Any) -> httpx.Response:
    """File a new case with a packet among its documents."""
    appeals.app.state.channels = frozenset({"folder"})
    case = await appeals.case()
    kept = await appeals.http.post(f"/v1/cases/{case}/documents", files={"file": ("packet.pdf", PACKET, "application/pdf")})
    assert kept.status_code == 201, kept.text
    headers = {"If-Match": '"1"', "Idempotency-Key": str(uuid4())}
    return await appeals.http.post(f"/v1/cases/{case}/file", json=FILE | changed, headers=headers)


def sender(appeals: Appeals, channel: Any, minutes: int = 0, name: str = "folder") -> Sender:
    clock = FixedClock(NOW + timedelta(minutes=minutes))
    blobs = Blobs(open_store(str(appeals.folder)), appeals.worker)
    return Sender(appeals.worker, clock, blobs, blobs, {name: channel})


async def shown(appeals: Appeals, answer: httpx.Response) -> dict[str, Any]:
    case = (await appeals.http.get(f"/v1/cases/{answer.json()['case_id']}")).json()
    appeal: dict[str, Any] = case["appeals"][0]
    return appeal


async def test_a_filed_packet_is_sent_once_and_its_receipt_kept(appeals: Appeals, tmp_path: Path) -> None:
    answer = await filed(appeals)
    assert (answer.status_code, answer.json()["appeals"][0]["delivery"]) == (200, "waiting")
    outbox = tmp_path / "outbox"
    sending = sender(appeals, Folder(outbox))
    assert [await sending.send_one(), await sending.send_one()] == [True, False]
    appeal = await shown(appeals, answer)
    name = f"appeal-{appeal['appeal_id']}"
    assert (appeal["delivery"], appeal["receipt"]) == ("sent", f"{name}.receipt.json")
    assert (outbox / f"{name}.pdf").read_bytes() == PACKET


async def test_what_cannot_be_sent_is_said_and_may_be_filed_another_way(appeals: Appeals) -> None:
    class Refusing:
        async def send(self, parcel: Parcel, now: Any) -> str:
            raise Undeliverable("refused_400")

    answer = await filed(appeals)
    assert await sender(appeals, Refusing()).send_one()
    appeal = await shown(appeals, answer)
    assert (appeal["delivery"], appeal["delivery_problem"]) == ("failed", "refused_400")
    path = f"/v1/cases/{answer.json()['case_id']}"
    steps = [
        ("transitions", {"command": "withdraw", "why": "It never arrived."}),
        ("transitions", {"command": "reopen", "why": "As said."}),
    ]
    steps.append(("file", FILE | {"channel": "fax"}))
    for version, (route, body) in enumerate(steps, start=2):
        headers = {"If-Match": f'"{version}"', "Idempotency-Key": str(uuid4())}
        done = await appeals.http.post(f"{path}/{route}", json=body, headers=headers)
        assert done.status_code == 200, done.text
    assert done.json()["state"] == "filed"


async def test_only_a_pdf_of_the_case_is_sent_and_only_by_what_is_set_up(appeals: Appeals) -> None:
    unknown = await filed(appeals, packet_sha256="ab" * 32)
    assert (unknown.status_code, unknown.json()["type"]) == (422, "urn:recours:problem:unknown-packet")
    not_there = await filed(appeals, channel="https")
    assert (not_there.status_code, not_there.json()["type"]) == (409, "urn:recours:problem:channel-not-set-up")
    assert await appeals.rows("SELECT 1 FROM deliveries") == []


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from datetime import datetime
from deploy.local.layout import ROOT
from libs.common.clock import FixedClock
from libs.common.database import Database
from libs.common.object_stores import open_store
from services.appeals.documents.blobs import Blobs
from services.appeals.filing import channels
from services.appeals.filing.sending import Sender
url, documents, outbox, point, now = sys.argv[1:]
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
class Channel(channels.Folder):
    async def send(self, parcel, now):
        if point == "before":
            die()
        if point == "between":
            write, self.written = self._write, 0
            def once(name, content):
                if self.written:
                    (self._folder / f".{name}.part").write_bytes(b"half")
                    die()
                self.written += 1
                write(name, content)
            self._write = once
        told = await super().send(parcel, now)
        die()
channel = {"folder": Channel(Path(outbox))}
database = Database(url)
blobs = Blobs(open_store(documents), database)
sender = Sender(database, FixedClock(datetime.fromisoformat(now)), blobs, blobs, channel)
asyncio.run(sender.send_one())
"""


@pytest.mark.parametrize("point", ["before", "between", "after"])
async def test_a_kill_in_the_middle_of_sending_doubles_nothing_and_leaves_nothing_half_done(
    point: str, appeals: Appeals, tmp_path: Path
) -> None:
    answer = await filed(appeals)
    outbox = tmp_path / "outbox"
    url = appeals.worker.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    command = [sys.executable, "-c", KILLED, url, str(appeals.folder), str(outbox), point, NOW.isoformat()]
    died = await asyncio.create_subprocess_exec(*command, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert await died.wait() == -signal.SIGKILL
    assert not await sender(appeals, Folder(outbox)).send_one(), "it is still leased by the one that died"
    receipts = sorted(outbox.glob("*.receipt.json")) if outbox.exists() else []
    told = [each.read_bytes() for each in receipts]
    assert await sender(appeals, Folder(outbox), minutes=int(LEASE.total_seconds() // 60) + 1).send_one()
    appeal = await shown(appeals, answer)
    name = f"appeal-{appeal['appeal_id']}"
    assert appeal["delivery"] == "sent"
    assert sorted(each.name for each in outbox.iterdir() if not each.name.startswith(".")) == [
        f"{name}.json", f"{name}.pdf", f"{name}.receipt.json",
    ]  # fmt: skip
    assert (outbox / f"{name}.pdf").read_bytes() == PACKET
    assert [each.read_bytes() for each in receipts] == told, "what was sent is not sent again"
    assert len(await appeals.rows("SELECT 1 FROM outbox WHERE aggregatetype = 'appeal.filed'")) == 1
