"""What is told of where a case stands: each filter of the list, what the classifier told of it, who did what when, its levels."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from libs.common.worker import catch_up
from tests.integration.appeals.test_worklist import PAID, PAYER, Office, databases, denial, office
from tests.integration.consumers.conftest import remit

__all__ = ["databases", "office"]

FILE: dict[str, Any] = {"channel": "portal", "why": "The records show why."}


async def change(office: Office, case: dict[str, Any], name: str, **body: Any) -> dict[str, Any]:
    """Take a step with a case as it stands now; return it as it stands then."""
    path = f"/v1/cases/{case['case_id']}"
    tag = (await office.http.get(path)).headers["etag"]
    answer = await office.http.post(f"{path}/{name}", json=body, headers={"If-Match": tag, "Idempotency-Key": str(uuid4())})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_each_filter_of_the_list_leaves_what_it_names(office: Office) -> None:
    await office.denied(
        denial("FIRST"),
        denial("LATER", day=PAID + timedelta(days=7)),
        remit("CODED", adjustments=(("CO", "4", 100_000),), charge=100_000, payer_kind="medicare", day=PAID),
        denial("GONE"),
    )
    found = await office.cases()
    await office.send("PATCH", f"/v1/cases/{found['LATER']['case_id']}", {"assignee": "jo"})
    await change(office, found["FIRST"], "transitions", command="start_review", why="x")
    await change(office, found["GONE"], "transitions", command="write_off", why="x")
    for query, names in (
        ({"state": "in_review"}, {"FIRST"}),
        ({"state": "written_off"}, {"GONE"}),
        ({"state": "open"}, {"LATER", "CODED"}),
        ({"category": "coding_bundling"}, {"CODED"}),
        ({"action": "appeal"}, {"FIRST", "LATER", "GONE"}),
        ({"action": "correct_and_resubmit"}, {"CODED"}),
        ({"assignee": "jo"}, {"LATER"}),
        ({"assignee": "marie"}, set()),
        ({"due_before": "2026-06-07", "action": "appeal"}, {"FIRST"}),
        ({"due_before": "2026-06-06", "action": "appeal"}, set()),
        ({"due_before": "2026-06-14", "action": "appeal"}, {"FIRST", "LATER"}),
        ({"denial_id": found["CODED"]["denial_id"]}, {"CODED"}),
        ({"denial_id": str(uuid4())}, set()),
        ({"open_only": True}, {"FIRST", "LATER", "CODED"}),
        ({"open_only": False}, {"FIRST", "LATER", "CODED", "GONE"}),
    ):
        assert set(await office.cases(**query)) == names, query


async def test_a_patient_is_billed_what_the_payer_gave_to_the_patient_and_the_history_says_when(office: Office) -> None:
    await office.denied(remit("MINE", adjustments=(("PR", "31", 10_000),), payer_kind="medicare", day=PAID))
    [case] = (await office.cases()).values()
    opened = office.clock.at
    office.clock.at += timedelta(days=3, minutes=5)
    billed = await change(office, case, "transitions", command="bill_patient", why="The patient was not insured.")
    assert (billed["state"], billed["place"]) == ("billed_to_patient", "away")
    steps = [(each["command"], datetime.fromisoformat(each["at"])) for each in billed["history"]]
    assert steps == [("pursue", opened), ("bill_patient", opened + timedelta(days=3, minutes=5))]


async def test_a_bulk_action_is_told_as_of_who_asked_for_it(office: Office) -> None:
    await office.denied(denial("A"), denial("B"))
    told = {"chosen": {"payer": PAYER}, "who": "marie"}
    step = await office.send("POST", "/v1/cases:bulk", told | {"command": "start_review", "why": "One outage."}, 202)
    edit = await office.send("POST", "/v1/cases:bulk", told | {"edit": {"team": "night"}}, 202)
    office.clock.at += timedelta(hours=2)
    await catch_up(office.bulk.do_batch)
    for begun in (step, edit):
        assert (await office.get(f"/v1/bulk-actions/{begun['bulk_id']}"))["who"] == "marie"
    for case in (await office.cases()).values():
        last = (await office.get(f"/v1/cases/{case['case_id']}"))["history"][-1]
        assert (last["command"], last["who"], last["why"]) == ("start_review", "marie", "One outage.")
        assert datetime.fromisoformat(last["at"]) == office.clock.at
        [kept] = (await office.get(f"/v1/cases/{case['case_id']}/work"))["edits"]
        assert (kept["changes"], kept["who"]) == ({"team": [None, "night"]}, "marie")


async def test_the_warnings_of_a_case_are_read_beside_it(office: Office) -> None:
    await office.denied(denial("ONE"))  # until 2026-06-06
    [case] = (await office.cases()).values()
    path = f"/v1/cases/{case['case_id']}/work"
    assert (await office.get(path))["warnings"] == []
    days = {14: date(2026, 5, 23), 7: date(2026, 5, 30), 2: date(2026, 6, 4)}
    for count, day in enumerate(days.values(), start=1):
        await office.on(day)
        assert len((await office.get(path))["warnings"]) == count
    warned = (await office.get(path))["warnings"]
    told = [(each["deadline_on"], each["days_before"], datetime.fromisoformat(each["raised_at"]).date()) for each in warned]
    assert told == [("2026-06-06", before, day) for before, day in days.items()]
