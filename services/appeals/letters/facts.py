"""What a letter is written from, and what frames it: the case, the claim, the remit, the documents, the letterhead. Pure.

What is not known has no value: a template that needs it is refused by name, and whoever asks for the letter can tell it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from services.appeals.letters import library
from services.appeals.letters.claim import Address, Claim, ClaimLife, Person, Provider, Reference, Remit, RemitLine
from services.appeals.letters.language import ROWS_MAX, Language, day, money, plain
from services.appeals.letters.variables import Money

_TAX_QUALIFIERS: Final = ("EI", "SY")
_RENDERING, _REFERRING = ("82", "71"), ("DN", "P3")


class Reason(Struct, frozen=True):
    """One refused adjustment of the case."""

    group_code: str
    carc: str
    amount_cents: int
    rarcs: tuple[str, ...] = ()
    line: int | None = None


class CaseFacts(Struct, frozen=True):
    """What a letter takes from its case."""

    case_id: UUID
    remit_id: UUID
    patient_control_number: str
    payer_claim_control_number: str
    payer_id: str
    payer_name: str
    payment_on: date
    category: str
    denied_cents: int
    reasons: tuple[Reason, ...]


class Exhibit(Struct, frozen=True):
    """One document that goes with the letter. `number` counts from 1 in the packet's order; `pages` is None where it has none."""

    number: int
    document_id: UUID
    title: str
    media_type: str
    sha256: str
    size_bytes: int
    pages: int | None = None


class Letterhead(Struct, frozen=True):
    """Who writes."""

    name: str
    address_lines: tuple[str, ...]
    signatory_name: str
    signatory_title: str
    phone: str
    fax: str = ""
    email: str = ""
    npi: str = ""
    tax_id: str = ""


class Row(Struct, frozen=True):
    """One refused line as the table shows it."""

    cells: tuple[str, ...]


class Sheet(Struct, frozen=True):
    """All that stands on the pages of a letter beside its paragraphs, written out."""

    language: Language
    letter_on: date
    case_id: UUID
    payer_name: str
    addressee: tuple[str, ...]
    regarding: tuple[tuple[str, str], ...]
    claim_number: str
    letterhead: Letterhead
    letterhead_version: int
    rows: tuple[Row, ...]
    total: str
    exhibits: tuple[Exhibit, ...]


class Sources(Struct, frozen=True):
    """Everything that was asked for before a letter is written."""

    case: CaseFacts
    letterhead: Letterhead
    letterhead_version: int
    exhibits: tuple[Exhibit, ...]
    meanings: Mapping[str, str]  # by code: "197", "N386"; what is not in it has no meaning that we know
    payer_address: tuple[str, ...] = ()
    due_on: date | None = None
    claim: Claim | None = None
    life: ClaimLife | None = None
    remit: Remit | None = None


class Asked(Struct, frozen=True):
    """What the person who wants the letter said. `given` are values of variables, by name."""

    language: Language
    level: str
    letter_on: date
    given: Mapping[str, Any] = {}


def values(sources: Sources, asked: Asked) -> dict[str, Any]:
    """Return the values of all variables that have one; what was given holds against what was known."""
    case, language = sources.case, asked.language
    level = library.level_of(asked.level, language)
    known: dict[str, Any] = {
        "letter_date": asked.letter_on,
        "answer_by_date": asked.letter_on + timedelta(days=level.answer_days),
        "level_name": level.name,
        "due_date": sources.due_on,
        "payer_name": case.payer_name,
        "claim_number": case.payer_claim_control_number or (sources.life.payer_claim_control_number if sources.life else ""),
        "account_number": case.patient_control_number,
        "payment_date": case.payment_on,
        "denied_amount": Money(case.denied_cents),
        "signatory_name": sources.letterhead.signatory_name,
        "signatory_title": sources.letterhead.signatory_title,
        "contact_phone": sources.letterhead.phone.replace(" ", "\N{NO-BREAK SPACE}"),
        "exhibit_count": str(len(sources.exhibits) or ""),
        **_service(sources),
        **_claim(sources.claim, language),
        **_life(sources.life),
    }
    if sources.remit is not None:
        known |= {"billed_amount": Money(sources.remit.charge_cents), "paid_amount": Money(sources.remit.paid_cents)}
    held = {name: _tidy(value) for name, value in {**known, **asked.given}.items() if value not in (None, "", ())}
    return held | _period(held, language) | _lists(sources, language)


