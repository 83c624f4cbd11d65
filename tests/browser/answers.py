"""What the other services answer to the pages, as their OpenAPI promises it: test_answers.py holds it to that."""

from typing import Any

import httpx

DENIAL_ID = "b3f02fe7-772d-56d1-86fd-1f4e9a05e454"
REMIT_ID = "ec4f1a98-27b3-55b4-b793-3a53fa2a129b"
CLAIM_ID = "4c094d89-7dfb-54a0-a506-60d8cdf104bd"
CASE_ID = "4dd74b66-6559-512b-b7d3-6c699c717c60"
CLAIM_KEY = "882d170e-6f76-5316-976c-9ddd651e6cd5"
REVERSAL_ID = "0b7e8a53-6f0d-5c2a-9c55-0d4f0f1f2f11"
CORRECTED_ID = "5f1d6b02-3a77-5b0e-8a39-64e1c2f0aa22"
SECOND_DENIAL_ID = "c9a1b7de-40f5-5d3a-9d2e-7b61f0c4bb33"
SECOND_CASE_ID = "a2c4e6f8-1357-5bdf-9acd-2468ace0cc44"
SENT_IN = "74368053-812f-5b2e-9491-bd6f48e739f8"
ANSWERED_IN = "8eb6eb07-8d01-5777-98fa-e0df3694d958"
CORRECTED_IN = "6d0f7b31-95c8-5e14-a7f0-318a5c9edd55"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CORRECTED_TRACE = "7a085853722dc6d2a3ce929d0e0e4736"
_REASON = {"line": 1, "group_code": "CO", "carc": "197", "rarcs": ["N54"], "amount_cents": 12_345, "category": "authorization"}
_ABOUT = {
    "denial_id": DENIAL_ID,
    "remit_id": REMIT_ID,
    "claim_key": CLAIM_KEY,
    "patient_control_number": "ACCOUNT-1",
    "payer_claim_control_number": "PAYER-1",
    "payer_id": "P1",
    "payer_name": "Northwind Health Plan",
    "payment_on": "2026-02-03",
    "category": "authorization",
    "action": "appeal",
    "denied_cents": 12_345,
    "reasons": [_REASON],
}
DENIAL: dict[str, Any] = {
    **_ABOUT,
    "kind": "hard",
    "alternative_actions": [],
    "preventable": True,
    "core_scenario": None,
    "explanation": "$123.45 refused on line 1, authorization.",
    "explanation_fr": "123,45 $ refusés à la ligne 1, autorisation.",
    "rules": ["code"],
    "confidence": 0.9,
    "appeal_by": None,
    "correct_by": None,
    "rule_version": "2.0",
    "revision": 1,
    "status": "active",
    "recoverable": True,
    "remittance_id": REMIT_ID,
    "claim_id": CLAIM_ID,
    "acknowledgement_id": None,
    "payer_kind": "commercial",
    "service_from_on": "2026-01-06",
    "charge_cents": 20_000,
    "paid_cents": 7_655,
    "classified_at": "2026-02-03T09:00:02Z",
    "odds": None,
    "expected_value_cents": None,
}
CASE: dict[str, Any] = {
    **_ABOUT,
    "case_id": CASE_ID,
    "state": "filed",
    "version": 3,
    "due_on": "2026-04-04",
    "deadline_is": "assumed",
    "level": "internal_appeal",
    "expected_cents": 5_000,
    "place": "free",
    "assignee": None,
    "team": None,
    "holder": None,
    "leased_until": None,
    "snoozed_until": None,
    "tags": [],
    "denial_revision": 1,
    "explanation": DENIAL["explanation"],
    "opened_at": "2026-02-03T09:00:03Z",
    "changed_at": "2026-02-10T14:00:00Z",
}
WHOLE_CASE: dict[str, Any] = {
    **CASE,
    "tasks": [],
    "next_steps": [],
    "records_requests": [],
    "appeals": [],
    "history": [
        {
            "version": 1,
            "state": "open",
            "command": "pursue",
            "why": "denial_classified",
            "who": "recours",
            "at": "2026-02-03T09:00:03Z",
        },
        {"version": 3, "state": "filed", "command": "file", "why": "", "who": "ann", "at": "2026-02-10T14:00:00Z"},
    ],
}
CLAIM: dict[str, Any] = {
    "claim_id": CLAIM_ID,
    "claim_key": CLAIM_KEY,
    "service_from_on": "2026-01-06",
    "charge_cents": 20_000,
    "interchange_id": SENT_IN,
    "diagnoses": ["A000", "B1990"],
    "lines": [
        {
            "line": 1,
            "procedure_code": "G0283",
            "modifiers": ["59"],
            "revenue_code": "",
            "units": "1",
            "charge_cents": 20_000,
            "service_from_on": "2026-01-06",
            "service_to_on": None,
            "line_control_number": "L1",
            "diagnoses": ["B1990"],
        }
    ],
    "history": [{"at": "2026-01-07T08:00:00Z", "why": "submitted", "state": "submitted", "cause_id": None}],
    "acknowledgements": [],
    "remit_ids": [REMIT_ID, REVERSAL_ID, CORRECTED_ID],
}
REMIT: dict[str, Any] = {
    "remit_id": REMIT_ID,
    "interchange_id": ANSWERED_IN,
    "claim_status_code": "1",
    "received_at": "2026-02-03T08:59:58Z",
    "payment_on": "2026-02-05",  # the money comes two days behind the file
    "charge_cents": 20_000,
    "paid_cents": 7_655,
    "lines": [
        {
            "line": 1,
            "qualifier": "HC",
            "procedure_code": "A4550",
            "modifiers": ["59"],
            "revenue_code": None,
            "original_procedure_code": "G0283",
            "units": "1",
            "service_on": "2026-01-06",
            "line_control_number": "L1",
            "charge_cents": 20_000,
            "paid_cents": 7_655,
            "unbalanced_cents": 0,
            "rarcs": ["N54"],
        }
    ],
    "adjustments": [{"line": 1, "group_code": "CO", "carc": "197", "amount_cents": 12_345, "quantity": None}],
}
# A month later the payer takes its answer back and gives another one, which refuses something else.
REVERSAL: dict[str, Any] = REMIT | {
    "remit_id": REVERSAL_ID,
    "interchange_id": CORRECTED_IN,
    "claim_status_code": "22",
    "received_at": "2026-03-02T09:59:58Z",
    "payment_on": "2026-03-04",
    "paid_cents": -7_655,
}
CORRECTED: dict[str, Any] = REVERSAL | {"remit_id": CORRECTED_ID, "claim_status_code": "1", "paid_cents": 15_000}
SECOND_DENIAL: dict[str, Any] = DENIAL | {
    "denial_id": SECOND_DENIAL_ID,
    "remit_id": CORRECTED_ID,
    "payment_on": "2026-03-04",
    "category": "coding_bundling",
    "denied_cents": 5_000,
    "classified_at": "2026-03-02T10:00:02Z",
}
SECOND_CASE: dict[str, Any] = WHOLE_CASE | {
    "case_id": SECOND_CASE_ID,
    "denial_id": SECOND_DENIAL_ID,
    "remit_id": CORRECTED_ID,
    "state": "open",
    "denied_cents": 5_000,
    "history": [WHOLE_CASE["history"][0] | {"at": "2026-03-02T10:00:03Z"}],
}
LEDGER = {"totals": {"remits": 60, "charge_cents": 1_937_730, "paid_cents": 0, "adjustment_cents": 0, "unbalanced_cents": 0}}


