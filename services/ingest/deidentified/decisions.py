"""What becomes of each field of a claim and of a remit in the de-identified export. Pure.

A field that nobody decided on fails a test: who adds one looks at 45 CFR 164.514(b)(2) and says it here.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

Decision = Literal["kept", "checked", "coarsened", "pseudonym", "inside", "left_out"]
Decisions = Mapping[str, Mapping[str, Decision]]

# In the words of docs/privacy.md.
MEANINGS: Final[Mapping[Decision, str]] = {
    "kept": "an amount, a count, or a word that we chose ourselves",
    "checked": "a code that whoever sent it chose: kept where it has a code's form, else left out",
    "coarsened": "a day: its year, or days since the service; a birth date: an age up to 90+; a ZIP code: three digits or 000",
    "pseudonym": "named by a keyed hash",
    "inside": "a part, looked into field by field",
    "left_out": "not in the export",
}


def _of(**told: str) -> dict[str, Decision]:
    known = get_args(Decision)
    return {name: decision for decision in known for name in told.get(decision, "").split()}


CLAIM: Final[Decisions] = {
    "Claim": _of(
        kept="claim_type charge_cents",
        checked="facility_code frequency_code",
        coarsened="dates",
        pseudonym="billing_provider providers",
        inside="subscription subscriber payer lines patient diagnoses",
        left_out=(
            "patient_control_number facility_qualifier signature assignment benefits_assigned release more pay_to"
            " patient_relationship references attachments patient_paid_cents other_payers segments separator component ordinal"
            " segment_index byte_offset"
        ),
    ),
    "Subscription": _of(checked="sequence claim_filing_code", left_out="relationship group_number group_name insurance_type"),
    "Person": _of(
        checked="sex",
        coarsened="birth_on",
        inside="address",
        left_out="last_name first_name middle_name suffix is_person id_qualifier member_id references segments",
    ),
    "Address": _of(checked="state", coarsened="postal_code country", left_out="line_1 line_2 city"),
    "Payer": _of(checked="payer_id", left_out="name id_qualifier address references segments"),
    "Diagnosis": _of(checked="code", left_out="qualifier present_on_admission"),
    "ClaimLine": _of(
        kept="charge_cents",
        checked="procedure_code modifiers units place_of_service revenue_code",
        coarsened="service_from_on service_to_on",
        left_out=(
            "number qualifier description unit diagnosis_pointers line_control_number drug_code references providers adjudications"
            " more segments"
        ),
    ),
}
REMIT: Final[Decisions] = {
    "RemitReceivedV1": _of(
        kept="claim_type payer_kind charge_cents paid_cents patient_responsibility_cents",
        checked="payer_id claim_status_code claim_filing_code",
        coarsened="payment_on service_from_on",
        pseudonym="claim_id remit_id",
        inside="adjustments rarcs lines",
        left_out=(
            "remittance_id interchange_id claim_key patient_control_number payer_claim_control_number payer_name received_at totals"
            " service_to_on"
        ),
    ),
    "Adjustment": _of(kept="amount_cents line", checked="group_code carc", left_out="quantity"),
    "Remark": _of(kept="line", checked="rarc"),
    "ServiceLine": _of(
        kept="line charge_cents paid_cents",
        checked="procedure_code modifiers revenue_code units",
        coarsened="service_on",
        left_out="qualifier original_procedure_code line_control_number",
    ),
}