def _tidy(value: Any) -> Any:
    return plain(value) if isinstance(value, str) else value


def _service(sources: Sources) -> dict[str, Any]:
    told = sources.remit if sources.remit is not None and sources.remit.service_from_on else sources.life
    if told is None or told.service_from_on is None:
        return {}
    return {"service_from_date": told.service_from_on, "service_to_date": told.service_to_on or told.service_from_on}


def _period(held: Mapping[str, Any], language: Language) -> dict[str, str]:
    first, last = held.get("service_from_date"), held.get("service_to_date")
    if first is None:
        return {}
    words = library.texts(language).words
    if last is None or last == first:
        return {"service_period": words["one_day"].format(first=day(first, language))}
    return {"service_period": words["two_days"].format(first=day(first, language), last=day(last, language))}


def _claim(claim: Claim | None, language: Language) -> dict[str, Any]:
    if claim is None:
        return {}
    patient = claim.patient or claim.subscriber
    rendering, referring = _provider(claim, _RENDERING), _provider(claim, _REFERRING)
    other = next((each for each in claim.other_payers if each.payer.name), None)
    codes = tuple(diagnosis.code for diagnosis in claim.diagnoses if diagnosis.code)
    return {
        "patient_name": name_of(patient),
        "patient_birth_date": patient.birth_on,
        "member_id": claim.subscriber.member_id,
        "subscriber_name": name_of(claim.subscriber),
        "group_number": claim.subscription.group_number,
        "account_number": claim.patient_control_number,
        "claim_kind": library.texts(language).words.get(claim.claim_type, ""),
        "billed_amount": Money(claim.charge_cents),
        "billing_provider_name": name_of(claim.billing_provider),
        "billing_npi": claim.billing_provider.npi,
        "tax_id": _reference(claim.billing_provider.references, *_TAX_QUALIFIERS),
        "rendering_provider_name": rendering and name_of(rendering),
        "rendering_npi": rendering and rendering.npi,
        "referring_provider_name": referring and name_of(referring),
        "authorization_number": _reference(claim.references, "G1"),
        "referral_number": _reference(claim.references, "9F"),
        "principal_diagnosis": _dotted(codes[0]) if codes else None,
        "diagnoses": tuple(map(_dotted, codes)),
        "other_payer_name": other and other.payer.name,
        "other_payer_paid_amount": Money(other.paid_cents) if other and other.paid_cents is not None else None,
        "other_payer_date": other and other.adjudicated_on,
    }


def _life(life: ClaimLife | None) -> dict[str, Any]:
    if life is None:
        return {}
    taken = [each.acknowledged_on for each in life.acknowledgements if each.verdict == "accepted"]
    return {"submitted_date": life.submitted_at.date(), "accepted_date": min(taken) if taken else None}


def name_of(person: Person | Provider) -> str:
    """Return a name as it is spoken: first names first."""
    last = person.last_name if isinstance(person, Person) else person.name
    return " ".join(part for part in (person.first_name, person.middle_name, last, person.suffix) if part)


def _provider(claim: Claim, roles: Sequence[str]) -> Provider | None:
    return next((each for each in claim.providers if each.entity_code in roles), None)


def _reference(references: Iterable[Reference], *qualifiers: str) -> str:
    return next((each.value for each in references if each.qualifier in qualifiers), "")


def _dotted(code: str) -> str:
    """Write a diagnosis as people do: the dot stands after the third sign."""
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 and "." not in code else code  # noqa: PLR2004


