"""What waits too long becomes a follow-up, ends by itself when its cause does, and is a person's to take, put off and end."""

import asyncio
import signal
import sys
from datetime import timedelta
from typing import Any

import pytest

from services.ingest.followups.rules import STEPS
from services.ingest.followups.scan import FollowupScan
from tests.integration.ingest.conftest import NOW, Ingest
from tests.integration.ingest.test_matches import answered, remittance
from tests.unit.x12 import build_claims as made
from tests.unit.x12.build import encode

# A worker that is killed when its second batch is written and not committed.
KILLED = """
import asyncio, os, signal, sys
from datetime import datetime
from libs.common.clock import FixedClock
from libs.common.database import Database
from services.ingest.followups import store
from services.ingest.followups.scan import FollowupScan

settle, calls = store.settle_watches, []

async def kill_at_the_second(*told):
    await settle(*told)
    calls.append(told)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

store.settle_watches = kill_at_the_second

async def work():
    scan = FollowupScan(Database(sys.argv[1]), FixedClock(datetime.fromisoformat(sys.argv[2])), batch=3)
    while await scan.scan_batch():
        pass

asyncio.run(work())
"""
RULES = {"rules": [{"kind": "timely_filing", "days": 90, "effective_from": "2020-01-01"}]}


async def scan(ingest: Ingest, *, after_days: int = 0) -> None:
    """Let some days pass and the worker look, until there is nothing to look at."""
    ingest.clock.at += timedelta(days=after_days)
    while await FollowupScan(ingest.worker_database, ingest.clock).catch_up():
        pass


async def look_anew(ingest: Ingest) -> None:
    """Have the worker look at everything that is watched."""
    await ingest.rows_of("UPDATE followup_watches SET look_at = '2026-01-01'", "local")
    await scan(ingest)


async def followups(ingest: Ingest, **query: Any) -> list[tuple[str, str, str]]:
    """Return (kind, account number, due day) as the list has them."""
    found = (await ingest.get("/v1/followups", **query))["items"]
    return [(each["kind"], each["patient_control_number"], each["due_on"]) for each in found]


async def only(ingest: Ingest, **query: Any) -> dict[str, Any]:
    (found,) = (await ingest.get("/v1/followups", **query))["items"]
    return dict(await ingest.get(f"/v1/followups/{found['followup_id']}"))


def sent(ingest: Ingest, *claims: list[str], control: str = "1") -> bytes:
    """Return a file of claims that is sent today."""
    return encode(made.one(*claims, control=control, on=f"{ingest.clock.at:%Y%m%d}"))


def accepted(pcn: str, codes: str = "A2:20:PR") -> bytes:
    return encode(made.acknowledgement(made.status(pcn, codes, on="20260302"), on="20260302"))


async def test_a_silent_claim_is_followed_up_on_the_fifth_day_and_not_before(ingest) -> None:
    await ingest.take(sent(ingest, made.claim("A")))
    await scan(ingest, after_days=4)
    assert await followups(ingest) == []
    await scan(ingest, after_days=1)
    assert await followups(ingest) == [("no_acknowledgement", "A", "2026-03-06")]
    told = await only(ingest)
    assert (told["amount_cents"], told["status"], told["payer_id"], told["version"]) == (10000, "open", "PAYER1", 1)
    assert told["reason"] == "Sent on 2026-03-01; neither a 999 nor a 277CA came by 2026-03-06."
    assert [(each["what"], each["who"]) for each in told["history"]] == [("opened", "recours")]
    (listed,) = (await ingest.get("/v1/followups"))["items"]
    assert listed["suggested_step"] == told["suggested_step"] == STEPS["no_acknowledgement"]


async def test_an_answer_ends_a_follow_up_by_itself_and_its_history_says_so(ingest) -> None:
    await ingest.take(sent(ingest, made.claim("A")))
    await scan(ingest, after_days=6)
    await ingest.take(accepted("A"))
    await scan(ingest)
    assert await followups(ingest) == []
    told = await only(ingest, status="resolved")
    assert (told["resolution"], told["resolved_by"], told["version"]) == ("cause_gone", "system", 2)
    last = told["history"][-1]
    assert (last["what"], last["who"]) == ("resolved", "recours")
    assert {each["field"]: (each["before"], each["after"]) for each in last["changes"]} == {
        "status": ("open", "resolved"),
        "resolution": (None, "cause_gone"),
    }


