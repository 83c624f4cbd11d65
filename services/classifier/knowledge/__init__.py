"""The knowledge base: what each adjustment and remark code means for a decision, in our own words, one row a code.

`carc.csv`, by code: status and successors; the groups it usually comes with, and those it is limited to; whether a remark must
stand beside it and whether that remark decides; treatment (is it a refusal at all); category; action, and the one when the patient
bears it; what it is when it takes the whole charge; other actions that may serve; categories that other authorities give it; CORE
scenario; whether it could have been prevented; what has to be looked at; meaning, in English and French.
`rarc.csv`, by code: alert or explanatory; its effect on rights and duties; for explanatory ones what it asks for and the category
and action that it points to; meaning, in English and French.
"""

import csv
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from msgspec import Struct

_FOLDER = Path(__file__).parent

Treatment = Literal["refusal", "price", "patient_share", "balance", "hold"]
TREATMENTS: Final = frozenset({"refusal", "price", "patient_share", "balance", "hold"})
GROUPS: Final = frozenset({"CO", "OA", "PI", "PR"})
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
NOT_REFUSED: Final = frozenset({"contractual", "patient_responsibility", "payment_recovery"})
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
CHECKLISTS: Final = frozenset(
    {
        "ask", "authorization", "benefit", "bundling", "coding", "data", "documents", "duplicate", "eligibility", "enrollment",
        "limit", "necessity", "other_payer", "patient", "post", "take_back", "timely", "wait",
    }
)  # fmt: skip
ASKED: Final = frozenset(
    {"authorization", "claim_field", "codes", "documents", "enrollment", "nothing", "other_payer", "patient", "provider"}
)
EFFECTS: Final = frozenset(
    {
        "cause",  # names the cause whatever the adjustment code is: a coverage determination, a duplicate, a missed deadline
        "procedure",  # says how to go on, not what is wrong
        "resubmit",  # not adjudicated: no appeal, a corrected claim instead
        "no_appeal",
        "appeal_first",  # an appeal, not another claim
        "do_not_resend",
        "payer_acts",  # the payer will process again by itself
        "passed_on",  # the payer has sent the claim on to the next one
        "on_hold",
        "reporting",  # a code that never carries payment
        "qmb",  # the patient is a Qualified Medicare Beneficiary
        "never_patient",
        "never_patient_refused",  # no valid advance notice: what is refused may not be billed
    }
)
_CARC_COLUMNS: Final = (
    "code status successors groups only_groups needs_remark remark_decides treatment category action patient_action whole_category"
    " whole_action also disputed core_scenario preventable checklist meaning meaning_fr"
)
_RARC_COLUMNS: Final = "code status kind effect asks_for category action patient_action core_scenario meaning meaning_fr"


_NEVER_EMPTY: Final = ("code", "meaning", "meaning_fr")


class KnowledgeError(ValueError):
    """A row of the knowledge base is wrong; the message names file and line."""


class AdjustmentCode(Struct, frozen=True):
    """One CARC."""

    code: str
    active: bool
    successors: tuple[str, ...]
    groups: frozenset[str]
    only_groups: frozenset[str]
    needs_remark: bool
    remark_decides: bool
    treatment: Treatment
    category: str
    action: str
    patient_action: str | None
    whole_category: str | None
    whole_action: str | None
    also: tuple[str, ...]
    disputed: tuple[str, ...]
    core_scenario: str | None
    preventable: bool | None
    checklist: str
    meaning: str
    meaning_fr: str


class RemarkCode(Struct, frozen=True):
    """One RARC. An alert informs and never explains a refusal; it has no category."""

    code: str
    active: bool
    alert: bool
    effect: str | None
    asks_for: str | None
    category: str | None
    action: str | None
    patient_action: str | None
    core_scenario: str | None
    meaning: str
    meaning_fr: str


class Knowledge(Struct, frozen=True):
    adjustment_codes: dict[str, AdjustmentCode]
    remark_codes: dict[str, RemarkCode]


@lru_cache(maxsize=1)
def load(folder: Path = _FOLDER) -> Knowledge:
    """Read and check both tables. Errors: KnowledgeError."""
    adjustment_codes: dict[str, AdjustmentCode] = {}
    for place, row in _rows(folder / "carc.csv", _CARC_COLUMNS):
        adjustment_code = _adjustment_code(row, place)
        _once(adjustment_codes, adjustment_code.code, place)
        adjustment_codes[adjustment_code.code] = adjustment_code
    for adjustment_code in adjustment_codes.values():
        for successor in adjustment_code.successors:
            if successor not in adjustment_codes or not adjustment_codes[successor].active:
                raise KnowledgeError(f"carc.csv: {adjustment_code.code} names a successor that is not in force: {successor}")
    remark_codes: dict[str, RemarkCode] = {}
    for place, row in _rows(folder / "rarc.csv", _RARC_COLUMNS):
        remark_code = _remark_code(row, place)
        _once(remark_codes, remark_code.code, place)
        if remark_code.code in adjustment_codes:
            raise KnowledgeError(f"{place}: {remark_code.code} is an adjustment code too")
        remark_codes[remark_code.code] = remark_code
    return Knowledge(adjustment_codes, remark_codes)


