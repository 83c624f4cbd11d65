"""A submission goes out by one request: each of its cases is filed once, and what cannot be filed is told with the reason."""

from typing import Any
from uuid import uuid4

import pytest

from services.appeals.filing import together_api
from tests.integration.appeals.test_worklist import PAYER, Office, databases, denial, office

__all__ = ["databases", "office"]


TOGETHER: dict[str, Any] = {"channel": "mail", "level": "redetermination", "why": "One."}


async def test_a_submission_is_filed_by_one_request_and_none_of_its_cases_twice(office: Office) -> None:
    await office.denied(*(denial(name) for name in "ABCD"))
    begun = await office.send("POST", "/v1/submissions", {"payer": PAYER, "category": "medical_necessity"}, 201)
    await office.send("POST", "/v1/cases:bulk", {"chosen": {"carc": "50"}, "submission_id": begun["submission_id"]}, 202)
    while await office.bulk.do_batch():
        pass
    cases = await office.cases(submission_id=begun["submission_id"])
    path = f"/v1/submissions/{begun['submission_id']}/file"
    together = {"channel": "mail", "level": "redetermination", "tracking_number": "9405", "packet_sha256": "ab" * 32, "why": "One."}
    headers = {"If-Match": '"1"', "Idempotency-Key": "apart"}
    apart = {"channel": "portal", "level": "redetermination", "why": "It went before the others."}
    sent = await office.http.post(f"/v1/cases/{cases['D']['case_id']}/file", json=apart, headers=headers)
    assert sent.status_code == 200, sent.text
    first, again = [await office.http.post(path, json=together) for _ in range(2)]
    refused = [{"case_id": cases["D"]["case_id"], "reason": "already-filed"}]
    for answer, filed, before in ((first, 3, 0), (again, 0, 3)):
        told = answer.json()
        assert (answer.status_code, told["filed"], told["before"], told["left"]) == (200, filed, before, 0), answer.text
        assert [{name: each[name] for name in ("case_id", "reason")} for each in told["refused"]] == refused
    shown = await office.get(f"/v1/cases/{cases['A']['case_id']}")
    (appeal,) = shown["appeals"]
    assert (shown["state"], appeal["submission_id"], appeal["tracking_number"], appeal["packet_is"]) == (
        "filed", begun["submission_id"], "9405", "foreign",
    )  # fmt: skip
    told = await office.appeals.rows("SELECT aggregateid FROM outbox WHERE aggregatetype = 'appeal.filed'")
    assert len(told) == 4
    for wrong in ({"level": None}, {"channel": "folder"}, {"why": ""}, {"action": "correct_and_resubmit"}):
        assert (await office.http.post(path, json=together | wrong)).status_code == 422
    assert (await office.http.post(path.replace(begun["submission_id"], str(uuid4())), json=together)).status_code == 404


async def test_cases_that_are_refused_hold_up_none_behind_them(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together_api, "AT_ONCE", 2)
    await office.denied(*(denial(name) for name in "ABCDE"))
    begun = await office.send("POST", "/v1/submissions", {"payer": PAYER, "category": "medical_necessity"}, 201)
    await office.send("POST", "/v1/cases:bulk", {"chosen": {"carc": "50"}, "submission_id": begun["submission_id"]}, 202)
    while await office.bulk.do_batch():
        pass
    ids = sorted(case["case_id"] for case in (await office.cases(submission_id=begun["submission_id"])).values())
    for case_id in ids[:3]:
        headers = {"If-Match": '"1"', "Idempotency-Key": case_id}
        assert (await office.http.post(f"/v1/cases/{case_id}/file", json=TOGETHER, headers=headers)).status_code == 200
    path, after, seen = f"/v1/submissions/{begun['submission_id']}/file", None, []
    for _ in range(3):
        told = (await office.http.post(path, json=TOGETHER | {"after": after})).json()
        seen.append((told["filed"], [each["case_id"] for each in told["refused"]], told["left"], told["next_after"]))
        after = told["next_after"]
    assert seen == [(0, ids[:2], 3, ids[1]), (1, [ids[2]], 1, ids[3]), (1, [], 0, None)]
    again = (await office.http.post(path, json=TOGETHER | {"after": ids[4]})).json()
    assert (again["filed"], again["before"], again["left"], again["refused"]) == (0, 2, 0, [])
