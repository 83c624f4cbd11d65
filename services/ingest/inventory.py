"""What each column of ingest's tables holds of a person (libs/common/inventory.py says what the classes mean)."""

from typing import Final

from libs.common.inventory import SPINE, Inventory, table

TABLES: Final[Inventory] = {
    **SPINE,
    "accounts": table(reference="claim_key", nothing="tenant_id version"),
    "acknowledgements": table(
        reference="acknowledgement_id claim_key claim_id patient_control_number payer_claim_control_number",
        care="verdict acknowledged_on charge_cents service_from_on statuses",
        nothing="tenant_id row_id interchange_id source received_at payer_id payer_name",
    ),
    "claim_findings": table(reference="claim_id", care="found", nothing="tenant_id ordinal rule_id severity path line"),
    "claim_history": table(reference="claim_id cause_id", care="state at", nothing="tenant_id row_id why"),
    "claims": table(
        identifier="content",
        reference=(
            "claim_id claim_key patient_control_number member_reference original_payer_claim_control_number replaces_claim_id"
            " payer_claim_control_number"
        ),
        care="charge_cents facility_code service_from_on service_to_on state submitted_at sent_on",
        staff="coder",
        nothing=(
            "tenant_id row_id sequence interchange_id trace_id transaction_ordinal claim_ordinal group_control_number"
            " set_control_number claim_type frequency_code payer_id payer_name payer_kind claim_filing_code payer_sequence"
            " billing_npi rendering_npi"
        ),
    ),
    "deposits": table(
        words="reference",
        nothing="tenant_id deposit_id row_id deposited_on amount_cents trace_number payer_name remittance_id received_at",
    ),
    "findings": table(nothing="tenant_id interchange_id ordinal finding"),
    "followup_history": table(words="changes", reference="followup_id", staff="who", nothing="tenant_id row_id what at version"),
    "followup_sweeps": table(nothing="tenant_id swept_at"),
    "followup_watches": table(reference="subject_id", nothing="tenant_id subject look_at"),
    "followups": table(
        words="note",
        reference="followup_id subject_id patient_control_number",
        care="amount_cents reason resolution",
        staff="owner",
        nothing=(
            "tenant_id kind subject payer_id payer_name due_on status resolved_by resolved_at snoozed_until version opened_at"
            " changed_at"
        ),
    ),
    "interchange_chunks": table(identifier="body", nothing="tenant_id interchange_id ordinal"),
    "interchanges": table(
        nothing=(
            "tenant_id interchange_id row_id sha256 size_bytes status received_at finished_at bytes_read claims_read error_count"
            " failures leased_until traceparent"
        )
    ),
    "match_history": table(
        words="why",
        reference="claim_id claim_id_before",
        staff="who",
        nothing="tenant_id remit_row_id row_id result result_before decided_by at",
    ),
    "matches": table(
        reference="remit_id claim_key payer_claim_control_number original_reference claim_id",
        care="differences",
        nothing="tenant_id remit_row_id rendering_npi frequency_code result score decided_by decided_at",
    ),
    "payer_habits": table(nothing="tenant_id payer_id answers usual_days learned_at"),
    "payer_rule_versions": table(nothing="tenant_id payer_id version row_id rules added removed changed_at changed_xid"),
    "provider_adjustments": table(
        reference="reference_id",
        nothing="tenant_id remittance_id ordinal provider_id fiscal_period_on reason_code amount_cents",
    ),
    "records_requests": table(reference="request_id", nothing="tenant_id interchange_id"),
    "reference_codes": table(nothing="tenant_id release_id code billable valid_from valid_to"),
    "reference_fees": table(nothing="tenant_id release_id payer_id procedure_code modifier allowed_cents valid_from valid_to"),
    "reference_load_chunks": table(nothing="tenant_id load_id ordinal body"),
    "reference_loads": table(
        nothing=(
            "tenant_id load_id name quarter smaller sha256 size_bytes status received_at finished_at bytes_read rows release_id"
            " reason line attempts leased_until"
        )
    ),
    "reference_mue": table(nothing="tenant_id release_id code units indicator"),
    "reference_ptp": table(nothing="tenant_id release_id column_1 column_2 begins_on ends_on indicator"),
    "reference_releases": table(nothing="tenant_id release_id name quarter begins_on state rows sha256 loaded_at"),
    "remits": table(
        identifier="segments",
        reference="remit_id claim_key patient_control_number payer_claim_control_number",
        care="claim_status_code payment_on charge_cents paid_cents adjustment_cents unbalanced_cents told",
        nothing=("tenant_id row_id remittance_id interchange_id transaction_ordinal claim_ordinal sequence content_digest"),
    ),
    "remittances": table(
        nothing=(
            "tenant_id remittance_id row_id interchange_id payer_id payer_name payee_id payee_name trace_number amount_cents"
            " handling_code method payment_on produced_on received_at"
        )
    ),
    "sandbox_letters": table(identifier="body", nothing="tenant_id due_at row_id traceparent"),
    "set_answers": table(
        care="answer",
        nothing="tenant_id group_control_number set_control_number interchange_id sent_interchange_id answered_on received_at",
    ),
    "transactions": table(
        nothing=(
            "tenant_id interchange_id ordinal type control_number version remittance_id complete claims claims_new claims_duplicate"
            " claims_conflicting claims_unreadable charge_cents paid_cents adjustment_cents unbalanced_lines unbalanced_claims"
            " balance_difference_cents"
        )
    ),
}
