"""Letters and cover sheets as PDF/A: what they say, in the places that their Typst sources have for it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from libs.common import typesetting
from services.appeals.letters import library
from services.appeals.letters.facts import Exhibit, Sheet
from services.appeals.letters.language import Language, day
from services.appeals.letters.paragraphs import Paragraph

_FOLDER: Final = Path(__file__).parent
_COLUMNS: Final = ("line", "date", "code", "units", "billed", "refused", "reason")


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
    return typesetting.compile_pdf(_FOLDER / name, inputs, sheet.letter_on)
