"""Where we are in the stream, and what may stand inside a segment."""

import re
from itertools import accumulate
from typing import TYPE_CHECKING

from libs.x12.messages import MESSAGES
from libs.x12.model import Finding, Item, Severity

if TYPE_CHECKING:
    from libs.x12.envelope import Envelope

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NAMED_CONTROLS_MAX = 100


class Cursor:
    """The position of the segment at hand, in a batch of segments that were split together."""

    def __init__(self) -> None:
        self.byte_offset = 0  # of the first byte of the batch
        self.segment_index = 0  # segments before the batch
        self.segments: list[str] = []
        self._raws: list[str] = []
        self._ends: list[int] = []  # bytes of the batch up to the end of each segment, without terminators
        self._width = 1
        self._place = 0
        self._has_empty = False

    def begin(self, raws: list[str], segments: list[str], width: int) -> None:
        """Start on a batch of segments: as they stood, and without the blanks before them."""
        self._raws, self.segments, self._width = raws, segments, width
        self._ends = list(accumulate(map(len, raws), initial=0))
        self._has_empty = "" in segments
        self._place = 0

    def at(self, place: int) -> None:
        self._place = place

    def position(self, place: int | None = None) -> tuple[int, int]:
        """Return the byte offset and the ordinal of a segment of the batch (the one at hand, unless told)."""
        place = self._place if place is None else place
        offset, index = self._before(place)
        if place < len(self._raws):
            offset += len(self._raws[place]) - len(self.segments[place])
        return offset, index + 1

    def _before(self, place: int) -> tuple[int, int]:
        empty = self.segments[:place].count("") if self._has_empty else 0
        size = self._ends[place] + self._width * place if self._ends else 0
        return self.byte_offset + size, self.segment_index + place - empty

    def finish(self, count: int) -> None:
        """Leave the first segments of the batch behind, and the batch with them."""
        self.byte_offset, self.segment_index = self._before(count)
        self.begin([], [], self._width)

    def skip(self, length: int) -> None:
        """Pass over bytes that are no segment."""
        self.byte_offset += length

    def step(self, length: int) -> None:
        """Pass over one segment of this length."""
        self.byte_offset += length
        self.segment_index += 1

    @staticmethod
    def message(code: str) -> str:
        return MESSAGES[code]

    def finding(self, code: str, items: list[Item], severity: Severity = "error") -> None:
        """Report something that belongs to no transaction."""
        byte_offset, segment_index = self.position()
        items.append(Finding(code, severity, MESSAGES[code], byte_offset, segment_index))


def blank_controls(text: str, terminator: str, cursor: Cursor, held: list[str], items: list[Item]) -> str:
    """Return the text with control characters as blanks (so that offsets stay), and report the first of them."""
    if text.isprintable() or _CONTROL.search(text) is None:
        return text
    base = cursor.byte_offset + sum(map(len, held)) + len(terminator) * len(held)
    delimiters = {*terminator}
    named = 0
    for match in _CONTROL.finditer(text):
        if match.group() in delimiters:
            continue
        named += 1
        if named <= _NAMED_CONTROLS_MAX:
            segment_index = cursor.segment_index + len(held) + text.count(terminator, 0, match.start()) + 1
            items.append(
                Finding("control_character", "warning", MESSAGES["control_character"], base + match.start(), segment_index)
            )
    return _CONTROL.sub(lambda match: match.group() if match.group() in delimiters else " ", text) if named else text


def without_blanks(raws: list[str], terminator: str) -> list[str]:
    """Return segments without what stands before them: line ends, indentation. A carriage return before a line end goes too."""
    if terminator == "\n":
        return [raw.strip("\r\t ") for raw in raws]
    return [raw.lstrip() for raw in raws]


def has_blanks(text: str, terminator: str) -> bool:
    """Say whether any segment may begin with a blank; four searches in C, so that the usual file is not copied."""
    return "\n" in text or "\r" in text or "\t" in text or terminator + " " in text or text[:1] == " "


def lower_case_id(segment: str, envelope: "Envelope") -> str:
    """Return the segment with its identifier in upper case, and report it when it was not."""
    head, separator, rest = segment.partition(envelope.separator)
    if head.isupper() or not head.isalnum():
        return segment
    envelope.note("lower_case_segment", "warning", None)
    return head.upper() + separator + rest
