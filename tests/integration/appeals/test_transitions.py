"""What people do with cases over HTTP: versions, refusals, repeats, and a history that only grows."""

import asyncio
import json

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from libs.common.ids import claim_key
from services.appeals.workflow import CaseState, Command, replay
from tests.integration.appeals.conftest import Desk
from tests.integration.appeals.test_filing import told
from tests.integration.consumers.conftest import remit, reversal


async def test_a_stranger_reads_from_a_case_what_it_is_what_may_be_done_and_how_it_came_so(desk: Desk) -> None:
    case = await desk.denied(remit(payer_kind="medicare"))
    assert (case["state"], case["version"], case["due_on"]) == ("open", 1, "2026-05-15")
    steps = {each["command"]: each for each in case["next_steps"]}
    assert steps["start_review"] == {
        "command": "start_review", "state": "in_review", "by": "POST /v1/cases/{case_id}/transitions"
    }  # fmt: skip
    assert steps["file"]["by"] == "POST /v1/cases/{case_id}/file"
    assert "bill_patient" not in steps
    answer = await desk.do(case, "start_review", "The authorization was on file.")
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    told = answer.json()
    assert told == await desk.case(case["case_id"])
    assert [(each["command"], each["state"], each["who"], each["why"]) for each in told["history"]] == [
        ("pursue", "open", "recours", "denial_classified"),
        ("start_review", "in_review", "local", "The authorization was on file."),
    ]
    assert replay([(Command(each["command"]), CaseState(each["state"])) for each in told["history"]]) is CaseState.IN_REVIEW


async def test_of_two_people_who_act_on_one_version_the_second_is_told(desk: Desk) -> None:
    case = await desk.denied()
    answers = await asyncio.gather(desk.do(case, "start_review"), desk.do(case, "write_off"))
    assert sorted(each.status_code for each in answers) == [200, 412]
    (stale,) = [each for each in answers if each.status_code == 412]
    assert stale.json()["type"] == "urn:recours:problem:changed-meanwhile"
    assert (await desk.case(case["case_id"]))["version"] == 2


async def test_the_same_request_again_is_answered_the_same_and_done_once(desk: Desk) -> None:
    case = await desk.denied()
    first = await desk.do(case, "gather", key="k")
    await desk.do(first.json(), "withdraw")
    again = await desk.do(case, "gather", key="k")
    assert (again.status_code, again.json(), again.headers["etag"]) == (200, first.json(), '"2"')
    other = await desk.do(case, "write_off", key="k")
    assert (other.status_code, other.json()["type"]) == (422, "urn:recours:problem:idempotency-key-reused")
    assert [each["state"] for each in (await desk.case(case["case_id"]))["history"]] == ["open", "gathering", "withdrawn"]


async def test_what_the_table_does_not_hold_is_refused_with_its_reason(desk: Desk) -> None:
    case = await desk.denied()
    refused = await desk.do(case, "acknowledge")
    assert (refused.status_code, refused.json()["reason"]) == (409, "not-allowed")
    patient = await desk.do(case, "bill_patient")
    assert (patient.status_code, patient.json()["reason"]) == (409, "patient-owes-nothing")
    assert (await desk.do(case, "retract")).status_code == 422
    assert (await desk.case(case["case_id"]))["version"] == 1


async def test_what_is_given_up_is_told_and_so_is_what_is_taken_up_again(desk: Desk) -> None:
    case = await desk.denied(remit())
    for command in ("start_review", "write_off", "reopen", "withdraw", "reopen"):
        case = (await desk.do(case, command)).json()
    closed = [(each.get("closed_as"), each["left_cents"], each["closed_on"]) for each in await told(desk.appeals, "case.closed")]
    assert closed == [
        ("written_off", 10_000, "2026-03-01"),
        (None, 10_000, "2026-03-01"),
        ("withdrawn", 10_000, "2026-03-01"),
        (None, 10_000, "2026-03-01"),
    ]
    rows = await desk.appeals.rows("SELECT aggregateid, headers FROM outbox WHERE aggregatetype = 'case.closed' ORDER BY seq")
    assert [json.loads(row["headers"])["ce_sequence"] for row in rows] == ["3", "4", "5", "6"]
    assert {row["aggregateid"] for row in rows} == {str(claim_key("local", "ACCT1"))}
    await desk.do(case, "write_off")
    undone = reversal()
    await desk.appeals.take(undone, *await desk.classifier.take(undone))
    newest = (await told(desk.appeals, "case.closed"))[-1]
    assert (newest.get("closed_as"), newest["case_id"]) == (None, case["case_id"])


async def test_a_change_says_which_version_it_is_of_and_has_a_name(desk: Desk) -> None:
    case = await desk.denied()
    path, body = f"/v1/cases/{case['case_id']}/transitions", {"command": "gather", "why": "because"}
    unnamed = await desk.http.post(path, json=body, headers={"If-Match": '"1"'})
    unversioned = await desk.http.post(path, json=body, headers={"Idempotency-Key": "k"})
    odd = await desk.http.post(path, json=body, headers={"Idempotency-Key": "k", "If-Match": "one"})
    assert [each.status_code for each in (unnamed, unversioned, odd)] == [400, 428, 400]


async def test_a_retraction_ends_what_people_have_begun_and_is_told_apart_from_them(desk: Desk) -> None:
    told = remit()
    case = await desk.denied(told)
    await desk.do(case, "gather")
    retracted = await desk.denied(reversal())
    assert [(each["state"], each["who"]) for each in retracted["history"]] == [
        ("open", "recours"), ("gathering", "local"), ("retracted", "recours"),
    ]  # fmt: skip


@pytest.mark.parametrize("statement", ["DELETE FROM case_history", "UPDATE case_history SET who = 'nobody'"])
async def test_nobody_takes_anything_out_of_the_history(desk: Desk, statement: str) -> None:
    await desk.denied()
    for database in (desk.appeals.api, desk.appeals.worker):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with database.begin("local") as tx:
                await tx.execute(text(statement))
