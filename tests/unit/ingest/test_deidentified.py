"""The de-identified export: every field is decided on, and what says whose a claim is gets through no field at all."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

import msgspec
import pytest
from msgspec import Struct

from libs.common.contracts.remit_received import RemitReceivedV1
from libs.x12.claim import Address, Claim, ClaimLine, Diagnosis, Payer, Person, Provider, Subscription
from services.ingest.deidentified.decisions import CLAIM, REMIT, Decisions
from services.ingest.deidentified.removing import COLUMNS, Names, Removing, read_small_zip3

MARKED_ON = date(1931, 3, 17)
ROW, OTHER = UUID(int=7), UUID(int=8)
PLAIN: Mapping[Any, Any] = {date: MARKED_ON, datetime: datetime(1931, 3, 17, tzinfo=UTC), int: 1, bool: True, UUID: OTHER}
REMOVING = Removing(Names(b"a secret of this test", "clinic"), frozenset({"036", "821"}))


def marked(kind: Any, mark: str) -> Any:
    """Return a value of a type with a mark in every text of it, and the marked day in every date."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Annotated, Union, UnionType):
        return marked(next(each for each in inner if each is not NoneType), mark)
    if origin is Literal:
        return inner[0]
    if origin is tuple:
        return (marked(inner[0], mark),)
    if origin is dict:
        return {mark: 1}
    if not (isinstance(kind, type) and issubclass(kind, Struct)):
        return PLAIN.get(kind, mark)
    return kind(**{each.name: marked(each.type, mark) for each in msgspec.structs.fields(kind)})


def cells(rows: Iterator[tuple[Any, ...]]) -> list[dict[str, Any]]:
    told = list(rows)
    names = next(names for names in COLUMNS.values() if len(names) == len(told[0]))
    return [dict(zip(names, row, strict=True)) for row in told]


@pytest.mark.parametrize("mark", ["QUXMARKAH", "DOE", "WHITCOMBE JO", "1931-03-17", "555-12-3456"])
def test_a_mark_in_every_field_of_a_claim_and_of_a_remit_shows_in_no_cell(mark: str) -> None:
    # Of the words that are chosen here, not by who sent it, none is a mark.
    claim = msgspec.structs.replace(marked(Claim, mark), claim_type="dental")
    remit = msgspec.structs.replace(marked(RemitReceivedV1, mark), claim_type="dental", payer_kind="other")
    rows = cells(REMOVING.claim_rows(ROW, "other", MARKED_ON, claim)) + cells(REMOVING.remit_rows(ROW, remit, ROW))
    assert len(rows) == 3
    for row in rows:
        assert [name for name, cell in row.items() if mark in str(cell) or "03-17" in str(cell) or isinstance(cell, date)] == []
    assert {row["service_year"] for row in rows} == {1931}


def structs(kind: Any, decided: Decisions) -> Iterator[tuple[str, set[str]]]:
    """Yield the structs that are looked into, with their fields."""
    for each in get_args(kind):
        yield from structs(each, decided)
    if isinstance(kind, type) and issubclass(kind, Struct):
        fields = msgspec.structs.fields(kind)
        yield kind.__name__, {each.name for each in fields}
        for each in fields:
            if decided.get(kind.__name__, {}).get(each.name) == "inside":
                yield from structs(each.type, decided)


@pytest.mark.parametrize(("kind", "decided"), [(Claim, CLAIM), (RemitReceivedV1, REMIT)])
def test_every_field_is_decided_on_and_nothing_that_is_not_there(kind: Any, decided: Decisions) -> None:
    there = dict(structs(kind, decided))
    assert {name: set(fields) for name, fields in decided.items()} == there


