"""Filing: recorded with its level, channel and day; late only with good cause; the same never twice; told of once."""

from datetime import date
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import text

from libs.common.contracts.appeal_filed import AppealFiledV1
from tests.integration.appeals.conftest import NOW, Desk
from tests.integration.consumers.conftest import Service, remit, reversal

FILE: dict[str, Any] = {
    "level": "redetermination",
    "channel": "portal",
    "tracking_number": "A-17",
    "packet_sha256": "ab" * 32,
    "why": "The approval was on file.",
}
MEDICARE: dict[str, Any] = {"payer_kind": "medicare"}


async def told(appeals: Service, topic: str) -> list[Any]:
    rows = await appeals.rows("SELECT payload FROM outbox WHERE aggregatetype = :topic ORDER BY seq", topic=topic)
    return [msgspec.json.decode(row["payload"]) for row in rows]


async def test_a_filing_is_kept_shown_and_told_of_once(desk: Desk) -> None:
    case = await desk.denied(remit(**MEDICARE))
    answer = await desk.post(case, "file", FILE, key="k")
    assert (answer.status_code, answer.json()["state"], answer.headers["etag"]) == (200, "filed", '"2"')
    assert (await desk.post(case, "file", FILE, key="k")).json() == answer.json()
    (shown,) = (await desk.case(case["case_id"]))["appeals"]
    assert {name: shown[name] for name in ("action", "level", "channel", "tracking_number", "disputed_cents", "due_on")} == {
        "action": "appeal", "level": "redetermination", "channel": "portal", "tracking_number": "A-17", "disputed_cents": 10000,
        "due_on": "2026-05-15",
    }  # fmt: skip
    assert (shown["filed_on"], shown["filed_by"], shown["next_check_on"]) == ("2026-03-01", "local", "2026-04-30")
    (event,) = [msgspec.convert(each, AppealFiledV1) for each in await told(desk.appeals, "appeal.filed")]
    assert (str(event.appeal_id), event.level, event.disputed_cents) == (shown["appeal_id"], "redetermination", 10000)
    assert (event.filed_on, event.due_on, event.packet_sha256) == (date(2026, 3, 1), date(2026, 5, 15), "ab" * 32)


async def test_the_payers_entry_says_when_it_is_asked_about_what_came_by_a_channel(desk: Desk) -> None:
    case = await desk.denied(remit(**MEDICARE))
    channels = [{"channel": "fax", "next_check_days": 5}, {"channel": "portal", "next_check_days": 10}]
    assert (await desk.http.put(f"/v1/payers/{case['payer_id']}", json={"channels": channels})).status_code == 200
    (shown,) = (await desk.post(case, "file", FILE)).json()["appeals"]
    assert (shown["next_check_on"], shown["next_check_is"]) == ("2026-03-11", "channel")


async def test_the_same_again_at_one_level_is_stopped_with_the_day_to_ask(desk: Desk) -> None:
    case = await desk.denied()
    filed = (await desk.post(case, "file", FILE)).json()
    withdrawn = (await desk.do(filed, "withdraw")).json()
    reopened = (await desk.do(withdrawn, "reopen")).json()
    again = await desk.post(reopened, "file", FILE)
    assert (again.status_code, again.json()["type"]) == (409, "urn:recours:problem:already-filed")
    assert (again.json()["next_check_on"], again.json()["appeal_id"]) == ("2026-03-31", filed["appeals"][0]["appeal_id"])
    assert "2026-03-31" in again.json()["detail"]
    assert (again.json()["next_check_is"], "30 days are assumed" in again.json()["detail"]) == ("assumed", True)
    other = await desk.post(reopened, "file", FILE | {"level": "reconsideration"})
    assert other.status_code == 200
    assert len(await told(desk.appeals, "appeal.filed")) == 2


async def keep_packet(appeals: Service, case_id: str, state: str, sha256: str | None) -> str:
    """Write a packet as it stands while it is built, or after."""
    packet_id = uuid4()
    async with appeals.worker.begin() as tx:
        await tx.execute(
            text(
                "INSERT INTO packets (tenant_id, packet_id, case_id, letter_version, limits, state, attempts, files, asked_by,"
                " asked_at, sha256) VALUES ('local', :id, :case, 1, '{}', :state, 1, '[]', 'local', :now, :sha256)"
            ),
            {"id": packet_id, "case": case_id, "state": state, "now": NOW, "sha256": sha256},
        )
    return str(packet_id)


