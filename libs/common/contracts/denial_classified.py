"""`denial.classified`: what the classifier says of one remit with at least one denied adjustment, or of one rejection.

A new judgement of the same denial is the same `denial_id` with the next `revision`; a reversal retracts it. Consumers keep the
highest revision. The descriptions of the fields are published: `make docs` writes them into docs/events.
"""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

TOPIC = "denial.classified"
TYPE = "recours.denial.classified.v1"

_CATEGORY = "One word of the glossary's list of categories; more may come: treat an unknown one as `other`."
_ACTION = "One word of the glossary's list of actions; more may come: treat an unknown one as `contact_payer`."


class Reason(Struct, frozen=True, gc=False, omit_defaults=True):
    """One refused adjustment, with the remarks beside it. Every refused cent is in exactly one reason."""

    group_code: Annotated[str, Meta(description="Who bears it: CO, PR, OA or PI; as the payer wrote it.")]
    carc: Annotated[str, Meta(description='Claim adjustment reason code, a string: "197", "B7".')]
    amount_cents: Annotated[int, Meta(description="Refused; cents with the payer's sign.")]
    category: Annotated[str, Meta(description=_CATEGORY)]
    rarcs: Annotated[tuple[str, ...], Meta(description="Remark codes of its line and of the claim.")] = ()
    line: Annotated[int | None, Meta(description="1-based service line; absent at claim level.")] = None


class Deadline(Struct, frozen=True, gc=False):
    """The last day for something, and why it is that day."""

    due_on: Annotated[date, Meta(description="The last day.")]
    rule: Annotated[str, Meta(description="The limit's name; `tenant:...` where a rule of the tenant sets it.")]
    source: Annotated[str, Meta(description="Where the limit stands: a regulation, a contract, a payer's manual.")]
    trigger: Annotated[str, Meta(description="What it is counted from: payment_on, service_from_on or service_to_on.")]
    trigger_on: Annotated[date, Meta(description="That day.")]
    firm: Annotated[bool, Meta(description="false: a state or a contract may set an earlier day.")]


class DenialClassifiedV1(Struct, frozen=True, gc=False, omit_defaults=True):
    """One judgement of one denial. Key: `claim_key`. Sequence: the denial's `revision`."""

    denial_id: Annotated[UUID, Meta(description="Names the denial: one for each remit that has one, the same in every revision.")]
    revision: Annotated[int, Meta(description="From 1; keep the highest.")]
    status: Annotated[
        Literal["active", "retracted"],
        Meta(description="retracted: the remit was reversed, or the rejected claim taken; a later revision may stand again."),
    ]
    remit_id: Annotated[UUID, Meta(description="The remit that was judged.")]
    remittance_id: Annotated[UUID, Meta(description="The payment that holds it.")]
    claim_key: Annotated[
        UUID, Meta(description="Routes: tenant and normalised patient control number; it does not identify a claim.")
    ]
    patient_control_number: Annotated[str, Meta(description="CLP01: the provider's account number, as the payer echoes it.")]
    payer_claim_control_number: Annotated[
        str, Meta(description="CLP07: the payer's number of the claim; empty where it gives none.")
    ]
    payer_id: Annotated[str, Meta(description="TRN03; empty where the payer gives none.")]
    payer_name: Annotated[str, Meta(description="N102 of the payer: an organisation.")]
    payment_on: Annotated[date, Meta(description="Payment day of the remit; the ledger's day.")]
    charge_cents: Annotated[int, Meta(description="Billed for the whole claim; cents.")]
    paid_cents: Annotated[int, Meta(description="Paid for the whole claim; cents.")]
    denied_cents: Annotated[int, Meta(description="Sum of the reasons; cents.")]
    category: Annotated[str, Meta(description=_CATEGORY + " That of the largest refused sum.")]
    kind: Annotated[
        str,
        Meta(description="hard: an appeal, or a loss; soft: a correction may bring it; rejection: sent back without judgement."),
    ]
    action: Annotated[str, Meta(description=_ACTION)]
    explanation: Annotated[str, Meta(description="One or two English sentences for the person who works it.")]
    reasons: Annotated[tuple[Reason, ...], Meta(description="The refused adjustments, in the payer's order; none of a rejection.")]
    rules: Annotated[tuple[str, ...], Meta(description="The rules that decided, by name: why it is so.")]
    confidence: Annotated[float, Meta(description="From 0 to 1: how sure the rules are of category and action.")]
    classified_at: Annotated[datetime, Meta(tz=True, description="When this revision was judged; UTC.")]
    recoverable: Annotated[bool, Meta(description="Whether somebody can pursue it.")]
    preventable: Annotated[bool | None, Meta(description="Whether it could have been avoided before sending; absent: unknown.")] = (
        None
    )
    alternative_actions: Annotated[tuple[str, ...], Meta(description="Other ways, the best first.")] = ()
    core_scenario: Annotated[
        str | None,
        Meta(description="CAQH CORE business scenario: documents_missing, data_missing_or_invalid, not_covered, ..."),
    ] = None
    service_from_on: Annotated[date | None, Meta(description="First day of service.")] = None
    claim_id: Annotated[UUID | None, Meta(description="The claim as submitted, where it is known which one was answered.")] = None
    acknowledgement_id: Annotated[
        UUID | None, Meta(description="The front door's answer; of a rejection `remit_id` and `remittance_id` are the same id.")
    ] = None
    explanation_fr: Annotated[str | None, Meta(description="The explanation in French.")] = None
    appeal_by: Annotated[Deadline | None, Meta(description="Until when to appeal; absent: no appeal is open, or unknown.")] = None
    correct_by: Annotated[
        Deadline | None, Meta(description="Until when to send a corrected claim; absent: that way is not open, or unknown.")
    ] = None
    payer_kind: Annotated[
        str | None, Meta(description="The kind of payer, as `remit.received` tells it; absent of a rejection and of older denials.")
    ] = None
    rule_version: Annotated[
        str | None,
        Meta(
            description="What judged it: edition of our own rules, dot, version of the tenant's (0: none); absent of a rejection."
        ),
    ] = None
    overturn_probability: Annotated[
        float | None,
        Meta(description="From 0 to 1: the odds that contesting it brings something; absent: nothing to contest with this payer."),
    ] = None
    expected_value_cents: Annotated[
        int | None, Meta(description="What contesting it is worth: what a win usually brings, times the odds; cents.")
    ] = None
    odds_version: Annotated[
        str | None, Meta(description="What told the odds, by kind and version: `table.12`; `table.0`: published rates alone.")
    ] = None
