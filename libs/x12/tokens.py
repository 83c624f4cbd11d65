"""Raw segments made clean, and where each of them stands in the stream."""

import re
from collections.abc import Iterator
from itertools import accumulate
from string import ascii_lowercase, ascii_uppercase, digits

from libs.x12.delimiters import BLANKS
from libs.x12.item import Item
from libs.x12.messages import MESSAGES
from libs.x12.model import Finding, Severity

SEGMENT_MAX = 64 * 1024
CLAIM_SEGMENTS_MAX = 20_000  # 999 lines of some fifteen segments fit
CLAIM_BYTES_MAX = 4 * 1024 * 1024
_CONTROLS = "".join(map(chr, range(32))).translate({ord(blank): None for blank in "\t\r\n"}) + "\x7f"
_LEAD = re.compile("[\x00-\x20\x7f]*")
_NAMED_CONTROLS_MAX = 100
_LONGEST_ID = 3
_LOWER = ascii_lowercase.encode()
_UPPER = (ascii_uppercase + digits).encode()


class Cleaner:
    """Cleans the raw segments of one interchange, from the moment on at which anything in it needs it.

    What stands before a segment (line ends, indentation) goes, control characters become blanks, and identifiers upper case.
    Lengths stay, so offsets stay. Looking is cheap and cleaning is not: most files never need it.
    """

    def __init__(self, terminator: str = "~", separator: str = "*", component: str = ":") -> None:
        self._terminator, self._separator = terminator, separator
        delimiters = (terminator + separator + component).replace("\x00", "")  # NUL never stays in a segment
        controls = "".join(character for character in _CONTROLS if character not in delimiters)
        self._control = re.compile(f"[{re.escape(controls)}]")
        # One pass in C shows at once: control characters as NUL, small letters as "a", capitals and digits as "A".
        sources, shapes = controls.encode() + _LOWER + _UPPER, (b"\x00" * len(controls), b"a" * len(_LOWER), b"A" * len(_UPPER))
        self._table = bytes.maketrans(sources, b"".join(shapes))
        self._blank_bytes = "".join(blank for blank in BLANKS if blank not in terminator).encode()
        self._lower_ids = [
            terminator.encode("latin-1").translate(self._table) + b"A" * place + b"a" for place in range(_LONGEST_ID)
        ]
        self._blanks = terminator == "\n"
        self._controls = self._lower = False
        self._named = 0

    @property
    def marks(self) -> bool:
        """Say whether segments may hold something that `marked` reports."""
        return self._controls or self._lower

    def look(self, text: str) -> None:
        """See whether this text needs cleaning; a few searches in C."""
        if not self._blanks:
            self._blanks = "\n" in text or "\r" in text or "\t" in text or self._terminator + " " in text or text[:1] == " "
        if not (self._controls and self._lower):
            shown = text.encode("latin-1").translate(self._table, self._blank_bytes if self._blanks else b"")
            if not self._controls and b"\x00" in shown:
                self._controls = self._blanks = self._lower = True  # an identifier behind one is not found as below
            if not self._lower and b"a" in shown:
                self._lower = b"a" in shown[:_LONGEST_ID] or any(start in shown for start in self._lower_ids)

    def clean(self, raws: list[str]) -> list[str]:
        """Return the segments as they are to be read; the same list when nothing was to be done."""
        segments = raws
        if self._controls:
            segments = [self._control.sub(" ", raw) for raw in segments]
        if self._terminator == "\n":
            segments = [raw.strip(BLANKS) for raw in segments]  # a carriage return before the line end goes too
        elif self._blanks:
            segments = [raw.lstrip(BLANKS) for raw in segments]
        if self._lower:
            segments = [self._upper(segment) for segment in segments]
        return segments

    def marked(self, raw: str) -> Iterator[tuple[str, int]]:
        """Yield what is odd in a raw segment and where in it; control characters are named up to a limit."""
        head = raw[lead(raw) :].partition(self._separator)[0]
        if self._lower and self._upper(head) != head:
            yield "lower_case_segment", lead(raw)
        if self._controls:
            for match in self._control.finditer(raw):
                if self._named == _NAMED_CONTROLS_MAX:
                    return
                self._named += 1
                yield "control_character", match.start()

    def _upper(self, segment: str) -> str:
        head, separator, rest = segment.partition(self._separator)
        if head.isupper() or len(head) > _LONGEST_ID or not (head.isalnum() and head.isascii()):
            return segment
        return head.upper() + separator + rest


def segment_id_of(kind: str) -> str | None:
    """Return what may be named as a segment's identifier; other text may be anyone's data."""
    return kind if kind.isalnum() and kind.isascii() and len(kind) <= _LONGEST_ID else None


def lead(raw: str) -> int:
    """Return how many bytes stand before the segment itself."""
    found = _LEAD.match(raw)
    return found.end() if found else 0


class Cursor:
    """The position of the segment at hand, in a batch of segments that were split together."""

    def __init__(self) -> None:
        self.byte_offset = 0  # of the first byte of the batch
        self.segment_index = 0  # segments before the batch
        self.segments: list[str] = []
        self.too_long = False  # whether any segment of the batch is
        self.is_large = False  # whether any claim of the batch may be beyond measure
        self._raws: list[str] = []
        self._ends: list[int] = [0]  # bytes of the batch up to the end of each segment, without terminators
        self._empties: list[int] = []  # segments without content before each place; no list when there are none
        self._width = 1
        self._place = 0

    def begin(self, raws: list[str], segments: list[str], width: int) -> None:
        """Start on a batch of segments: as they stood, and clean."""
        self._raws, self.segments, self._width = raws, segments, width
        lengths = list(map(len, raws))
        self._ends = list(accumulate(lengths, initial=0))
        self._empties = list(accumulate((not segment for segment in segments), initial=0)) if "" in segments else []
        self.too_long = bool(lengths) and max(lengths) > SEGMENT_MAX
        self.is_large = len(raws) > CLAIM_SEGMENTS_MAX or self._ends[-1] + len(raws) * width > CLAIM_BYTES_MAX
        self._place = 0

    def at(self, place: int) -> None:
        self._place = place

    def start(self, place: int) -> int:
        """Return the offset of the first byte after the terminator before a place."""
        return self.byte_offset + self._ends[place] + self._width * place

    def position(self, place: int | None = None) -> tuple[int, int]:
        """Return the byte offset and the ordinal of a segment of the batch (the one at hand, unless told)."""
        place = self._place if place is None else place
        offset = self.start(place)
        if self._raws is not self.segments and place < len(self._raws):
            offset += lead(self._raws[place])
        return offset, self._index(place) + 1

    def _index(self, place: int) -> int:
        return self.segment_index + place - (self._empties[place] if self._empties else 0)

    def finish(self, count: int) -> None:
        """Leave the first segments of the batch behind, and the batch with them."""
        self.byte_offset, self.segment_index = self.start(count), self._index(count)
        self.begin([], [], self._width)

    def skip(self, length: int) -> None:
        """Pass over bytes that are no segment."""
        self.byte_offset += length

    def step(self, length: int) -> None:
        """Pass over one segment of this length."""
        self.byte_offset += length
        self.segment_index += 1

    def finding(
        self,
        code: str,
        items: list[Item],
        severity: Severity = "error",
        *,
        at: tuple[int, int] | None = None,
    ) -> None:
        """Report something that belongs to no transaction, at the cursor unless told where."""
        byte_offset, segment_index = at or self.position()
        items.append(Finding(code, severity, MESSAGES[code], byte_offset, segment_index))