def answer(request: httpx.Request) -> httpx.Response:
    """Answer as ingest, classifier and appeals do; what is not here is not found."""
    denials = [DENIAL, SECOND_DENIAL] if "claim_id" in request.url.params else [DENIAL]
    case = SECOND_CASE if request.url.params.get("denial_id") == SECOND_DENIAL_ID else CASE
    documents: dict[str, Any] = {
        "/v1/denials": {"items": denials, "next_cursor": "further"},
        f"/v1/denials/{DENIAL_ID}": DENIAL,
        f"/v1/denials/{SECOND_DENIAL_ID}": SECOND_DENIAL,
        "/v1/cases": {"items": [case], "next_cursor": None},
        f"/v1/cases/{CASE_ID}": WHOLE_CASE,
        f"/v1/cases/{SECOND_CASE_ID}": SECOND_CASE,
        f"/v1/claims/{CLAIM_ID}": CLAIM,
        f"/v1/remits/{REMIT_ID}": REMIT,
        f"/v1/remits/{REVERSAL_ID}": REVERSAL,
        f"/v1/remits/{CORRECTED_ID}": CORRECTED,
        f"/v1/interchanges/{CORRECTED_IN}": {"interchange_id": CORRECTED_IN, "trace_id": CORRECTED_TRACE},
        f"/v1/interchanges/{SENT_IN}": {"interchange_id": SENT_IN, "trace_id": TRACE},
        f"/v1/interchanges/{ANSWERED_IN}": {"interchange_id": ANSWERED_IN, "trace_id": TRACE},
        "/readyz": {"status": "ok", "checks": {}},
        "/v1/ledger": LEDGER,
        "/v1/outbox": {"waiting": 2, "oldest_at": "2026-03-31T11:58:00Z", "oldest_seconds": 120.0},
        "/v1/dead-letters": {"items": [], "next_cursor": None},
    }
    found = documents.get(request.url.path)
    return httpx.Response(404, json={"status": 404}) if found is None else httpx.Response(200, json=found)