def _adjustment_code(row: dict[str, str], place: str) -> AdjustmentCode:
    groups, only_groups = frozenset(row["groups"].split()), frozenset(row["only_groups"].split())
    also, disputed = tuple(row["also"].split()), tuple(row["disputed"].split())
    whole = row["whole_category"] or row["whole_action"]
    _among([row["status"]], {"active", "retired"}, place)
    _among([row["treatment"]], TREATMENTS, place)
    _among([*groups, *only_groups], GROUPS, place)
    _among([row["category"], *disputed] + ([row["whole_category"]] if whole else []), CATEGORIES, place)
    _among([row["action"], *also] + ([row["whole_action"]] if whole else []), ACTIONS, place)
    _among([row["patient_action"]], {"", "bill_patient"}, place)
    _among([row["core_scenario"]], {"", *SCENARIOS}, place)
    _among([row["checklist"]], CHECKLISTS, place)
    _among([row["needs_remark"], row["remark_decides"]], {"", "yes"}, place)
    _among([row["preventable"]], {"", "yes", "no"}, place)
    if not groups or not only_groups <= groups:
        raise KnowledgeError(f"{place}: the groups it is limited to are not among its groups")
    if row["treatment"] == "refusal" and row["category"] in NOT_REFUSED:
        raise KnowledgeError(f"{place}: a refusal cannot be {row['category']}")
    if row["treatment"] == "refusal" and row["action"] == "bill_patient":
        raise KnowledgeError(f"{place}: a refusal is billed to the patient by `patient_action` alone")
    if whole and (row["treatment"] != "price" or row["whole_category"] in NOT_REFUSED):
        raise KnowledgeError(f"{place}: only a price can become a refusal when it takes the whole charge")
    return AdjustmentCode(
        code=row["code"],
        active=row["status"] == "active",
        successors=tuple(row["successors"].split()),
        groups=groups,
        only_groups=only_groups,
        needs_remark=row["needs_remark"] == "yes",
        remark_decides=row["remark_decides"] == "yes",
        treatment=row["treatment"],  # type: ignore[arg-type]  # checked above
        category=row["category"],
        action=row["action"],
        patient_action=row["patient_action"] or None,
        whole_category=row["whole_category"] or None,
        whole_action=row["whole_action"] or None,
        also=also,
        disputed=disputed,
        core_scenario=row["core_scenario"] or None,
        preventable={"yes": True, "no": False}.get(row["preventable"]),
        checklist=row["checklist"],
        meaning=row["meaning"],
        meaning_fr=row["meaning_fr"],
    )


def _remark_code(row: dict[str, str], place: str) -> RemarkCode:
    _among([row["status"]], {"active", "retired"}, place)
    _among([row["kind"]], {"alert", "explanatory"}, place)
    _among([row["effect"]], {"", *EFFECTS}, place)
    alert = row["kind"] == "alert"
    if alert and any(row[column] for column in ("asks_for", "category", "action", "patient_action", "core_scenario")):
        raise KnowledgeError(f"{place}: an alert explains nothing, so it has no category, action or scenario")
    if not alert:
        _among([row["asks_for"]], ASKED, place)
        _among([row["category"]], CATEGORIES, place)
        _among([row["action"]], ACTIONS, place)
        _among([row["patient_action"]], {"", "bill_patient"}, place)
        _among([row["core_scenario"]], {"", *SCENARIOS}, place)
    optional = {name: row[name] or None for name in ("effect", "asks_for", "category", "action", "patient_action", "core_scenario")}
    return RemarkCode(
        code=row["code"],
        active=row["status"] == "active",
        alert=alert,
        meaning=row["meaning"],
        meaning_fr=row["meaning_fr"],
        **optional,
    )


def _rows(path: Path, columns: str) -> list[tuple[str, dict[str, str]]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != columns.split():
            raise KnowledgeError(f"{path.name} line 1: the columns are not {columns}")
        rows = [(f"{path.name} line {number}", row) for number, row in enumerate(reader, start=2)]
    for place, row in rows:
        if None in row or None in row.values() or not all(row[column] for column in _NEVER_EMPTY):
            raise KnowledgeError(f"{place}: too many or too few columns, or no code or meaning")
    return rows


def _once(known: dict[str, Any], code: str, place: str) -> None:
    if code in known:
        raise KnowledgeError(f"{place}: {code} is there twice")


def _among(values: list[str], allowed: frozenset[str] | set[str] | tuple[str, ...], place: str) -> None:
    for value in values:
        if value not in allowed:
            raise KnowledgeError(f"{place}: {value!r} is not one of {', '.join(sorted(allowed))}")
