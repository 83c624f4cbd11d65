"""An 837 written from the model, of any of the three kinds: what is written is read back equal.

Claims that follow one another under the same billing provider, subscriber and patient share their levels.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from msgspec import Struct

from libs.x12.claim import (
    Address,
    Claim,
    ClaimLine,
    ClaimType,
    LineAdjudication,
    OtherPayer,
    Payer,
    Person,
    Provider,
    Reference,
    Subscription,
)
from libs.x12.compose import adjustments, amount, composite, day, envelope, kept, period, segment

VERSIONS: Final[dict[ClaimType, str]] = {
    "professional": "005010X222A1",
    "institutional": "005010X223A2",
    "dental": "005010X224A2",
}
_DIAGNOSES_A_SEGMENT = 12


class ClaimBatch(Struct, frozen=True):
    """One 837 transaction: claims of one kind, and between whom they go."""

    claims: Sequence[Claim]
    reference: str
    submitter_name: str
    submitter_id: str
    submitter_phone: str
    receiver_name: str
    receiver_id: str

    @property
    def claim_type(self) -> ClaimType:
        return self.claims[0].claim_type


def write_claims(
    batches: Iterable[ClaimBatch],
    *,
    sender_id: str,
    receiver_id: str,
    control_number: int,
    created_at: datetime,
    line_end: str = "",
) -> Iterator[bytes]:
    """Yield the bytes of one interchange: a functional group for each run of batches of one kind.

    Errors: ValueError when a value cannot stand in a file (it holds a delimiter, is not latin-1), or a batch mixes kinds.
    """
    groups = (
        ("HC", VERSIONS[kind], (_transaction(batch, created_at) for batch in of_kind))
        for kind, of_kind in groupby(batches, key=lambda batch: batch.claim_type)
    )
    return envelope(
        groups,
        sender_id=sender_id,
        receiver_id=receiver_id,
        control_number=control_number,
        created_at=created_at,
        line_end=line_end,
    )


def _transaction(batch: ClaimBatch, created_at: datetime) -> list[str]:
    kind = batch.claim_type
    if any(claim.claim_type != kind for claim in batch.claims):
        raise ValueError("a batch holds claims of one kind")
    segments = [
        segment("ST", "837", "", VERSIONS[kind]),
        segment("BHT", "0019", "00", batch.reference, day(created_at.date()), f"{created_at:%H%M}", "CH"),
        segment("NM1", "41", "2", batch.submitter_name, "", "", "", "", "46", batch.submitter_id),
        segment("PER", "IC", batch.submitter_name, "TE", batch.submitter_phone),
        segment("NM1", "40", "2", batch.receiver_name, "", "", "", "", "46", batch.receiver_id),
    ]
    levels = 0
    for _, billed in groupby(batch.claims, key=lambda claim: (claim.billing_provider, claim.pay_to, claim.separator)):
        of_provider = list(billed)
        levels += 1
        billing_level = levels
        segments += _billing(of_provider[0], billing_level)
        for _, insured in groupby(of_provider, key=_subscriber_level):
            of_subscriber = list(insured)
            levels += 1
            subscriber_level = levels
            segments += _subscriber(of_subscriber[0], subscriber_level, billing_level)
            for _, treated in groupby(of_subscriber, key=lambda claim: (claim.patient, claim.patient_relationship)):
                of_patient = list(treated)
                if of_patient[0].patient is not None:
                    levels += 1
                    segments += _patient(of_patient[0], levels, subscriber_level)
                for claim in of_patient:
                    segments += _claim(claim)
    return segments


def _subscriber_level(claim: Claim) -> tuple[object, ...]:
    """Return what claims of one subscriber's level share; a patient's own claims and those of a dependent do not."""
    return claim.subscription, claim.subscriber, claim.payer, claim.patient is None


def _billing(claim: Claim, level: int) -> Iterator[str]:
    provider = claim.billing_provider
    yield segment("HL", str(level), "", "20", "1")
    if provider.taxonomy_code:
        yield segment("PRV", "BI", "PXC", provider.taxonomy_code)
    heads = [each for each in provider.segments if each.startswith("CUR")]
    yield from _kept(claim, heads)
    yield from _party(claim, provider, [each for each in provider.segments if each not in heads], with_taxonomy=False)
    if claim.pay_to is not None:
        yield from _party(claim, claim.pay_to, claim.pay_to.segments)


def _subscriber(claim: Claim, level: int, above: int) -> Iterator[str]:
    yield segment("HL", str(level), str(above), "22", "0" if claim.patient is None else "1")
    yield _subscription(claim.subscription)
    yield from _person(claim, "IL", claim.subscriber)
    yield from _payer(claim, claim.payer)


def _patient(claim: Claim, level: int, above: int) -> Iterator[str]:
    patient = claim.patient or Person()
    yield segment("HL", str(level), str(above), "23", "0")
    if not any(each.startswith("PAT") for each in patient.segments):
        yield segment("PAT", claim.patient_relationship)
    yield from _person(claim, "QC", patient)


def _subscription(told: Subscription) -> str:
    return segment(
        "SBR", told.sequence, told.relationship, told.group_number, told.group_name, told.insurance_type, "", "", "",
        told.claim_filing_code,
    )  # fmt: skip


def _claim(claim: Claim) -> Iterator[str]:
    place = composite(claim.facility_code, claim.facility_qualifier, claim.frequency_code)
    yield segment(
        "CLM", claim.patient_control_number, amount(claim.charge_cents), "", "", place, claim.signature, claim.assignment,
        claim.benefits_assigned, claim.release, *_converted(claim, claim.more),
    )  # fmt: skip
    early, late = _around(claim.segments, ("DN1", "DN2", "DTP", "CL1"))
    for dated in claim.dates:
        if dated.time and dated.from_on is not None:
            yield segment("DTP", dated.qualifier, "DT", day(dated.from_on) + dated.time)
        elif dated.from_on is not None:
            yield period("DTP", dated.qualifier, dated.from_on, dated.to_on)
    yield from _kept(claim, early)
    for each in claim.attachments:
        number = ("AC", each.control_number) if each.control_number else ("", "")
        yield segment("PWK", each.report_type, each.transmission, "", "", *number)
    if claim.patient_paid_cents is not None:
        yield segment("AMT", "F5", amount(claim.patient_paid_cents))
    yield from _references(claim.references)
    before, after = _around(late, ("PWK", "CN1", "AMT", "K3", "NTE", "CR1", "CR2", "CR3", "CRC"))
    yield from _kept(claim, before)
    yield from _diagnoses(claim)
    yield from _kept(claim, after)
    for provider in claim.providers:
        yield from _party(claim, provider, provider.segments)
    for other in claim.other_payers:
        yield from _other_payer(claim, other)
    for line in claim.lines:
        yield from _line(claim, line)


def _around(segments: Sequence[str], kinds: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tell kept segments of some kinds from the rest."""
    early = [each for each in segments if each.startswith(tuple(kinds))]
    return early, [each for each in segments if each not in early]


