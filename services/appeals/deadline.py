"""Until when a case must be acted on. Pure."""

from collections.abc import Mapping
from datetime import date
from typing import Any


def due_on(row: Mapping[Any, Any]) -> date | None:
    """Return the last day for a row of `cases`; None where it is not known. An appeal's limit goes before a corrected claim's."""
    found: date | None = row["appeal_by_on"] or row["correct_by_on"]
    return found
