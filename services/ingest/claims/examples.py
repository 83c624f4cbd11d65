"""A claim of each kind for the interface's description: invented parties, procedures of HCPCS level II or of our own making."""

from typing import Any, Final

_BILLING: Final[dict[str, Any]] = {
    "entity_code": "85",
    "name": "SAMPLE CLINIC",
    "npi": "1234567893",
    "taxonomy_code": "207Q00000X",
    "address": {"line_1": "1 EXAMPLE SQUARE", "city": "SAMPLETOWN", "state": "NY", "postal_code": "100010001"},
    "references": [{"qualifier": "EI", "value": "999999999"}],
}
_SUBSCRIBER: Final[dict[str, Any]] = {
    "last_name": "FAMILY",
    "first_name": "GIVEN",
    "id_qualifier": "MI",
    "member_id": "M0000001",
    "birth_on": "1961-02-03",
    "sex": "F",
}
_COMMON: Final[dict[str, Any]] = {
    "billing_provider": _BILLING,
    "subscription": {"sequence": "P", "relationship": "18", "claim_filing_code": "CI"},
    "subscriber": _SUBSCRIBER,
    "payer": {"name": "SAMPLE HEALTH PLAN", "id_qualifier": "PI", "payer_id": "88001"},
    "assignment": "A",
    "benefits_assigned": "Y",
    "release": "Y",
}
PROFESSIONAL: Final[dict[str, Any]] = {
    **_COMMON,
    "claim_type": "professional",
    "patient_control_number": "ACC-20017",
    "charge_cents": 23050,
    "facility_code": "11",
    "facility_qualifier": "B",
    "signature": "Y",
    "diagnoses": [{"qualifier": "ABK", "code": "A000"}],
    "references": [{"qualifier": "G1", "value": "AUTH0001"}],
    "providers": [{"entity_code": "82", "name": "RENDERING", "first_name": "GIVEN", "is_person": True, "npi": "1999999984"}],
    "lines": [
        {
            "number": 1,
            "qualifier": "HC",
            "procedure_code": "G0283",
            "modifiers": ["GP"],
            "charge_cents": 23050,
            "unit": "UN",
            "units": "1",
            "diagnosis_pointers": [1],
            "service_from_on": "2026-10-12",
            "line_control_number": "20017-1",
        }
    ],
}
INSTITUTIONAL: Final[dict[str, Any]] = {
    **_COMMON,
    "claim_type": "institutional",
    "patient_control_number": "ACC-20018",
    "charge_cents": 412000,
    "facility_code": "13",
    "facility_qualifier": "A",
    "diagnoses": [{"qualifier": "ABK", "code": "A000"}, {"qualifier": "ABF", "code": "B1990"}],
    "dates": [{"qualifier": "434", "from_on": "2026-10-12", "to_on": "2026-10-13"}],
    "providers": [{"entity_code": "71", "name": "ATTENDING", "first_name": "GIVEN", "is_person": True, "npi": "1999999984"}],
    "segments": ["CL1*1*1*01"],
    "lines": [
        {
            "number": 1,
            "revenue_code": "0636",
            "qualifier": "HC",
            "procedure_code": "J1885",
            "charge_cents": 412000,
            "unit": "UN",
            "units": "4",
            "service_from_on": "2026-10-12",
        }
    ],
}
DENTAL: Final[dict[str, Any]] = {
    **_COMMON,
    "claim_type": "dental",
    "patient_control_number": "ACC-20019",
    "charge_cents": 15000,
    "facility_code": "11",
    "facility_qualifier": "B",
    "signature": "Y",
    "dates": [{"qualifier": "472", "from_on": "2026-10-12"}],
    "lines": [{"number": 1, "qualifier": "AD", "procedure_code": "X0001", "charge_cents": 15000, "units": "1"}],
}
CLAIMS: Final = {"professional": PROFESSIONAL, "institutional": INSTITUTIONAL, "dental": DENTAL}
