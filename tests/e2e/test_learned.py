"""What people know reaches who learns from it, over real processes: a correction the classifier, a coder the key figures."""

from datetime import date
from typing import Any

import httpx

from services.ingest.claims.examples import PROFESSIONAL
from tests.e2e.test_order import file
from tests.support import eventually
from tests.support.access import bearer
from tests.support.system import System

DAY = date(2033, 7, 4)  # of no other test's denial
REVIEWERS = ("dana", "lee")
WRONG = {
    "classification_right": False,
    "code_right": True,
    "documentation_sufficient": True,
    "category": "duplicate",
    "action": "none",
}


def test_a_correction_of_two_reviewers_becomes_a_label_of_the_classifier(system: System) -> None:
    system.take_in(file("refusal", "LABEL", DAY))
    (denial,) = system.pages("classifier", "/v1/denials", **{"from": DAY.isoformat(), "to": DAY.isoformat()})
    day = DAY.isoformat()
    plan = {"reviewers": list(REVIEWERS), "precision": 0.3, "confidence": 0.8, "from": day, "to": day}
    with httpx.Client(base_url=system.url("analytics"), headers=bearer(), timeout=60) as http:
        begun = http.post("/v1/audits", json=plan, headers={"Idempotency-Key": day})
        assert begun.status_code == 202, begun.text
        audit = begun.headers["location"]
        eventually(lambda: http.get(audit).json()["state"] == "reviewing", seconds=60)
        for reviewer in REVIEWERS:
            told = http.put(f"{audit}/items/1/review", json=WRONG, headers=bearer(sub=reviewer))
            assert told.status_code == 200, told.text

        def label() -> Any:
            return http.get(f"{audit}/items").json()["items"][0]["label"]

        eventually(lambda: label() == "sent", seconds=60, otherwise=label)
    labels = [each for each in system.pages("classifier", "/v1/labels") if each["denial_id"] == denial["denial_id"]]
    assert [(each["source"], each["category"], each["action"]) for each in labels] == [("audit", "duplicate", "none")]


def test_who_coded_a_claim_has_a_card(system: System) -> None:
    system.send({**PROFESSIONAL, "patient_control_number": "CODED-1", "coder": "c-17"})
    system.come_to_rest()
    today = system.get("analytics", "/v1/kpis/clean-claim-rate", group_by="coder", filter="coder:c-17")["groups"]
    assert [(each["keys"], each["denominator"]) for each in today] == [({"coder": "c-17"}, 1)]