def _diagnoses(claim: Claim) -> Iterator[str]:
    """Write the diagnoses in order; of an institutional claim, each kind in segments of its own."""
    by_kind = claim.claim_type == "institutional"
    for _, run in groupby(claim.diagnoses, key=lambda each: each.qualifier if by_kind else ""):
        told = [composite(each.qualifier, each.code, *[""] * 6, each.present_on_admission) for each in run]
        for start in range(0, len(told), _DIAGNOSES_A_SEGMENT):
            yield segment("HI", *told[start : start + _DIAGNOSES_A_SEGMENT])


def _line(claim: Claim, line: ClaimLine) -> Iterator[str]:
    yield segment("LX", str(line.number))
    yield _service(claim, line)
    early, late = _around(line.segments, ("TOO", "SV5", "PWK", "CR1", "CR3", "CRC"))
    yield from _kept(claim, early)
    if line.service_from_on is not None:
        yield period("DTP", "472", line.service_from_on, line.service_to_on)
    dates, rest = _around(late, ("DTP", "QTY", "MEA", "CN1"))
    yield from _kept(claim, dates)
    if line.line_control_number:
        yield segment("REF", "6R", line.line_control_number)
    yield from _references(line.references)
    before, after = _around(rest, ("AMT", "K3", "NTE", "PS1", "HCP"))
    yield from _kept(claim, before)
    if line.drug_code:
        yield segment("LIN", "", "N4", line.drug_code)
    yield from _kept(claim, after)
    for provider in line.providers:
        yield from _party(claim, provider, provider.segments)
    for adjudication in line.adjudications:
        yield from _adjudication(claim, adjudication)


