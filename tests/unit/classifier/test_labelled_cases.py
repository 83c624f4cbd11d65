"""Every labelled case is judged as labelled, and the whole set meets its aims."""

import pytest

from services.classifier.decision import classify
from tests.unit.classifier.labelled import Case, read_cases

CASES = read_cases()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_claim_is_judged_as_a_biller_would(case: Case) -> None:
    judged = classify(case.claim)
    assert judged.category in case.categories, case.guidance
    assert judged.action in case.actions, case.guidance
    if case.denied_cents is not None:
        assert judged.denied_cents == case.denied_cents, case.guidance


def test_the_accuracy_over_all_cases_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    judged = [(case, classify(case.claim)) for case in CASES]
    category = sum(answer.category in case.categories for case, answer in judged) / len(CASES)
    action = sum(answer.action in case.actions for case, answer in judged) / len(CASES)
    first = sum((answer.category, answer.action) == (case.categories[0], case.actions[0]) for case, answer in judged) / len(CASES)
    with capsys.disabled():
        print(f"\n{len(CASES)} labelled cases: category {category:.1%}, action {action:.1%}, both as first labelled {first:.1%}")
    assert len(CASES) >= 400
    assert category >= 0.97
    assert action >= 0.93


def test_every_case_rests_on_guidance() -> None:
    assert [case.name for case in CASES if not case.guidance] == []


def test_the_cases_cover_every_category_and_action() -> None:
    assert {case.categories[0] for case in CASES} == {
        "eligibility_coverage", "authorization", "medical_necessity", "coding_bundling", "duplicate", "timely_filing",
        "missing_information", "coordination_of_benefits", "non_covered", "provider_enrollment", "contractual",
        "patient_responsibility", "benefit_limit", "payment_recovery", "other",
    }  # fmt: skip
    assert {case.actions[0] for case in CASES} == {
        "correct_and_resubmit", "appeal", "bill_other_payer", "bill_patient", "send_documents", "write_off",
        "contact_payer", "none",
    }  # fmt: skip


def test_no_accepted_answer_would_be_harmful() -> None:
    """A label that bills the patient outside PR or appeals without a right would teach the mistakes that must never be made."""
    for case in CASES:
        remarks = {remark.rarc.upper() for remark in case.claim.rarcs}
        groups = {adjustment.group_code.upper() for adjustment in case.claim.adjustments}
        assert "bill_patient" not in case.actions or "PR" in groups, case.name
        assert "appeal" not in case.actions or remarks.isdisjoint({"MA130", "N704", "N211", "MA44"}), case.name
