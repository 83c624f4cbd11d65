"""Letters, packets, corrected claims and answers of cases that rest are forgotten after their time; what is worked on stays."""

import asyncio
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from libs.common.clock import FixedClock
from libs.common.retention.forgetting import Forgetter
from services.appeals.corrections import store as corrections
from services.appeals.corrections.correcting import Difference
from services.appeals.documents.sweep import GRACE, BlobSweep
from services.appeals.letters import packet_store, packets_api
from services.appeals.letters.sweep import PacketSweep
from services.appeals.records import store as records
from services.appeals.retention import KINDS
from tests.integration.appeals.conftest import NOW, Desk
from tests.integration.appeals.test_letters import Others, others, write
from tests.integration.appeals.test_packets import Room, room
from tests.integration.consumers.conftest import Service

__all__ = ["others", "room"]

GONE = "urn:recours:problem:bytes-forgotten"
LATER = 2557 + 31  # the default, and a month in which a test may run that was written before


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let who asks for a packet be told at once that it is being built: nobody builds it before the test does."""
    monkeypatch.setattr(packets_api, "_PATIENCE_SECONDS", 0.0)


async def forget(appeals: Service, days: int = LATER, limit: int = 500) -> int:
    """Let the job come by so many days later."""
    start = max(NOW, datetime.now(UTC))
    return await Forgetter(appeals.worker, FixedClock(start + timedelta(days=days)), KINDS).forget(limit)


def sweep(room: Room) -> PacketSweep:
    return PacketSweep(room.desk.appeals.worker, FixedClock(datetime.now(UTC) + GRACE + timedelta(minutes=1)), room.packets)


async def rest(appeals: Service, case: dict[str, Any], state: str = "upheld") -> None:
    async with appeals.worker.begin("local") as tx:
        await tx.execute(text("UPDATE cases SET state = :s WHERE case_id = :c"), {"s": state, "c": case["case_id"]})


async def rows(appeals: Service, query: str) -> list[tuple[Any, ...]]:
    async with appeals.worker.begin() as tx:
        return [tuple(row) for row in await tx.execute(text(query))]


def files(room: Room) -> list[Path]:
    return [path for path in room.folders[1].rglob("*") if path.is_file()]


async def built(room: Room) -> str:
    """Have a letter written and its packet built; return the packet's path."""
    assert (await write(room.desk, room.case)).status_code in (200, 201)
    asked = await room.desk.http.post(f"{room.path}/packet", json={})
    assert await room.builder().build_next(), asked.text
    path = f"{room.path}/packets/{asked.json()['packet_id']}"
    assert (await room.desk.http.get(path)).json()["state"] == "ready"
    return path


async def test_letters_and_packets_of_a_case_that_rests_go_and_their_rows_stay(room: Room, appeals: Service) -> None:
    http, packet = room.desk.http, await built(room)
    assert await forget(appeals) == 0, "it is worked on"
    await rest(appeals, room.case)
    assert await forget(appeals, 2555 - (datetime.now(UTC) - NOW).days) == 0, "it is too early"
    hold = {"legal_hold": True, "why": "matter 12"}
    assert (await http.put("/v1/tenants/local", json=hold)).status_code == 200
    assert await forget(appeals) == 0, "it is under legal hold"
    await http.put("/v1/tenants/local", json=hold | {"legal_hold": False})
    assert (await forget(appeals), await forget(appeals)) == (2, 0)
    entries = await rows(
        appeals, "SELECT subject, object_kind, object_ids[1] FROM audit_log WHERE action = 'forget' ORDER BY entry_id"
    )
    assert entries == [("recours", "letters", "rows:1"), ("recours", "packets", "rows:1")]
    for path in (f"{room.path}/letter", f"{room.path}/letters/1", f"{packet}/manifest", f"{packet}/files/1"):
        refused = await http.get(path)
        assert (refused.status_code, refused.json()["type"]) == (410, GONE), path
    edited = {"paragraphs": [{"kind": "text", "text": "More."}]}
    assert (await http.put(f"{room.path}/letter", json=edited, headers={"If-Match": '"1"'})).status_code == 410
    assert (await http.post(f"{room.path}/packet", json={})).status_code == 410
    [letter] = (await http.get(f"{room.path}/letters")).json()["items"]
    assert (letter["letter_on"], letter["letterhead_version"]) == ("2026-03-01", 1)
    assert (letter["paragraphs"], letter["exhibits"]) == ([], [])
    told = (await http.get(packet)).json()
    assert (told["state"], len(told["sha256"]), letter["forgotten_at"] < told["forgotten_at"]) == ("ready", 64, True)
    assert (len(files(room)), await sweep(room).sweep(), await sweep(room).sweep(), files(room)) == (1, 1, 0, [])
    again = (await write(room.desk, room.case)).json()
    assert (again["version"], again["forgotten_at"]) == (2, None), "the same words are written anew"


