"""Labels over a real database: kept by source, and held against the judgement as it stands or by another version."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from libs.common.clock import FixedClock
from libs.common.retention.forgetting import Forgetter
from services.classifier.retention import KINDS
from tests.integration.consumers.conftest import Service, remit
from tests.integration.consumers.test_api import client
from tests.integration.consumers.test_replays import denials
from tests.integration.consumers.test_rules import N290, n290

ENROLLMENT = {"category": "provider_enrollment", "action": "contact_payer"}


async def label(asking: httpx.AsyncClient, denial: dict[str, Any], source: str, said: dict[str, str]) -> httpx.Response:
    return await asking.put(f"/v1/denials/{denial['denial_id']}/labels/{source}", json=said)


async def test_labels_are_held_against_what_stands_and_against_a_version(classifier: Service) -> None:
    await classifier.take(n290("A"), remit("C"))
    async with client(classifier) as asking:
        found = await denials(asking)
        assert (await label(asking, found["A"], "biller", ENROLLMENT)).status_code == 200
        assert (await label(asking, found["C"], "biller", {"category": "authorization", "action": "appeal"})).status_code == 200
        await asking.post("/v1/rules", json={"rules": [N290]})
        stands = (await asking.get("/v1/labels/evaluation")).json()
        drafted = (await asking.get("/v1/labels/evaluation", params={"version": 1})).json()
        assert (stands["labelled"], stands["both_right"], drafted["both_right"]) == (2, 1, 2)
        assert [each["code"] for each in stands["disagreements"]] == ["16", "N290"]
        assert drafted["disagreements"] == []
        assert (await asking.get("/v1/labels/evaluation", params={"version": 9})).status_code == 404
        assert (await asking.get("/v1/labels/evaluation", params={"from": "2026-02-01"})).json()["labelled"] == 0
        assert await denials(asking) == found


async def test_the_latest_of_each_source_is_kept_and_an_audit_outweighs(classifier: Service) -> None:
    await classifier.take(n290("A"))
    async with client(classifier) as asking:
        denial = (await denials(asking))["A"]
        await label(asking, denial, "biller", {"category": "other", "action": "contact_payer"})
        await label(asking, denial, "audit", {"category": denial["category"], "action": denial["action"]})
        await label(asking, denial, "biller", ENROLLMENT | {"note": "asked the payer"})
        kept = (await asking.get("/v1/labels")).json()["items"]
        assert {each["source"]: each["category"] for each in kept} == {
            "audit": "missing_information",
            "biller": "provider_enrollment",
        }
        assert (await asking.get("/v1/labels/evaluation")).json()["both_right"] == 1
        assert (await asking.get("/v1/labels/evaluation", params={"source": "biller"})).json()["both_right"] == 0
    async with client(classifier, "other") as asking:
        assert (await label(asking, denial, "biller", ENROLLMENT)).status_code == 404
        assert (await asking.get("/v1/labels")).json()["items"] == []


async def test_a_label_is_of_a_denial_and_from_the_lists(classifier: Service) -> None:
    async with client(classifier) as asking:
        assert (await label(asking, {"denial_id": UUID(int=1)}, "biller", ENROLLMENT)).status_code == 404
        assert (await label(asking, {"denial_id": UUID(int=1)}, "hearsay", ENROLLMENT)).status_code == 422
        assert (await label(asking, {"denial_id": UUID(int=1)}, "biller", {"category": "x", "action": "y"})).status_code == 422


async def test_what_was_noted_beside_a_label_goes_after_its_time_and_the_label_stays(classifier: Service) -> None:
    await classifier.take(n290("A"))
    async with client(classifier) as asking:
        denial = (await denials(asking))["A"]
        await label(asking, denial, "biller", ENROLLMENT | {"note": "asked Mrs Quagga"})
        (before,) = (await asking.get("/v1/labels")).json()["items"]
        for days, note in ((2556, "asked Mrs Quagga"), (2558, "forgotten")):
            later = FixedClock(datetime.fromisoformat(before["labelled_at"]).astimezone(UTC) + timedelta(days=days))
            await Forgetter(classifier.worker, later, KINDS).forget()
            assert (await asking.get("/v1/labels")).json()["items"] == [before | {"note": note}]
