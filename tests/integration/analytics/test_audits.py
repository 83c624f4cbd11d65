"""Audits over HTTP: drawn once and the same again, reviewed by two, settled, estimated; bad plans and bad reviews."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.common.clock import FixedClock
from services.analytics.audits.running import Drawer
from services.analytics.audits.scheduling import Scheduler
from tests.integration.analytics.conftest import NOW, Analytics
from tests.support.access import bearer
from tests.unit.analytics.facts import claim, denial, on, remit

RIGHT = {"classification_right": True, "code_right": True, "documentation_sufficient": True}
WRONG = {**RIGHT, "classification_right": False, "category": "duplicate", "action": "none"}
PLAN: dict[str, Any] = {"reviewers": ["dana", "lee"], "precision": 0.3, "confidence": 0.8, "as_of": "2026-03-30"}


def account(number: int, **told: Any) -> list[Any]:
    """Return an account with a denial of its own, as the classifier told it."""
    return [claim(number), remit(number, claim_number=number), denial(number, **{"action": "appeal", "confidence": 0.5, **told})]


async def drawn(analytics: Analytics, **told: Any) -> dict[str, Any]:
    """Plan an audit and have its sample drawn."""
    answer = await analytics.http.post("/v1/audits", json=PLAN | told, headers={"Idempotency-Key": str(uuid4())})
    assert answer.status_code == 202, answer.text
    drawer = Drawer(analytics.worker, FixedClock(NOW))
    while await drawer.step() is not None:
        pass
    found = await analytics.http.get(answer.headers["location"])
    return dict(found.json())


async def items(analytics: Analytics, audit: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    found = await analytics.http.get(f"/v1/audits/{audit['audit_id']}/items", params={"limit": 200, **query})
    return list(found.json()["items"])


async def review(analytics: Analytics, audit: dict[str, Any], item: int, reviewer: str, form: dict[str, Any]) -> Any:
    path = f"/v1/audits/{audit['audit_id']}/items/{item}/review"
    return await analytics.http.put(path, json=form, headers=bearer(analytics.tenant, sub=reviewer))


async def test_an_audit_is_drawn_reviewed_settled_and_estimated(analytics: Analytics) -> None:
    await analytics.tell(*(account(number) for number in range(1, 31)))
    await analytics.end_days(date(2026, 3, 30))
    audit = await drawn(analytics)
    assert (audit["state"], audit["denials"], audit["items"], audit["is_final"]) == ("reviewing", 30, 5, True)
    assert (await analytics.http.get(f"/v1/audits/{audit['audit_id']}/results")).status_code == 409
    for item in range(1, 6):
        await review(analytics, audit, item, "dana", WRONG if item == 1 else RIGHT)
    (first, *_) = await items(analytics, audit)
    assert (first["state"], first["reviewed_by"], first["reviews"]) == ("reviewing", ["dana"], [])
    for item in range(1, 6):
        told = await review(analytics, audit, item, "lee", RIGHT)
    assert told.json()["state"] == "agreed"
    (disputed,) = await items(analytics, audit, state="disputed")
    assert (disputed["item"], len(disputed["reviews"])) == (1, 2)
    settlement, sam = f"/v1/audits/{audit['audit_id']}/items/1/settlement", bearer(analytics.tenant, sub="sam")
    for reviewer in ("dana", "lee"):
        own = await analytics.http.put(settlement, json=RIGHT, headers=bearer(analytics.tenant, sub=reviewer))
        assert (own.status_code, own.json()["type"]) == (403, "urn:recours:problem:settles-own-dispute")
    for _ in range(2):
        settled = (await analytics.http.put(settlement, json=WRONG, headers=sam)).json()
        assert (settled["state"], settled["verdict"]["category"], settled["settled_by"]) == ("settled", "duplicate", "sam")
    assert (await analytics.http.put(settlement, json=WRONG)).status_code == 409
    found = (await analytics.http.get(f"/v1/audits/{audit['audit_id']}/results")).json()
    by_finding = {each["finding"]: each for each in found["estimates"]}
    assert (by_finding["any"]["errors"], by_finding["any"]["rate"]["value"]) == (1, 0.2)
    assert by_finding["any"]["rate"]["low"] < 0.2 < by_finding["any"]["rate"]["high"]
    assert by_finding["any"]["dollars_cents"] == 60_000
    assert by_finding["documentation"]["errors"] == 0
    assert [(each["agreed"], each["kappa"]) for each in found["agreement"]] == [(4, pytest.approx(0)), (5, None), (5, None)]
    judged = {"category": "authorization", "action": "appeal", "corrected": "duplicate", "corrected_action": "none"}
    assert found["corrections"] == [{**judged, "items": 1, "denied_cents": 10_000}]
    assert (await analytics.http.get("/v1/audits")).json()["items"][0]["state"] == "done"


async def test_the_same_plan_draws_the_same_denials_and_another_seed_others(analytics: Analytics) -> None:
    await analytics.tell(*(account(number) for number in range(1, 61)))
    first = [each["denial_id"] for each in await items(analytics, await drawn(analytics))]
    await analytics.tell(*(account(number, known_on=on(84)) for number in range(61, 90)), first=61)
    late = await items(analytics, await drawn(analytics, as_of="2026-03-29"))
    again = await items(analytics, await drawn(analytics, as_of="2026-03-29"))
    assert [each["denial_id"] for each in late] == [each["denial_id"] for each in again]
    assert [each["denial_id"] for each in await items(analytics, await drawn(analytics, as_of=str(on(50))))] == first
    other = await drawn(analytics, seed="another", as_of=str(on(50)))
    assert [each["denial_id"] for each in await items(analytics, other)] != first


def chance(method: str, number: int, drawn: int) -> float:
    """Return how likely the denial of this number is to be drawn, of twenty of 1,000 to 20,000 cents, as by hand."""
    if method == "dollar_unit":
        return 1_000 * number * drawn / 210_000
    if method == "risk_weighted":  # ten are judged with a confidence of 0.9, ten with 0.2: 9 in all
        return (0.1 if number % 4 < 2 else 0.8) * drawn / 9
    return drawn / (20 if method == "simple" else 10)


def share(found: list[dict[str, Any]], strata: dict[str, float], amount: Callable[[dict[str, Any]], float]) -> float:
    """Return the share in error: of each stratum by weights that undo the chances, and of all by what the strata hold."""
    told = 0.0
    for name, size in strata.items():
        weights = [(amount(each) / each["probability"], is_wrong(each)) for each in found if each["stratum"] == name]
        told += size * sum(weight for weight, wrong in weights if wrong) / sum(weight for weight, _ in weights)
    return told / sum(strata.values())


def is_wrong(item: dict[str, Any]) -> bool:
    return bool(item["denied_cents"] % 3_000 == 0)


@pytest.mark.parametrize(
    ("method", "told", "strata"),
    [
        ("simple", {}, {"": (20, 210_000)}),
        ("stratified", {"stratify_by": "payer"}, {"P1": (10, 110_000), "P2": (10, 100_000)}),
        ("dollar_unit", {}, {"": (20, 210_000)}),
        ("risk_weighted", {"precision": 0.3}, {"": (20, 210_000)}),
    ],
)
async def test_each_way_of_drawing_gives_items_with_their_chances_and_results_by_them(
    method: str, told: Any, strata: dict[str, tuple[int, int]], analytics: Analytics
) -> None:
    many = [
        account(number, payer_id=f"P{number % 2 + 1}", denied_cents=1_000 * number, confidence=0.9 if number % 4 < 2 else 0.2)
        for number in range(1, 21)
    ]
    await analytics.tell(*many)
    audit = await drawn(analytics, **{"method": method, "precision": 0.2, **told})
    assert {each["name"]: (each["denials"], each["denied_cents"]) for each in audit["strata"]} == strata
    found = await items(analytics, audit)
    by_stratum = {each["name"]: each["drawn"] for each in audit["strata"]}
    assert len(found) == audit["items"] == sum(by_stratum.values()) < 20
    for each in found:
        wanted = chance(method, each["denied_cents"] // 1_000, by_stratum[each["stratum"]])
        assert each["probability"] == pytest.approx(wanted), each
        for name in ("dana", "lee"):
            await review(analytics, audit, each["item"], name, {**RIGHT, "code_right": not is_wrong(each)})
    results = (await analytics.http.get(f"/v1/audits/{audit['audit_id']}/results")).json()
    (code,) = [each for each in results["estimates"] if each["finding"] == "code"]
    assert 0 < code["errors"] == sum(map(is_wrong, found)) < len(found)
    dollars = share(found, {name: cents for name, (_, cents) in strata.items()}, lambda each: each["denied_cents"])
    assert code["dollar_rate"]["value"] == pytest.approx(dollars)
    assert code["dollar_rate"]["low"] < dollars < code["dollar_rate"]["high"]
    assert code["dollars_cents"] == round(dollars * 210_000)
    if method == "dollar_unit":
        assert code["rate"] is None
    else:
        assert code["rate"]["value"] == pytest.approx(share(found, {name: size for name, (size, _) in strata.items()}, lambda _: 1))


async def test_a_filter_narrows_what_is_drawn_from(analytics: Analytics) -> None:
    await analytics.tell(*(account(number, payer_id=f"P{number % 2 + 1}") for number in range(1, 21)))
    audit = await drawn(analytics, filter={"payer": ["P2"]})
    assert (audit["denials"], {each["payer"] for each in await items(analytics, audit)}) == (10, {"P2"})


async def test_an_audit_of_nothing_fails_and_says_why(analytics: Analytics) -> None:
    audit = await drawn(analytics, filter={"payer": ["NOBODY"]})
    assert (audit["state"], audit["reason"], audit["items"]) == ("failed", "population_empty", 0)


async def test_one_request_makes_one_audit_and_needs_a_name(analytics: Analytics) -> None:
    assert (await analytics.http.post("/v1/audits", json=PLAN)).status_code == 400
    named = {"Idempotency-Key": "one"}
    first, again = [(await analytics.http.post("/v1/audits", json=PLAN, headers=named)).json()["audit_id"] for _ in range(2)]
    assert first == again
    assert (await analytics.http.post("/v1/audits", json={**PLAN, "seed": "2"}, headers=named)).status_code == 422


@pytest.mark.parametrize(
    "told",
    [
        {"reviewers": ["dana", "dana"]},
        {"reviewers": ["dana"]},
        {"method": "stratified"},
        {"stratify_by": "payer"},
        {"method": "SMITH"},
        {"from": "2026-02-01", "to": "2026-01-01"},
        {"from": "1826-01-01", "to": "2026-01-01"},
        {"to": "9999-12-31"},
        {"as_of": "2026-04-01"},
        {"confidence": 1},
        {"precision": 0},
        {"filter": {"birthday": ["SMITH"]}},
        {"filter": {"payer": []}},
        {"size": 10},
    ],
)
async def test_a_bad_plan_is_refused_and_not_echoed(told: Any, analytics: Analytics) -> None:
    answer = await analytics.http.post("/v1/audits", json=PLAN | told, headers={"Idempotency-Key": "one"})
    assert answer.status_code == 422
    assert "SMITH" not in answer.text


async def test_reviews_that_cannot_be_are_refused(analytics: Analytics) -> None:
    await analytics.tell(account(1), account(2), first=1)
    audit = await drawn(analytics)
    stranger = await review(analytics, audit, 1, "sam", RIGHT)
    assert (stranger.status_code, stranger.json()["type"]) == (403, "urn:recours:problem:not-a-reviewer")
    assert (await review(analytics, audit, 99, "dana", RIGHT)).status_code == 404
    assert (await review(analytics, audit, 1, "dana", {**RIGHT, "category": "duplicate", "action": "none"})).status_code == 422
    assert (await review(analytics, audit, 1, "dana", {**WRONG, "action": None})).status_code == 422
    assert (await analytics.http.put(f"/v1/audits/{audit['audit_id']}/items/1/settlement", json=RIGHT)).status_code == 409
    await review(analytics, audit, 1, "dana", RIGHT)
    await review(analytics, audit, 1, "lee", RIGHT)
    final = await review(analytics, audit, 1, "lee", WRONG)
    assert (final.status_code, final.json()["type"]) == (409, "urn:recours:problem:item-final")
    other = Analytics(analytics.worker, analytics.api, "another")
    assert (await other.http.get(f"/v1/audits/{audit['audit_id']}")).status_code == 404


async def test_one_person_cannot_give_both_reviews(analytics: Analytics) -> None:
    await analytics.tell(account(1), account(2), first=1)
    audit = await drawn(analytics)
    for form in (RIGHT, WRONG, RIGHT):
        told = await review(analytics, audit, 1, "dana", form)
        assert (told.json()["state"], told.json()["reviewed_by"]) == ("reviewing", ["dana"])
    named = {**RIGHT, "reviewer": "lee"}
    assert (await review(analytics, audit, 1, "dana", named)).status_code == 422
    path = f"/v1/audits/{audit['audit_id']}/items/1/reviews/lee"
    assert (await analytics.http.put(path, json=RIGHT, headers=bearer(analytics.tenant, sub="dana"))).status_code == 404
    assert (await review(analytics, audit, 1, "lee", RIGHT)).json()["state"] == "agreed"


async def done_to(analytics: Analytics, audit: dict[str, Any], what: str, body: Any = None) -> Any:
    return await analytics.http.post(f"/v1/audits/{audit['audit_id']}:{what}", json=body)


async def test_a_cancelled_audit_is_reviewed_no_further_and_blocks_nothing(analytics: Analytics) -> None:
    await analytics.tell(account(1), account(2), account(3))
    audit = await drawn(analytics)
    await review(analytics, audit, 1, "dana", WRONG)
    await review(analytics, audit, 1, "lee", WRONG)
    await review(analytics, audit, 2, "dana", WRONG)
    await review(analytics, audit, 2, "lee", RIGHT)
    for _ in range(2):
        told = await done_to(analytics, audit, "cancel")
        assert (told.status_code, told.json()["state"], told.json()["items_final"]) == (200, "cancelled", 1)
    settlement = f"/v1/audits/{audit['audit_id']}/items/2/settlement"
    refused = [
        await review(analytics, audit, 3, "dana", RIGHT),
        await analytics.http.put(settlement, json=RIGHT, headers=bearer(analytics.tenant, sub="sam")),
        await done_to(analytics, audit, "reassign", {"reviewer": "lee", "successor": "kim"}),
    ]
    assert [(each.status_code, each.json()["type"]) for each in refused] == [(409, "urn:recours:problem:audit-ended")] * 3
    assert (await analytics.http.get(f"/v1/audits/{audit['audit_id']}/results")).status_code == 409
    assert [each["label"] for each in await items(analytics, audit, state="agreed")] == ["waiting"], "what is known stays known"
    other = Analytics(analytics.worker, analytics.api, "another")
    assert (await done_to(other, audit, "cancel")).status_code == 404


async def test_an_audit_is_cancelled_before_it_is_drawn_and_an_ended_one_is_not(analytics: Analytics) -> None:
    answer = await analytics.http.post("/v1/audits", json=PLAN, headers={"Idempotency-Key": "one"})
    assert (await done_to(analytics, answer.json(), "cancel")).json()["state"] == "cancelled"
    failed = await drawn(analytics)
    assert (await analytics.http.get(answer.headers["location"])).json()["state"] == "cancelled", "no worker draws it"
    assert (failed["state"], (await done_to(analytics, failed, "cancel")).status_code) == ("failed", 409)


async def test_a_reviewer_who_left_is_succeeded_and_the_audit_ends(analytics: Analytics) -> None:
    await analytics.tell(account(1), account(2), account(3))
    audit = await drawn(analytics)
    for item, form in ((1, RIGHT), (2, WRONG)):
        await review(analytics, audit, item, "lee", form)
    await review(analytics, audit, 1, "dana", WRONG)
    change = {"reviewer": "lee", "successor": "kim"}
    for _ in range(2):
        told = (await done_to(analytics, audit, "reassign", change)).json()
        assert (told["plan"]["reviewers"], told["former_reviewers"]) == (["dana", "kim"], ["lee"])
    for wrong in ({"reviewer": "sam", "successor": "max"}, {"reviewer": "dana", "successor": "lee"}):
        refused = await done_to(analytics, audit, "reassign", wrong)
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:recours:problem:successor-refused")
    assert (await review(analytics, audit, 3, "lee", RIGHT)).status_code == 403
    for name in ("lee", "kim", "dana"):
        path = f"/v1/audits/{audit['audit_id']}/items/1/settlement"
        own = await analytics.http.put(path, json=RIGHT, headers=bearer(analytics.tenant, sub=name))
        assert own.status_code == 403, "lee disputes it, whoever reviews now"
    changed = (await review(analytics, audit, 2, "kim", RIGHT)).json()
    assert (changed["state"], changed["reviewed_by"]) == ("reviewing", ["kim"]), "in the place of lee's"
    for item, name in ((2, "dana"), (3, "dana"), (3, "kim")):
        assert (await review(analytics, audit, item, name, RIGHT)).status_code == 200
    settlement = f"/v1/audits/{audit['audit_id']}/items/1/settlement"
    await analytics.http.put(settlement, json=RIGHT, headers=bearer(analytics.tenant, sub="sam"))
    found = (await analytics.http.get(f"/v1/audits/{audit['audit_id']}/results")).json()
    assert [(each["items"], each["agreed"]) for each in found["agreement"]] == [(3, 2), (3, 3), (3, 3)]
    assert (await done_to(analytics, audit, "reassign", {"reviewer": "kim", "successor": "max"})).status_code == 409


async def test_what_waits_for_a_reviewer_is_what_nobody_reviewed_in_their_place(analytics: Analytics) -> None:
    await analytics.tell(account(1), account(2), account(3))
    audit = await drawn(analytics)
    await review(analytics, audit, 1, "lee", RIGHT)
    await review(analytics, audit, 2, "dana", RIGHT)
    await review(analytics, audit, 2, "lee", WRONG)

    async def waits(name: str, **query: Any) -> list[int]:
        return [each["item"] for each in await items(analytics, audit, waits_for=name, **query)]

    assert [await waits("dana"), await waits("lee"), await waits("sam")] == [[1, 3], [3], []]
    assert await waits("dana", state="open") == [3]
    await done_to(analytics, audit, "reassign", {"reviewer": "lee", "successor": "kim"})
    assert [await waits("kim"), await waits("lee")] == [[3], []]


async def test_what_a_former_reviewer_said_is_held_against_the_others_review(analytics: Analytics) -> None:
    await analytics.tell(account(1), account(2))
    audit = await drawn(analytics)
    await review(analytics, audit, 1, "lee", RIGHT)
    await done_to(analytics, audit, "reassign", {"reviewer": "lee", "successor": "kim"})
    told = (await review(analytics, audit, 1, "dana", RIGHT)).json()
    assert (told["state"], told["reviewed_by"]) == ("agreed", ["dana", "lee"])


async def test_a_schedule_makes_each_periods_audit_once_also_by_several_workers(analytics: Analytics) -> None:
    await analytics.tell(*(account(number) for number in range(1, 11)))
    body: dict[str, Any] = {"cadence": "weekly", "plan": {"reviewers": ["dana", "lee"], "precision": 0.3}}
    told = [await analytics.http.post("/v1/audit-schedules", json=body, headers={"Idempotency-Key": "one"}) for _ in range(2)]
    assert [each.status_code for each in told] == [201, 201]
    (listed,) = (await analytics.http.get("/v1/audit-schedules")).json()["items"]
    assert (listed["schedule_id"], listed["next_on"]) == (told[1].json()["schedule_id"], "2026-04-06")
    await analytics.end_days(date(2026, 4, 19))
    workers = [Scheduler(analytics.worker, FixedClock(NOW + timedelta(days=20))) for _ in range(4)]
    while sum(await asyncio.gather(*(worker.make_one() for worker in workers))):
        pass
    made = (await analytics.http.get("/v1/audits")).json()["items"]
    assert sorted((each["plan"]["from"], each["plan"]["to"], each["as_of"]) for each in made) == [
        ("2026-03-30", "2026-04-05", "2026-04-05"),
        ("2026-04-06", "2026-04-12", "2026-04-12"),
        ("2026-04-13", "2026-04-19", "2026-04-19"),
    ]
    assert {each["schedule_id"] for each in made} == {listed["schedule_id"]}
    path = told[0].headers["location"]
    assert [(await analytics.http.delete(path)).status_code for _ in range(2)] == [204, 404]
    for days in ({"from": "2026-01-01"}, {"date_basis": "payment"}):
        dated = {"cadence": "weekly", "plan": {**body["plan"], **days}}
        assert (await analytics.http.post("/v1/audit-schedules", json=dated, headers={"Idempotency-Key": "two"})).status_code == 422


@pytest.mark.parametrize(
    ("cadence", "period_ends"),
    [
        ("weekly", ["2026-04-05", "2026-04-12", "2026-04-12", "2026-05-03"]),
        ("monthly", ["2026-04-30", "2026-04-30", "2026-04-30", "2026-05-31"]),
    ],
)
async def test_a_late_denial_is_in_one_sample(cadence: str, period_ends: list[str], analytics: Analytics) -> None:
    body = {"cadence": cadence, "plan": {"reviewers": ["dana", "lee"], "precision": 0.3}}
    await analytics.http.post("/v1/audit-schedules", json=body, headers={"Idempotency-Key": "one"})
    paid_on = {1: date(2026, 3, 31), 2: date(2026, 4, 4), 3: date(2026, 4, 5), 4: date(2026, 4, 30)}
    known_on = {1: date(2026, 4, 1), 2: date(2026, 4, 6), 3: date(2026, 4, 6), 4: date(2026, 5, 1)}  # the sixth is a Monday
    await analytics.tell(*(account(each, payment_on=paid_on[each], known_on=known_on[each]) for each in paid_on))
    await analytics.end_days(date(2026, 6, 1))
    later = FixedClock(datetime(2026, 6, 2, tzinfo=UTC))
    while await Scheduler(analytics.worker, later).make_one():
        pass
    while await Drawer(analytics.worker, later).step() is not None:
        pass
    drawn_in: dict[str, list[str]] = {}
    for audit in (await analytics.http.get("/v1/audits")).json()["items"]:
        for item in await items(analytics, audit):
            drawn_in.setdefault(item["denial_id"], []).append(audit["plan"]["to"])
    assert [drawn_in[str(UUID(int=each))] for each in paid_on] == [[each] for each in period_ends]


async def test_a_scheduled_audit_waits_for_what_its_last_evening_told(analytics: Analytics) -> None:
    body = {"cadence": "monthly", "plan": {"reviewers": ["dana", "lee"], "precision": 0.3}}
    await analytics.http.post("/v1/audit-schedules", json=body, headers={"Idempotency-Key": "one"})
    scheduler = Scheduler(analytics.worker, FixedClock(datetime(2026, 4, 9, tzinfo=UTC)))
    made = [await scheduler.make_one()]
    for day in (date(2026, 3, 30), date(2026, 3, 31)):
        await analytics.end_days(day)
        made += [await scheduler.make_one(), await scheduler.make_one()]
    assert made == [0, 0, 0, 1, 0]


async def test_an_audit_is_final_that_was_drawn_once_its_day_had_ended(analytics: Analytics) -> None:
    await analytics.tell(account(1), account(2))
    early = await drawn(analytics, precision=0.01)
    await analytics.end_days(date(2026, 3, 29))
    late = await drawn(analytics, precision=0.01)
    await analytics.tell(account(3), first=3)  # of the day itself, taken in after both were drawn
    await analytics.end_days(date(2026, 3, 30))
    final = await drawn(analytics, precision=0.01)
    await analytics.tell(account(4, known_on=date(2026, 3, 31)), first=4)
    again = await drawn(analytics, precision=0.01)
    listed = {each["audit_id"]: each for each in (await analytics.http.get("/v1/audits")).json()["items"]}
    told = [(listed[each["audit_id"]]["is_final"], each["denials"]) for each in (early, late, final, again)]
    assert told == [(False, 2), (False, 2), (True, 3), (True, 3)]
