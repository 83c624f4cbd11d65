"""Payers' rules: versions, dry runs against what was submitted, and the feed of changes."""

import asyncio
from datetime import date
from typing import Any

import httpx

from services.ingest.checks.reference import PayerRule
from services.ingest.payers import store
from tests.integration.ingest.conftest import Ingest
from tests.integration.ingest.test_checks import as_sent, check, rules
from tests.unit.ingest.checks.claims import line, professional
from tests.unit.x12.build import encode
from tests.unit.x12.build_claims import claim, one

PATH = "/v1/payers/PAYER1/rules"
FILING = {"kind": "timely_filing", "days": 90, "effective_from": "2020-01-01"}
NEEDS_AUTHORIZATION = {"kind": "prior_authorization", "procedure_codes": ["G02*"], "effective_from": "2020-01-01"}


async def version(ingest: Ingest, path: str = PATH) -> str:
    return str((await ingest.http.get(path)).headers.get("ETag", '"0"'))


async def sent(ingest: Ingest, *rules: dict[str, Any], made_from: str, dry_run: bool = False, path: str = PATH) -> httpx.Response:
    headers = {} if dry_run else {"If-Match": made_from}
    return await ingest.http.put(path, json={"rules": list(rules)}, params={"dry_run": dry_run}, headers=headers)


async def put(ingest: Ingest, *rules: dict[str, Any], dry_run: bool = False) -> dict[str, Any]:
    answer = await sent(ingest, *rules, made_from=await version(ingest), dry_run=dry_run)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_rules_are_versions_and_the_same_rules_again_are_none(ingest: Ingest) -> None:
    assert (await ingest.http.get(PATH)).status_code == 404
    assert (await put(ingest, FILING))["version"] == 1
    assert (await put(ingest, FILING))["version"] == 1
    assert (await put(ingest, FILING, NEEDS_AUTHORIZATION))["version"] == 2
    assert [each["kind"] for each in (await ingest.get(PATH))["rules"]] == ["timely_filing", "prior_authorization"]


async def test_rules_that_somebody_changed_meanwhile_are_not_overwritten(ingest: Ingest) -> None:
    unsaid = await ingest.http.put(PATH, json={"rules": [FILING]})
    assert (unsaid.status_code, unsaid.json()["type"]) == (428, "urn:recours:problem:if-match-missing")
    assert (await sent(ingest, FILING, made_from="0")).status_code == 400
    assert (await sent(ingest, FILING, made_from='"1"')).status_code == 412
    first = await sent(ingest, FILING, made_from='"0"')
    assert (first.status_code, first.headers["ETag"], await version(ingest)) == (200, '"1"', '"1"')
    late = await sent(ingest, NEEDS_AUTHORIZATION, made_from='"0"')
    assert (late.status_code, late.json()["type"]) == (412, "urn:recours:problem:changed-meanwhile")
    assert (await sent(ingest, FILING, made_from='"0"')).status_code == 200  # its answer was lost, and it is sent again
    assert [each["kind"] for each in (await ingest.get(PATH))["rules"]] == ["timely_filing"]


async def test_of_two_changes_at_once_one_is_told(ingest: Ingest) -> None:
    await put(ingest, FILING)
    referral = {**NEEDS_AUTHORIZATION, "kind": "referral"}
    answers = await asyncio.gather(*(sent(ingest, FILING, each, made_from='"1"') for each in (NEEDS_AUTHORIZATION, referral)))
    assert sorted(each.status_code for each in answers) == [200, 412]
    assert (await ingest.get(PATH))["version"] == 2


FEED = "/v1/payers/rules/changes"


async def test_the_feed_tells_what_came_and_what_went_in_its_order(ingest: Ingest) -> None:
    await put(ingest, FILING)
    await put(ingest, NEEDS_AUTHORIZATION)
    first = await ingest.get(FEED, limit=1)
    (oldest,) = first["items"]
    assert (oldest["version"], oldest["removed"]) == (1, [])
    second = await ingest.get(FEED, cursor=first["next_cursor"])
    (newest,) = second["items"]
    assert (newest["version"], [each["kind"] for each in newest["added"]]) == (2, ["prior_authorization"])
    assert [each["kind"] for each in newest["removed"]] == ["timely_filing"]
    assert (await ingest.get(FEED, cursor=second["next_cursor"]))["items"] == []
    assert (await ingest.get(FEED, start="now"))["items"] == []


async def test_a_change_of_rules_that_commits_late_is_not_missed(ingest: Ingest) -> None:
    cursor = (await ingest.get(FEED, start="now"))["next_cursor"]
    async with ingest.worker_database.begin() as tx:
        late = (PayerRule(kind="timely_filing", days=90, effective_from=date(2020, 1, 1)),)
        await store.insert_version(tx, "local", "LATE", 1, late, (), ingest.clock.now())  # written first, committed last
        await put(ingest, FILING)
        waiting = await ingest.get(FEED, cursor=cursor)
        assert waiting["items"] == []  # what stands behind a running transaction waits for it
    told = await ingest.get(FEED, cursor=waiting["next_cursor"])
    assert [each["payer_id"] for each in told["items"]] == ["LATE", "PAYER1"]
    assert (await ingest.get(FEED, cursor=told["next_cursor"]))["items"] == []


