"""What provider adjustments mean, and what in their references may be a claim's number."""

import pytest

from services.ingest.provider_adjustments import keys_in, kind_of, numbers_in


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("WO", "recovery"),
        ("FB", "forward"),
        ("72", "refund_acknowledged"),
        ("CS", "adjustment"),
        ("L6", "interest"),
        ("ZZ", "other"),
    ],
)
def test_each_reason_has_a_word(code: str, kind: str) -> None:
    assert kind_of(code) == kind


def test_a_reference_may_name_a_claim_as_a_whole_or_in_one_of_its_words() -> None:
    assert numbers_in(" ICN00012 M1 20260105 ") == ("ICN00012 M1 20260105", "ICN00012", "20260105")
    assert numbers_in("") == ()
    assert len(keys_in("local", "ICN00012")) == 1
