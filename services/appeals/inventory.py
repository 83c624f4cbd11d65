"""What each column of appeals' tables holds of a person (libs/common/inventory.py says what the classes mean).

The bytes of documents, packets and answers to requests for records lie beside the database and are identifiers as a whole.
"""

from typing import Final

from libs.common.inventory import SPINE, Inventory, table

TABLES: Final[Inventory] = {
    **SPINE,
    "accounts": table(reference="claim_key", nothing="tenant_id"),
    "bulk_actions": table(
        words="action chosen",
        staff="who",
        nothing="tenant_id bulk_id state position total passed done refused created_at updated_at",
    ),
    "bulk_refusals": table(reference="case_id", nothing="tenant_id bulk_id reason detail"),
    "case_comments": table(
        words="words", reference="case_id", staff="author mentions", nothing="tenant_id comment_id at forgotten_at"
    ),
    "case_history": table(words="why", reference="case_id", staff="who", nothing="tenant_id version state at command"),
    "case_messages": table(words="text", reference="case_id", staff="who", nothing="tenant_id message_id link_id at forgotten_at"),
    "case_tags": table(words="tag", reference="case_id", nothing="tenant_id"),
    "case_tasks": table(reference="case_id about_id", nothing="tenant_id task raised_at done_at"),
    "case_warnings": table(reference="case_id", nothing="tenant_id deadline_on days_before raised_at"),
    "cases": table(
        reference="case_id denial_id remit_id claim_key patient_control_number payer_claim_control_number",
        care="payment_on category action denied_cents explanation reasons outcome",
        staff="closed_by",
        nothing=(
            "tenant_id row_id state version denial_revision payer_id payer_name opened_at changed_at filings appeal_by_on"
            " correct_by_on judged"
        ),
    ),
    "corrected_claims": table(
        identifier="difference",
        words="why",
        reference="correction_id case_id replaces_claim_id claim_id",
        staff="who",
        nothing="tenant_id state frequency_code begun_at sent_at forgotten_at",
    ),
    "correspondence": table(
        words="party reference_number said promise",
        reference="case_id",
        staff="ended_by logged_by",
        nothing=(
            "tenant_id entry_id version kind direction at promised_on promise_is look_at missed_at ended_at logged_at forgotten_at"
        ),
    ),
    "decisions": table(
        words="said_reference",
        reference="appeal_id case_id claim_key deciding_remit_id",
        care="outcome recovered_cents said_outcome",
        staff="said_by",
        nothing="tenant_id revision decided_by decided_on decided_at said_on said_at",
    ),
    "deliveries": table(reference="appeal_id case_id receipt", nothing="tenant_id channel status attempts next_at reason ended_at"),
    "disclosures": table(
        words="name", reference="case_id item_id", staff="who", nothing="tenant_id row_id link_id what size_bytes at"
    ),
    "document_blobs": table(nothing="tenant_id sha256 key size_bytes touched_at"),
    "document_history": table(words="why", reference="case_id document_id", staff="who", nothing="tenant_id row_id what at"),
    "documents": table(
        identifier="file_name",
        reference="document_id case_id replaces_document_id",
        staff="added_by",
        nothing="tenant_id kind media_type page_count sha256 size_bytes state place origin added_at changed_at",
    ),
    "evidence_checklists": table(staff="changed_by", nothing="tenant_id payer_id category items changed_at"),
    "evidence_collections": table(reference="case_id", nothing="tenant_id collected_at"),
    "evidence_waivers": table(words="reason", reference="case_id", staff="who", nothing="tenant_id row_id item what at"),
    "filings": table(
        words="good_cause",
        reference="appeal_id case_id claim_key tracking_number corrected_claim_id packet_id",
        care="disputed_cents",
        staff="filed_by",
        nothing=(
            "tenant_id number action level channel packet_sha256 due_on filed_on filed_at next_check_on packet_is next_check_is"
            " submission_id"
        ),
    ),
    "guest_links": table(
        words="subject",
        reference="case_id",
        staff="name created_by",
        nothing="tenant_id link_id token_sha256 role language may_answer may_upload created_at expires_at revoked_at",
    ),
    "guest_shares": table(reference="item_id", nothing="tenant_id link_id kind shared_at"),
    "letter_templates": table(
        words="note", staff="written_by", nothing="tenant_id category level language version body written_at"
    ),
    "letterheads": table(staff="content written_by", nothing="tenant_id version logo written_at"),
    "letters": table(
        identifier="content",
        reference="case_id",
        care="category",
        staff="written_by",
        nothing=(
            "tenant_id version level language template_category template_level template_version edits_version written_at"
            " forgotten_at"
        ),
    ),
    "packets": table(
        identifier="manifest",
        reference="packet_id case_id files",
        staff="asked_by",
        nothing=(
            "tenant_id letter_version limits state reason exhibit attempts leased_until sha256 asked_at built_at"
            " forgotten_at swept_at"
        ),
    ),
    "payer_versions": table(staff="who", nothing="tenant_id payer_id what version told at"),
    "payers": table(nothing="tenant_id payer_id payer_name payer_kind version entry levels_version first_seen_at"),
    "records_answers": table(
        reference="appeal_id case_id request_id trace documents", nothing="tenant_id key size_bytes sets written_at"
    ),
    "records_requests": table(
        reference="request_id claim_key trace payer_claim_control_number claim_id case_id answered_by",
        care="codes",
        nothing="tenant_id payer_id payer_name received_at due_on attached_at",
    ),
    "remits": table(
        reference="claim_key remit_id number claim_id",
        care="payment_on is_answer charge_cents paid_cents refused_cents service_from_on",
        nothing="tenant_id payer_id",
    ),
    "submission_cases": table(reference="case_id", nothing="tenant_id submission_id"),
    "submissions": table(words="note", care="category", staff="created_by", nothing="tenant_id submission_id payer_id created_at"),
    "team_members": table(staff="member", nothing="tenant_id team"),
    "worklist": table(
        reference="case_id",
        care="expected_cents amount_cents told",
        staff="queue assignee holder",
        nothing=(
            "tenant_id payer_id place score level deadline_on deadline_is expires_on known_on look_at team leased_until"
            " snoozed_until"
            " expired_for received_on requested_by_on"
        ),
    ),
    "worklist_history": table(words="changes", reference="case_id", staff="who", nothing="tenant_id row_id at"),
}
