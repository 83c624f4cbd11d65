"""Until when a case must be acted on. Pure."""

from collections.abc import Mapping
from datetime import date
from typing import Any


def due_on(row: Mapping[Any, Any], action: str | None = None) -> date | None:
    """Return the last day for a row of `cases`, or for one action of it; None where it is not known.

    An appeal's limit goes before a corrected claim's. Both are of what comes next: the worklist counts them anew with each level.
    """
    limits = {"appeal": row["appeal_by_on"], "correct_and_resubmit": row["correct_by_on"], "send_documents": None}
    found: date | None = limits[action] if action is not None else limits["appeal"] or limits["correct_and_resubmit"]
    return found
