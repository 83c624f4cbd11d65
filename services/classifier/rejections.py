"""What a rejection by a front door is about and what to do about it. Pure; codes are opaque keys, meanings are in our own words.

Of a 277CA the status code says what is wrong and the entity code whose it is; of a 999 the segment and the element that break the
standard. What is not in the tables is told by its code. Source: the published list of claim status codes (X12's external code
source 508), with which each meaning was compared.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from libs.common.contracts.claim_acknowledged import AcknowledgedStatus

_ENTITIES: Final = {
    "85": "the billing provider", "82": "the rendering provider", "77": "the service facility", "QC": "the patient",
    "IL": "the subscriber", "PR": "the payer", "71": "the attending provider", "DN": "the referring provider",
    "87": "the pay-to address", "DK": "the ordering provider", "72": "the operating provider", "41": "the submitter",
    "40": "the receiver", "1P": "the provider",
}  # fmt: skip
# What the element that a status code speaks of is; "of" whom, the entity says.
_ELEMENTS: Final = {
    "562": "the NPI", "128": "the tax id", "149": "the employer's tax id", "145": "the taxonomy code",
    "124": "the name, address, phone or identifier", "125": "the name", "504": "the last name", "505": "the first name",
    "126": "the address", "500": "the postal code", "501": "the state", "502": "the city", "503": "the street",
    "153": "the identifier", "755": "the primary identifier", "560": "the second identifier", "158": "the date of birth",
    "157": "the sex", "164": "the member number", "163": "the group or policy number", "156": "the relationship to the subscriber",
    "178": "the charge", "583": "the line's charge", "187": "a date of service", "188": "the statement's dates",
    "189": "the admission date", "510": "a date, which lies in the future", "228": "the type of bill",
    "249": "the place of service",
    "254": "the principal diagnosis", "255": "a diagnosis code", "488": "a diagnosis code of a service",
    "772": "a diagnosis code, which is not specific enough", "286": "the other payer's explanation of benefits",
    "171": "the other insurance", "672": "the other payer's amounts, which do not balance",
    "400": "a sum: the claim does not balance", "453": "a procedure modifier", "454": "a procedure code",
    "507": "a HCPCS procedure code", "737": "a dental procedure code", "455": "a revenue code", "218": "a drug's number (NDC)",
    "252": "the authorization number", "761": "the referral number", "464": "the payer's claim control number",
    "476": "the units", "477": "a diagnosis pointer", "478": "the account number", "480": "the claim filing indicator",
    "535": "the claim frequency code", "516": "the day on which the other payer decided", "742": "the order of the payers",
}  # fmt: skip
_SEGMENTS: Final = {
    "NM1": "a name or identifier", "N3": "an address", "N4": "a city, state or postal code", "SBR": "the subscriber's coverage",
    "CLM": "the claim's head", "HI": "a diagnosis", "DTP": "a date", "SV1": "a service line", "SV2": "a service line",
    "SV3": "a service line", "REF": "a reference number", "PRV": "a taxonomy code", "DMG": "a birth date or sex",
    "PWK": "an attachment", "HL": "the order of levels", "SVD": "another payer's decision", "CAS": "another payer's adjustment",
    "AMT": "an amount",
}  # fmt: skip
_DOOR: Final = "Rejected at the payer's door, not judged. "
_AGAIN: Final = "Correct it and send the claim again."
_NOT_FOUND: Final = "A4"
_CORRECT, _ASK = "correct_and_resubmit", "contact_payer"


class Verdict(Struct, frozen=True):
    """What a rejection comes to. `confidence` says how sure the tables are."""

    category: str
    action: str
    explanation: str
    rule: str
    confidence: float


_NOT_INSURED: Final = "There was no coverage on the date: find out who covered the patient."
_UNKNOWN_SUBSCRIBER: Final = "The payer does not know the subscriber: check the card and correct the data."
_DUPLICATE: Final = "The payer has this claim already: look up the first one before anything else."
# Status codes that say more than "this element is missing or not valid": category, action, sentence.
_CASES: Final[dict[str, tuple[str, str, str]]] = {
    **dict.fromkeys(("29", "30", "31", "32", "33", "34"), ("eligibility_coverage", _CORRECT, _UNKNOWN_SUBSCRIBER)),
    "97": ("eligibility_coverage", _CORRECT, "The payer does not know the patient: check the card and correct the data."),
    "27": ("eligibility_coverage", _CORRECT, "The policy has ended: find out who covered the patient on the date."),
    "116": ("eligibility_coverage", "bill_other_payer", "The claim went to the wrong payer: send it to the right one."),
    "114": ("eligibility_coverage", "bill_other_payer", "Another payer has to take the claim: send it there."),
    "85": (
        "coordination_of_benefits",
        "bill_other_payer",
        "Another payer comes first: bill it, then send its answer along.",
    ),
    "84": ("authorization", _CORRECT, "The service is not authorized: give the authorization, or ask for one."),
    "24": ("provider_enrollment", _ASK, "The sender is not approved: have the enrollment put right, then send again."),
    "496": ("provider_enrollment", _ASK, "The sender is not approved for this provider: have that put right, then send again."),
    "743": ("provider_enrollment", _ASK, "The provider's enrollment is not in order: have it put right, then send again."),
    **dict.fromkeys(("54", "78", "746", "770"), ("duplicate", _ASK, _DUPLICATE)),
    "718": ("timely_filing", _ASK, "It came after the time limit: ask again with the proof of when it was first sent."),
    "35": ("other", _ASK, "The payer does not find the claim: ask whether it arrived, and send it again if it did not."),
}
# The same of whoever the entity code names: of a member it is about coverage, of a provider about enrollment.
_MEMBERS: Final = frozenset({"IL", "QC"})
_OF_MEMBERS: Final[dict[str, tuple[str, str, str]]] = {
    **dict.fromkeys(("25", "88", "89", "90", "91", "109"), ("eligibility_coverage", _CORRECT, _NOT_INSURED)),
    "26": ("eligibility_coverage", _CORRECT, "The payer does not know the patient: check the card and correct the data."),
}
_NOT_APPROVED: Final = "The provider was not approved on the date: have it put right, then send again."
_OF_OTHERS: Final[dict[str, tuple[str, str, str]]] = {
    **dict.fromkeys(("88", "89", "90", "91", "109"), ("provider_enrollment", _ASK, _NOT_APPROVED)),
    "25": ("provider_enrollment", _ASK, "The provider is not approved: have the enrollment put right, then send again."),
    "26": ("provider_enrollment", _ASK, "The payer does not find who is named: check what its file says, then send again."),
}
# These name no entity where a patient is meant, as many payers send them.
_MEMBERS_IF_NOT_TOLD: Final = frozenset({"88", "89", "90"})


def judge(statuses: Sequence[AcknowledgedStatus]) -> Verdict:
    """Say what a rejecting answer is about: the first status that the tables know decides, else the first."""
    told = [status for status in statuses if not _is_plain(status)] or list(statuses)
    known = [(status, found) for status in told if (found := _of(status)) is not None]
    if known:
        status, (category, action, sentence) = known[0]
        return Verdict(category, action, _DOOR + sentence, _rule(status), 0.9)
    first = told[0] if told else AcknowledgedStatus("IK5", "")
    if first.category.startswith("IK"):
        sentence = "The file breaks the standard, and the answer does not say where: correct the file and send it again."
    elif first.category == _NOT_FOUND:
        return Verdict("other", _ASK, _DOOR + _CASES["35"][2], _rule(first), 0.7)
    else:
        sentence = f"The payer says {first.category}, {first.code or 'no more'}: look it up, correct the claim and send it again."
    return Verdict("missing_information", _CORRECT, _DOOR + sentence, _rule(first), 0.5)


def _is_plain(status: AcknowledgedStatus) -> bool:
    """Say whether a status only says that something is wrong, or that the claim arrived."""
    return status.code in ("", "0", "16", "17", "18", "19", "20", "21", "23", "732")


def _rule(status: AcknowledgedStatus) -> str:
    return "rejection_syntax" if status.category.startswith("IK") else "rejection_status"


def _of(status: AcknowledgedStatus) -> tuple[str, str, str] | None:
    """Return category, action and what to do about one status; None where the tables do not know it."""
    if status.category.startswith("IK"):
        return _of_segment(status)
    if status.code in _CASES:
        return _CASES[status.code]
    if status.code in _OF_OTHERS:
        is_member = status.entity in _MEMBERS or (not status.entity and status.code in _MEMBERS_IF_NOT_TOLD)
        return (_OF_MEMBERS if is_member else _OF_OTHERS)[status.code]
    what = _ELEMENTS.get(status.code)
    if what is None:
        return None
    whose = f" of {_ENTITIES[status.entity]}" if status.entity in _ENTITIES else ""
    line = f", on the line {status.line_control_number}" if status.line_control_number else ""
    return "missing_information", _CORRECT, f"Missing or not valid: {what}{whose}{line}. {_AGAIN}"


def _of_segment(status: AcknowledgedStatus) -> tuple[str, str, str] | None:
    """Return the same of a 999's finding."""
    segment = status.category.removeprefix("IK3:")
    what = _SEGMENTS.get(segment)
    if what is None:
        return None
    at = f", element {status.entity}" if status.entity else ""
    told = f"Missing or not valid: {what} ({segment}{at}). Correct it and send the claim again."
    return "missing_information", _CORRECT, told
