"""Which case of an account a request for records belongs to, and until when a case must answer. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from services.appeals.workflow import WAITING, WORKING, CaseState

_OPEN: Final = frozenset({*WORKING, *WAITING})


def choose(number: str, cases: Sequence[Mapping[Any, Any]]) -> UUID | None:
    """Return the case that a request is attached to; None where the account has none.

    `number` is the payer's of the claim; `cases` are rows. Open cases come first, among them those of the number: but a payer that
    got a corrected claim asks under a number that no remittance told yet, so any other will do. Of several it is the newest.
    """
    ranked = sorted(
        cases,
        key=lambda row: (
            CaseState(row["state"]) in _OPEN,
            bool(number) and row["payer_claim_control_number"] == number,
            row["payment_on"],
            str(row["case_id"]),
        ),
    )
    return ranked[-1]["case_id"] if ranked else None
