"""Strategies over the claim model: claims of the three kinds as a provider could have sent them, all parties invented."""

from datetime import date
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from libs.x12 import Adjustment, Claim, ClaimLine
from libs.x12.claim import (
    Address,
    Attachment,
    ClaimType,
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
from libs.x12.claim_writer import ClaimBatch

NPIS = st.sampled_from(["1999999984", "1999999976", "1999999968"])
TAXONOMIES = st.sampled_from(["207Q00000X", "282N00000X", "1223G0001X"])
digits = st.text("0123456789", min_size=6, max_size=10)
letters = st.text("ABCDEFGHJKLMNPRSTUVWXYZ", min_size=2, max_size=12)
numbers = st.text("ABCXYZ0123456789", min_size=1, max_size=20)
days = st.dates(date(2020, 1, 1), date(2026, 6, 30))
cents = st.integers(1, 9_999_999)
hcpcs = st.builds("{}{:04d}".format, st.sampled_from("AEGJKLQ"), st.integers(1, 9999))
addresses = st.builds(
    Address,
    line_1=letters,
    line_2=st.just("") | letters,
    city=letters,
    state=st.sampled_from(["NY", "TX", "CA"]),
    postal_code=st.text("123456789", min_size=9, max_size=9),
)
persons = st.builds(
    Person,
    last_name=letters,
    first_name=letters,
    middle_name=st.just("") | letters,
    id_qualifier=st.just("MI"),
    member_id=numbers.filter(lambda text: len(text) > 1),
    birth_on=st.dates(date(1920, 1, 1), date(2019, 12, 31)),
    sex=st.sampled_from(["F", "M", "U"]),
    address=addresses,
)
patients = st.builds(
    Person,
    last_name=letters,
    first_name=letters,
    birth_on=st.dates(date(1920, 1, 1), date(2019, 12, 31)),
    sex=st.sampled_from(["F", "M", "U"]),
    address=addresses,
)
payers = st.builds(
    Payer,
    name=letters,
    payer_id=numbers.filter(lambda text: len(text) > 1),
    id_qualifier=st.just("PI"),
    address=st.none() | addresses,
)
adjustments = st.lists(
    st.builds(
        Adjustment,
        group_code=st.sampled_from(["CO", "PR", "OA"]),
        carc=st.sampled_from(["45", "1", "2", "96"]),
        amount_cents=st.integers(-100_000, 100_000).filter(bool),
        quantity=st.none() | st.just("1"),
    ),
    max_size=4,
    unique_by=lambda each: (each.group_code, each.carc),
).map(lambda found: tuple(sorted(found, key=lambda each: each.group_code)))
filing_codes = st.sampled_from(["12", "BL", "CI", "MB", "MC"])


def persons_in_role(entity_code: str) -> st.SearchStrategy[Provider]:
    return st.builds(
        Provider,
        entity_code=st.just(entity_code),
        name=letters,
        first_name=letters,
        is_person=st.just(True),
        npi=NPIS,
        taxonomy_code=st.just("") | TAXONOMIES if entity_code in ("82", "71") else st.just(""),
    )


billing_providers = st.builds(
    Provider,
    entity_code=st.just("85"),
    name=letters,
    npi=NPIS,
    taxonomy_code=st.just("") | TAXONOMIES,
    address=addresses,
    references=st.builds(lambda number: (Reference("EI", number),), st.text("0123456789", min_size=9, max_size=9)),
)
other_payers = st.builds(
    OtherPayer,
    subscription=st.builds(
        Subscription, sequence=st.just("S"), relationship=st.sampled_from(["18", "01"]), claim_filing_code=filing_codes
    ),
    payer=payers.map(lambda payer: Payer(payer.name, payer.payer_id, "PI")),
    subscriber=persons.map(lambda found: Person(found.last_name, found.first_name, id_qualifier="MI", member_id=found.member_id)),
    paid_cents=cents,
    adjustments=adjustments,
    adjudicated_on=days,
    segments=st.just(("OI***Y***Y",)),
)


@st.composite
def lines(draw: st.DrawFn, kind: ClaimType, number: int, diagnoses: int, payer_id: str | None) -> ClaimLine:
    drug = draw(st.booleans()) and kind != "dental"
    told: dict[str, Any] = {
        "number": number,
        "charge_cents": draw(cents),
        "procedure_code": draw(hcpcs),
        "qualifier": "AD" if kind == "dental" else "HC",
        "modifiers": tuple(draw(st.lists(st.sampled_from(["GP", "KX", "RT"]), max_size=3, unique=True))),
        "unit": "" if kind == "dental" else "UN",
        "units": draw(st.sampled_from(["1", "2", "12"])),
        "service_from_on": draw(days),
        "line_control_number": draw(st.just("") | numbers),
    }
    if kind == "professional":
        told["diagnosis_pointers"] = tuple(range(1, 1 + draw(st.integers(1, min(4, diagnoses)))))
        told["place_of_service"] = draw(st.sampled_from(["", "11", "22"]))
        told["providers"] = tuple(draw(st.lists(persons_in_role("82"), max_size=1)))
    if kind == "institutional":
        told["revenue_code"] = draw(st.sampled_from(["0300", "0420", "0636"]))
    if drug:
        told["drug_code"] = draw(st.text("0123456789", min_size=11, max_size=11))
        told["segments"] = ("CTP****2*UN",)
    if payer_id is not None and draw(st.booleans()):
        told["adjudications"] = (
            LineAdjudication(
                payer_id=payer_id,
                paid_cents=draw(cents),
                qualifier=told["qualifier"],
                procedure_code=told["procedure_code"],
                revenue_code=told.get("revenue_code", ""),
                units=told["units"],
                adjustments=draw(adjustments),
                adjudicated_on=draw(days),
            ),
        )
    return ClaimLine(**told)


def _diagnoses(draw: st.DrawFn, kind: ClaimType) -> tuple[Diagnosis, ...]:
    if kind == "dental":
        return ()
    codes = draw(st.lists(st.sampled_from(["A000", "B1990", "C7A00", "D8989", "E0865"]), min_size=1, max_size=5, unique=True))
    return tuple(Diagnosis("ABF" if place else "ABK", code) for place, code in enumerate(codes))


def _dates(draw: st.DrawFn, kind: ClaimType) -> tuple[Dated, ...]:
    day = draw(days)
    if kind == "institutional":
        return (Dated("434", day, day), Dated("435", day, None, "1030"))
    return (Dated("472", day),) if kind == "dental" else tuple(draw(st.sampled_from([(), (Dated("431", day),)])))


@st.composite
def claims(draw: st.DrawFn, kind: ClaimType) -> Claim:
    """Draw a claim; its charge is what its lines come to."""
    has_patient = draw(st.booleans())
    others = tuple(draw(st.lists(other_payers, max_size=1)))
    diagnoses = _diagnoses(draw, kind)
    payer_id = others[0].payer.payer_id if others else None
    count = draw(st.integers(1, 4))
    served = tuple(draw(lines(kind, number, len(diagnoses), payer_id)) for number in range(1, count + 1))
    frequency = draw(st.sampled_from(["1", "7", "8"]))
    references = [Reference("F8", draw(numbers))] if frequency != "1" else []
    references += [Reference("G1", number) for number in draw(st.lists(numbers, max_size=1))]
    roles = {"professional": ["DN", "82"], "institutional": ["71"], "dental": ["82"]}[kind]
    institutional = kind == "institutional"
    return Claim(
        claim_type=kind,
        patient_control_number=draw(numbers),
        charge_cents=sum(line.charge_cents for line in served),
        billing_provider=draw(billing_providers),
        subscription=Subscription(
            "P", "" if has_patient else "18", draw(st.just("") | numbers), claim_filing_code=draw(filing_codes)
        ),
        subscriber=draw(persons),
        payer=draw(payers),
        lines=served,
        facility_code="13" if institutional else "11",
        facility_qualifier="A" if institutional else "B",
        frequency_code=frequency,
        signature="" if institutional else "Y",
        assignment="A",
        benefits_assigned="Y",
        release="Y",
        patient=draw(patients) if has_patient else None,
        patient_relationship="19" if has_patient else "",
        diagnoses=diagnoses,
        dates=_dates(draw, kind),
        references=tuple(references),
        attachments=tuple(draw(st.lists(st.just(Attachment("OZ" if kind != "dental" else "RB", "BM", "A1")), max_size=1))),
        patient_paid_cents=draw(st.none() | cents) if kind != "institutional" else None,
        providers=tuple(draw(persons_in_role(role)) for role in roles if role == "71" or draw(st.booleans())),
        other_payers=others,
        segments=("CL1*1*1*01",) if institutional else (),
    )


@st.composite
def batches(draw: st.DrawFn, kind: ClaimType) -> ClaimBatch:
    """Draw an 837 of a kind; some claims follow one another under the same provider, subscriber or patient."""
    found = draw(st.lists(claims(kind), min_size=1, max_size=3))
    if len(found) > 1 and draw(st.booleans()):
        first = found[0]
        shared = {name: getattr(first, name) for name in ("billing_provider", "pay_to", "subscription", "subscriber", "payer")}
        found[1] = replace(found[1], **shared, patient=first.patient, patient_relationship=first.patient_relationship)
    return ClaimBatch(found, "BATCH1", "SUBMITTER", "SUB1", "5550100000", "RECEIVER", "REC1")


KINDS: tuple[ClaimType, ...] = ("professional", "institutional", "dental")
any_batch = st.sampled_from(KINDS).flatmap(batches)
any_claim = st.sampled_from(KINDS).flatmap(claims)
