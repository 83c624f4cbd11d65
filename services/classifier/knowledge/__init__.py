"""The knowledge base: what each adjustment and remark code means for a decision, in our own words, one row a code.

`carc.csv`, by code: status and successors; the groups it usually comes with; treatment (is it a refusal at all); category; the
action that it calls for, and the one when the patient bears it (group PR); CORE scenario; whether it could have been prevented;
meaning.
`rarc.csv`, by code: alert or explanatory; for explanatory ones the category and action they point to; meaning.
"""

import csv
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

_FOLDER = Path(__file__).parent

Treatment = Literal["refusal", "price", "patient_share", "balance", "hold"]
TREATMENTS: Final = frozenset({"refusal", "price", "patient_share", "balance", "hold"})
CATEGORIES: Final = (
    "timely_filing",
    "duplicate",
    "authorization",
    "medical_necessity",
    "eligibility_coverage",
    "coordination_of_benefits",
    "provider_enrollment",
    "coding_bundling",
    "missing_information",
    "benefit_limit",
    "non_covered",
    "other",
    "contractual",
    "patient_responsibility",
    "payment_recovery",
)
ACTIONS: Final = (
    "correct_and_resubmit",
    "appeal",
    "send_documents",
    "bill_other_payer",
    "contact_payer",
    "bill_patient",
    "write_off",
    "none",
)
SCENARIOS: Final = ("documents_missing", "data_missing_or_invalid", "not_covered", "not_separately_payable")


class KnowledgeError(ValueError):
    """A row of the knowledge base is wrong; the message names file and line."""


class AdjustmentCode(Struct, frozen=True):
    """One CARC."""

    code: str
    active: bool
    successors: tuple[str, ...]
    treatment: Treatment
    category: str
    action: str
    patient_action: str | None
    core_scenario: str | None
    preventable: bool | None
    meaning: str


class RemarkCode(Struct, frozen=True):
    """One RARC. An alert informs and never explains a refusal; it has no category."""

    code: str
    alert: bool
    category: str | None
    action: str | None
    meaning: str


class Knowledge(Struct, frozen=True):
    adjustment_codes: dict[str, AdjustmentCode]
    remark_codes: dict[str, RemarkCode]


@lru_cache(maxsize=1)
def load(folder: Path = _FOLDER) -> Knowledge:
    """Read and check both tables. Errors: KnowledgeError."""
    adjustment_codes: dict[str, AdjustmentCode] = {}
    for place, row in _rows(folder / "carc.csv"):
        _unique(adjustment_codes, row["code"], place)
        _among(row["treatment"], TREATMENTS, place)
        _among(row["category"], CATEGORIES, place)
        _among(row["action"], ACTIONS, place)
        if row["patient_action"]:
            _among(row["patient_action"], ACTIONS, place)
        if row["core_scenario"]:
            _among(row["core_scenario"], SCENARIOS, place)
        adjustment_codes[row["code"]] = AdjustmentCode(
            code=row["code"],
            active=row["status"] == "active",
            successors=tuple(row["successors"].split()),
            treatment=row["treatment"],  # type: ignore[arg-type]  # checked above
            category=row["category"],
            action=row["action"],
            patient_action=row["patient_action"] or None,
            core_scenario=row["core_scenario"] or None,
            preventable={"yes": True, "no": False}.get(row["preventable"]),
            meaning=row["meaning"],
        )
    for code in adjustment_codes.values():
        for successor in code.successors:
            if successor not in adjustment_codes:
                raise KnowledgeError(f"carc.csv: {code.code} names a successor that is not there: {successor}")
    remark_codes: dict[str, RemarkCode] = {}
    for place, row in _rows(folder / "rarc.csv"):
        _unique(remark_codes, row["code"], place)
        alert = row["kind"] == "alert"
        if not alert:
            _among(row["category"], CATEGORIES, place)
            _among(row["action"], ACTIONS, place)
        remark_codes[row["code"]] = RemarkCode(row["code"], alert, row["category"] or None, row["action"] or None, row["meaning"])
    return Knowledge(adjustment_codes, remark_codes)


def _rows(path: Path) -> list[tuple[str, dict[str, str]]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [(f"{path.name} line {number}", row) for number, row in enumerate(csv.DictReader(file), start=2)]


def _unique(known: dict[str, AdjustmentCode] | dict[str, RemarkCode], code: str, place: str) -> None:
    if not code or code in known:
        raise KnowledgeError(f"{place}: code missing or repeated: {code!r}")


def _among(value: str, allowed: frozenset[str] | tuple[str, ...], place: str) -> None:
    if value not in allowed:
        raise KnowledgeError(f"{place}: {value!r} is not one of {', '.join(sorted(allowed))}")
