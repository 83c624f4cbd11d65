"""Requests for records reach their cases on a real database: in any order, twice, with the day and the checklist they bring."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from libs.common.contracts import records_requested
from libs.common.contracts.envelope import encode
from libs.common.contracts.records_requested import AskedCode, RecordsRequestedV1
from libs.common.ids import claim_key
from tests.integration.appeals.conftest import Desk
from tests.integration.appeals.test_filing import FILE
from tests.integration.consumers.conftest import Sent, remit

DUE = date(2026, 3, 20)
SEND = {"action": "send_documents", "channel": "portal", "why": "The records that were asked for."}


def request(pcn: str = "ACCT1", *codes: str, number: str = "ICN1", due_on: date | None = DUE) -> Sent:
    told = RecordsRequestedV1(
        request_id=uuid4(),
        claim_key=claim_key("local", pcn),
        interchange_id=uuid4(),
        payer_id="PAYER1",
        payer_name="PAYER",
        trace="CTL7",
        payer_claim_control_number=number,
        codes=tuple(AskedCode("R4", code) for code in codes or ("11504-8",)),
        received_at=datetime(2026, 2, 28, tzinfo=UTC),
        due_on=due_on,
    )
    return Sent(records_requested.TOPIC, records_requested.TYPE, "local", encode(told), uuid4())


async def needed(desk: Desk, case: dict[str, Any]) -> set[str]:
    evidence = (await desk.http.get(f"/v1/cases/{case['case_id']}/evidence")).json()
    return {each["item"] for each in evidence["items"] if each["needed"]}


async def test_a_request_moves_a_filed_case_and_documents_answer_it(desk: Desk) -> None:
    case = (await desk.post(await desk.denied(), "file", FILE)).json()
    before = await needed(desk, case)
    asked = request("ACCT1", "11504-8", "99999-9")
    await desk.appeals.take(asked)
    await desk.appeals.take(asked, request(due_on=date(2026, 3, 25)))
    case = await desk.case(case["case_id"])
    assert (case["state"], case["due_on"], case["deadline_is"], case["place"]) == (
        "more_information_requested", "2026-03-20", "firm", "free",
    )  # fmt: skip
    assert (case["history"][-1]["why"], case["history"][-1]["who"]) == ("records_requested", "recours")
    assert sorted((each["trace"], each["due_on"], each["answered_by"]) for each in case["records_requests"]) == [
        ("CTL7", "2026-03-20", None), ("CTL7", "2026-03-25", None),
    ]  # fmt: skip
    assert await needed(desk, case) - before == {"operative_report", "requested_records"}
    sent = await desk.post(case, "file", SEND)
    assert (sent.status_code, sent.json()["state"], sent.json()["due_on"]) == (200, "filed", None), sent.text
    filing = sent.json()["appeals"][-1]["appeal_id"]
    assert {each["answered_by"] for each in sent.json()["records_requests"]} == {filing}
    assert await needed(desk, case) == before
    await desk.appeals.take(asked)  # once more, after the answer: nothing is asked anew
    assert (await desk.case(case["case_id"]))["state"] == "filed"
    await desk.appeals.take(request(due_on=date(2026, 4, 1)))
    case = await desk.case(case["case_id"])
    assert (case["state"], case["due_on"]) == ("more_information_requested", "2026-04-01"), "what was answered counts no more"


async def test_a_request_waits_for_its_case_and_gives_it_its_day(desk: Desk) -> None:
    await desk.appeals.take(request("ACCT2", due_on=date(2026, 3, 3)), request("NOBODY"))
    case = await desk.denied(remit("ACCT2"))  # with its case in one transaction
    assert (case["state"], case["due_on"], len(case["records_requests"])) == ("open", "2026-03-03", 1)
    told = (await desk.http.get(f"/v1/cases/{case['case_id']}/deadlines")).json()
    assert [(each["way"], each["rule"]) for each in told["clocks"]][-1] == ("send_documents", "records_request")
    refused = await desk.do(case, "mark_ready")
    assert (refused.status_code, "operative_report" in refused.json()["missing"]) == (409, True)


async def test_of_several_cases_the_payers_number_chooses(desk: Desk) -> None:
    await desk.denied(remit("ACCT3", number="ICN-A"), remit("ACCT3", number="ICN-B", day=date(2026, 1, 20)))
    await desk.appeals.take(request("ACCT3", number="ICN-A"))
    cases = [await desk.case(each["case_id"]) for each in (await desk.http.get("/v1/cases")).json()["items"]]
    assert {each["payer_claim_control_number"]: len(each["records_requests"]) for each in cases} == {"ICN-A": 1, "ICN-B": 0}


async def test_a_request_without_a_case_is_listed_and_a_person_attaches_it_to_one(desk: Desk) -> None:
    case = (await desk.post(await desk.denied(), "file", FILE)).json()
    await desk.denied(remit("ACCT9", number="ICN9"))
    [other] = (await desk.http.get("/v1/cases", params={"pcn": "ACCT9"})).json()["items"]
    await desk.appeals.take(request("NOBODY", number="ICN-X"), request("NOBODY2"), request("ACCT9", number="ICN9"))

    async def listed(**query: Any) -> list[dict[str, Any]]:
        answer = await desk.http.get("/v1/records-requests", params=query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    assert len(await listed()) == 3
    assert [each["case_id"] for each in await listed(attached=True)] == [other["case_id"]]
    first = (await desk.http.get("/v1/records-requests", params={"attached": False, "limit": 1})).json()
    rest = await listed(attached=False, limit=1, cursor=first["next_cursor"])
    waiting = [*first["items"], *rest]
    assert {each["claim_key"] for each in waiting} == {str(claim_key("local", each)) for each in ("NOBODY", "NOBODY2")}

    meant = next(each for each in waiting if each["payer_claim_control_number"] == "ICN-X")
    path = f"/v1/records-requests/{meant['request_id']}/attach"
    said = {"case_id": case["case_id"], "why": "It is under the old account number."}
    for _ in range(2):
        told = await desk.http.post(path, json=said)
        assert (told.status_code, told.json()["case_id"]) == (200, case["case_id"]), told.text
    after = await desk.case(case["case_id"])
    assert (after["state"], after["due_on"], after["place"]) == ("more_information_requested", "2026-03-20", "free")
    assert [(each["who"], each["why"]) for each in after["history"]][-1] == ("local", said["why"])
    assert after["version"] == case["version"] + 1, "said again, it changes nothing"
    assert "operative_report" in await needed(desk, after)
    refused = await desk.http.post(path, json={**said, "case_id": other["case_id"]})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:recours:problem:already-attached")
    for wrong, body in ((f"/v1/records-requests/{uuid4()}/attach", said), (path, {**said, "case_id": str(uuid4())})):
        assert (await desk.http.post(wrong, json=body)).status_code == 404
    assert len(await listed(attached=False)) == 1
    assert len(await listed(answered=True)) == 0
