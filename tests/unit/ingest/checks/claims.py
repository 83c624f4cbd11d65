"""Claims that no rule has anything against, one of each kind; tests change one thing of them."""

from datetime import date
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from libs.x12 import Adjustment, Claim, ClaimLine
from libs.x12.claim import (
    Address,
    Dated,
    Diagnosis,
    LineAdjudication,
    OtherPayer,
    Payer,
    Person,
    Provider,
    Reference,
    Subscription,
)
from services.ingest.checks.reference import EarlierLine

NOW = date(2026, 3, 1)
DAY = date(2026, 2, 10)
NPI, OTHER_NPI = "1999999984", "1999999976"
ADDRESS = Address("1 HARBOR ROAD", "", "NORTHTOWN", "OH", "440010001")
BILLING = Provider(
    "85", "NORTHTOWN CLINIC", npi=NPI, taxonomy_code="207Q00000X", address=ADDRESS, references=(Reference("EI", "123456780"),)
)
RENDERING = Provider("82", "FAMILY", "GIVEN", is_person=True, npi=OTHER_NPI)
MEMBER = Person("FAMILY", "GIVEN", id_qualifier="MI", member_id="ABC123456789", birth_on=date(1980, 5, 5), sex="F", address=ADDRESS)
PAYER = Payer("NORTHWIND HEALTH PLAN", "60054", "PI")


def line(number: int = 1, code: str = "G0283", **changes: Any) -> ClaimLine:
    usual: dict[str, Any] = {
        "number": number, "charge_cents": 10000, "procedure_code": code, "qualifier": "HC", "unit": "UN", "units": "1",
        "diagnosis_pointers": (1,), "service_from_on": DAY, "line_control_number": f"L{number}",
    }  # fmt: skip
    return ClaimLine(**usual | changes)


def professional(*lines: ClaimLine, **changes: Any) -> Claim:
    lines = lines or (line(),)
    usual: dict[str, Any] = {
        "claim_type": "professional", "patient_control_number": "PCN1", "charge_cents": sum(each.charge_cents for each in lines),
        "billing_provider": BILLING, "subscription": Subscription("P", "18", claim_filing_code="CI"), "subscriber": MEMBER,
        "payer": PAYER, "lines": lines, "facility_code": "11", "facility_qualifier": "B", "providers": (RENDERING,),
        "diagnoses": (Diagnosis("ABK", "M545"), Diagnosis("ABF", "E119")),
    }  # fmt: skip
    return Claim(**usual | changes)


def institutional(*lines: ClaimLine, **changes: Any) -> Claim:
    lines = lines or (line(revenue_code="0300", diagnosis_pointers=()),)
    usual: dict[str, Any] = {"claim_type": "institutional", "facility_code": "13", "dates": (Dated("434", DAY, date(2026, 2, 12)),)}
    return professional(*lines, **usual | changes)


def dental(*lines: ClaimLine, **changes: Any) -> Claim:
    lines = lines or (line(code="D1110", qualifier="AD", diagnosis_pointers=()),)
    usual: dict[str, Any] = {"claim_type": "dental", "diagnoses": ()}
    return professional(*lines, **usual | changes)


def secondary(paid_cents: int = 6000, adjusted_cents: int = 4000, **changes: Any) -> Claim:
    """Return a claim to a second payer, with what the first decided about its line of 100 dollars."""
    told = LineAdjudication("11111", 6000, "HC", "G0283", adjustments=(Adjustment("CO", "45", adjusted_cents),), adjudicated_on=DAY)
    other = OtherPayer(Subscription("P", "18"), Payer("FIRST", "11111", "PI"), paid_cents=paid_cents)
    usual: dict[str, Any] = {"subscription": Subscription("S", "18", claim_filing_code="CI"), "other_payers": (other,)}
    return professional(line(adjudications=(told,)), **usual | changes)


def billed_by(**changes: Any) -> Claim:
    return professional(billing_provider=replace(BILLING, **changes))


def of_member(**changes: Any) -> Claim:
    return professional(subscriber=replace(MEMBER, **changes))


def before(**changes: Any) -> EarlierLine:
    """Return an earlier line that the usual claim's line repeats."""
    usual: dict[str, Any] = {
        "claim_id": UUID(int=1), "service_on": DAY, "procedure_code": "G0283", "modifiers": (), "provider_npi": OTHER_NPI,
        "charge_cents": 10000,
    }  # fmt: skip
    return EarlierLine(**usual | changes)
