"""From the text of a filled template to paragraphs, which a person may edit before the letter goes out. Pure.

What begins a line of the template gives a paragraph its kind; what begins a line of a value is text, whatever it looks like.
"""

import re
from typing import Final, Literal

from msgspec import Struct

from services.appeals.letters.language import Language, Values, fill

Kind = Literal["text", "heading", "item", "lines"]

_MARKS: Final = {"## ": "\ue001", "- ": "\ue002", "@lines": "\ue003"}
_KINDS: Final[dict[str, Kind]] = {"\ue001": "heading", "\ue002": "item", "\ue003": "lines"}
_LINE_START: Final = re.compile(r"^[ \t]*(## |- |@lines[ \t]*$)", re.MULTILINE)


class Paragraph(Struct, frozen=True):
    """One piece of a letter; `lines` stands for the table of refused lines and has no text."""

    kind: Kind
    text: str


def write(source: str, language: Language, values: Values) -> tuple[Paragraph, ...]:
    """Fill a template and cut it into paragraphs. Errors: as `fill`."""
    marked = _LINE_START.sub(lambda found: _MARKS[found[1].strip() if found[1].startswith("@") else found[1]], source)
    return tuple(_cut(fill(marked, language, values)))


def _cut(text: str) -> list[Paragraph]:
    found: list[Paragraph] = []
    for block in re.split(r"\n[ \t]*\n|(?=[\ue001-\ue003])", text):
        told = block.strip()
        kind = _KINDS.get(told[:1])
        if kind is not None:
            # What follows the line of a heading, an item or a table is text of its own.
            first, _, rest = told[1:].partition("\n") if kind != "item" else (told[1:], "", "")
            found.append(Paragraph(kind, "" if kind == "lines" else _joined(first)))
            told = rest.strip()
        if told:
            found.append(Paragraph("text", _joined(told)))
    return found


def _joined(text: str) -> str:
    # Not all white space: the blanks that hold an amount or a French colon together stay.
    return re.sub(r"[ \t\r\n]+", " ", text).strip()
