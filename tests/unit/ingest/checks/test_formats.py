"""Reference tables read from files in their public shapes, and what is refused."""

import io
from datetime import date
from typing import Any

import pytest

from services.ingest.checks import reference as known
from services.ingest.reference.broken import BrokenTable
from services.ingest.reference.formats import read_rows
from services.ingest.reference.quarter import Quarter
from tests.unit.ingest.checks import tables

Q1 = Quarter(2026, 1)
PTP = tables.ptp(("G0283", "A4253", "20200101", "*", "0"), ("G0283", "J1885", "20250101", "20251231", "1"))


def rows(name: str, body: bytes, quarter: Quarter = Q1) -> list[Any]:
    return list(read_rows(name, io.TextIOWrapper(io.BytesIO(body), encoding="latin-1", newline=""), quarter))


def test_each_public_shape_is_read() -> None:
    assert rows(known.PTP_PRACTITIONER, PTP) == [
        ("G0283", "A4253", date(2020, 1, 1), None, "0"),
        ("G0283", "J1885", date(2025, 1, 1), date(2025, 12, 31), "1"),
    ]
    body = tables.mue(("A4253", 3, "1 Line Edit"), ("J1885", 8, "3 Date of Service Edit: Clinical"))
    assert rows(known.MUE_PRACTITIONER, body) == [("A4253", 3, "1"), ("J1885", 8, "3")]
    assert rows(known.ICD10CM, tables.icd10cm(("M54", False), ("M5450", True))) == [
        ("M54", False, None, None),
        ("M5450", True, None, None),
    ]
    assert rows(known.HCPCS, tables.hcpcs(("G0283", "20030101", ""), ("Q0001", "20030101", "20251231"))) == [
        ("G0283", True, date(2003, 1, 1), None),
        ("Q0001", True, date(2003, 1, 1), date(2025, 12, 31)),
    ]
    told = tables.hcpcs(("G0283", "20030101", "")) + tables.modifiers(("LT", "19900101", ""), ("ZZ", "20030101", "20251231"))
    assert rows(known.HCPCS, told)[1:] == [
        ("-", False, None, None),
        ("-LT", True, date(1990, 1, 1), None),
        ("-ZZ", True, date(2003, 1, 1), date(2025, 12, 31)),
    ]
    assert rows(known.TAXONOMY, tables.nucc("207Q00000X")) == [("207Q00000X", True, None, None)]


def test_files_of_one_release_may_follow_one_another() -> None:
    again = tables.ptp(("A4253", "J1885", "20200101", "*", "9"))
    assert [row[:2] for row in rows(known.PTP_PRACTITIONER, PTP + again)] == [
        ("G0283", "A4253"),
        ("G0283", "J1885"),
        ("A4253", "J1885"),
    ]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        (known.PTP_PRACTITIONER, PTP), (known.MUE_PRACTITIONER, tables.mue(("A4253", 3, "1 Line Edit"), ("J1885", 8, "3 Date"))),
        (known.ICD10CM, tables.icd10cm(("M54", False), ("M5450", True))),
        (known.HCPCS, tables.hcpcs(("G0283", "20030101", ""))[:321]), (known.HCPCS, tables.modifiers(("LT", "19900101", ""))[:321]),
    ],
    ids=["ptp", "mue", "icd10cm", "hcpcs", "modifiers"],
)  # fmt: skip
def test_a_file_that_is_cut_inside_a_row_is_refused_with_its_line(name: str, body: bytes) -> None:
    last = body.rstrip(b"\r\n").rfind(b"\n") + 1
    for cut in range(last + 1, last + 12):
        with pytest.raises(BrokenTable) as broken:
            rows(name, body[:cut])
        assert broken.value.reason in ("broken_row", "no_rows")


def test_another_file_an_empty_one_and_one_of_a_later_quarter_are_refused() -> None:
    later = tables.ptp(("G0283", "A4253", "20260401", "*", "0"))
    for name, body, reason in (
        (known.ICD10CM, PTP, "broken_row"),
        (known.PTP_PRACTITIONER, b"", "no_rows"),
        (known.PTP_PRACTITIONER, tables.PTP_HEAD.encode(), "no_rows"),
        (known.PTP_PRACTITIONER, later, "wrong_quarter"),
        (known.PTP_PRACTITIONER, tables.ptp(("G0283", "A4253", "20261301", "*", "0")), "bad_date"),
        (known.MUE_HOSPITAL, tables.mue(("A4253", 3, "7")), "broken_row"),
    ):
        with pytest.raises(BrokenTable) as broken:
            rows(name, body)
        assert broken.value.reason == reason
    assert rows(known.PTP_PRACTITIONER, later, Quarter(2026, 2))


def test_a_quarter_knows_its_days() -> None:
    assert (Q1.begins_on, Q1.ends_on, str(Q1)) == (date(2026, 1, 1), date(2026, 3, 31), "2026Q1")
    assert Quarter.parse("2026Q4").ends_on == date(2026, 12, 31)
    assert Quarter.of(date(2026, 7, 1)) == Quarter(2026, 3)
    with pytest.raises(ValueError, match="quarter"):
        Quarter.parse("2026Q5")