async def test_a_packet_that_is_forgotten_is_not_filed_and_is_built_again_for_who_asks(room: Room, appeals: Service) -> None:
    http, packet = room.desk.http, await built(room)
    before = (await http.get(packet)).json()
    await rest(appeals, room.case)
    assert (await http.put("/v1/retention/letters", json={"days": 36_500})).status_code == 200
    assert await forget(appeals) == 1
    await rest(appeals, room.case, "ready")
    file = {"action": "appeal", "channel": "mail", "level": "internal_appeal", "why": "so", "packet_id": before["packet_id"]}
    refused = await room.desk.post(await room.desk.case(room.case["case_id"]), "file", file)
    assert (refused.status_code, refused.json()["type"]) == (410, GONE)
    assert await built(room) == packet
    after = (await http.get(packet)).json()
    assert (after["sha256"], after["forgotten_at"]) == (before["sha256"], None)
    assert (await sweep(room).sweep(), len(files(room))) == (0, 1), "what was built again is not swept"
    assert (await http.get(f"{packet}/files/1")).status_code == 200


async def test_a_sweep_that_is_killed_is_done_again_and_who_asks_meanwhile_waits_for_its_end(
    room: Room, appeals: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    packet = await built(room)
    await rest(appeals, room.case)
    await room.desk.http.put("/v1/retention/letters", json={"days": 36_500})
    assert await forget(appeals) == 1
    reached, swept = asyncio.Event(), packet_store.swept

    async def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    async def waits(*told: Any) -> None:
        reached.set()
        while not await rows(appeals, "SELECT 1 FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110 - the database has no event
            await asyncio.sleep(0.01)
        await swept(*told)

    with monkeypatch.context() as dying:
        dying.setattr(packet_store, "swept", dies)
        with pytest.raises(KeyboardInterrupt):
            await sweep(room).sweep()
    assert await rows(appeals, "SELECT swept_at FROM packets") == [(None,)]
    monkeypatch.setattr(packet_store, "swept", waits)
    sweeping = asyncio.ensure_future(sweep(room).sweep())
    await reached.wait()
    asked = asyncio.ensure_future(room.desk.http.post(f"{room.path}/packet", json={}))
    assert await sweeping == 1
    assert (await asked).status_code == 202
    assert await room.builder().build_next()
    assert (await room.desk.http.get(f"{packet}/files/1")).status_code == 200
    assert len(files(room)) == 1


async def test_a_packet_that_is_asked_for_while_its_letter_is_forgotten_fails_and_says_so(room: Room, appeals: Service) -> None:
    await write(room.desk, room.case)
    asked = await room.desk.http.post(f"{room.path}/packet", json={})
    await rest(appeals, room.case)
    assert await forget(appeals) == 0, "what is still to be built needs its letter"
    async with appeals.worker.begin("local") as tx:
        await tx.execute(text("UPDATE letters SET forgotten_at = now()"))
    assert await room.builder().build_next()
    told = (await room.desk.http.get(f"{room.path}/packets/{asked.json()['packet_id']}")).json()
    assert (told["state"], told["reason"]) == ("failed", "letter_forgotten")


async def test_what_corrected_claims_changed_and_answers_that_never_went_are_forgotten(
    desk: Desk, appeals: Service, tmp_path: Path, others: Others
) -> None:
    case = await desk.denied()
    room = Room(desk, tmp_path, case)
    case_id, correction = UUID(case["case_id"]), uuid4()
    key = await room.documents.put("local", BytesIO(b"ISA*"))
    answer = records.Answer(
        tenant_id="local", appeal_id=uuid4(), case_id=case_id, request_id=uuid4(), trace="T1", key=key, size_bytes=4, sets=1,
        documents="[]", written_at=NOW,
    )  # fmt: skip
    async with appeals.worker.begin("local") as tx:
        changed = [Difference("/subscriber/last_name", "changed", "QUAGGA", "QUAGGAH")]
        told: dict[str, Any] = {"frequency_code": "7", "replaces_claim_id": uuid4(), "difference": changed, "why": "", "who": "me"}
        await corrections.begin(tx, "local", correction, case_id, **told, now=NOW)
        await records.keep_answer(tx, answer)
    listed = f"/v1/cases/{case_id}/corrected-claims"
    [before] = (await desk.http.get(listed)).json()["items"]
    assert (before["difference"][0]["after"], before["forgotten_at"]) == ("QUAGGAH", None)
    assert await forget(appeals) == 0
    await rest(appeals, case)
    assert await forget(appeals, limit=1) == 2
    [after] = (await desk.http.get(listed)).json()["items"]
    assert after["forgotten_at"] is not None
    assert {**after, "forgotten_at": None} == {**before, "difference": []}
    assert await rows(appeals, "SELECT key, trace FROM records_answers") == [(None, "T1")]
    later = FixedClock(datetime.now(UTC) + GRACE + timedelta(minutes=1))
    assert await BlobSweep(appeals.worker, later, room.documents).sweep() == 1
    assert await room.documents.size_of(key) is None