def _service(claim: Claim, line: ClaimLine) -> str:
    procedure = _procedure(line.qualifier, line.procedure_code, line.modifiers, line.description)
    pointers = composite(*map(str, line.diagnosis_pointers))
    more = list(_converted(claim, line.more))
    charge = amount(line.charge_cents)
    if claim.claim_type == "professional":
        return segment("SV1", procedure, charge, line.unit, line.units, line.place_of_service, "", pointers, *more)
    if claim.claim_type == "institutional":
        return segment("SV2", line.revenue_code, procedure, charge, line.unit, line.units, *more)
    more += [""] * (6 - len(more))
    return segment("SV3", procedure, charge, line.place_of_service, *more[:2], line.units, *more[2:6], pointers)


def _procedure(qualifier: str, code: str, modifiers: Sequence[str], description: str = "") -> str:
    if not code and not qualifier:
        return ""
    filled = [*modifiers, *[""] * (4 - len(modifiers))] if description else list(modifiers)
    return composite(qualifier, code, *filled, description)


def _adjudication(claim: Claim, told: LineAdjudication) -> Iterator[str]:
    procedure = _procedure(told.qualifier, told.procedure_code, told.modifiers)
    yield segment("SVD", told.payer_id, amount(told.paid_cents), procedure, told.revenue_code, told.units)
    yield from adjustments(told.adjustments)
    if told.adjudicated_on is not None:
        yield period("DTP", "573", told.adjudicated_on, None)
    yield from _kept(claim, told.segments)


def _other_payer(claim: Claim, other: OtherPayer) -> Iterator[str]:
    yield _subscription(other.subscription)
    yield from adjustments(other.adjustments)
    if other.paid_cents is not None:
        yield segment("AMT", "D", amount(other.paid_cents))
    parties = next((at for at, each in enumerate(other.segments) if each.startswith("NM1")), len(other.segments))
    yield from _kept(claim, other.segments[:parties])
    if other.subscriber is not None:
        yield from _person(claim, "IL", other.subscriber)
    if other.payer != Payer():
        yield from _payer(claim, other.payer, other)
    yield from _kept(claim, other.segments[parties:])


def _person(claim: Claim, entity_code: str, person: Person) -> Iterator[str]:
    heads = [each for each in person.segments if each.startswith("PAT")]
    yield from _kept(claim, heads)
    yield segment(
        "NM1", entity_code, "1" if person.is_person else "2", person.last_name, person.first_name, person.middle_name, "",
        person.suffix, person.id_qualifier, person.member_id,
    )  # fmt: skip
    yield from _address(person.address)
    if person.birth_on is not None or person.sex:
        yield segment("DMG", "D8", day(person.birth_on) if person.birth_on else "", person.sex)
    yield from _references(person.references)
    yield from _kept(claim, [each for each in person.segments if each not in heads])


def _payer(claim: Claim, payer: Payer, other: OtherPayer | None = None) -> Iterator[str]:
    yield segment("NM1", "PR", "2", payer.name, "", "", "", "", payer.id_qualifier, payer.payer_id)
    yield from _address(payer.address)
    if other is not None and other.adjudicated_on is not None:
        yield period("DTP", "573", other.adjudicated_on, None)
    yield from _references(payer.references)
    yield from _kept(claim, payer.segments)


def _party(claim: Claim, provider: Provider, segments: Sequence[str], *, with_taxonomy: bool = True) -> Iterator[str]:
    identified = ("XX", provider.npi) if provider.npi else (provider.id_qualifier, provider.id)
    yield segment(
        "NM1", provider.entity_code, "1" if provider.is_person else "2", provider.name, provider.first_name,
        provider.middle_name, "", provider.suffix, *identified,
    )  # fmt: skip
    if provider.taxonomy_code and with_taxonomy:
        yield segment("PRV", "AT" if provider.entity_code == "71" else "PE", "PXC", provider.taxonomy_code)
    yield from _address(provider.address)
    yield from _references(provider.references)
    yield from _kept(claim, segments)


def _address(address: Address | None) -> Iterator[str]:
    if address is not None:
        if address.line_1 or address.line_2:
            yield segment("N3", address.line_1, address.line_2)
        yield segment("N4", address.city, address.state, address.postal_code, address.country)


def _references(references: Sequence[Reference]) -> Iterator[str]:
    for each in references:
        yield segment("REF", each.qualifier, each.value)


def _kept(claim: Claim, segments: Iterable[str]) -> Iterator[str]:
    return kept(segments, claim.separator, claim.component)


def _converted(claim: Claim, elements: Sequence[str]) -> Iterator[str]:
    return (each.replace(claim.component, ":") for each in elements)