def claim(**told: Any) -> Claim:
    home = Address("1 Elm St", "", "Troy", "NY", "12180")
    whole: Mapping[str, Any] = {
        "claim_type": "professional",
        "patient_control_number": "A-1",
        "charge_cents": 5000,
        "billing_provider": Provider("85", "Clinic", npi="1234567893"),
        "subscription": Subscription("P", "18", claim_filing_code="MB"),
        "subscriber": Person("Doe", "Jo", member_id="M1", birth_on=date(1950, 6, 2), sex="F", address=home),
        "payer": Payer("Medicare", "00123"),
        "lines": (ClaimLine(1, 5000, "G0283", "HC", ("GP",), service_from_on=date(2025, 6, 1), service_to_on=date(2025, 6, 3)),),
        "diagnoses": (Diagnosis("ABK", "M54.50"), Diagnosis("ABF", "LEE")),
    }
    return Claim(**{**whole, **told})


def told_of(removing: Removing = REMOVING, **changed: Any) -> dict[str, Any]:
    (row,) = cells(removing.claim_rows(ROW, "medicare", date(2025, 6, 11), claim(**changed)))
    return row


def test_what_is_left_is_what_an_analysis_needs() -> None:
    row = told_of()
    names = {name: row.pop(name) for name in ("claim", "billing_provider")}
    assert all(len(name) == 32 for name in names.values())
    assert {name: cell for name, cell in row.items() if cell not in (None, "")} == {
        "line": 1, "claim_type": "professional", "frequency_code": "1", "payer_id": "00123", "payer_kind": "medicare",
        "payer_sequence": "P", "claim_filing_code": "MB", "patient_age": "74", "patient_sex": "F", "patient_state": "NY",
        "patient_zip3": "121", "service_year": 2025, "service_days": 2, "days_to_submission": 10, "diagnoses": "M5450",
        "claim_charge_cents": 5000, "procedure_code": "G0283", "modifiers": "GP", "charge_cents": 5000,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("birth_on", "age"),
    [
        (date(1935, 6, 2), "89"),
        (date(1935, 6, 1), "90+"),
        (date(1905, 1, 1), "90+"),
        (date(2025, 5, 1), "0"),
        (date(2025, 7, 1), None),
        (None, None),
    ],
)
def test_an_age_is_in_whole_years_and_from_90_on_one(birth_on: date | None, age: str | None) -> None:
    assert told_of(subscriber=Person(birth_on=birth_on))["patient_age"] == age


@pytest.mark.parametrize(
    ("postal_code", "country", "zip3"),
    [
        ("12180", "", "121"),
        ("121801234", "US", "121"),
        ("12180-1234", "", "121"),
        ("03601", "", "000"),
        ("1218", "", None),
        ("DOE", "", None),
        ("12180", "CA", None),
    ],
)
def test_an_area_of_few_people_is_000_and_what_is_no_zip_code_is_nothing(postal_code: str, country: str, zip3: str | None) -> None:
    person = Person(address=Address(state="NY", postal_code=postal_code, country=country))
    assert told_of(subscriber=person)["patient_zip3"] == zip3
    assert told_of(Removing(Names(b"a secret", "t"), None), subscriber=person)["patient_zip3"] == (zip3 and "000"), (
        "no list: all hidden"
    )


def test_a_list_of_small_areas_is_three_digits_a_line() -> None:
    assert read_small_zip3(["# 2020", "036", "", " 821 "]) == {"036", "821"}
    with pytest.raises(ValueError, match="entry 2 is not three digits"):
        read_small_zip3(["036", "8210"])


def test_names_join_what_belongs_together_and_nothing_across_tenants_keys_or_kinds() -> None:
    remit = msgspec.structs.replace(marked(RemitReceivedV1, "X"), lines=())
    (row,) = cells(REMOVING.remit_rows(ROW, remit, OTHER))
    assert row["claim"] == told_of()["claim"]
    assert row["remit"] != Names(b"a secret of this test", "clinic").of("claim", OTHER)
    others = {
        Names(secret, tenant).of("claim", ROW) for secret, tenant in ((b"a secret of this test", "other"), (b"another", "clinic"))
    }
    assert len(others | {row["claim"]}) == 3


def test_two_years_never_stand_in_one_row_as_a_distance_between_them_would_tell_the_day() -> None:
    for names in COLUMNS.values():
        assert [name for name in names if "year" in name] == ["service_year"]
        assert not [name for name, kind in names.items() if kind == "day"]
