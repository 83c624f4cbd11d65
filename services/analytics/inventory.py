"""What each column of analytics' tables holds of a person (libs/common/inventory.py says what the classes mean)."""

from typing import Final

from libs.common.inventory import SPINE, Inventory, table

TABLES: Final[Inventory] = {
    **SPINE,
    "alert_marks": table(nothing="tenant_id payer_id moved looked looked_at again_on"),
    "alert_steps": table(words="note", staff="who", nothing="tenant_id step_id changed_xid alert_id what at after"),
    "alerts": table(
        staff="acknowledged_by resolved_by",
        nothing=(
            "tenant_id alert_id payer_id category status began_on signalled_on last_on usual_rate claims denied expected_milli"
            " refused_cents opened_at acknowledged_at resolved_at resolution ended_on version"
        ),
    ),
    "audit_items": table(
        reference="unit", care="label verdict", staff="settled_by", nothing="tenant_id audit_id item stratum probability state"
    ),
    "audit_reviews": table(care="verdict", staff="reviewer", nothing="tenant_id audit_id item reviewed_at"),
    "audit_schedules": table(nothing="tenant_id schedule_id plan cadence next_on created_at"),
    "audits": table(
        nothing=(
            "tenant_id audit_id plan as_of state reason created_at leased_until drawn_at drawn_through strata items items_final"
            " schedule_id period_on"
        )
    ),
    "cells": table(staff="coder", nothing="tenant_id cell payer facility provider service_group category level code"),
    "days_ended": table(nothing="only_row through"),
    "ended_sessions": table(nothing="tenant_id session_id ends_at"),
    "facts": table(reference="claim_key", care="told", nothing="tenant_id place kind"),
    "outcome_reasons": table(nothing="tenant_id reason category carc"),
    "outcome_services": table(nothing="tenant_id service told"),
    "outcome_subjects": table(
        care="diagnosis", staff="coder", nothing="tenant_id subject payer facility provider place claim_type authorization"
    ),
    "outcomes": table(
        reference="claim_key claim_id denial_id",
        care="day sent_on service denied_cents",
        nothing="tenant_id episode line subject reason",
    ),
    "payers": table(nothing="tenant_id payer_id payer_name"),
    "recounts": table(
        nothing=(
            "tenant_id recount_id repair reread state created_at updated_at leased_until parts parts_done facts facts_new sums"
            " differing report outcomes"
        )
    ),
    "report_pieces": table(care="piece", nothing="tenant_id report_id place"),
    "report_schedules": table(nothing="tenant_id schedule_id what format cadence shared next_on created_at"),
    "reports": table(nothing="tenant_id report_id schedule_id what format shared first_on last_on size_bytes made_at"),
    "rollups": table(nothing="tenant_id measure day known_on cell count amount grain"),
    "root_cause_actions": table(
        words="change history",
        staff="owner",
        nothing="tenant_id action_id root_cause_id state due_on expected_rate began_on effective_on created_at updated_at",
    ),
    "told_amounts": table(nothing="tenant_id name month told_at cents"),
    "webhook_deliveries": table(
        nothing=(
            "tenant_id delivery_id webhook_id message_id sequence previous state attempts next_at created_at ended_at last_outcome"
            " tried"
        )
    ),
    "webhook_messages": table(
        care="told", nothing="tenant_id message_id type occurred_at webhook_id sequence place changed_xid event_id traceparent"
    ),
    "webhook_replays": table(
        nothing="tenant_id replay_id webhook_id from_at to_at after_at after_sequence queued created_at finished_at"
    ),
    "webhook_sequences": table(nothing="tenant_id last"),
    "webhooks": table(
        staff="created_by",
        nothing=(
            "tenant_id webhook_id url secret created_at event_types old_secret old_secret_until failures failing_since paused_until"
            " disabled_at disabled_reason last_sequence"
        ),
    ),
}
