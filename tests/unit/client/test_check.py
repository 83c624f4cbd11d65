"""What `recours check` prints of a claim's learned risk."""

import pytest

from libs.client import check
from libs.client.shapes import Checked, CheckedClaim, ClaimRisk
from libs.client.sources import Source


@pytest.mark.parametrize(
    ("probability", "told"),
    [
        (0.24, ""),
        (0.312, "claims.837:7: risk 31% to be denied, authorization. No prior authorization is named. It is sent late.\n"),
    ],
)
def test_a_claim_that_is_likely_to_be_denied_has_a_line_and_others_have_none(
    probability: float, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    risk = ClaimRisk(probability, "authorization", ["No prior authorization is named.", "It is sent late."])
    claim = CheckedClaim("A", 1, "clean", [], segment_index=7, risk=risk)
    source = Source("claims.837", None)
    check._print([(source, Checked([claim], [], []))])
    assert capsys.readouterr().out == told
