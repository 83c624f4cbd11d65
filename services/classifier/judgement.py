"""One adjustment judged: is it a refusal, of what category, and what should be done. Pure; tables are compiled once.

The order matters and is the order of the page: what is no refusal is taken out first, then the remark decides where the code
says too little, then the group says who pays, then appeal rights are checked, and last the facts that only we hold.
"""

from typing import Final, Literal

from msgspec import Struct

from services.classifier.knowledge import AdjustmentCode, RemarkCode, load

KNOWLEDGE: Final = load()

# These codes say too little alone: their non-alert remark decides. 45 and 59 only when they take the whole charge.
_REMARK_DECIDES: Final = frozenset({"16", "96", "A1", "97", "125", "45", "59", "17", "129", "148", "234", "267", "272", "273"})
_NECESSITY_REMARKS: Final = frozenset({"N115", "N386"})  # a coverage determination decided, whatever the code
_KEEPS_ITS_CAUSE: Final = frozenset({"duplicate", "timely_filing"})
_DOCUMENT_CODES: Final = frozenset({"226", "250", "251", "252", "163", "164"})
NEVER_BILL_PATIENT: Final = frozenset({"N781", "N782", "N783", "N842"})  # QMB and balance-billing alerts
NO_APPEAL: Final = frozenset({"MA130", "N704", "N211", "MA44", "MA113", "N142", "N517"})
_RESUBMIT_INSTEAD: Final = frozenset({"MA130", "N704", "MA113", "N142", "N517"})
_PROCEDURE_REMARKS: Final = frozenset({"MA130", "N142", "N517", "N152", "N380", "M58"})
_PAYER_REPROCESSES: Final = "N938"
_DO_NOT_RESEND: Final = "N185"
_APPEAL_INSTEAD: Final = "N368"
_BUNDLED: Final = frozenset({"97", "236", "B15", "231", "B10", "60", "59"})
_UNKNOWN: Final = AdjustmentCode("", True, (), "refusal", "other", "contact_payer", None, None, None, "")


class Context(Struct, frozen=True):
    """Facts that Recours or the caller holds outside the remittance; None is unknown."""

    original_claim: Literal["paid", "denied", "pending"] | None = None
    authorization_on_file: bool | None = None
    authorization_on_claim: bool | None = None
    proof_of_timely_filing: bool | None = None
    distinct_service: bool | None = None
    capitated_contract: bool | None = None
    eligibility_verified: bool | None = None


class Judgement(Struct, frozen=True, gc=False):
    """What one refused adjustment comes to."""

    category: str
    action: str
    code: AdjustmentCode
    deciding: RemarkCode | None
    rules: tuple[str, ...]
    confidence: float


def normalised(code: str) -> str:
    """Upper case, no blanks, no zeros in front: "045" and "n115 " are 45 and N115."""
    code = code.strip().upper()
    return code.lstrip("0") or code


def code_of(carc: str) -> AdjustmentCode | None:
    return KNOWLEDGE.adjustment_codes.get(carc)


