"""What letters are written from, made on the spot: a claim of nobody, a case about it, a letterhead, and what a person tells."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from services.appeals.letters.claim import Claim, ClaimLife, Remit
from services.appeals.letters.facts import CaseFacts, Exhibit, Letterhead, Reason, Sources
from services.appeals.letters.variables import VARIABLES, Money

CASE = UUID(int=77)
CONTENT: Mapping[str, Any] = {
    "claim_type": "professional",
    "patient_control_number": "ACCT-20931",
    "charge_cents": 248000,
    "billing_provider": {
        "entity_code": "85",
        "name": "Harbor Street Orthopedics",
        "npi": "1999999984",
        "references": [{"qualifier": "EI", "value": "12-3456789"}],
    },
    "subscription": {"group_number": "GRP-7781"},
    "subscriber": {
        "last_name": "Whitcombe",
        "first_name": "Eleanor",
        "member_id": "W44710020",
        "birth_on": "1961-02-11",
    },
    "payer": {
        "name": "Lakeside Mutual",
        "address": {"line_1": "PO Box 1200", "city": "Columbus", "state": "OH", "postal_code": "43215"},
    },
    "diagnoses": [{"qualifier": "ABK", "code": "M1711"}, {"qualifier": "ABF", "code": "E119"}],
    "references": [{"qualifier": "G1", "value": "AUTH-55-8812"}],
    "providers": [{"entity_code": "82", "name": "Okafor", "first_name": "Ngozi", "suffix": "MD", "npi": "1234567893"}],
}
LETTERHEAD = Letterhead(
    "Harbor Street Orthopedics, P.C.",
    ("418 Harbor Street, Suite 300", "Toledo, OH 43604"),
    "Margaret O\N{RIGHT SINGLE QUOTATION MARK}Shaughnessy, RN",
    "Director of Appeals",
    "(419) 555-0142",
    npi="1999999984",
)
KNOWN = {"patient", "member", "claim", "service", "submitted", "accepted", "answer", "authorization", "other", "due", "referral"}
TOLD: Mapping[str, Any] = {
    name: {"text": f"What is told of {name}.", "date": date(2026, 8, 1), "money": Money(200000)}[variable.kind]
    for name, variable in VARIABLES.items()
    if variable.given and name.partition("_")[0] not in KNOWN
}


def sources(lines: int = 2, exhibits: tuple[Exhibit, ...] = (), **changed: Any) -> Sources:
    """Make the sources of a letter; `changed` are fields of the claim's content."""
    remit_lines = [
        {"line": line, "charge_cents": 124000, "procedure_code": f"X{line:04d}", "units": "1", "service_on": "2026-08-03"}
        for line in range(1, lines + 1)
    ]
    remit = {"charge_cents": 124000 * lines, "paid_cents": 0, "service_from_on": "2026-08-03", "lines": remit_lines}
    taken = {"verdict": "accepted", "acknowledged_on": "2026-08-10"}
    life = {"submitted_at": "2026-08-09T10:00:00Z", "acknowledgements": [taken]}
    return Sources(
        case=CaseFacts(
            case_id=CASE,
            remit_id=UUID(int=1),
            patient_control_number="ACCT-20931",
            payer_claim_control_number="2026214-0099812",
            payer_id="1999999999",
            payer_name="Lakeside Mutual",
            payment_on=date(2026, 9, 1),
            category="medical_necessity",
            denied_cents=124000 * lines,
            reasons=tuple(Reason("CO", "50", 124000, ("N386",), line) for line in range(1, lines + 1)),
        ),
        letterhead=LETTERHEAD,
        letterhead_version=1,
        exhibits=exhibits,
        meanings={"50": "Not regarded as necessary", "N386": "a coverage policy decided this"},
        claim=msgspec.convert({**CONTENT, **changed}, Claim),
        life=msgspec.convert(life, ClaimLife),
        remit=msgspec.convert(remit, Remit),
    )
