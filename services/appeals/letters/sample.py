"""A claim of nobody, for looking at a template before any case needs it. Pure."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from services.appeals.letters.claim import Claim, ClaimLife, Remit
from services.appeals.letters.facts import CaseFacts, Exhibit, Letterhead, Reason, Sources
from services.appeals.letters.language import Language

_CLAIM = {
    "claim_type": "professional",
    "patient_control_number": "SAMPLE-1",
    "charge_cents": 48000,
    "billing_provider": {"name": "Sample Clinic", "npi": "1999999984"},
    "subscription": {"group_number": "SAMPLE"},
    "subscriber": {"last_name": "Sample", "first_name": "Patient", "member_id": "SAMPLE000", "birth_on": "1970-01-01"},
    "payer": {
        "name": "Sample Payer",
        "address": {"line_1": "1 Sample Street", "city": "Sample", "state": "OH", "postal_code": "43000"},
    },
    "diagnoses": [{"qualifier": "ABK", "code": "Z0000"}],
    "providers": [{"entity_code": "82", "name": "Clinician", "first_name": "Sample", "npi": "1234567893"}],
}
_LIFE = {
    "submitted_at": "2026-01-12T09:00:00Z",
    "service_from_on": "2026-01-10",
    "acknowledgements": [{"verdict": "accepted", "acknowledged_on": "2026-01-13"}],
}
_REMIT = {
    "charge_cents": 48000,
    "paid_cents": 0,
    "service_from_on": "2026-01-10",
    "lines": [
        {
            "line": 1,
            "charge_cents": 30000,
            "procedure_code": "X0001",
            "modifiers": ["59"],
            "units": "1",
            "service_on": "2026-01-10",
        },
        {"line": 2, "charge_cents": 18000, "procedure_code": "X0002", "units": "2", "service_on": "2026-01-10"},
    ],
}
_LETTERHEAD = Letterhead("Your practice", ("Your address",), "Your name", "Your title", "Your phone")


def sample_sources(letterhead: Mapping[str, Any] | None, language: Language) -> Sources:
    """Return made-up sources with the tenant's own letterhead, where there is one."""
    title = {"en": "Medical records", "fr": "Dossier médical"}[language]
    return Sources(
        case=CaseFacts(
            case_id=UUID(int=0),
            remit_id=UUID(int=0),
            patient_control_number="SAMPLE-1",
            payer_claim_control_number="SAMPLE0001",
            payer_id="0000000000",
            payer_name="Sample Payer",
            payment_on=date(2026, 2, 1),
            category="other",
            denied_cents=48000,
            reasons=(Reason("CO", "50", 30000, ("N115",), 1), Reason("CO", "50", 18000, (), 2)),
        ),
        letterhead=_LETTERHEAD if letterhead is None else msgspec.convert(letterhead, Letterhead),
        letterhead_version=0,
        exhibits=(Exhibit(1, UUID(int=0), title, "application/pdf", "0" * 64, 1000, 3),),
        meanings={},
        claim=msgspec.convert(_CLAIM, Claim),
        life=msgspec.convert(_LIFE, ClaimLife),
        remit=msgspec.convert(_REMIT, Remit),
    )
