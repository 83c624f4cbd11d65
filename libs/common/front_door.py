"""What front doors answer to a claim, in which order of weight: pure, and the same whatever the order of arrival."""

from datetime import date
from typing import Final

# On one day: a set that a 999 refuses was sent again when a 277CA takes its claims; what passed one door may be rejected by the
# next; and a payer that tells of adjudication has the claim.
_WEIGHTS: Final = {("999", "rejected"): 0, ("277CA", "accepted"): 1, ("277CA", "rejected"): 2, ("277", "rejected"): 3}
_ADJUDICATES: Final = 4


def weight(on: date, source: str, verdict: str) -> tuple[date, int]:
    """Return the weight of an answer that accepts or rejects: of a claim's answers the heaviest holds."""
    return on, _WEIGHTS.get((source, verdict), _ADJUDICATES)
