"""What a template may say: its variables, the fields of its lists, and its filters. A closed set; docs/letters.md explains each.

A variable without a value is an error that names it, never a blank. Those that only a person knows are `given` with the request.
"""

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

Kind = Literal["text", "date", "money", "texts", "rows"]


class Money(int):
    """Cents that show themselves as an amount."""


class Variable(Struct, frozen=True):
    """One name that a template may use."""

    kind: Kind
    meaning: str
    given: bool = False  # told by the person who asks for the letter, or corrected by them
    fields: tuple[str, ...] = ()


_LINE: Final = ("number", "procedure_code", "modifiers", "service_date", "units", "billed_amount", "denied_amount", "codes")
_REASON: Final = ("code", "meaning", "amount", "remarks")
_EXHIBIT: Final = ("number", "title", "pages")

VARIABLES: Final[Mapping[str, Variable]] = {
    "letter_date": Variable("date", "the day of the letter"),
    "answer_by_date": Variable("date", "by when an answer is asked for; if not told, after the level's usual time", given=True),
    "due_date": Variable("date", "the last day for this appeal; known only where the case knows it", given=True),
    "level_name": Variable("text", "the level of appeal in words"),
    "payer_name": Variable("text", "the payer, as the remittance names it"),
    "patient_name": Variable("text", "first and last name", given=True),
    "patient_birth_date": Variable("date", "the patient's date of birth", given=True),
    "member_id": Variable("text", "the subscriber's number with the payer", given=True),
    "subscriber_name": Variable("text", "who holds the insurance"),
    "group_number": Variable("text", "the employer's or plan's group"),
    "claim_number": Variable("text", "the payer's number of the claim (CLP07)", given=True),
    "account_number": Variable("text", "the patient control number (CLM01)"),
    "claim_kind": Variable("text", "professional, institutional or dental, in the letter's language"),
    "service_from_date": Variable("date", "first day of service", given=True),
    "service_to_date": Variable("date", "last day of service", given=True),
    "service_period": Variable("text", "one day, or `from ... to ...`, in words"),
    "payment_date": Variable("date", "the day of the remittance that refused"),
    "billed_amount": Variable("money", "the whole claim's charge"),
    "paid_amount": Variable("money", "what the payer paid of the claim"),
    "denied_amount": Variable("money", "what is refused and contested"),
    "submitted_date": Variable("date", "the day on which the claim was first sent", given=True),
    "accepted_date": Variable("date", "the day on which the payer or its clearinghouse first took it in", given=True),
    "billing_provider_name": Variable("text", "who billed"),
    "billing_npi": Variable("text", "its NPI"),
    "tax_id": Variable("text", "its tax number"),
    "rendering_provider_name": Variable("text", "who treated"),
    "rendering_npi": Variable("text", "their NPI"),
    "referring_provider_name": Variable("text", "who referred"),
    "authorization_number": Variable("text", "prior authorization (REF*G1)", given=True),
    "referral_number": Variable("text", "referral (REF*9F)", given=True),
    "principal_diagnosis": Variable("text", "the first diagnosis code of the claim"),
    "diagnoses": Variable("texts", "all diagnosis codes of the claim"),
    "other_payer_name": Variable("text", "the payer that comes before this one", given=True),
    "other_payer_paid_amount": Variable("money", "what it paid"),
    "other_payer_date": Variable("date", "the day on which it decided"),
    "signatory_name": Variable("text", "who signs (letterhead)"),
    "signatory_title": Variable("text", "their title (letterhead)"),
    "contact_phone": Variable("text", "where questions go (letterhead)"),
    "clinical_summary": Variable("text", "history, findings and what was tried before, as the record tells it", given=True),
    "records_summary": Variable("text", "what the enclosed records show about this claim", given=True),
    "authorization_circumstances": Variable("text", "why no authorization could be had beforehand", given=True),
    "delay_reason": Variable("text", "why a claim came when it came: a payer's error, retroactive coverage", given=True),
    "coding_rationale": Variable("text", "why the codes, modifiers and units are right", given=True),
    "coverage_proof": Variable("text", "what shows that the patient was covered on the day", given=True),
    "missing_item": Variable("text", "what the payer said was missing, and is sent now", given=True),
    "expected_amount": Variable("money", "what the contract or schedule allows", given=True),
    "contract_reference": Variable("text", "where that stands: contract, schedule, section", given=True),
    "why_payable": Variable("text", "in one to three sentences: why this must be paid", given=True),
    "exhibit_count": Variable("text", "how many documents are enclosed; without a value where none is"),
    "lines": Variable("rows", "the refused lines", fields=_LINE),
    "reasons": Variable("rows", "the payer's reasons, each once", fields=_REASON),
    "exhibits": Variable("rows", "what is enclosed, in order", fields=_EXHIBIT),
}  # fmt: skip

LOOP_FIELDS: Final = frozenset({"first", "last", "index"})
FILTERS: Final[Mapping[str, str]] = {
    "date": "a date in words; `date('short')` in figures",
    "money": "an amount with its currency sign; so it stands without the filter, too",
    "upper": "in capitals",
    "listed": "several texts with commas and the last `and`, as the language writes it",
}
