"""What a column or a field may hold of a person: the words by which each service says it of its tables, and all of its events.

The rule of a class is in docs/privacy.md, which is written from these tables. A column that no class names fails a test.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

Kind = Literal["identifier", "words", "reference", "care", "staff", "nothing"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
Table = Mapping[str, Kind]
Inventory = Mapping[str, Table]


def table(
    *, identifier: str = "", words: str = "", reference: str = "", care: str = "", staff: str = "", nothing: str = ""
) -> Table:
    """Say what each column of a table holds, the columns of a class as words of one text.

    `identifier`: who a patient is (names, birth dates, addresses, member and record numbers), or bytes with all of it; encrypted.
    `words`: what people write; it can name anybody. `reference`: leads to a patient through the provider's or the payer's books.
    `care`: what was done, when, for how much. `staff`: who did something here. `nothing`: none of these.
    Errors: ValueError where two classes name one column.
    """
    told: dict[str, Kind] = {}
    for kind, names in zip(KINDS, (identifier, words, reference, care, staff, nothing), strict=True):
        for name in names.split():
            if name in told:
                raise ValueError(name)
            told[name] = kind
    return told


# In every service. Events carry no identifier (a test holds it); an answer that is kept for its Idempotency-Key is
# what the route answered.
SPINE: Final[Inventory] = {
    "alembic_version": table(nothing="version_num"),
    "inbox": table(nothing="event_id source admitted_at"),
    "outbox": table(reference="aggregateid", care="payload", nothing="seq xid id tenant_id aggregatetype type headers created_at"),
    "relay_position": table(nothing="only_row last_xid moved_at"),
    "ledger_days": table(nothing="tenant_id day remits charge_cents paid_cents unbalanced_cents"),
    "ledger_adjustments": table(nothing="tenant_id day group_code amount_cents"),
    "idempotency_keys": table(words="body", nothing="tenant_id key request_digest status location kept_until"),
    "data_keys": table(nothing="tenant_id key_id wrapped master created_xid created_at"),
    "key_rewrites": table(nothing="tenant_id key_id place begins_at after rows changed done_at"),
    "audit_log": table(
        reference="object_ids", staff="subject", nothing="tenant_id entry_id at token_id action object_kind outcome trace_id xid"
    ),
    "audit_chain": table(nothing="tenant_id seq entry_id hash"),
    "audit_seals": table(nothing="tenant_id seq kind hash sealed_at key_id signature"),
    "audit_position": table(nothing="only_row last_xid"),
    "retention": table(staff="changed_by", nothing="tenant_id kind days changed_at reached"),
    "tenants": table(
        words="why hold_why", staff="changed_by", nothing="tenant_id state changed_at legal_hold erasing_from erased_at erased"
    ),
}

# The fields of all events, by name. None is an identifier: who adds one must look at it and say here what it holds. Names are
# those of organisations; free text is written by us from codes.
EVENT_FIELDS: Final[Table] = table(
    staff="coder",  # the provider's own id of one of its people, which may hold no space (services/ingest/claims/body.py)
    reference=(
        "acknowledgement_id appeal_id case_id claim_id claim_key deciding_remit_id denial_id followup_id"
        " line_control_number member_reference"
        " original_payer_claim_control_number patient_control_number payer_claim_control_number prior_authorization referral"
        " remit_id"
        " replaces_claim_id request_id subject_id trace"
    ),
    care=(
        "acknowledged_on adjustment_cents adjustments amount_cents carc category charge_cents code codes denied_cents"
        " diagnosis_codes left_cents"
        " disputed_cents explanation explanation_fr facility_code findings group_code line lines modifiers"
        " original_procedure_code outcome paid_cents patient_responsibility_cents payment_on place_of_service procedure_code"
        " quantity"
        " rarc rarcs reasons recovered_cents revenue_code service_from_on service_on service_to_on statuses submitted_at units"
    ),
    nothing=(
        "action adjustments_by_group alternative_actions appeal_by billing_npi changed_at channel claim_filing_code"
        " claim_status_code claim_type closed_as closed_at closed_on"
        " classified_at code_list confidence core_scenario correct_by days decided_at decided_by decided_on denial_revision due_on"
        " entity expected_value_cents filed_at filed_on firm frequency_code interchange_id kind level linked_at matched_at"
        " odds_version opened_at overturn_probability"
        " packet_sha256 payer_id payer_kind payer_name payer_sequence preventable qualifier received_at"
        " recoverable remittance_id rendering_npi resolved_by revision rule rule_version rules severity source status"
        " subject totals trigger trigger_on"
        " unbalanced_cents"
    ),
)
