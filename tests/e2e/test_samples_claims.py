"""The public samples of claims and of what is answered to them, with a remittance, through the whole stack."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.system import System
from tests.unit.x12 import build_claims as made
from tests.unit.x12.build import encode

NAMES = (
    "07-837p-cob.edi", "08-837i-two-claims.edi", "09-837d-dental.edi", "10-277ca-rejected-pipe-component.edi", "11-999.edi",
    "01-835-clean.edi",
)  # fmt: skip
UNKNOWN = "3920394930203"  # whom the sample 277CA rejects: no sample holds that claim


@pytest.fixture(scope="module")
def taken(system: System, samples: Path) -> list[dict[str, Any]]:
    """Post the samples, and answers of our own to the claims in them."""
    answers = encode(
        made.acknowledgement(made.status("26407789", "A7:562:85"), made.status("756048Q", charge="89.95", number="ICN8"))
    )
    refused = encode(made.set_answers(["AK2*837*3456", "IK3*SV3*26**8", "IK4*1*782*7", "IK5*R*5"], group_control="2120", code="R"))
    return system.take_in(*((samples / name).read_bytes() for name in NAMES), answers, refused)


def test_no_sample_of_claims_and_answers_is_left_out(samples: Path) -> None:
    others = {path.name for path in samples.glob("*.edi")} - {path.name for path in samples.glob("*-835-*")}
    assert others
    assert others <= set(NAMES)


def states(system: System) -> dict[str, str]:
    found = system.rows("ingest", "SELECT patient_control_number, state FROM claims")
    return {row["patient_control_number"]: row["state"] for row in found}


def rejections(system: System) -> dict[str, dict[str, Any]]:
    """Return what front doors sent back; a remit may say of a claim that it could not be processed, and is a rejection too."""
    found = system.pages("classifier", "/v1/denials", kind="rejection")
    return {each["patient_control_number"]: each for each in found if each["acknowledgement_id"] is not None}


def test_each_claim_is_in_the_state_that_its_answers_come_to(system: System, taken: list[dict[str, Any]]) -> None:
    assert {each["status"] for each in taken} == {"accepted"}
    expected = {"26407789": "rejected", "756048Q": "accepted", "756049Q": "submitted", "26403774": "rejected"}
    assert states(system).items() >= expected.items()
    (claim,) = system.get("ingest", "/v1/claims", pcn="756048Q")["items"]
    assert (claim["payer_claim_control_number"], claim["charge_cents"], claim["claim_type"]) == ("ICN8", 8995, "institutional")


def test_a_rejection_is_listed_with_what_to_correct_and_somebody_has_its_case(system: System, taken: list[dict[str, Any]]) -> None:
    found = rejections(system)
    assert set(found) >= {"26407789", "26403774", UNKNOWN}
    assert "the NPI of the billing provider" in found["26407789"]["explanation"]
    assert "a service line (SV3, element 01)" in found["26403774"]["explanation"]
    assert (found[UNKNOWN]["claim_id"], found[UNKNOWN]["status"]) == (None, "active")
    cases = {each["denial_id"] for each in system.pages("appeals", "/v1/cases")}
    assert {each["denial_id"] for each in found.values()} <= cases
    facts = {row["denial_id"] for row in system.rows("analytics", "SELECT denial_id::text FROM denial_facts")}
    assert not facts & {each["denial_id"] for each in found.values()}
    system.ledger()


def test_an_acceptance_that_comes_later_takes_the_rejection_back(system: System, taken: list[dict[str, Any]]) -> None:
    later = made.acknowledgement(made.status("26407789", on="20270101"), reference="LATER", on="20270101")
    system.take_in(encode(later))
    assert states(system)["26407789"] == "accepted"
    assert rejections(system)["26407789"]["status"] == "retracted"


def test_the_same_files_again_change_nothing_anywhere(system: System, samples: Path, taken: list[dict[str, Any]]) -> None:
    before = system.snapshot()
    again = [(samples / name).read_bytes() for name in NAMES]
    system.take_in(*(body.replace(b"*000000907*", b"*000000908*") for body in again))
    assert {name: held for name, held in system.snapshot().items() if name not in _OF_THE_ENVELOPE} == {
        name: held for name, held in before.items() if name not in _OF_THE_ENVELOPE
    }


_OF_THE_ENVELOPE = {"ingest.claims", "ingest.set_answers"}  # which file brought a claim last, and which files answered