async def test_an_accepted_claim_is_late_after_the_default_until_the_payer_is_known(ingest) -> None:
    await ingest.take(sent(ingest, made.claim("A")))
    await ingest.take(accepted("A"))
    await scan(ingest, after_days=29)
    assert await followups(ingest) == []
    await scan(ingest, after_days=1)
    assert await followups(ingest) == [("unpaid", "A", "2026-03-31")]
    await ingest.take(remittance(*answered("A")))
    await scan(ingest)
    assert await followups(ingest) == []


async def test_what_a_reversal_takes_back_is_unpaid_again(ingest) -> None:
    for body in (sent(ingest, made.claim("A")), accepted("A"), remittance(*answered("A"))):
        await ingest.take(body)
    await scan(ingest, after_days=40)
    assert await followups(ingest) == []
    reversal = ("CLP*A*22*-100*-80**12*ICN1*11*1", "SVC*HC:G0283:GP*-100*-80**1", "DTM*472*20260105", "CAS*CO*45*-20")
    await ingest.take(remittance(*reversal, trace="T2", amount="0"))
    await scan(ingest)
    assert [kind for kind, pcn, _ in await followups(ingest) if pcn == "A"] == ["unpaid"]


async def test_a_payer_that_always_takes_long_is_late_only_after_longer(ingest) -> None:
    pcns = [f"P{number}" for number in range(30)]
    await ingest.take(sent(ingest, *(made.claim(pcn) for pcn in pcns)))
    paid = b"BPR*I*2400*C*ACH************20260510"
    body = remittance(*(part for pcn in pcns for part in answered(pcn, f"N{pcn}")), amount="2400")
    await ingest.take(body.replace(b"BPR*I*2400*C*ACH************20260110", paid))
    await ingest.take(sent(ingest, made.claim("A"), control="2"))
    await ingest.take(accepted("A"))
    await scan(ingest, after_days=69)
    assert ("unpaid", "A", "2026-05-10") not in await followups(ingest)
    await scan(ingest, after_days=1)
    assert ("unpaid", "A", "2026-05-10") in await followups(ingest)
    assert await ingest.rows("SELECT payer_id, answers, usual_days FROM payer_habits") == [("PAYER1", 30, 70)]


async def test_a_payers_usual_time_is_what_nineteen_of_twenty_answers_needed(ingest) -> None:
    days = {f"P{number}": 21 + number for number in range(40)}  # mean and median are near 40, the longest is 60
    await ingest.take(sent(ingest, *map(made.claim, days)))
    for pcn, waited in days.items():
        body = remittance(*answered(pcn, f"N{pcn}"), trace=pcn)
        paid_on = f"{NOW + timedelta(days=waited):%Y%m%d}"
        await ingest.accept(body.replace(b"************20260110", b"************" + paid_on.encode()))
    await ingest.read_all()
    await scan(ingest, after_days=1)
    assert await ingest.rows("SELECT payer_id, answers, usual_days FROM payer_habits") == [("PAYER1", 40, 58)]


async def test_a_rejection_waits_for_the_claim_to_be_sent_again(ingest) -> None:
    await ingest.take(sent(ingest, made.claim("A")))
    await ingest.take(accepted("A", "A7:562:85"))
    await scan(ingest, after_days=5)
    assert await followups(ingest) == []
    await scan(ingest, after_days=1)
    assert await followups(ingest) == [("rejected_not_resent", "A", "2026-03-07")]
    await ingest.take(sent(ingest, made.claim("A", more=("REF*G1*AUTH",)), control="2"))
    await scan(ingest)
    assert await followups(ingest) == []


async def test_the_filing_limit_is_near_two_weeks_before_and_not_for_what_was_accepted(ingest) -> None:
    assert (await ingest.http.put("/v1/payers/PAYER1/rules", json=RULES, headers={"If-Match": '"0"'})).status_code == 200
    await ingest.take(sent(ingest, made.claim("A"), made.claim("B")))
    await ingest.take(accepted("B"))
    await scan(ingest, after_days=20)  # 2026-03-21; the limit is 2026-04-05
    assert await followups(ingest, kind="filing_limit_near") == []
    await scan(ingest, after_days=1)
    assert await followups(ingest, kind="filing_limit_near") == [("filing_limit_near", "A", "2026-04-05")]


