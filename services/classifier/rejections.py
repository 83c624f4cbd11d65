"""What a rejection by a front door is about and what to do about it. Pure; codes are opaque keys, meanings are in our own words.

Of a 277CA the status code says what is wrong and the entity code whose it is; of a 999 the segment and the element that break the
standard. What is not in the tables is told by its code. Source: the published list of claim status codes (X12's external code
source 508), with which each meaning was compared.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from libs.common.contracts.claim_acknowledged import AcknowledgedStatus
from services.classifier import rejection_words as words
from services.classifier.sentences import Told

_NOT_FOUND_CATEGORY: Final = "A4"
_CORRECT, _ASK = "correct_and_resubmit", "contact_payer"
_NOTHING: Final = Told("", "")


class Verdict(Struct, frozen=True):
    """What a rejection comes to. `confidence` says how sure the tables are."""

    category: str
    action: str
    explanation: str
    explanation_fr: str
    rule: str
    confidence: float


# Status codes that say more than "this element is missing or not valid": category, action, sentence.
_CASES: Final[dict[str, tuple[str, str, Told]]] = {
    **dict.fromkeys(("29", "30", "31", "32", "33", "34"), ("eligibility_coverage", _CORRECT, words.UNKNOWN_SUBSCRIBER)),
    "97": ("eligibility_coverage", _CORRECT, words.UNKNOWN_PATIENT),
    "27": ("eligibility_coverage", _CORRECT, words.POLICY_ENDED),
    "116": ("eligibility_coverage", "bill_other_payer", words.WRONG_PAYER),
    "114": ("eligibility_coverage", "bill_other_payer", words.ANOTHER_PAYER),
    "85": (
        "coordination_of_benefits",
        "bill_other_payer",
        words.ANOTHER_FIRST,
    ),
    "84": ("authorization", _CORRECT, words.NOT_AUTHORIZED),
    "24": ("provider_enrollment", _ASK, words.SENDER_NOT_APPROVED),
    "496": ("provider_enrollment", _ASK, words.SENDER_NOT_APPROVED_HERE),
    "743": ("provider_enrollment", _ASK, words.ENROLLMENT),
    **dict.fromkeys(("54", "78", "746", "770"), ("duplicate", _ASK, words.DUPLICATE)),
    "718": ("timely_filing", _ASK, words.TOO_LATE),
    "35": ("other", _ASK, words.NOT_FOUND),
}
# The same of whoever the entity code names: of a member it is about coverage, of a provider about enrollment.
_MEMBERS: Final = frozenset({"IL", "QC"})
_OF_MEMBERS: Final[dict[str, tuple[str, str, Told]]] = {
    **dict.fromkeys(("25", "88", "89", "90", "91", "109"), ("eligibility_coverage", _CORRECT, words.NOT_INSURED)),
    "26": ("eligibility_coverage", _CORRECT, words.UNKNOWN_PATIENT),
}
_OF_OTHERS: Final[dict[str, tuple[str, str, Told]]] = {
    **dict.fromkeys(("88", "89", "90", "91", "109"), ("provider_enrollment", _ASK, words.NOT_APPROVED_THEN)),
    "25": ("provider_enrollment", _ASK, words.NOT_APPROVED),
    "26": ("provider_enrollment", _ASK, words.NAMED_NOT_FOUND),
}
# These name no entity where a patient is meant, as many payers send them.
_MEMBERS_IF_NOT_TOLD: Final = frozenset({"88", "89", "90"})


def judge(statuses: Sequence[AcknowledgedStatus]) -> Verdict:
    """Say what a rejecting answer is about: the first status that the tables know decides, else the first."""
    told = [status for status in statuses if not _is_plain(status)] or list(statuses)
    known = [(status, found) for status in told if (found := _of(status)) is not None]
    if known:
        status, (category, action, sentence) = known[0]
        return _verdict(category, action, sentence, _rule(status), 0.9)
    first = told[0] if told else AcknowledgedStatus("IK5", "")
    if first.category.startswith("IK"):
        sentence = words.BROKEN
    elif first.category == _NOT_FOUND_CATEGORY:
        return _verdict("other", _ASK, words.NOT_FOUND, _rule(first), 0.7)
    else:
        sentence = Told(
            f"The payer says {first.category}, {first.code or 'no more'}: look it up, correct the claim and send it again.",
            f"Le payeur dit {first.category}, {first.code or 'rien de plus'} : cherchez-le, corrigez la demande et renvoyez-la.",
        )
    return _verdict("missing_information", _CORRECT, sentence, _rule(first), 0.5)


def _verdict(category: str, action: str, told: Told, rule: str, confidence: float) -> Verdict:
    return Verdict(category, action, words.DOOR.en + told.en, words.DOOR.fr + told.fr, rule, confidence)


def _is_plain(status: AcknowledgedStatus) -> bool:
    """Say whether a status only says that something is wrong, or that the claim arrived."""
    return status.code in ("", "0", "16", "17", "18", "19", "20", "21", "23", "732")


def _rule(status: AcknowledgedStatus) -> str:
    return "rejection_syntax" if status.category.startswith("IK") else "rejection_status"


def _of(status: AcknowledgedStatus) -> tuple[str, str, Told] | None:
    """Return category, action and what to do about one status; None where the tables do not know it."""
    if status.category.startswith("IK"):
        return _of_segment(status)
    if status.code in _CASES:
        return _CASES[status.code]
    if status.code in _OF_OTHERS:
        is_member = status.entity in _MEMBERS or (not status.entity and status.code in _MEMBERS_IF_NOT_TOLD)
        return (_OF_MEMBERS if is_member else _OF_OTHERS)[status.code]
    what = words.ELEMENTS.get(status.code)
    if what is None:
        return None
    whose = words.ENTITIES.get(status.entity or "", _NOTHING)
    line = status.line_control_number
    at = Told(f", on the line {line}", f", à la ligne {line}") if line else _NOTHING
    return "missing_information", _CORRECT, _missing(what, whose, at)


def _of_segment(status: AcknowledgedStatus) -> tuple[str, str, Told] | None:
    """Return the same of a 999's finding."""
    segment = status.category.removeprefix("IK3:")
    what = words.SEGMENTS.get(segment)
    if what is None:
        return None
    element, element_fr = (f", element {status.entity}", f", élément {status.entity}") if status.entity else ("", "")
    at = Told(f"({segment}{element})", f"({segment}{element_fr})")
    return "missing_information", _CORRECT, _missing(what, at, _NOTHING)


def _missing(what: Told, whose: Told, at: Told) -> Told:
    """Say that something is missing or wrong, whose it is, and where."""
    en = f"{what.en} {whose.en}".rstrip() + at.en
    fr = f"{what.fr} {whose.fr}".rstrip() + at.fr
    return Told(
        f"Missing or not valid: {en}. Correct it and send the claim again.",
        f"Absent ou non valide : {fr}. Corrigez-le et renvoyez la demande.",
    )
