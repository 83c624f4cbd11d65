"""Delimiters by structure: what separates elements is what follows `ISA`, wherever the header's bytes really stand.

Real files have headers one byte short or long, with blanks collapsed or fields too wide: fixed offsets would read wrong delimiters
and lose everything without a sound. What is decided depends on the bytes alone, never on how many of them are at hand.
"""

import re
from dataclasses import dataclass, field

HEADER_ELEMENTS = 16
STANDARD_HEADER_LENGTH = 106
BLANKS = " \t\r\n"
_NO_SEPARATORS = BLANKS + "\f\v\x00"  # other control characters are used, and meant for it
_LONGEST_HEADER = 1024
_WINDOW = 64  # ISA16, a terminator, line ends and the id of the next segment fit
_NEAR = 12  # so close a next segment shows where a terminator of several bytes ends
_NEXT_SEGMENT = re.compile(r"(GS|TA1|IEA|ISA|ST)", re.IGNORECASE | re.ASCII)
_INNER_HEADER = re.compile(r"ISA([^A-Za-z0-9\s])", re.ASCII)


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


def read_header(text: str, start: int, *, final: bool = False) -> Header:
    """Read the ISA that begins at `start`; `final` says that no more text will come.

    Errors: Incomplete when more text may complete it, BadHeader when nothing can.
    """
    if len(text) < start + 4:
        raise Incomplete
    separator = text[start + 3]
    if separator.isalnum() or separator in _NO_SEPARATORS:
        raise BadHeader
    position = start + 3
    for _ in range(HEADER_ELEMENTS - 1):
        position = text.find(separator, position + 1, start + _LONGEST_HEADER)
        if position < 0:
            if len(text) >= start + _LONGEST_HEADER:
                raise BadHeader
            raise Incomplete
    if any(inner[1] != separator for inner in _INNER_HEADER.finditer(text, start + 3, position)):
        raise BadHeader  # the true header stands inside what looked like one
    short = _short_header(text, start, separator, position)
    if short is not None:
        return short
    window = position + 1 + _WINDOW
    following = _NEXT_SEGMENT.search(text, position + 1, window)
    if following is None and len(text) < window and not (final and len(text) > position + 2):
        raise Incomplete
    return _full_header(text, start, separator, position, following.start() if following else min(len(text), window))


def _full_header(text: str, start: int, separator: str, position: int, following: int) -> Header:
    problems = []
    surplus = re.compile(rf"[A-Za-z0-9 ]*{re.escape(separator)}")
    while (extra := surplus.match(text, position + 1, following)) is not None:  # more elements than 16: the last one counts
        position = extra.end() - 1
        problems = ["isa_elements"]
    between = text[position + 1 : following]
    component, rest = between[:1], between[1:]
    terminator = rest.rstrip(BLANKS) if following - position < _NEAR else rest[:1].strip(BLANKS)
    if (not rest and component) or (component == "~" and not terminator):  # ISA16 is missing: its place holds the terminator
        component, terminator, rest = ":", component, component + rest
        position -= 1
        problems.append("missing_component_separator")
    elif not terminator:  # a line end is the terminator
        terminator = "\n" if "\n" in rest else "\r"
    if not component or terminator.isalnum() or separator in terminator:
        raise BadHeader
    elements = text[start:position].split(separator)
    end = position + 1 + len(component) + len(terminator)
    if rest.startswith("\r\n") and terminator == "\n":
        end += 1
    if position + 2 + len(component) - start != STANDARD_HEADER_LENGTH:
        problems.append("isa_length")
    return Header(separator, component, terminator, [*elements, component], min(end, following), tuple(problems))


def _short_header(text: str, start: int, separator: str, position: int) -> Header | None:
    """An ISA of fewer than 16 elements: what stands before GS ends it. None when no GS begins before the 16th separator."""
    group = text.find("GS" + separator, start, position + 1)
    while group > 0:
        head = text[start:group].rstrip(BLANKS)
        gap = text[start + len(head) : group]
        last = head[-1]
        if last.isalnum() or last == separator:
            terminator = "\n" if "\n" in gap else "\r"
            found = terminator in gap
        else:
            terminator, head, found = last, head[:-1], not gap.strip("\r\n")
        if found:
            elements = head.split(separator)
            component = elements[-1] if len(elements[-1]) == 1 and not elements[-1].isalnum() else ":"
            return Header(separator, component, terminator, elements, group, ("isa_elements", "isa_length"))
        group = text.find("GS" + separator, group + 1, position + 1)
    return None