async def test_a_remit_without_a_claim_counts_after_two_days_and_not_from_before_claims_were_sent_here(ingest) -> None:
    await ingest.take(remittance(*answered("X")))
    await scan(ingest, after_days=3)
    assert await followups(ingest) == []
    await ingest.take(sent(ingest, made.claim("A")))
    await ingest.take(remittance(*answered("Y"), trace="T2"))
    await scan(ingest, after_days=1)
    assert await followups(ingest, kind="remit_unmatched") == []
    await scan(ingest, after_days=1)
    assert await followups(ingest, kind="remit_unmatched") == [("remit_unmatched", "Y", "2026-03-06")]
    await ingest.take(sent(ingest, made.claim("Y"), control="2"))
    await scan(ingest)
    assert await followups(ingest, kind="remit_unmatched") == []


async def test_a_remit_from_just_before_the_first_claim_counts_too(ingest) -> None:
    await ingest.take(remittance(*answered("X")))
    await scan(ingest)
    await ingest.take(sent(ingest, made.claim("A")))
    await scan(ingest, after_days=2)
    assert await followups(ingest, kind="remit_unmatched") == [("remit_unmatched", "X", "2026-03-03")]


async def test_a_person_who_says_that_a_remit_is_none_of_ours_ends_its_follow_up(ingest) -> None:
    await ingest.take(sent(ingest, made.claim("A")))
    await ingest.take(remittance(*answered("X")))
    await scan(ingest, after_days=3)
    remit_id = (await only(ingest, kind="remit_unmatched"))["subject_id"]
    body = {"claim_id": None, "reason": "another clinic's"}
    answer = await ingest.http.post(f"/v1/matches/{remit_id}", json=body, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 200
    await scan(ingest)
    assert await followups(ingest, kind="remit_unmatched") == []


async def test_an_ambiguous_remit_asks_for_a_decision_at_once(ingest) -> None:
    await ingest.take(sent(ingest, made.claim("A"), made.claim("A", more=("REF*G1*OTHER",))))
    await ingest.take(remittance(*answered("A")))
    await scan(ingest)
    assert await followups(ingest, kind="remit_ambiguous") == [("remit_ambiguous", "A", "2026-03-01")]


async def test_a_payment_that_does_not_add_up_is_followed_up_by_what_it_is_off(ingest) -> None:
    await ingest.take(sent(ingest, made.claim("A"), made.claim("B")))
    await ingest.take(remittance(*answered("A"), amount="80", trace="T1"))
    await ingest.take(remittance(*answered("B"), amount="75", trace="T2"))
    await scan(ingest)
    told = await only(ingest, kind="out_of_balance")
    assert (told["amount_cents"], told["subject"], told["due_on"]) == (500, "remittance", "2026-03-01")


async def test_the_same_scan_again_changes_nothing(ingest) -> None:
    await ingest.take(sent(ingest, made.claim("A"), made.claim("B")))
    await scan(ingest, after_days=6)
    before = await ingest.rows("SELECT * FROM followups ORDER BY followup_id")
    await look_anew(ingest)
    await scan(ingest, after_days=2)
    assert await ingest.rows("SELECT * FROM followups ORDER BY followup_id") == before
    assert await ingest.count("followup_history") == 2


async def test_a_sweep_watches_what_was_here_before_and_touches_claims_whose_rules_changed(ingest) -> None:
    await ingest.take(sent(ingest, made.claim("A")))
    await ingest.take(remittance(*answered("X"), amount="75"))
    await ingest.rows_of("DELETE FROM followup_watches", "local")
    await scan(ingest, after_days=3)
    assert {kind for kind, _, _ in await followups(ingest)} == {"remit_unmatched", "out_of_balance"}
    near = {"rules": [{"kind": "timely_filing", "days": 65, "effective_from": "2020-01-01"}]}
    assert (await ingest.http.put("/v1/payers/PAYER1/rules", json=near, headers={"If-Match": '"0"'})).status_code == 200
    await scan(ingest)
    assert await followups(ingest, kind="filing_limit_near") == []
    await scan(ingest, after_days=1)
    assert await followups(ingest, kind="filing_limit_near") == [("filing_limit_near", "A", "2026-03-11")]


async def test_a_remit_that_becomes_ambiguous_is_followed_up_as_that(ingest) -> None:
    await ingest.take(sent(ingest, made.claim("B")))
    await ingest.take(remittance(*answered("A")))
    await scan(ingest, after_days=3)
    assert [kind for kind, pcn, _ in await followups(ingest) if pcn == "A"] == ["remit_unmatched"]
    await ingest.take(sent(ingest, made.claim("A"), made.claim("A", more=("REF*G1*OTHER",)), control="2"))
    await scan(ingest)
    assert [kind for kind, pcn, _ in await followups(ingest) if pcn == "A"] == ["remit_ambiguous"]


async def test_two_workers_at_once_open_each_follow_up_once(ingest) -> None:
    await ingest.take(sent(ingest, *(made.claim(f"A{number}") for number in range(60))))
    ingest.clock.at += timedelta(days=6)
    scans = [FollowupScan(ingest.worker_database, ingest.clock, batch=7) for _ in range(2)]
    await asyncio.gather(*(each.catch_up() for each in scans))
    assert (await ingest.count("followups"), await ingest.count("followup_history")) == (60, 60)


async def test_a_scan_that_dies_in_the_middle_leaves_everything_to_the_next(ingest, monkeypatch) -> None:
    await ingest.take(sent(ingest, made.claim("A")))
    ingest.clock.at += timedelta(days=6)

    async def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("services.ingest.followups.store.settle_watches", die)
        with pytest.raises(KeyboardInterrupt):
            await FollowupScan(ingest.worker_database, ingest.clock).scan_batch()
    assert (await ingest.count("followups"), await ingest.count("followup_history")) == (0, 0)
    await scan(ingest)
    assert await followups(ingest) == [("no_acknowledgement", "A", "2026-03-06")]


async def test_a_worker_that_is_killed_in_the_middle_of_a_scan_leaves_whole_batches_and_the_rest_to_the_next(ingest) -> None:
    await ingest.take(sent(ingest, *(made.claim(f"A{number}") for number in range(10))))
    ingest.clock.at += timedelta(days=6)
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, ingest.urls.worker_url, ingest.clock.at.isoformat())
    async with asyncio.timeout(120):
        assert await worker.wait() == -signal.SIGKILL
    assert (await ingest.count("followups"), await ingest.count("followup_history")) == (3, 3)
    await scan(ingest)
    assert (await ingest.count("followups"), await ingest.count("followup_history")) == (10, 10)
    assert {kind for kind, _, _ in await followups(ingest)} == {"no_acknowledgement"}


