"""Checklists: what a category needs, whose list holds, what is there; and extracts that say the same with the same bytes."""

import io
from datetime import date
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from pypdf import PdfReader

from libs.x12.acknowledgement import SetAnswer
from services.appeals.documents.kinds import DocumentKind
from services.appeals.evidence import extracts
from services.appeals.evidence.checklists import EVERY_PAYER, Wanted, categories, check, choose, items, standard
from services.classifier.knowledge import CATEGORIES
from services.ingest.claims.life import of_set


def test_every_category_of_denials_has_a_checklist() -> None:
    assert set(CATEGORIES) - {"patient_responsibility", "payment_recovery"} == set(categories())
    assert standard("a category of tomorrow") == standard("other")


def test_every_item_is_told_in_both_languages_and_can_be_had() -> None:
    for name, item in items().items():
        assert item.en != item.fr, name
        assert item.kinds, name


def test_a_payers_own_list_outweighs_the_tenants_and_that_the_standard() -> None:
    tenants, payers = (Wanted("consent", needed=True),), ()
    own = {(EVERY_PAYER, "duplicate"): tenants, ("P1", "duplicate"): payers}
    assert choose("duplicate", "P1", own) == ()
    assert choose("duplicate", "P2", own) == tenants
    assert choose("authorization", "P1", own) == standard("authorization")


def document(kind: DocumentKind) -> dict[str, Any]:
    return {"document_id": uuid4(), "kind": kind}


def test_what_is_there_is_seen_what_is_waived_too_and_the_rest_is_missing() -> None:
    record = document(DocumentKind.OPERATIVE_REPORT)
    found = check(standard("medical_necessity"), [record, document(DocumentKind.OTHER)], {"remittance_extract"})
    told = {each.item: each.state for each in found}
    assert told == {
        "remittance_extract": "waived", "medical_records": "present", "medical_necessity_letter": "missing", "consent": "missing",
    }  # fmt: skip
    assert [each.item for each in found if each.keeps_back] == ["medical_necessity_letter"]
    assert next(each for each in found if each.item == "medical_records").documents == (record["document_id"],)


CLAIM: dict[str, Any] = {
    "patient_control_number": "ACC-1 #strong[x]",
    "payer_name": "SAMPLE $ PLAN",
    "payer_id": "P1",
    "claim_type": "professional",
    "frequency_code": "1",
    "service_from_on": "2026-01-02",
    "service_to_on": "2026-01-02",
    "charge_cents": 12_345,
    "submitted_at": "2026-01-03T10:00:00Z",
    "payer_claim_control_number": "ICN1",
    "claim_id": "a-claim",
    "acknowledgements": [],
}


def answer(verdict: str) -> dict[str, Any]:
    statuses = [{"category": "A2", "code": "20"}]
    return {
        "verdict": verdict, "source": "277CA", "acknowledged_on": "2026-01-04", "payer_claim_control_number": "ICN1",
        "statuses": statuses, "interchange_id": "a-file",
    }  # fmt: skip


@pytest.mark.parametrize(("answers", "is_proof"), [([], False), ([answer("rejected")], False), ([answer("accepted")], True)])
def test_only_an_answer_that_took_the_claim_proves_that_it_came(answers: list[dict[str, Any]], is_proof: bool) -> None:
    assert (extracts.acknowledgement({**CLAIM, "acknowledgements": answers}) is not None) == is_proof


@pytest.mark.parametrize(("code", "is_proof"), [("A", True), ("E", True), ("R", False)])
def test_a_999_that_took_the_set_proves_that_the_claim_came_too(code: str, is_proof: bool) -> None:
    ack = of_set("local", SetAnswer(1, 1, 0, "HC", "1", "837", "0001", code, ("5",)), uuid4(), "ACC-1", date(2026, 1, 3))
    told = {**msgspec.to_builtins(ack), "interchange_id": "the-999"}
    made = extracts.acknowledgement({**CLAIM, "acknowledgements": [told]})
    assert (made is not None) is is_proof
    if made is not None:
        text = PdfReader(io.BytesIO(made)).pages[0].extract_text()
        assert [word in text for word in ("999", "received", "2026-01-03", f"IK5:{code}", "the-999")] == [True] * 5


def test_the_same_facts_make_the_same_bytes_and_no_text_is_markup() -> None:
    claim = {**CLAIM, "acknowledgements": [answer("accepted")]}
    made, again = extracts.acknowledgement(claim), extracts.acknowledgement(dict(claim))
    assert made is not None
    assert made == again
    text = PdfReader(io.BytesIO(made)).pages[0].extract_text()
    assert "ACC-1 #strong[x]" in text
    assert "SAMPLE $ PLAN" in text
    assert "2026-01-04" in text
    assert extracts.pages_of(made) == 1
