"""What a rejection says is to be corrected, in our own words."""

import pytest

from libs.common.contracts.claim_acknowledged import AcknowledgedStatus
from services.classifier.rejections import judge


@pytest.mark.parametrize(
    ("statuses", "category", "action", "told"),
    [
        ([("A7", "562", "85")], "missing_information", "correct_and_resubmit", "the NPI of the billing provider"),
        (
            [("A3", "21", "85"), ("A3", "164", "IL")],
            "missing_information",
            "correct_and_resubmit",
            "the member number of the subscriber",
        ),
        ([("A3", "33", "IL")], "eligibility_coverage", "correct_and_resubmit", "does not know the subscriber"),
        ([("A3", "116", "PR")], "eligibility_coverage", "bill_other_payer", "wrong payer"),
        ([("A3", "54", None)], "duplicate", "contact_payer", "has this claim already"),
        ([("A3", "718", None)], "timely_filing", "contact_payer", "time limit"),
        ([("A3", "25", "85")], "provider_enrollment", "contact_payer", "not approved"),
        ([("A3", "32", None)], "eligibility_coverage", "correct_and_resubmit", "does not know the subscriber"),
        ([("A3", "88", None)], "eligibility_coverage", "correct_and_resubmit", "no coverage on the date"),
        ([("A3", "90", "QC")], "eligibility_coverage", "correct_and_resubmit", "no coverage on the date"),
        ([("A3", "91", "IL")], "eligibility_coverage", "correct_and_resubmit", "no coverage on the date"),
        ([("A3", "91", "82")], "provider_enrollment", "contact_payer", "not approved on the date"),
        ([("A3", "26", "QC")], "eligibility_coverage", "correct_and_resubmit", "does not know the patient"),
        ([("A3", "26", "85")], "provider_enrollment", "contact_payer", "does not find who is named"),
        ([("A3", "84", None)], "authorization", "correct_and_resubmit", "not authorized"),
        ([("A3", "85", "PR")], "coordination_of_benefits", "bill_other_payer", "comes first"),
        ([("A6", "124", "85")], "missing_information", "correct_and_resubmit", "the name, address, phone or identifier"),
        ([("A7", "732", None), ("A7", "249", None)], "missing_information", "correct_and_resubmit", "the place of service"),
        ([("A4", "999", None)], "other", "contact_payer", "does not find the claim"),
        ([("A8", "9999", None)], "missing_information", "correct_and_resubmit", "A8, 9999"),
        ([("IK3:CLM", "1", "05")], "missing_information", "correct_and_resubmit", "the claim's head (CLM, element 05)"),
        ([("IK3:ZZZ", "1", None)], "missing_information", "correct_and_resubmit", "breaks the standard"),
        ([("IK5:R", "5", None)], "missing_information", "correct_and_resubmit", "breaks the standard"),
        ([], "missing_information", "correct_and_resubmit", "breaks the standard"),
    ],
)
def test_a_rejection_says_what_to_correct(
    statuses: list[tuple[str, str, str | None]], category: str, action: str, told: str
) -> None:
    verdict = judge([AcknowledgedStatus(*each) for each in statuses])
    assert (verdict.category, verdict.action) == (category, action)
    assert told in verdict.explanation


def test_a_line_is_named_by_its_own_number() -> None:
    assert "on the line L-7" in judge([AcknowledgedStatus("A7", "454", None, 1, "L-7")]).explanation


def test_a_rejection_is_told_in_french_too() -> None:
    named = judge([AcknowledgedStatus("A7", "562", "85")])
    assert named.explanation_fr == (
        "Rejetée à l'entrée du payeur, sans jugement. Absent ou non valide : le NPI du prestataire facturant. Corrigez-le et"
        " renvoyez la demande."
    )
    assert "(CLM, élément 05)" in judge([AcknowledgedStatus("IK3:CLM", "1", "05")]).explanation_fr
    assert "enfreint la norme" in judge([]).explanation_fr
    assert "A8, 9999" in judge([AcknowledgedStatus("A8", "9999")]).explanation_fr
