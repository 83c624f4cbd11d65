"""No event can carry patient data: whoever adds a field must look at it and name it here."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from deploy.docs.schemas import DEAD_LETTER, EVENTS, PublishedEvent

# Every name that an event's field may have. Account and control numbers are the provider's and the payer's own references; names
# are those of organisations; free text is written by us from codes. A name, an address, a birth date, a sex, a member or policy
# number, a telephone number or an e-mail address of a person has no place here, whatever its field is called.
ALLOWED = frozenset(
    {
        "acknowledged_on", "acknowledgement_id", "action", "adjustment_cents", "adjustments", "adjustments_by_group",
        "alternative_actions", "amount_cents", "appeal_by", "appeal_id", "billing_npi", "carc", "case_id", "category",
        "channel", "charge_cents", "claim_filing_code", "claim_id", "claim_key", "claim_status_code", "claim_type",
        "classified_at", "code", "code_list", "codes", "confidence", "core_scenario", "correct_by", "days", "decided_at",
        "decided_by", "decided_on", "deciding_remit_id", "denial_id", "denial_revision", "denied_cents", "diagnosis_codes",
        "disputed_cents", "due_on", "entity", "expected_value_cents", "explanation", "explanation_fr", "facility_code",
        "filed_at", "filed_on", "findings", "firm", "frequency_code", "group_code", "interchange_id", "kind", "level",
        "line", "line_control_number", "lines", "matched_at", "member_reference", "modifiers", "odds_version",
        "original_payer_claim_control_number", "original_procedure_code", "outcome", "overturn_probability",
        "packet_sha256", "paid_cents", "patient_control_number", "patient_responsibility_cents",
        "payer_claim_control_number", "payer_id", "payer_kind", "payer_name", "payer_sequence", "payment_on",
        "place_of_service", "preventable", "prior_authorization", "procedure_code", "qualifier", "quantity", "rarc",
        "rarcs", "reasons", "received_at", "recoverable", "recovered_cents", "referral", "remit_id", "remittance_id",
        "rendering_npi", "replaces_claim_id", "request_id", "revenue_code", "revision", "rule", "rule_version", "rules",
        "service_from_on", "service_on", "service_to_on", "severity", "source", "status", "statuses", "submitted_at",
        "totals", "trace", "trigger", "trigger_on", "unbalanced_cents", "units",
    }
)  # fmt: skip


def field_names(schema: Any) -> Iterator[str]:
    for definition in schema["$defs"].values():
        yield from definition["properties"]


@pytest.mark.parametrize("event", [event for event in EVENTS if event is not DEAD_LETTER], ids=lambda event: event.name)
def test_every_field_of_an_event_is_known_to_hold_no_patient_data(event: PublishedEvent) -> None:
    unknown = set(field_names(msgspec.json.schema(event.data))) - ALLOWED
    assert not unknown, f"can {sorted(unknown)} hold patient data? If surely not, add them to the list"


def test_the_list_holds_no_name_that_is_not_used() -> None:
    used = {name for event in EVENTS for name in field_names(msgspec.json.schema(event.data))}
    assert used >= ALLOWED


def test_a_field_with_patient_data_would_be_seen() -> None:
    class WithName(msgspec.Struct):
        claim_id: str
        subscriber_name: str

    assert set(field_names(msgspec.json.schema(WithName))) - ALLOWED == {"subscriber_name"}
