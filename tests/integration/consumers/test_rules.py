"""A tenant's rules over a real database: drafted, put in force, followed by what comes next, and no other tenant's."""

from datetime import date
from typing import Any

import msgspec
import pytest

from libs.common.contracts.remit_received import Remark
from services.classifier.verdict import version_name
from tests.integration.consumers.conftest import Service, remit
from tests.integration.consumers.test_api import client

N290 = {
    "name": "n290-is-enrollment",
    "why": "their bulletin of March",
    "when": {"payer_id": "1999999999", "group_code": "CO", "carc": "016", "rarc": "n290"},
    "then": {"category": "provider_enrollment", "action": "contact_payer"},
    "effective_from": "2026-01-01",
}
LIMIT = {
    "name": "appeal-in-90-days",
    "why": "contract, section 7",
    "when": {"payer_id": "1999999999"},
    "then": {"limit": "appeal", "days": 90, "counted_from": "payment_on"},
    "effective_from": "2026-01-01",
}
REFUSED = [("CO", "16", 10000)]


def n290(pcn: str, **changed: Any) -> Any:
    return remit(pcn, adjustments=REFUSED, rarcs=(Remark("N290", 1),), **changed)


async def denials(classifier: Service, tenant: str = "local", **asked: Any) -> dict[str, dict[str, Any]]:
    async with client(classifier, tenant) as asking:
        answer = await asking.get("/v1/denials", params=asked)
    assert answer.status_code == 200, answer.text
    return {each["patient_control_number"]: each for each in answer.json()["items"]}


async def test_a_version_judges_from_the_moment_it_is_in_force(classifier: Service) -> None:
    async with client(classifier) as asking:
        drafted = await asking.post("/v1/rules", json={"rules": [N290], "note": "a first one"})
        assert (drafted.status_code, drafted.headers["location"]) == (201, "/v1/rules/1")
        assert drafted.json()["rules"][0]["when"]["carc"] == "16"
        await classifier.take(n290("BEFORE"))
        published = await asking.post("/v1/rules/1/publish")
        assert published.json()["in_force_since"] is not None
        await classifier.take(n290("AFTER"), n290("OTHER-PAYER", payer_id="2"), n290("EARLIER", day=date(2025, 12, 31)))
        await classifier.take(n290("OTHER-TENANT", tenant="other"))
    told = {pcn: (each["category"], each["rule_version"]) for pcn, each in (await denials(classifier)).items()}
    assert told == {
        "BEFORE": ("missing_information", version_name(0)),
        "AFTER": ("provider_enrollment", version_name(1)),
        "OTHER-PAYER": ("missing_information", version_name(1)),
        "EARLIER": ("missing_information", version_name(1)),
    }
    assert (await denials(classifier, "other"))["OTHER-TENANT"]["rule_version"] == version_name(0)


async def test_a_version_never_changes_and_an_older_one_can_come_back(classifier: Service) -> None:
    async with client(classifier) as asking:
        first = await asking.post("/v1/rules", json={"rules": [N290]})
        again = await asking.post("/v1/rules", json={"rules": [N290]})
        assert (first.status_code, again.status_code, again.json()["version"]) == (201, 200, 1)
        await asking.post("/v1/rules", json={"rules": []})
        for version in (1, 2, 1):
            assert (await asking.post(f"/v1/rules/{version}/publish")).status_code == 200
        listed = (await asking.get("/v1/rules")).json()["items"]
        assert [(each["version"], each["in_force_since"] is not None) for each in listed] == [(2, False), (1, True)]
        assert (await asking.get("/v1/rules/3")).status_code == 404
        assert (await asking.post("/v1/rules/3/publish")).status_code == 404
    async with client(classifier, "other") as asking:
        assert (await asking.get("/v1/rules")).json()["items"] == []
        assert (await asking.get("/v1/rules/1")).status_code == 404


