"""A submission goes out by one request: each of its cases is filed once, and what cannot be filed is told with the reason."""

from uuid import uuid4

from tests.integration.appeals.test_worklist import PAYER, Office, databases, denial, office

__all__ = ["databases", "office"]


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