async def edit(ingest: Ingest, told: dict[str, Any], version: int | None = None, **body: Any) -> tuple[int, dict[str, Any]]:
    headers = {"If-Match": f'"{version or told["version"]}"'}
    answer = await ingest.http.patch(f"/v1/followups/{told['followup_id']}", json=body, headers=headers)
    return answer.status_code, answer.json()


async def silent(ingest: Ingest) -> dict[str, Any]:
    """Return the follow-up of a claim that nobody answered."""
    await ingest.take(sent(ingest, made.claim("A")))
    await scan(ingest, after_days=6)
    return await only(ingest)


async def test_a_person_takes_over_and_puts_off_and_the_history_knows_it(ingest) -> None:
    told = await silent(ingest)
    status, told = await edit(ingest, told, owner="billing-2", note="called", snoozed_until="2026-03-10")
    assert (status, told["status"], told["owner"], told["version"]) == (200, "snoozed", "billing-2", 2)
    assert await followups(ingest) == []
    assert len(await followups(ingest, status="snoozed", owner="billing-2")) == 1
    assert (told["history"][-1]["what"], told["history"][-1]["who"]) == ("edited", "local")
    await scan(ingest, after_days=3)  # 2026-03-10
    assert len(await followups(ingest, status="open")) == 1


async def test_two_people_do_not_overwrite_each_other(ingest) -> None:
    told = await silent(ingest)
    assert (await edit(ingest, told, owner="one"))[0] == 200
    status, problem = await edit(ingest, told, owner="other")
    assert (status, problem["type"]) == (412, "urn:recours:problem:changed-meanwhile")
    assert (await only(ingest))["owner"] == "one"


