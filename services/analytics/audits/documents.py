"""The report of an audit as files: a PDF, and a workbook of which no cell is a formula."""

import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
import xlsxwriter

from libs.common.typesetting import compile_pdf
from services.analytics.audits.plans import Plan
from services.analytics.audits.report import Cell, item_rows, lines, parts
from services.analytics.audits.results import Results, Reviewed
from services.analytics.audits.sampling import Stratum

_SOURCE: Final = Path(__file__).parent / "report.typ"


def pdf(title: str, plan: Plan, as_of: date, strata: Sequence[Stratum], found: Results) -> bytes:
    """Return the report as PDF/A; the same audit gives the same bytes."""
    tables = msgspec.to_builtins(parts(plan, strata, found))
    return compile_pdf(_SOURCE, {"report": {"title": title, "lines": lines(plan, str(as_of), found), "parts": tables}}, as_of)


def workbook(title: str, plan: Plan, as_of: date, strata: Sequence[Stratum], found: Results, reviewed: Sequence[Reviewed]) -> bytes:
    """Return the report as a workbook: a sheet of findings, and one with every item."""
    held = io.BytesIO()
    book = xlsxwriter.Workbook(held, {"in_memory": True})
    findings: list[tuple[Cell, ...]] = [(title,), *((line,) for line in lines(plan, str(as_of), found))]
    for part in parts(plan, strata, found):
        findings += [(), (part.title,), part.columns, *part.rows]
    for name, rows in (("Findings", findings), ("Items", item_rows(reviewed))):
        sheet = book.add_worksheet(name)
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                if isinstance(cell, str):
                    sheet.write_string(row, column, cell)  # whatever it begins with
                else:
                    sheet.write_number(row, column, cell)
    book.close()
    return held.getvalue()
