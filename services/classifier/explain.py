"""One or two plain sentences for whoever works a denial: how much, where, what the payer says, what is missing, what to do."""

from collections.abc import Sequence
from typing import Final

from libs.common.money import dollars
from services.classifier.knowledge import AdjustmentCode, RemarkCode

_LINES_NAMED_MAX: Final = 6
_DO: Final = {
    "correct_and_resubmit": "Correct the claim and send it again.",
    "appeal": "Appeal, with the records that answer this.",
    "send_documents": "Send the payer the documents it asks for.",
    "bill_other_payer": "Bill the payer that is responsible.",
    "contact_payer": "Ask the payer before choosing a way.",
    "bill_patient": "The payer holds the patient liable: bill the patient.",
    "write_off": "Nothing more can be recovered; write it off.",
    "none": "Nothing to do: wait for the payer.",
}
# By what has to be looked at (the code's checklist, or what the remark asks for), where that says more than the action alone.
_DO_ABOUT: Final = {
    ("authorization", "correct_and_resubmit"): "Put the right authorization on the claim and send it again.",
    ("authorization", "appeal"): "Appeal with the authorization, or with what shows that none could be obtained in time.",
    ("authorization", "write_off"): "No authorization exists, so nothing more can be recovered; write it off.",
    ("bundling", "correct_and_resubmit"): "If the service was distinct, add the modifier that says so and send a corrected claim.",
    ("bundling", "write_off"): "The service was part of the other one; write it off.",
    ("bundling", "bill_other_payer"): "Look to the facility for payment.",
    ("bundling", "none"): "It is packaged into what was paid; nothing to do.",
    ("coding", "correct_and_resubmit"): "Check the code, modifier and diagnosis, correct the claim and send it again.",
    ("codes", "correct_and_resubmit"): "Correct the codes and send the claim again.",
    ("claim_field", "correct_and_resubmit"): "Fill in or correct that field and send the claim again.",
    ("patient", "correct_and_resubmit"): "Check the patient's card, correct the patient's data and send the claim again.",
    ("eligibility", "correct_and_resubmit"): "Check the patient's card, correct the patient's data and send the claim again.",
    ("eligibility", "appeal"): "Appeal with the proof that the patient was covered on the date.",
    ("eligibility", "bill_other_payer"): "Find out who covered the patient on the date and bill that plan.",
    ("provider", "correct_and_resubmit"): "Correct the provider's data and send the claim again.",
    ("provider", "contact_payer"): "Ask the payer what its file says of the provider, and have it put right.",
    ("enrollment", "contact_payer"): "Check the provider's enrollment with the payer and have it put right first.",
    ("other_payer", "correct_and_resubmit"): "Add the other payer's data and payment and send the claim again.",
    ("other_payer", "send_documents"): "Send the other payer's explanation of benefits.",
    ("other_payer", "none"): "The payer has passed the claim on; wait for the other payer's answer.",
    ("duplicate", "contact_payer"): "Look up the first claim before anything else; never send this one again.",
    ("duplicate", "correct_and_resubmit"): "The first claim was refused: correct that one, and leave this one.",
    ("duplicate", "none"): "The first claim is paid or still open: nothing to do on this one.",
    ("duplicate", "appeal"): "Appeal with the records that show a second, separate service.",
    ("timely", "appeal"): "Check the dates and appeal with the proof of when the claim was first accepted.",
    ("timely", "write_off"): "Without proof of timely filing nothing can be recovered; write it off.",
    ("timely", "contact_payer"): "There is no appeal: check the date of receipt, and ask the payer to reopen the claim.",
    ("timely", "correct_and_resubmit"): "There is no appeal: send the claim anew with the proof of timely filing.",
    ("necessity", "appeal"): "Appeal with the records that show why the service was needed.",
    ("data", "contact_payer"): "The payer does not say what is missing: ask.",
}
_ABOUT: Final = {
    "medical_necessity": "necessity",
    "duplicate": "duplicate",
    "timely_filing": "timely",
    "benefit_limit": "limit",
    "non_covered": "benefit",
}
_OTHER: Final = {
    "reversal": "The payer takes an earlier decision back; what replaces it comes by itself.",
    "predetermination": "An answer before the service; nothing was claimed and nothing is denied.",
    "patient_share": "What is unpaid is the patient's own share; bill the patient.",
    "share_passed_on": "What is unpaid is the patient's share, and the payer has passed the claim on: wait for the next payer.",
    "share_of_qmb": "What is unpaid is a Qualified Medicare Beneficiary's cost sharing: bill Medicaid, never the patient.",
    "share_not_billable": "What is unpaid looks like a patient share, but the patient may not be billed for it; nothing is denied.",
    "price": "What is unpaid is the difference to the contracted price; nothing is denied.",
    "paid": "Paid at the contracted price; nothing is denied.",
    "balance": "What is unpaid only carries over what another payer or payment settled.",
    "hold": "The payer has not decided yet, or only reports; nothing is denied.",
    "unexplained": "Nothing is paid and no code says why: ask the payer for the missing explanation.",
    "patient_not_recognised": "The payer does not recognise the patient and says no more: check the card and ask the payer.",
}
_DISGUISED: Final = "the whole charge is taken off as if it were a price cut, which is a refusal in disguise"
_UNKNOWN_MEANING: Final = "the payer gives a code that is not known to us"


def explain_denial(denied_cents: int, lines: Sequence[int], told: str) -> str:
    """Return the sentences for a denial. `lines` are the refused lines' numbers in order; 0 is the claim itself."""
    return f"${dollars(denied_cents)} refused {_where(lines)}, {told}"


def explain_cause(category: str, action: str, code: AdjustmentCode, deciding: RemarkCode | None) -> str:
    """Return what the payer says, what is missing and what to do: the part that is the same for every amount and line."""
    said = _DISGUISED if code.treatment == "price" else _lowered((code.meaning or _UNKNOWN_MEANING).partition(";")[0])
    remark = f" ({_lowered(deciding.meaning)})" if deciding is not None else ""
    do = _DO_ABOUT.get((_about(category, code, deciding), action)) or _DO[action]
    return f"{category.replace('_', ' ')}: {said}{remark}. {do}"


def _about(category: str, code: AdjustmentCode, deciding: RemarkCode | None) -> str:
    if category in _ABOUT:
        return _ABOUT[category]
    asked = deciding.asks_for if deciding is not None else None
    return code.checklist if asked is None or asked == "nothing" else asked


def _where(lines: Sequence[int]) -> str:
    numbered = [str(line) for line in lines if line]
    if not numbered:
        return "on the claim"
    if len(numbered) == 1:
        return f"on line {numbered[0]}"
    if len(numbered) > _LINES_NAMED_MAX:
        return f"on {len(numbered)} lines"
    return f"on lines {', '.join(numbered[:-1])} and {numbered[-1]}"


def _lowered(text: str) -> str:
    """Start in lower case, except with an abbreviation (NPI) or a name."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def explain_other(rule: str) -> str:
    return _OTHER[rule]