async def test_a_draft_with_a_key_is_made_once_whatever_came_in_between(classifier: Service) -> None:
    keyed = {"Idempotency-Key": "first"}
    async with client(classifier) as asking:
        first = await asking.post("/v1/rules", json={"rules": [N290]}, headers=keyed)
        await asking.post("/v1/rules", json={"rules": []})
        again = await asking.post("/v1/rules", json={"rules": [N290]}, headers=keyed)
        assert (again.status_code, again.json(), again.headers["location"]) == (201, first.json(), "/v1/rules/1")
        other = await asking.post("/v1/rules", json={"rules": []}, headers=keyed)
        assert (other.status_code, other.json()["type"]) == (422, "urn:recours:problem:idempotency-key-reused")
        assert len((await asking.get("/v1/rules")).json()["items"]) == 2
    async with client(classifier, "other") as asking:
        assert (await asking.post("/v1/rules", json={"rules": []}, headers=keyed)).status_code == 201


@pytest.mark.parametrize("path", ["/v1/rules", "/v1/rules/check"])
async def test_rules_that_do_harm_are_refused_with_their_place(path: str, classifier: Service) -> None:
    swallowing = N290 | {"name": "wide", "when": {"payer_id": "1999999999"}}
    async with client(classifier) as asking:
        answer = await asking.post(path, json={"rules": [N290, swallowing]})
        assert (await asking.get("/v1/rules")).json()["items"] == []
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:recours:problem:rules-refused")
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/body/rules/1"]
    assert "swallow" in answer.json()["errors"][0]["problem"]


async def test_conflicts_are_shown(classifier: Service) -> None:
    other = N290 | {"name": "other", "then": {"category": "other", "action": "contact_payer"}}
    async with client(classifier) as asking:
        answer = await asking.post("/v1/rules/check", json={"rules": [N290, other]})
    pair = ["n290-is-enrollment", "other"]
    assert answer.json()["conflicts"] == [
        {"rules": pair, "about": "category and action", "wins": pair[0], "because": "it stands first"}
    ]


async def test_a_judgement_without_keeping_asks_the_rules_in_force(classifier: Service) -> None:
    claim = {
        "charge_cents": 9000,
        "paid_cents": 0,
        "adjustments": [{"group_code": "CO", "carc": "16", "amount_cents": 9000, "rarcs": ["N290"]}],
    }
    async with client(classifier) as asking:
        await asking.post("/v1/rules", json={"rules": [N290]})
        await asking.post("/v1/rules/1/publish")
        plain = (await asking.post("/v1/classify", json=claim)).json()
        mine = (await asking.post("/v1/classify", json=claim | {"payer_id": "1999999999", "payment_on": "2026-02-01"})).json()
    assert (plain["category"], plain["rule_version"]) == ("missing_information", version_name(0))
    assert (mine["category"], mine["rule_version"]) == ("provider_enrollment", version_name(1))


async def test_deadlines_are_in_the_event_and_choose_denials(classifier: Service) -> None:
    async with client(classifier) as asking:
        await asking.post("/v1/rules", json={"rules": [LIMIT]})
        await asking.post("/v1/rules/1/publish")
    told = remit("ACCT-1", adjustments=[("CO", "50", 10000)], day=date(2026, 1, 10), payer_kind="commercial")
    [event] = await classifier.take(told)
    assert msgspec.json.decode(event.data)["payer_kind"] == "commercial"
    [unknown] = await classifier.take(remit("ACCT-2", adjustments=[("CO", "50", 10000)], payer_id="2"))
    assert msgspec.json.decode(event.data)["appeal_by"] == {
        "due_on": "2026-04-10",
        "rule": "tenant:appeal-in-90-days",
        "source": "contract, section 7",
        "trigger": "payment_on",
        "trigger_on": "2026-01-10",
        "firm": True,
    }
    assert "appeal_by" not in msgspec.json.decode(unknown.data)
    assert set(await denials(classifier, due_by="2026-04-10")) == {"ACCT-1"}
    assert await denials(classifier, due_by="2026-04-09") == {}
    found = (await denials(classifier))["ACCT-1"]
    assert (found["appeal_by"]["due_on"], found["payer_kind"]) == ("2026-04-10", "commercial")
