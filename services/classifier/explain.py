"""One or two plain sentences for the person who works a denial: how much, where, what the payer says, what to do."""

from typing import Final

from libs.common.money import dollars
from services.classifier.judgement import Judgement

_DO: Final = {
    "correct_and_resubmit": "Correct the claim and send it again.",
    "appeal": "Appeal.",
    "send_documents": "Send the payer what it asks for.",
    "bill_other_payer": "Bill the payer that is responsible.",
    "contact_payer": "Ask the payer before choosing a way.",
    "bill_patient": "Bill the patient.",
    "write_off": "Nothing more can be recovered; write it off.",
    "none": "Nothing to do on this claim; look at the earlier one, or wait for the payer.",
}
_OTHER: Final = {
    "reversal": "The payer takes an earlier decision back; what replaces it comes by itself.",
    "predetermination": "An answer before the service; nothing was claimed and nothing is denied.",
    "patient_share": "What is unpaid is the patient's own share.",
    "price": "What is unpaid is the difference to the contracted price; nothing is denied.",
    "paid": "Paid at the contracted price; nothing is denied.",
    "balance": "What is unpaid only carries over what another payer or payment settled.",
    "hold": "The payer has not decided yet, or only reports; nothing is denied.",
}
_UNKNOWN_MEANING: Final = "the payer gives a code that is not known to us"


def explain_denial(category: str, action: str, denied_cents: int, leading: Judgement, lines: list[int]) -> str:
    """Return the sentence for a denial. `lines` are the refused lines' numbers in order; 0 is the claim itself."""
    numbered = [str(line) for line in lines if line]
    if not numbered:
        where = "on the claim"
    elif len(numbered) == 1:
        where = f"on line {numbered[0]}"
    else:
        where = f"on lines {', '.join(numbered[:-1])} and {numbered[-1]}" if len(numbered) <= 6 else f"on {len(numbered)} lines"  # noqa: PLR2004
    meaning = (leading.code.meaning or _UNKNOWN_MEANING).partition(";")[0]
    said = meaning[:1].lower() + meaning[1:] if meaning[1:2].islower() else meaning
    remark = f" ({leading.deciding.meaning[:1].lower()}{leading.deciding.meaning[1:]})" if leading.deciding else ""
    return f"${dollars(denied_cents)} refused {where}, {category.replace('_', ' ')}: {said}{remark}. {_DO[action]}"


def explain_other(rule: str) -> str:
    return _OTHER[rule]
