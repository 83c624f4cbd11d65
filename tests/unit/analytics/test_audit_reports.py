"""The report of an audit, opened as its readers open it: a PDF, and a workbook with every item."""

import io
import zipfile
from datetime import date
from uuid import UUID
from xml.etree import ElementTree as ET  # what is read here was written here

import pytest
from msgspec.structs import replace
from pypdf import PdfReader

from services.analytics.audits.documents import pdf, workbook
from services.analytics.audits.plans import Plan, succeed
from services.analytics.audits.report import lines, parts
from services.analytics.audits.results import Results, Reviewed, results
from services.analytics.audits.reviewing import Verdict
from services.analytics.audits.sampling import Stratum, Unit

PLAN = Plan("stratified", "s-7", ("dana", "lee"), stratify_by="payer", confidence=0.95)
AS_OF = date(2026, 3, 30)
STRATA = [Stratum("=P1", 100, 1_000_000, 4, 0.24, 0.24), Stratum("P2", 50, 500_000, 4, 0.23, 0.23)]
YES = Verdict(True, True, True)
NO = Verdict(False, True, True, "duplicate", "none", note="=2+2")
_NAMES = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def reviewed() -> list[Reviewed]:
    """Return eight items, the first of them in error, and judged otherwise by the second reviewer."""
    found = []
    for number in range(1, 9):
        stratum = STRATA[number > 4]
        unit = Unit(
            UUID(int=number), UUID(int=number), stratum.name, "F1", "D1", "G", "other", "appeal", 10_000, date(2026, 3, number)
        )
        held = NO if number == 1 else YES
        found.append(Reviewed(unit, stratum.name, stratum.drawn / stratum.denials, held, {"dana": held, "lee": YES}))
    return found


@pytest.fixture(scope="module")
def found() -> Results:
    return results(PLAN, STRATA, reviewed())


def test_the_pdf_says_what_was_audited_how_and_what_was_found(found: Results) -> None:
    written = pdf("Audit of refusals", PLAN, AS_OF, STRATA, found)
    assert written == pdf("Audit of refusals", PLAN, AS_OF, STRATA, found)
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(written)).pages).split())
    for told in (
        "Audit of refusals",
        "stratified random sample by payer, seed s-7",
        "150 denials of 15,000.00, 8 drawn",
        "Reviewed by dana and lee",
        "95%",
        "2026-03-30",
        "Classification wrong",
        "Documentation not sufficient",
        "Kappa",
        "=P1",
    ):
        assert told in text, told
    (any_error, *_) = found.estimates
    assert any_error.rate is not None
    assert f"{any_error.rate.value:.1%}" in text
    assert any_error.rate.value == pytest.approx(100 / 150 / 4)
    assert any_error.rate.low < any_error.rate.value < any_error.rate.high
    assert any_error.dollars_cents == pytest.approx(1_500_000 * 100 / 150 / 4, abs=1)


def test_the_report_says_what_its_days_are(found: Results) -> None:
    known = replace(PLAN, date_basis="known", first=date(2026, 3, 1), last=date(2026, 3, 31))
    assert "Became known from 2026-03-01 to 2026-03-31; known on the evening of 2026-03-31 (UTC)." in lines(
        known, "2026-03-31", found
    )


def test_the_report_names_who_reviewed_before(found: Results) -> None:
    told = lines(succeed(PLAN, "lee", "kim"), "2026-03-31", found)
    assert any(line.startswith("Reviewed by dana and kim (before them lee).") for line in told)


def test_a_correction_of_the_action_alone_is_told_as_such() -> None:
    (first, *rest) = reviewed()
    resubmit = Verdict(False, True, True, "other", "correct_and_resubmit")
    (second, *_) = rest
    twice = [replace(first, verdict=resubmit), replace(second, verdict=NO), *rest[1:]]
    told = results(PLAN, STRATA, twice)
    assert [(each.category, each.action, each.corrected, each.corrected_action) for each in told.corrections] == [
        ("other", "appeal", "duplicate", "none"),
        ("other", "appeal", "other", "correct_and_resubmit"),
    ]
    (part,) = [part for part in parts(PLAN, STRATA, told) if part.title == "Corrections"]
    assert [row[:2] for row in part.rows] == [
        ("other, appeal", "duplicate, none"),
        ("other, appeal", "other, correct_and_resubmit"),
    ]


def rows_of(book: zipfile.ZipFile, sheet: int) -> list[list[str]]:
    """Return a sheet's cells as texts, as a reader of the format finds them."""
    shared = [
        "".join(text.text or "" for text in each.iter(f"{{{_NAMES['s']}}}t"))
        for each in ET.fromstring(book.read("xl/sharedStrings.xml")).findall("s:si", _NAMES)  # noqa: S314 - ours
    ]
    root = ET.fromstring(book.read(f"xl/worksheets/sheet{sheet}.xml"))  # noqa: S314 - as above
    assert root.findall(".//s:f", _NAMES) == [], "no cell is a formula"
    return [
        [
            shared[int(cell.findtext("s:v", "", _NAMES))] if cell.get("t") == "s" else cell.findtext("s:v", "", _NAMES)
            for cell in row.findall("s:c", _NAMES)
        ]
        for row in root.findall(".//s:row", _NAMES)
    ]


def test_the_workbook_holds_the_findings_and_every_item(found: Results) -> None:
    book = zipfile.ZipFile(io.BytesIO(workbook("Audit", PLAN, AS_OF, STRATA, found, reviewed())))
    findings, items = rows_of(book, 1), rows_of(book, 2)
    assert findings[0] == ["Audit"]
    assert [row[:2] for row in findings if row and row[0].endswith("wrong")] == [
        ["Classification or code wrong", "1"],
        ["Classification wrong", "1"],
        ["Code wrong", "0"],
    ]
    assert ["other, appeal", "duplicate, none", "1", "100.00"] in findings
    assert [row[0] for row in items] == ["item", *(str(number) for number in range(1, 9))]
    first = dict(zip(items[0], items[1], strict=True))
    assert (first["denial"], first["stratum"], first["denied cents"]) == (str(UUID(int=1)), "=P1", "10000")
    assert (first["classification right"], first["corrected category"], first["note"]) == ("no", "duplicate", "=2+2")
    assert dict(zip(items[0], items[8], strict=False))["classification right"] == "yes"
