"""What is told of where a case stands: each filter of the list, what the classifier told of it, who did what when, its levels."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec

from libs.common.worker import catch_up
from tests.integration.appeals.test_worklist import PAID, PAYER, Office, databases, denial, office
from tests.integration.consumers.conftest import Sent, remit
from tests.support.access import bearer

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
    office.http.headers.update(bearer(sub="marie"))
    told = {"chosen": {"payer": PAYER}}
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


def with_odds(event: Sent, probability: float, value_cents: int | None = None) -> Sent:
    """Let a judgement tell the odds, too."""
    told = msgspec.json.decode(event.data) | {"overturn_probability": probability, "expected_value_cents": value_cents}
    return replace(event, data=msgspec.json.encode(told))


async def test_odds_that_the_classifier_tells_move_what_a_case_is_worth_and_its_place(office: Office) -> None:
    base, likely, poor = await office._classifier.take(denial("BASE"), denial("LIKELY"), denial("POOR", 150_000))
    await office.appeals.take(base, with_odds(likely, 0.9), with_odds(poor, 0.9, 30_000))
    found = await office.cases(sort="expected")
    worth = {name: each["expected_cents"] + 8948 for name, each in found.items()}  # without the cost of the work
    assert list(worth.items()) == [("LIKELY", 90_000), ("BASE", 51_000), ("POOR", 30_000)]
    assert [(await office.next("jo"))["patient_control_number"] for _ in range(3)] == ["LIKELY", "BASE", "POOR"]


async def test_a_corrected_claim_has_the_day_of_timely_filing_and_goes_by_an_electronic_channel(office: Office) -> None:
    coded: dict[str, Any] = {
        "adjustments": (("CO", "4", 50_000),),
        "charge": 50_000,
        "payer_kind": "medicare",
        "claim_type": "professional",
    }
    service = date(2025, 3, 20)
    await office.denied(*(remit(name, service_from_on=service, service_to_on=service, day=PAID, **coded) for name in ("A", "B")))
    found = await office.cases()
    assert {(each["due_on"], each["deadline_is"], each["action"]) for each in found.values()} == {
        ("2026-03-20", "firm", "correct_and_resubmit")
    }
    clock = (await office.get(f"/v1/cases/{found['A']['case_id']}/deadlines"))["clocks"][0]
    assert (clock["way"], clock["rule"], clock["trigger_on"]) == (
        "correct_and_resubmit", "medicare_calendar_year", "2025-03-20",
    )  # fmt: skip
    entry = {"channels": [{"channel": "electronic", "next_check_days": 21}]}
    assert (await office.send("PUT", f"/v1/payers/{PAYER}", entry))["entry"]["channels"][0]["channel"] == "electronic"
    body = {"action": "correct_and_resubmit", "channel": "electronic", "why": "The modifier was missing."}
    office.clock.at = datetime(2026, 3, 20, 17, tzinfo=UTC)
    sent = await change(office, found["A"], "file", **body)
    (filed,) = sent["appeals"]
    assert (sent["state"], filed["channel"], filed["due_on"]) == ("corrected_claim_sent", "electronic", "2026-03-20")
    assert (filed["next_check_on"], filed["next_check_is"]) == ("2026-04-10", "channel")
    office.clock.at = datetime(2026, 3, 21, 17, tzinfo=UTC)
    path = f"/v1/cases/{found['B']['case_id']}"
    late = await office.http.post(f"{path}/file", json=body, headers={"If-Match": '"1"', "Idempotency-Key": "late"})
    assert (late.status_code, late.json()["reason"]) == (409, "deadline-passed")


async def test_a_talk_and_a_second_look_are_filed_and_decided_and_the_clock_of_the_appeal_runs_on(office: Office) -> None:
    await office.denied(denial("ONE", kind="commercial"))
    [case] = (await office.cases()).values()
    due = ("2026-07-31", "internal_appeal")
    for number, level in enumerate(("peer_to_peer", "payer_reconsideration"), start=1):
        filed = await change(office, case, "file", **FILE, level=level)
        assert (filed["state"], filed["place"], len(filed["appeals"])) == ("filed", "away", number)
        office.clock.at += timedelta(days=10)
        upheld = await change(office, case, "outcome", outcome="upheld", decided_on=str(office.clock.at.date()), why="Not moved.")
        assert (upheld["state"], upheld["place"], (upheld["due_on"], upheld["level"])) == ("upheld", "free", due)
        await change(office, case, "transitions", command="escalate", why="The next one.")
    await change(office, case, "file", **FILE, level="internal_appeal")
    after = await office.get(f"/v1/cases/{case['case_id']}")
    assert [(each["level"], each["outcome"]) for each in after["appeals"]] == [
        ("peer_to_peer", "upheld"), ("payer_reconsideration", "upheld"), ("internal_appeal", None),
    ]  # fmt: skip


async def test_a_second_look_that_a_payer_counts_as_its_first_appeal_starts_the_clock_of_the_next(office: Office) -> None:
    await office.denied(denial("ONE", kind="other"))
    own = {"level": "payer_reconsideration", "window": 90, "place": 1, "effective_from": "2026-01-01", "source": "contract"}
    next_one = own | {"level": "second_internal_appeal", "window": 60, "place": 2}
    await office.send("PUT", f"/v1/payers/{PAYER}/levels", {"levels": [own, next_one]})
    await catch_up(office.bulk.do_batch)
    [case] = (await office.cases()).values()
    assert (case["due_on"], case["level"]) == ("2026-05-02", "payer_reconsideration")
    await change(office, case, "file", **FILE, level="payer_reconsideration")
    office.clock.at += timedelta(days=10)
    upheld = await change(office, case, "outcome", outcome="upheld", decided_on="2026-03-11", why="Not moved.")
    assert (upheld["due_on"], upheld["level"]) == ("2026-05-10", "second_internal_appeal")


async def test_before_a_judge_the_least_amount_in_controversy_is_told(office: Office) -> None:
    await office.denied(denial("LITTLE", 19_999), denial("ENOUGH", 20_000))
    for name, case in (await office.cases()).items():
        for level in ("redetermination", "reconsideration"):
            await change(office, case, "file", **FILE, level=level)
            day = str(office.clock.at.date())
            await change(office, case, "outcome", outcome="upheld", decided_on=day, why="The letter says so.")
            await change(office, case, "transitions", command="escalate", why="The next one.")
        (clock,) = (await office.get(f"/v1/cases/{case['case_id']}/deadlines"))["clocks"]
        assert (clock["level"], clock["due_on"], clock["floor_cents"]) == ("alj_hearing", "2026-05-05", 20_000)
        assert clock["reaches_floor"] is (name == "ENOUGH")


async def test_portals_and_desks_of_a_payer_are_read_as_they_were_written(office: Office) -> None:
    entry = {
        "portals": [{"purpose": "appeals", "url": "https://providers.example.org/appeals"}],
        "contacts": [{"purpose": "provider services", "phone": "+1 555 0100", "fax": None, "email": "desk@example.org"}],
    }
    await office.send("PUT", f"/v1/payers/{PAYER}", entry)
    told = (await office.get(f"/v1/payers/{PAYER}"))["entry"]
    assert {name: told[name] for name in entry} == entry
    for wrong in ({"portals": [{"purpose": "appeals", "url": "javascript:alert(1)"}]}, {"contacts": [{"phone": "+1 555 0100"}]}):
        await office.send("PUT", f"/v1/payers/{PAYER}", wrong, 422)