def judge(carc: str, group_code: str, remarks: tuple[str, ...], context: Context) -> Judgement:
    """Judge one adjustment that is known to be a refusal. `remarks` are those beside it, normalised."""
    rules: list[str] = []
    confidence = 0.9
    code = KNOWLEDGE.adjustment_codes.get(carc)
    found = [KNOWLEDGE.remark_codes[remark] for remark in remarks if remark in KNOWLEDGE.remark_codes]
    if code is None:
        misplaced = KNOWLEDGE.remark_codes.get(carc)
        code = _UNKNOWN
        if misplaced is not None:
            rules.append("remark_in_place_of_code")
            found.insert(0, misplaced)
        else:
            rules.append("unknown_carc")
        confidence = 0.4
    category, action = code.category, code.action
    tellings = [remark for remark in found if not remark.alert and remark.category not in (None, "other")]
    # MA130 and its like say how to go on; what is missing is said by another remark beside it.
    telling = next((remark for remark in tellings if remark.code not in _PROCEDURE_REMARKS), next(iter(tellings), None))
    necessity = next((remark for remark in found if remark.code in _NECESSITY_REMARKS), None)
    deciding = None
    if necessity is not None and category not in _KEEPS_ITS_CAUSE:
        deciding, category, action = necessity, "medical_necessity", "appeal"
        rules.append("coverage_determination")
    elif telling is not None and (carc in _REMARK_DECIDES or code is _UNKNOWN):
        deciding, category, action = telling, telling.category or category, telling.action or action
        rules.append("remark_decides")
    elif telling is not None and carc in _DOCUMENT_CODES and telling.category == "coordination_of_benefits":
        deciding, category = telling, telling.category
        rules.append("remark_decides")
    elif carc in _REMARK_DECIDES and code is not _UNKNOWN:
        rules.append("remark_missing")
        confidence = 0.6
        if code.treatment != "refusal":
            category, action = ("coding_bundling", "appeal") if carc == "59" else ("other", "contact_payer")
    else:
        rules.append("code")
    category, action = _facts(carc, category, action, context, rules)
    if group_code == "PR" and code.patient_action and category == code.category and action == code.action:
        action = code.patient_action
        rules.append("patient_bears_it")
    if action == "bill_patient" and (group_code != "PR" or not NEVER_BILL_PATIENT.isdisjoint(remarks)):
        action = code.action if code.action != "bill_patient" else "write_off"
        rules.append("patient_may_not_be_billed")
    action = _rights(category, action, remarks, rules)
    return Judgement(category, action, code, deciding, tuple(rules), confidence)


def _facts(carc: str, category: str, action: str, context: Context, rules: list[str]) -> tuple[str, str]:
    """Let facts from outside the remittance turn the action."""
    turned = action
    if category == "duplicate" and context.original_claim is not None:
        # Never resend a duplicate: the first claim is the one to look at.
        turned = {"paid": "none", "pending": "none", "denied": "correct_and_resubmit"}[context.original_claim]
    elif category == "authorization":
        if context.authorization_on_claim:
            turned = "appeal"
        elif context.authorization_on_file:
            turned = "correct_and_resubmit" if context.authorization_on_claim is False else "appeal"
        elif context.authorization_on_file is False:
            turned = "write_off"
    elif category == "timely_filing" and context.proof_of_timely_filing is not None:
        turned = "appeal" if context.proof_of_timely_filing else "write_off"
    elif carc in _BUNDLED and category == "coding_bundling" and context.distinct_service is not None:
        turned = "correct_and_resubmit" if context.distinct_service else "write_off"
    elif category == "eligibility_coverage" and context.eligibility_verified:
        turned = "appeal"
    if turned != action:
        rules.append("known_fact")
    return category, turned


def _rights(category: str, action: str, remarks: tuple[str, ...], rules: list[str]) -> str:  # noqa: PLR0911 - one a right
    """Check the action against what the remarks forbid."""
    if not remarks:
        return action
    if _PAYER_REPROCESSES in remarks:
        rules.append("payer_reprocesses")
        return "none"
    if _DO_NOT_RESEND in remarks and action == "correct_and_resubmit":
        rules.append("do_not_resend")
        return "contact_payer"
    if not NO_APPEAL.isdisjoint(remarks):
        resubmit = not _RESUBMIT_INSTEAD.isdisjoint(remarks)
        if action == "appeal":
            rules.append("no_appeal_right")
            return "correct_and_resubmit" if resubmit and category != "duplicate" else "write_off"
        if resubmit and action in ("contact_payer", "write_off") and category not in ("duplicate", "timely_filing"):
            rules.append("resubmit_instead")
            return "correct_and_resubmit"
        return action
    if _APPEAL_INSTEAD in remarks and action in ("correct_and_resubmit", "contact_payer"):
        rules.append("appeal_instead")
        return "appeal"
    return action
