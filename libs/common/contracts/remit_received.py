"""`remit.received`: one claim in one remittance (a CLP loop of an 835), as the payer stated it.

Money is integer cents with the payer's sign. No patient name, address, birth date or member number: events never carry them.
The descriptions of the fields are published: `make docs` writes them into docs/events.
"""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

TOPIC = "remit.received"
TYPE = "recours.remit.received.v1"


class Adjustment(Struct, frozen=True, gc=False, omit_defaults=True):
    """One CAS triplet: the payer's fact."""

    group_code: Annotated[str, Meta(description="CAS01, who bears it: CO, PR, OA or PI; as the payer wrote it.")]
    carc: Annotated[str, Meta(description='Claim adjustment reason code, a string: "45", "B7".')]
    amount_cents: Annotated[int, Meta(description="Cents with the payer's sign: positive lowers what is paid.")]
    quantity: Annotated[str | None, Meta(description="Units that the adjustment is about, a decimal as the payer wrote it.")] = None
    line: Annotated[int | None, Meta(description="1-based position of the service line; absent at claim level.")] = None


class Remark(Struct, frozen=True, gc=False, omit_defaults=True):
    """One remittance advice remark code."""

    rarc: Annotated[str, Meta(description='Remittance advice remark code, a string: "N706", "MA130".')]
    line: Annotated[int | None, Meta(description="1-based service line (LQ); absent for the claim's own (MIA, MOA).")] = None


class ServiceLine(Struct, frozen=True, gc=False, omit_defaults=True):
    """One SVC loop."""

    line: Annotated[int, Meta(description="1-based position in the claim.")]
    charge_cents: Annotated[int, Meta(description="SVC02, billed; cents.")]
    paid_cents: Annotated[int, Meta(description="SVC03, paid; cents.")]
    procedure_code: Annotated[str, Meta(description="The procedure paid for (SVC01); empty where only a revenue code stands.")] = ""
    qualifier: Annotated[str, Meta(description="The code list of the procedure: HC, AD, N4, ...")] = ""
    modifiers: Annotated[tuple[str, ...], Meta(description="Procedure modifiers, in order.")] = ()
    revenue_code: Annotated[str | None, Meta(description="SVC04, of institutional claims.")] = None
    original_procedure_code: Annotated[
        str | None, Meta(description="SVC06: the procedure billed, where the payer paid for another.")
    ] = None
    units: Annotated[str | None, Meta(description="SVC05: units paid, a decimal as the payer wrote it.")] = None
    service_on: Annotated[date | None, Meta(description="First day of the service.")] = None
    line_control_number: Annotated[str | None, Meta(description="REF*6R: the provider's own number of the line.")] = None


class Totals(Struct, frozen=True, gc=False):
    """What ingest booked for this remit in its ledger; every consumer books the same."""

    adjustment_cents: Annotated[int, Meta(description="Sum of all adjustments, claim and lines; cents.")]
    adjustments_by_group: Annotated[dict[str, int], Meta(description="The same sum by group code; cents.")]
    unbalanced_cents: Annotated[
        int,
        Meta(description="charge - paid - all adjustments: what the payer neither paid nor explained; cents, 0 when it balances."),
    ]


class RemitReceivedV1(Struct, frozen=True, gc=False, omit_defaults=True):
    """One adjudicated claim. Key: `claim_key`. Sequence: the version of the account that `claim_key` names."""

    remit_id: Annotated[UUID, Meta(description="Names this claim of this payment; the same 835 sent twice names the same ones.")]
    remittance_id: Annotated[UUID, Meta(description="The payment that holds it.")]
    interchange_id: Annotated[UUID, Meta(description="The file in which it came first.")]
    claim_key: Annotated[
        UUID, Meta(description="Routes: tenant and normalised patient control number; it does not identify a claim.")
    ]
    patient_control_number: Annotated[str, Meta(description="CLP01: the provider's account number, as the payer echoes it.")]
    payer_claim_control_number: Annotated[
        str, Meta(description="CLP07: the payer's number of the claim; empty where it gives none.")
    ]
    payer_id: Annotated[str, Meta(description="TRN03; empty where the payer gives none.")]
    payer_name: Annotated[str, Meta(description="N102 of the payer: an organisation.")]
    payment_on: Annotated[
        date, Meta(description="Payment day (BPR16), else the day of production, else of receipt; the ledger's day.")
    ]
    received_at: Annotated[datetime, Meta(tz=True, description="When the file was received; UTC.")]
    claim_status_code: Annotated[str, Meta(description="CLP02, a hint only; 22 is a reversal, 25 a predetermination.")]
    charge_cents: Annotated[int, Meta(description="CLP03, billed; cents.")]
    paid_cents: Annotated[int, Meta(description="CLP04, paid; cents, negative in a reversal.")]
    adjustments: Annotated[tuple[Adjustment, ...], Meta(description="Every CAS triplet, the claim's first, then line by line.")]
    totals: Annotated[Totals, Meta(description="Sums to book.")]
    rarcs: Annotated[tuple[Remark, ...], Meta(description="Every remark code, the claim's first.")] = ()
    lines: Annotated[tuple[ServiceLine, ...], Meta(description="Service lines, in order.")] = ()
    patient_responsibility_cents: Annotated[int | None, Meta(description="CLP05: what the patient owes; cents.")] = None
    claim_filing_code: Annotated[str | None, Meta(description="CLP06: the kind of plan, such as 12 or MC.")] = None
    claim_type: Annotated[str | None, Meta(description="professional, institutional or dental.")] = None
    payer_kind: Annotated[
        str | None,
        Meta(
            description="medicare, medicare_advantage, medicaid, commercial, workers_comp, auto_liability or other; more may come."
        ),
    ] = None
    service_from_on: Annotated[date | None, Meta(description="First day of service.")] = None
    service_to_on: Annotated[date | None, Meta(description="Last day of service.")] = None
    claim_id: Annotated[UUID | None, Meta(description="The claim as submitted, where it is known which one this answers.")] = None
