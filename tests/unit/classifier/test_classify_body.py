"""The body of POST /v1/classify says the same whichever way the remarks are given."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.classifier.api import ClassifyBody
from services.classifier.decision import Remark

CLAIM = {
    "claim_status_code": "1",
    "charge_cents": 9000,
    "paid_cents": 0,
    "claim_type": "professional",
    "payer_kind": "commercial",
    "adjustments": [
        {"group_code": "CO", "carc": "16", "amount_cents": 5000, "line": 1},
        {"group_code": "CO", "carc": "96", "amount_cents": 4000, "line": 2},
    ],
}


@pytest.mark.parametrize(
    "rarcs",
    [
        {"1": ["M76", "MA130"], "2": ["N130"]},
        [{"line": 1, "rarcs": ["M76", "MA130"]}, {"line": 2, "rarcs": ["N130"]}],
        [{"line": 1, "rarc": "M76"}, {"line": 1, "rarc": "MA130"}, {"line": 2, "rarc": "N130"}],
    ],
    ids=["by line", "lists with their line", "each with its line"],
)
def test_remarks_may_be_given_by_line(rarcs: Any) -> None:
    claim = ClassifyBody.model_validate(CLAIM | {"rarcs": rarcs}).to_claim()
    assert claim.rarcs == (Remark("M76", 1), Remark("MA130", 1), Remark("N130", 2))


def test_remarks_without_a_line_are_the_claims() -> None:
    claim = ClassifyBody.model_validate(CLAIM | {"rarcs": ["M76", "N130"]}).to_claim()
    assert claim.rarcs == (Remark("M76"), Remark("N130"))


def test_a_fact_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError):
        ClassifyBody.model_validate(CLAIM | {"context": {"authorisation_on_file": True}})