def _lists(sources: Sources, language: Language) -> dict[str, tuple[dict[str, Any], ...]]:
    lines = []
    for line, reasons in _refused(sources):
        lines.append(
            {
                "number": line.line,
                "procedure_code": line.procedure_code or line.revenue_code or "",
                "modifiers": " ".join(line.modifiers),
                "service_date": day(line.service_on, language, "short") if line.service_on else "",
                "units": line.units or "",
                "billed_amount": Money(line.charge_cents),
                "denied_amount": Money(sum(each.amount_cents for each in reasons)),
                "codes": ", ".join(dict.fromkeys(f"{each.group_code}-{each.carc}" for each in reasons)),
            }
        )
    exhibits = [{"number": each.number, "title": plain(each.title), "pages": each.pages or ""} for each in sources.exhibits]
    return {"lines": tuple(lines[:ROWS_MAX]), "reasons": _reasons(sources), "exhibits": tuple(exhibits[:ROWS_MAX])}


def _refused(sources: Sources) -> list[tuple[RemitLine, list[Reason]]]:
    """Return the remit's lines that the case is about, with what was refused of each."""
    lines = sources.remit.lines if sources.remit else ()
    by_line = {line.line: [each for each in sources.case.reasons if each.line == line.line] for line in lines}
    return [(line, by_line[line.line]) for line in lines if by_line[line.line]]


def _reasons(sources: Sources) -> tuple[dict[str, Any], ...]:
    told: dict[tuple[str, str], dict[str, Any]] = {}
    remarks: dict[tuple[str, str], dict[str, None]] = {}
    for each in sources.case.reasons:
        key = each.group_code, each.carc
        row = told.setdefault(key, {"code": "-".join(key), "meaning": sources.meanings.get(each.carc, ""), "amount": Money(0)})
        row["amount"] = Money(row["amount"] + each.amount_cents)
        remarks.setdefault(key, {}).update(dict.fromkeys(each.rarcs))
    for key, row in told.items():
        row["remarks"] = "; ".join(
            f"{rarc}, {meaning}" if (meaning := sources.meanings.get(rarc)) else rarc for rarc in remarks[key]
        )
    return tuple(told.values())[:ROWS_MAX]


def sheet(sources: Sources, asked: Asked, known: Mapping[str, Any]) -> Sheet:
    """Return the frame of the letter's pages, from the values that its paragraphs were filled with."""
    words = library.texts(asked.language).words
    shown = (
        ("request", "level_name"), ("patient", "patient_name"), ("birth_date", "patient_birth_date"), ("member_id", "member_id"),
        ("group_number", "group_number"), ("claim_number", "claim_number"), ("account_number", "account_number"),
        ("service", "service_period"), ("provider", "rendering_provider_name"), ("amount", "denied_amount"),
    )  # fmt: skip
    rows = tuple(
        Row(
            (
                str(line["number"]), line["service_date"], " ".join(filter(None, (line["procedure_code"], line["modifiers"]))),
                line["units"], money(line["billed_amount"], asked.language), money(line["denied_amount"], asked.language),
                line["codes"],
            )
        )
        for line in known["lines"]
    )  # fmt: skip
    return Sheet(
        language=asked.language,
        letter_on=asked.letter_on,
        case_id=sources.case.case_id,
        payer_name=sources.case.payer_name,
        addressee=tuple(filter(None, map(plain, sources.payer_address or _payer_lines(sources, words["attention"])))),
        regarding=tuple((words[label], _written(known[name], asked.language)) for label, name in shown if name in known),
        claim_number=str(known.get("claim_number", known["account_number"])),
        letterhead=sources.letterhead,
        letterhead_version=sources.letterhead_version,
        rows=rows,
        total=money(sum(line["denied_amount"] for line in known["lines"]), asked.language),
        exhibits=sources.exhibits,
    )


def _written(value: Any, language: Language) -> str:
    if isinstance(value, Money):
        return money(value, language)
    return day(value, language) if isinstance(value, date) else str(value)


def _payer_lines(sources: Sources, attention: str) -> tuple[str, ...]:
    address = sources.claim.payer.address if sources.claim else None
    return sources.case.payer_name, attention, *(_address_lines(address) if address else ())


def _address_lines(address: Address) -> tuple[str, ...]:
    place = " ".join(filter(None, (address.state, address.postal_code)))
    return address.line_1, address.line_2, ", ".join(filter(None, (address.city, place)))
