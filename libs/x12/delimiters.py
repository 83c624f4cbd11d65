"""Delimiters by structure: what separates elements is what follows `ISA`, wherever the header's bytes really stand.

Real files have headers one byte short or long, with blanks collapsed or fields too wide: fixed offsets would read wrong delimiters
and lose everything without a sound.
"""

import re
from dataclasses import dataclass, field

HEADER_ELEMENTS = 16
STANDARD_HEADER_LENGTH = 106
_LONGEST_HEADER = 1024
_NEXT_SEGMENT = re.compile(r"(GS|TA1|IEA|ISA|ST)", re.IGNORECASE)


@dataclass(frozen=True)
class Header:
    """A read ISA: its delimiters and elements, and where the text goes on."""

    element: str
    component: str
    terminator: str
    elements: list[str]
    end: int
    problems: tuple[str, ...] = field(default=())


class Incomplete(Exception):  # noqa: N818 - not an error: more bytes may complete it
    """The header goes on beyond the text at hand."""


class BadHeader(Exception):  # noqa: N818 - a fact about the file
    """An ISA that has no structure to read delimiters from."""


def read_header(text: str, start: int) -> Header:
    """Read the ISA that begins at `start`.

    Errors: Incomplete when more text may complete it, BadHeader when nothing can.
    """
    if len(text) < start + 4:
        raise Incomplete
    separator = text[start + 3]
    if separator.isalnum() or separator.isspace():
        raise BadHeader
    position = start + 3
    for _ in range(HEADER_ELEMENTS - 1):
        position = text.find(separator, position + 1)
        if position < 0:
            if len(text) - start > _LONGEST_HEADER:
                raise BadHeader
            raise Incomplete
    if position - start > _LONGEST_HEADER:
        raise BadHeader
    group = text.find("GS" + separator, start, position)
    if group > 0:
        return _short_header(text, start, separator, group)
    following = _NEXT_SEGMENT.search(text, position + 1)
    if following is None and len(text) - position < 16:  # noqa: PLR2004 - room for ISA16, a terminator and the next segment
        raise Incomplete
    return _full_header(text, start, separator, position, following.start() if following else len(text))


def _full_header(text: str, start: int, separator: str, position: int, following: int) -> Header:
    between = text[position + 1 : following]
    component, rest = between[:1], between[1:]
    problems = []
    terminator = rest.rstrip("\r\n\t ") if following - position < 12 else rest[:1]  # noqa: PLR2004
    if not terminator:  # a line end is the terminator
        terminator = "\n" if "\n" in rest else "\r"
    if not rest and component:  # ISA16 is missing: its place holds the terminator
        component, terminator = ":", component
        problems.append("missing_component_separator")
    elements = text[start:position].split(separator)
    end = position + 1 + len(component) + len(terminator)
    if rest.startswith("\r\n") and terminator == "\n":
        end += 1
    if end - start != STANDARD_HEADER_LENGTH and not rest.startswith(("\r", "\n")):
        problems.append("isa_length")
    return Header(separator, component, terminator, [*elements, component], min(end, following), tuple(problems))


def _short_header(text: str, start: int, separator: str, group: int) -> Header:
    """An ISA of fewer than 16 elements: what stands before GS ends it."""
    head = text[start:group].rstrip("\r\n\t ")
    terminator = head[-1]
    if terminator.isalnum() or terminator == separator:
        raise BadHeader
    return Header(separator, ":", terminator, head[:-1].split(separator), start + len(head), ("isa_elements", "isa_length"))
