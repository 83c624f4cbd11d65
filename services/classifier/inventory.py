"""What each column of the classifier's tables holds of a person (libs/common/inventory.py says what the classes mean)."""

from typing import Final

from libs.common.inventory import SPINE, Inventory, table

TABLES: Final[Inventory] = {
    **SPINE,
    "claim_answers": table(
        reference="acknowledgement_id claim_id", care="acknowledged_on verdict", nothing="tenant_id source sequence"
    ),
    "denials": table(
        reference=("denial_id remit_id claim_key claim_id patient_control_number payer_claim_control_number acknowledgement_id"),
        care=(
            "payment_on service_from_on charge_cents paid_cents denied_cents category explanation explanation_fr reasons codes"
            " adjudicated"
        ),
        nothing=(
            "tenant_id row_id revision status remittance_id payer_id payer_name kind action recoverable preventable"
            " alternative_actions core_scenario confidence rules classified_at changed_xid appeal_by correct_by due_on rule_version"
            " payer_kind claim_type overturn_probability expected_value_cents odds_version"
        ),
    ),
    "labels": table(
        words="note", reference="denial_id", care="category", staff="source", nothing="tenant_id action labelled_at row_id"
    ),
    "later_payments": table(
        reference="claim_key remit_id payer_claim_control_number",
        care="payment_on charge_cents paid_cents service_from_on",
        nothing="tenant_id payer_id",
    ),
    "model_evaluations": table(
        nothing="tenant_id evaluation_id model_id rival_id first_on last_on rows metrics rival evaluated_at"
    ),
    "model_jobs": table(
        nothing=("tenant_id job_id subject work model_id state step progress attempts lease_until detail created_at updated_at")
    ),
    "model_scores": table(reference="about", nothing="tenant_id model_id score judged_on"),
    "models": table(
        nothing=(
            "tenant_id model_id subject version state body sha256 seal first_on last_on rows card created_at changed_at promoted_at"
            " scored_xid scored_id"
        )
    ),
    "odds_due": table(nothing="tenant_id changes changes_seen outcomes made_at"),
    "odds_tables": table(nothing="tenant_id version made_at content report"),
    "outcomes": table(
        reference="outcome_id denial_id",
        care="ending disputed_cents recovered_cents decided_on subject circumstances",
        nothing="tenant_id source revision action level",
    ),
    "replaced_claims": table(reference="claim_id", nothing="tenant_id"),
    "replay_changes": table(reference="denial_id", care="before after", nothing="tenant_id replay_id row_id"),
    "replays": table(
        nothing=(
            "tenant_id replay_id version first_on last_on per_second state position total compared unjudged changed applied passed"
            " created_at updated_at"
        )
    ),
    "reversals": table(
        reference="claim_key remit_id payer_claim_control_number",
        care="charge_cents paid_cents payment_on",
        nothing="tenant_id payer_id",
    ),
    "risk_answers": table(
        reference="remit_id claim_id", care="answered_on denied_cents category lines", nothing="tenant_id claim_sequence"
    ),
    "risk_claims": table(reference="claim_id claim_key", care="submitted_on told charge_cents", nothing="tenant_id changed_xid"),
    "rule_publications": table(nothing="tenant_id ordinal version published_at"),
    "rule_sets": table(words="note", nothing="tenant_id version rules created_at"),
}
