"""A 275 that Recours sends itself: once, whoever is killed when; logged with a promise; where it is refused, all is open again."""

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
from services.appeals.correspondence.clock import PromiseClock
from services.appeals.documents.blobs import Blobs
from services.appeals.documents.sweep import GRACE, BlobSweep
from services.appeals.filing.channels import Folder, Posted
from services.appeals.filing.sending import LEASE
from tests.integration.documents.conftest import Appeals, Refused
from tests.integration.documents.test_records_answer import ask, bodies, send
from tests.integration.documents.test_sending import KILLED, sender
from tests.support.cases import NOW
from tests.unit.appeals.test_channels import SECRET, Payer, payer

__all__ = ["payer"]


async def post(appeals: Appeals, refused: Refused, route: str, body: dict[str, Any], key: str = "") -> httpx.Response:
    case = await shown(appeals, refused)
    headers = {"If-Match": f'"{case["version"]}"', "Idempotency-Key": key or str(uuid4())}
    return await appeals.http.post(f"/v1/cases/{refused.case}/{route}", json=body, headers=headers)


async def shown(appeals: Appeals, refused: Refused) -> dict[str, Any]:
    answer = await appeals.http.get(f"/v1/cases/{refused.case}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.fixture
async def asked(appeals: Appeals, refused: Refused) -> dict[str, Any]:
    """Return what answers a request about a case that was filed."""
    appeals.app.state.channels = frozenset({"folder", "https"})
    filed = await post(appeals, refused, "file", {"level": "redetermination", "channel": "portal", "why": "It was approved."})
    assert filed.status_code == 200, filed.text
    request_id = await ask(appeals, refused)
    report = await send(appeals, refused, "The report ~*.")
    documents = [{"document_id": report, "code": "11504-8"}]
    return {"request_id": request_id, "documents": documents, "channel": "folder", "why": "The report that was asked for."}


def at(appeals: Appeals, minutes: int) -> tuple[Any, FixedClock]:
    return appeals.worker, FixedClock(NOW + timedelta(minutes=minutes))


async def test_an_answer_goes_once_and_leaves_its_receipt_an_entry_and_a_promise(
    appeals: Appeals, refused: Refused, asked: dict[str, Any], tmp_path: Path
) -> None:
    other = await ask(appeals, refused, trace="CTL8")
    before = len(appeals.files())
    version = (await shown(appeals, refused))["version"]
    headers = {"If-Match": f'"{version}"', "Idempotency-Key": "k"}
    path = f"/v1/cases/{refused.case}/records-answer/send"
    first, again = [await appeals.http.post(path, json=asked, headers=headers) for _ in range(2)]
    assert (first.status_code, again.json()) == (200, first.json()), first.text
    case = first.json()
    # The payer still waits for the other request, and so does the case.
    assert (case["state"], [each["command"] for each in case["history"][-2:]]) == (
        "more_information_requested", ["send_documents", "request_information"],
    )  # fmt: skip
    filing = case["appeals"][-1]
    answered = {each["request_id"]: each["answered_by"] for each in case["records_requests"]}
    assert answered == {asked["request_id"]: filing["appeal_id"], other: None}
    assert (filing["packet_is"], filing["delivery"], len(appeals.files()) - before) == ("records_answer", "waiting", 1)
    twice = await post(appeals, refused, "records-answer/send", asked)
    assert (twice.status_code, twice.json()["type"]) == (409, "urn:recours:problem:already-answered")
    assert len(appeals.files()) - before == 1, "what was refused leaves nothing behind"

    outbox = tmp_path / "outbox"
    sending = sender(appeals, Folder(outbox))
    sweep = BlobSweep(*at(appeals, int(GRACE.total_seconds()) // 60 + 1), Blobs(open_store(str(appeals.folder)), appeals.worker))
    for written in appeals.files():
        os.utime(written, times=(0, 0))
    assert await sweep.sweep() == 0, "what is still to be sent is not swept"
    assert [await sending.send_one(), await sending.send_one()] == [True, False]
    name = f"appeal-{filing['appeal_id']}"
    content = (outbox / f"{name}.275").read_bytes()
    assert bodies(content) == [b"The report ~*."]
    assert content.count(b"TRN*2*CTL7~") == 1
    sent = (await shown(appeals, refused))["appeals"][-1]
    assert (sent["delivery"], sent["receipt"], sent["packet_sha256"]) == (
        "sent", f"{name}.receipt.json", hashlib.sha256(content).hexdigest(),
    )  # fmt: skip
    (entry,) = (await appeals.http.get(f"/v1/cases/{refused.case}/correspondence")).json()["items"]
    assert {name: entry[name] for name in ("kind", "direction", "logged_by", "promise_is", "promised_on")} == {
        "kind": "electronic",
        "direction": "out",
        "logged_by": "recours",
        "promise_is": "open",
        "promised_on": sent["next_check_on"],
    }
    assert "CTL7" in entry["said"]
    assert await sweep.sweep() == 1, "what has gone is kept no longer: it holds patient data"

    # The payer says nothing until its day is over: somebody has to see to it.
    assert await PromiseClock(*at(appeals, 60 * 24 * 40)).miss_batch() == 1
    assert [each["task"] for each in (await shown(appeals, refused))["tasks"]] == ["promise_missed"]


async def test_a_kill_while_an_answer_is_sent_doubles_nothing_and_a_decided_case_waits_for_no_promise(
    appeals: Appeals, refused: Refused, asked: dict[str, Any], tmp_path: Path
) -> None:
    case = (await post(appeals, refused, "records-answer/send", asked)).json()
    assert case["state"] == "filed"
    outbox = tmp_path / "outbox"
    url = appeals.worker.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    command = [sys.executable, "-c", KILLED, url, str(appeals.folder), str(outbox), "between", NOW.isoformat()]
    died = await asyncio.create_subprocess_exec(*command, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert await died.wait() == -signal.SIGKILL
    assert [each.suffix for each in outbox.iterdir() if not each.name.startswith(".")] == [".json"]
    assert await sender(appeals, Folder(outbox), minutes=int(LEASE.total_seconds() // 60) + 1).send_one()
    assert sorted(each.suffix for each in outbox.iterdir() if not each.name.startswith(".")) == [".275", ".json", ".json"]
    assert len(await appeals.rows("SELECT 1 FROM correspondence")) == 1
    told = {"outcome": "overturned", "decided_on": NOW.date().isoformat(), "why": "The letter says so."}
    assert (await post(appeals, refused, "outcome", told)).status_code == 200
    assert await PromiseClock(*at(appeals, 60 * 24 * 40)).miss_batch() == 1
    (entry,) = (await appeals.http.get(f"/v1/cases/{refused.case}/correspondence")).json()["items"]
    assert (entry["promise_is"], entry["ended_by"], (await shown(appeals, refused))["tasks"]) == ("fulfilled", "recours", [])


async def test_an_answer_that_the_receiver_refuses_leaves_the_request_open_and_goes_again_another_time(
    appeals: Appeals, refused: Refused, asked: dict[str, Any], payer: Payer
) -> None:
    channel = {"https": Posted(payer.url, SECRET, loopback=True)}
    for status, minutes in ((503, 0), (422, 1)):
        payer.status = status
        if not minutes:
            assert (await post(appeals, refused, "records-answer/send", asked | {"channel": "https"})).status_code == 200
        assert await sender(appeals, channel["https"], minutes, name="https").send_one()
    case = await shown(appeals, refused)
    assert (case["state"], case["history"][-1]["why"], case["due_on"]) == (
        "more_information_requested", "not_delivered", "2026-03-20",
    )  # fmt: skip
    assert (case["appeals"][-1]["delivery_problem"], case["records_requests"][0]["answered_by"]) == ("refused_422", None)
    assert await appeals.rows("SELECT 1 FROM correspondence") == []

    payer.status = 200
    assert (await post(appeals, refused, "records-answer/send", asked | {"channel": "https"})).json()["state"] == "filed"
    assert await sender(appeals, channel["https"], 2, name="https").send_one()
    sent = (await shown(appeals, refused))["appeals"][-1]
    assert (sent["delivery"], sent["receipt"]) == ("sent", "R-1")
    names = [headers["webhook-id"] for headers, _ in payer.received]
    assert (names[0], names[0] == names[1], names[1] == names[2]) == (f"appeal-{case['appeals'][-1]['appeal_id']}", True, False)
    assert {headers["content-type"] for headers, _ in payer.received} == {"application/edi-x12"}
    assert hashlib.sha256(payer.received[-1][1]).hexdigest() == sent["packet_sha256"]


async def test_an_answer_that_makes_no_sense_is_not_sent(appeals: Appeals, refused: Refused) -> None:
    appeals.app.state.channels = frozenset({"folder"})
    body = {"request_id": str(uuid4()), "documents": [{"document_id": str(uuid4())}], "channel": "folder", "why": "As asked."}
    for changed, status in (({"channel": "fax"}, 422), ({"why": " "}, 422), ({}, 404)):
        assert (await post(appeals, refused, "records-answer/send", body | changed)).status_code == status
    not_there = await post(appeals, refused, "records-answer/send", body | {"channel": "https"})
    assert (not_there.status_code, not_there.json()["type"]) == (409, "urn:recours:problem:channel-not-set-up")
    assert await appeals.rows("SELECT 1 FROM filings UNION ALL SELECT 1 FROM records_answers") == []
