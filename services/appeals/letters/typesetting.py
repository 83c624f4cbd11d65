"""Letters and cover sheets as PDF/A, by Typst. What is said is handed over as data and never becomes Typst code.

Nothing is fetched: the fonts are those inside the library, and no package is asked for. The same content gives the same bytes.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import typst

from services.appeals.letters import library
from services.appeals.letters.facts import Exhibit, Sheet
from services.appeals.letters.language import Language, day
from services.appeals.letters.paragraphs import Paragraph

_FOLDER: Final = Path(__file__).parent
_STANDARD: Final = "a-2a"
_COLUMNS: Final = ("line", "date", "code", "units", "billed", "refused", "reason")


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False)


def set_letter(sheet: Sheet, paragraphs: Sequence[Paragraph], logo: bytes) -> bytes:
    """Return a letter as PDF/A-2a."""
    told = library.texts(sheet.language)
    words, head = told.words, sheet.letterhead
    contact = [
        f"{words['phone']} {head.phone}" if head.phone else "",
        f"{words['fax']} {head.fax}" if head.fax else "",
        head.email,
    ]
    numbers = [f"{words['npi']} {head.npi}" if head.npi else "", f"{words['tax_id']} {head.tax_id}" if head.tax_id else ""]
    lines = ["  ·  ".join(filter(None, part)) for part in (head.address_lines, contact, numbers)]
    content = {
        "language": sheet.language,
        "title": dict(sheet.regarding).get(words["request"], words["cover_letter"]),
        "date": day(sheet.letter_on, sheet.language),
        "running": f"{sheet.payer_name}  ·  {words['claim_number']} {sheet.claim_number}",
        "reference": f"{words['cover_case']} {sheet.case_id}",
        "page_of": words["page_of"],
        "head": {
            "name": head.name,
            "lines": list(filter(None, lines)),
            "logo": list(logo),
            "signatory_name": head.signatory_name,
            "signatory_title": head.signatory_title,
        },
        "addressee": sheet.addressee,
        "regarding": sheet.regarding,
        "words": words,
        "columns": [words[name] for name in _COLUMNS],
        "rows": [row.cells for row in sheet.rows],
        "total": sheet.total,
        "paragraphs": [{"kind": each.kind, "text": each.text} for each in paragraphs],
        "enclosures": [enclosure(each, sheet.language) for each in sheet.exhibits],
    }
    return compile_pdf("letter.typ", {"letter": content}, sheet)


def enclosure(exhibit: Exhibit, language: Language) -> tuple[str, str, str]:
    """Return an exhibit as lists show it: its number, its title, its pages."""
    words = library.texts(language).words
    pages = "" if exhibit.pages is None else words["page"] if exhibit.pages == 1 else words["pages"].format(count=exhibit.pages)
    return words["exhibit"].format(number=exhibit.number), exhibit.title, pages


def compile_pdf(name: str, inputs: dict[str, Any], sheet: Sheet) -> bytes:
    """Set one of our own sources with what it is to say."""
    compiler = typst.Compiler(
        root=_FOLDER, font_paths=_fonts(), ignore_system_fonts=True, package_path=_FOLDER, package_cache_path=_FOLDER
    )
    made = compiler.compile(
        input=(_FOLDER / name).read_bytes(),
        format="pdf",
        sys_inputs={key: json.dumps(value) for key, value in inputs.items()},
        pdf_standards=_STANDARD,
        timestamp=datetime.combine(sheet.letter_on, time(), UTC),
    )
    if not isinstance(made, bytes):  # several pages of a picture; a PDF is one
        raise TypeError("Typst gave no PDF")
    return made