async def test_what_a_person_ended_stays_ended_until_a_person_opens_it(ingest) -> None:
    told = await silent(ingest)
    _, told = await edit(ingest, told, resolution="done")
    assert (told["status"], told["resolved_by"]) == ("resolved", "person")
    await look_anew(ingest)
    await scan(ingest, after_days=2)
    assert await followups(ingest) == []
    status, again = await edit(ingest, told, resolution=None)
    assert (status, again["status"], again["history"][-1]["what"]) == (200, "open", "reopened")


async def test_a_cause_that_comes_back_opens_the_same_follow_up_again(ingest) -> None:
    told = await silent(ingest)
    _, told = await edit(ingest, told, owner="billing-2")
    await ingest.rows_of("UPDATE claims SET state = 'accepted'", "local")
    await look_anew(ingest)
    assert (await only(ingest, status="resolved"))["resolution"] == "cause_gone"
    await ingest.rows_of("UPDATE claims SET state = 'submitted'", "local")
    await look_anew(ingest)
    back = await only(ingest)
    assert (back["followup_id"], back["owner"], back["resolution"]) == (told["followup_id"], "billing-2", None)
    assert [each["what"] for each in back["history"]] == ["opened", "edited", "resolved", "reopened"]


async def test_each_mistake_in_a_change_has_its_own_problem(ingest) -> None:
    told = await silent(ingest)
    path = f"/v1/followups/{told['followup_id']}"
    problems = []
    for body, headers in (
        ({"owner": "x"}, {}),
        ({"owner": "x"}, {"If-Match": "x"}),
        ({"snoozed_until": "2026-03-07"}, {"If-Match": '"1"'}),
        ({}, {"If-Match": '"1"'}),
        ({"owner": " "}, {"If-Match": '"1"'}),
        ({"resolution": "cause_gone"}, {"If-Match": '"1"'}),
        ({"status": "resolved"}, {"If-Match": '"1"'}),
    ):
        answer = await ingest.http.patch(path, json=body, headers=headers)
        problems.append((answer.status_code, answer.json()["type"].removeprefix("urn:recours:problem:")))
    assert problems == [
        (428, "if-match-missing"),
        (400, "bad-if-match"),
        (422, "snooze-in-the-past"),
        (422, "invalid-request"),
        (422, "invalid-request"),
        (422, "invalid-request"),
        (422, "invalid-request"),
    ]
    await ingest.take(accepted("A"))
    await scan(ingest)
    status, problem = await edit(ingest, told, version=2, note="late")
    assert (status, problem["type"]) == (409, "urn:recours:problem:followup-resolved")


async def test_another_tenant_sees_and_changes_nothing(ingest) -> None:
    told = await silent(ingest)
    async with ingest.client("other") as stranger:
        assert (await stranger.get("/v1/followups")).json()["items"] == []
        assert (await stranger.get(f"/v1/followups/{told['followup_id']}")).status_code == 404
        headers = {"If-Match": '"1"'}
        answer = await stranger.patch(f"/v1/followups/{told['followup_id']}", json={"owner": "x"}, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:recours:problem:not-found")


async def test_the_list_goes_by_due_day_page_by_page_and_by_its_filters(ingest) -> None:
    await ingest.take(sent(ingest, made.claim("A"), made.claim("B")))
    ingest.clock.at = NOW + timedelta(days=2)
    await ingest.take(sent(ingest, made.claim("C"), control="2"))
    await scan(ingest, after_days=7)
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = await ingest.get("/v1/followups", **query)
        seen += [(each["patient_control_number"], each["due_on"]) for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen[:2]) == [("A", "2026-03-06"), ("B", "2026-03-06")]
    assert seen[2:] == [("C", "2026-03-08")]
    assert [pcn for _, pcn, _ in await followups(ingest, due_before="2026-03-08", payer="PAYER1")] != ["C"]
    assert await followups(ingest, payer="OTHER") == []
    assert (await ingest.http.get("/v1/followups", params={"kind": "none"})).status_code == 422