async def test_what_is_filed_is_held_against_the_packets_of_its_case(desk: Desk) -> None:
    case = await desk.denied(remit(**MEDICARE))
    await desk.denied(remit("ACCT2", number="ICN2"))
    listed = (await desk.http.get("/v1/cases")).json()["items"]
    (other,) = {each["case_id"] for each in listed} - {case["case_id"]}
    ours = await keep_packet(desk.appeals, case["case_id"], "ready", "cd" * 32)
    waiting = await keep_packet(desk.appeals, case["case_id"], "waiting", None)
    theirs = await keep_packet(desk.appeals, other, "ready", "ef" * 32)
    unnamed = {name: value for name, value in FILE.items() if name != "packet_sha256"}
    for packet_id, status in ((waiting, 409), (theirs, 404), (str(uuid4()), 404)):
        answer = await desk.post(case, "file", unnamed | {"packet_id": packet_id})
        assert (answer.status_code, packet_id in answer.text) == (status, False)
    assert (await desk.post(case, "file", FILE | {"packet_id": ours})).json()["type"] == "urn:recours:problem:other-packet"
    named = (await desk.post(case, "file", unnamed | {"packet_id": ours})).json()
    again = (await desk.do((await desk.do(named, "withdraw")).json(), "reopen")).json()
    linked = (await desk.post(again, "file", FILE | {"level": "reconsideration", "packet_sha256": "cd" * 32})).json()
    again = (await desk.do((await desk.do(linked, "withdraw")).json(), "reopen")).json()
    # The other case's packet is not this one's: its hash says nothing here.
    foreign = (await desk.post(again, "file", FILE | {"level": "alj_hearing", "packet_sha256": "ef" * 32})).json()
    assert [(each["packet_is"], each["packet_id"], each["packet_sha256"][:2]) for each in foreign["appeals"]] == [
        ("built", ours, "cd"), ("built", ours, "cd"), ("foreign", None, "ef"),
    ]  # fmt: skip
    assert [each["next_check_is"] for each in foreign["appeals"]] == ["level"] * 3


async def test_after_the_last_day_only_good_cause_files(desk: Desk) -> None:
    case = await desk.denied(remit(day=date(2025, 9, 1), **MEDICARE))
    assert case["due_on"] == "2026-01-04"
    late = await desk.post(case, "file", FILE)
    assert (late.status_code, late.json()["reason"]) == (409, "deadline-passed")
    in_time = FILE | {"filed_on": "2026-01-04"}
    assert (await desk.post(case, "file", in_time, version=9)).status_code == 412
    excused = await desk.post(case, "file", FILE | {"good_cause": "The notice came to a flooded office."})
    assert excused.json()["appeals"][0]["good_cause"] == "The notice came to a flooded office."


async def test_what_was_sent_in_time_may_be_recorded_later(desk: Desk) -> None:
    case = await desk.denied(remit(day=date(2025, 9, 1), **MEDICARE))
    assert (await desk.post(case, "file", FILE | {"filed_on": "2026-01-04"})).status_code == 200


async def test_a_retraction_while_filed_waits_for_what_the_payer_does_instead(desk: Desk) -> None:
    case = await desk.denied(remit())
    await desk.post(case, "file", FILE)
    retracted = await desk.denied(reversal(day=date(2026, 2, 1)))
    assert (retracted["state"], retracted["appeals"][0]["outcome"]) == ("retracted", None)
    await desk.appeals.take(remit(day=date(2026, 2, 1), adjustments=(), number="ICN2"))
    unasked = await desk.case(case["case_id"])
    assert unasked["state"] == "overturned"


@pytest.mark.parametrize(
    "changed",
    [
        {"level": None},
        {"level": "court of appeals"},
        {"action": "send_documents"},
        {"packet_sha256": "AB" * 32},
        {"amount_cents": 0},
        {"amount_cents": 10.5},
        {"filed_on": "2026-03-02"},
        {"channel": "pigeon"},
        {"surprise": True},
        {"why": " "},
    ],
)
async def test_a_filing_that_makes_no_sense_is_refused(desk: Desk, changed: dict[str, Any]) -> None:
    answer = await desk.http.post(
        f"/v1/cases/{uuid4()}/file", json=FILE | changed, headers={"If-Match": '"1"', "Idempotency-Key": "k"}
    )
    assert answer.status_code in ({422, 404} if "filed_on" in changed else {422}), answer.text