async def test_a_dry_run_changes_nothing_and_says_when_a_rule_would_flag_everything(ingest: Ingest) -> None:
    authorized = claim("C", more=["REF*G1*AUTH1"])
    await ingest.take(encode(one(claim("A"), claim("B"), authorized)))
    tried = await put(ingest, NEEDS_AUTHORIZATION, dry_run=True)
    assert tried["version"] == 0
    assert tried["dry_run"] == {
        "claims": 3, "flagged": 2, "flagged_now": 0, "by_rule": {"PAYER-AUTHORIZATION": 2}, "warnings": [],
    }  # fmt: skip
    everything = await put(ingest, {**FILING, "days": 1}, dry_run=True)
    assert everything["dry_run"]["flagged"] == 3
    assert everything["dry_run"]["warnings"] == ["PAYER-FILING-LATE would flag every claim: it says nothing, or is not right."]
    assert (await ingest.http.get(PATH)).status_code == 404
    nobody = await ingest.http.put("/v1/payers/NOBODY/rules?dry_run=true", json={"rules": [FILING]})
    assert (nobody.json()["dry_run"]["claims"], len(nobody.json()["dry_run"]["warnings"])) == (0, 1)


async def test_a_dry_run_looks_at_as_many_of_the_newest_claims_as_are_asked_for(ingest: Ingest) -> None:
    await ingest.take(encode(one(claim("OLD", more=["REF*G1*AUTH1"]), claim("B"), claim("C"))))
    told = {}
    for newest in (1, 2, 3):
        asked = {"dry_run": True, "claims": newest}
        answer = await ingest.http.put(PATH, json={"rules": [NEEDS_AUTHORIZATION]}, params=asked)
        told[newest] = (answer.json()["dry_run"]["claims"], answer.json()["dry_run"]["flagged"])
    assert told == {1: (1, 1), 2: (2, 2), 3: (3, 2)}
    for refused in (0, 5001):
        answer = await ingest.http.put(PATH, json={"rules": []}, params={"dry_run": True, "claims": refused})
        assert answer.status_code == 422


async def test_a_rule_without_what_its_kind_needs_is_refused(ingest: Ingest) -> None:
    for broken in (
        {"kind": "timely_filing", "effective_from": "2020-01-01"},
        {"kind": "frequency", "procedure_codes": ["G0283"], "times": 1, "effective_from": "2020-01-01"},
        {**FILING, "effective_to": "2019-01-01"},
        {**NEEDS_AUTHORIZATION, "procedure_codes": ["(a+)+"]},
        {**NEEDS_AUTHORIZATION, "procedure_codes": []},
        {**NEEDS_AUTHORIZATION, "kind": "bundled"},
        {**FILING, "kind": "unknown"},
        {"kind": "refused", "effective_from": "2020-01-01"},
        {"kind": "refused", "only": {}, "effective_from": "2020-01-01"},
        {"kind": "refused", "only": {"modifiers": ["5"]}, "effective_from": "2020-01-01"},
        {"kind": "refused", "only": {"coders": ["C1"]}, "effective_from": "2020-01-01"},
        {**FILING, "only": {"modifiers": ["59"]}},
    ):
        assert (await sent(ingest, broken, made_from='"0"')).status_code == 422


async def test_a_check_goes_by_the_rules_that_were_put(ingest: Ingest) -> None:
    earlier = professional(line(service_from_on=date(2026, 2, 3)), patient_control_number="EARLIER")
    assert (await ingest.http.post("/v1/claims", json=as_sent(earlier))).status_code == 201
    once, twice, other = professional(line(1)), professional(line(1), line(2)), professional(line(1, "A4253"))
    assert [rules((await check(ingest, each))[0]) for each in (once, twice, other)] == [[], [], []]
    marked = professional(line(1, modifiers=("59",)))
    of_g0283 = {"procedure_codes": ["G0283"], "effective_from": "2020-01-01"}
    for rule, wrong, right, found in (
        ({"kind": "referral"}, once, other, "PAYER-REFERRAL"),
        ({"kind": "same_day"}, twice, once, "PAYER-SAME-DAY"),
        ({"kind": "frequency", "times": 1, "days": 30}, once, other, "PAYER-FREQUENCY"),
        ({"kind": "refused", "only": {"modifiers": ["59"]}}, marked, once, "PAYER-REFUSED"),
    ):
        path = "/v1/payers/60054/rules"
        answer = await sent(ingest, {**rule, **of_g0283}, made_from=await version(ingest, path), path=path)
        assert answer.status_code == 200, answer.text
        assert found in rules((await check(ingest, wrong))[0])
        assert rules((await check(ingest, right))[0]) == []
