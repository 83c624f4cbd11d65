"""The push reader: bytes of any length, cut anywhere, in; items in file order out. It never raises and never guesses in silence.

One code path for every kind of transaction: tokens, envelope, then by ST01 the reader of that transaction. Memory is constant: what
is held is the unfinished segment, the unfinished claim and the head of the open transaction. What is emitted does not depend on
where the stream was cut.
"""

from collections.abc import Callable

from libs.x12.delimiters import BLANKS, Header
from libs.x12.envelope import Envelope
from libs.x12.item import Item
from libs.x12.preamble import ISA, Preamble
from libs.x12.tokens import CLAIM_BYTES_MAX, CLAIM_SEGMENTS_MAX, SEGMENT_MAX, Cleaner, Cursor, lead

_BINARY = {"BIN": 1, "BDS": 2}  # which element tells the length
_PIECE = 256 * 1024  # split at once: what is split takes many times its size in memory
_BOUNDARIES = frozenset({*_BINARY, "ISA", "IEA"})
_CLOSING = ("SE", "GE", "IEA")


class InterchangeReader:
    """Reads a stream of interchanges.

    Shape: `feed(chunk)` and at the end `close()` each return the items that became complete, in file order: InterchangeOpened,
    TransactionOpened, PaymentRead, Remit, TransactionClosed, InterchangeClosed, and Findings in between.
    Units: money in integer cents; byte offsets from 0 in the decoded (not compressed) stream; segment ordinals from 1.
    Errors: none is raised; every irregularity is a Finding. A claim that is not complete when the input ends is not emitted.
    Source: ASC X12 control standards; 005010X221A1 and 004010X091A1 for the 835.
    """

    def __init__(self) -> None:
        self._text = ""  # what is not yet split into whole segments
        self._items: list[Item] = []
        self._cursor = Cursor()
        self._envelope = Envelope(self._items, self._cursor)
        self._preamble = Preamble(self._items, self._cursor)
        self._cleaner = Cleaner()
        self._terminator = ""
        self._skip = 0  # bytes of a binary segment that are still to come
        self._dropping = False  # inside a segment that is too long
        self._passing = False  # inside a claim that is passed over
        self._unterminated = False  # the last segment of the batch has no terminator
        self._open: list[str] = []  # raw segments of a claim whose end was not seen yet
        self._open_bytes = 0
        self._run: Callable[[], None] = self._find_header

    def feed(self, chunk: bytes) -> list[Item]:
        """Take the next bytes; return what became complete."""
        for start in range(0, len(chunk), _PIECE):
            piece = chunk[start : start + _PIECE] if len(chunk) > _PIECE else chunk
            self._text += piece.decode("latin-1")  # every byte is a character: offsets stay offsets
            self._advance()
        return self._drain()

    def close(self) -> list[Item]:
        """Say that the input has ended; return what is left to say."""
        while self._run != self._find_header or self._open_header(final=True):
            self._advance()
            if self._run != self._find_header:
                self._end_inside()
                if self._run != self._find_header:
                    return self._drain()
        self._preamble.end(self._text, interchanges=self._envelope.interchanges)
        self._text = ""
        return self._drain()

    def _drain(self) -> list[Item]:
        items = self._items[:]
        self._items.clear()
        return items

    def _advance(self) -> None:
        before = None
        while before != (len(self._text), self._run):
            before = (len(self._text), self._run)
            self._run()

    # -- before and between interchanges

    def _find_header(self) -> None:
        self._open_header(final=False)

    def _open_header(self, *, final: bool) -> bool:
        """Look for a header in the text at hand and open its interchange; say whether there was one."""
        start, header = self._preamble.find(self._text, final=final)
        self._text = self._text[start:]
        if header is None:
            return False
        self._begin(header, header.end - start)
        return True

    def _begin(self, header: Header, length: int) -> None:
        self._terminator = header.terminator
        self._cleaner = Cleaner(header.terminator, header.element, header.component)
        self._passing = False
        self._envelope.open(header)
        self._cursor.step(length)
        self._text = self._text[length:]
        self._run = self._split

    def _leave(self, raws: list[str], at: int) -> None:
        """The interchange is over: what follows is looked at with other delimiters."""
        self._cursor.finish(at)
        self._text = self._rejoined(raws, at)
        self._preamble.begin(after=True)
        self._run = self._find_header

    def _rejoined(self, raws: list[str], at: int) -> str:
        rest = self._terminator.join(raws[at:])
        return rest + self._text if self._unterminated or at >= len(raws) else rest + self._terminator + self._text

    # -- inside an interchange

    def _split(self) -> None:
        """Split what is at hand into segments and run through them."""
        if self._skip or self._dropping:
            self._pass_over()
            if self._skip or self._dropping:
                return
        raws = self._text.split(self._terminator)  # from the front: one of equal characters would be found elsewhere from behind
        if len(raws) == 1:
            self._look_at_unfinished()
            return
        rest = raws.pop()
        whole = self._text[: len(self._text) - len(rest) - len(self._terminator)]
        self._text = rest
        self._cleaner.look(whole)
        if self._open and self._still_open(raws, len(whole)):
            return
        raws, self._open = self._open + raws, []
        self._walk(raws)

    def _still_open(self, raws: list[str], size: int) -> bool:
        """Add segments to the claim that is held, when none of them ends it and it stays within measure."""
        grows = len(self._open) + len(raws) <= CLAIM_SEGMENTS_MAX and self._open_bytes + size + len(raws) <= CLAIM_BYTES_MAX
        if not grows or len(max(raws, key=len)) > SEGMENT_MAX:
            return False
        if any(map(self._ends_unit, self._cleaner.clean(raws))):
            return False
        self._open += raws
        self._open_bytes += size + len(raws)
        return True

    def _walk(self, raws: list[str]) -> None:
        """Run through segments that were split together."""
        envelope, cursor = self._envelope, self._cursor
        segments = self._cleaner.clean(raws)
        cursor.begin(raws, segments, len(self._terminator))
        at, count = 0, len(segments)
        while at < count:
            segment = segments[at]
            kind = segment[:3]
            if self._passing and not self._ends_unit(segment):
                at += 1
                continue
            self._passing = False
            if kind in envelope.begins:
                at = self._unit(raws, at)
                if not at:
                    return
                continue
            cursor.at(at)
            if kind.upper() in _BOUNDARIES and self._crosses(raws, at, kind.upper()):
                return
            if segment:
                self._take(raws, at, segment)
            at += 1
            if envelope.closed:
                if self._unterminated and at == count:
                    cursor.finding("missing_final_terminator", self._items, "info", at=cursor.position(at - 1))
                self._leave(raws, at)
                return
        self._finish(count)

    def _ends_unit(self, segment: str) -> bool:
        transaction = self._envelope.transaction
        return transaction is None or transaction.ends_unit(segment)

    def _take(self, raws: list[str], at: int, segment: str) -> None:
        """Take one segment that belongs to no claim."""
        if len(raws[at]) > SEGMENT_MAX:
            self._envelope.note("segment_too_long", "error", None)
            return
        if self._cleaner.marks:
            self._note_marks(raws, at, at + 1)
        self._envelope.segment(segment)

    def _crosses(self, raws: list[str], at: int, kind: str) -> bool:
        """Leave the batch at a segment behind which other rules hold: a binary one, or the header of another interchange.

        A header is looked for in what stood there, as where a segment's end has not come: made clean by the rules of the
        interchange before it, it may have lost its own delimiters.
        """
        raw = raws[at]
        if kind in _BINARY:
            self._begin_binary(raws, at, _BINARY[kind])
        elif kind == "ISA" and ISA.match(raw, lead(raw)):
            self._envelope.end("missing_iea")
            self._leave(raws, at)
        elif kind == "IEA" and ISA.search(raw, lead(raw) + 3):
            self._end_before_header(raws, at)
        else:
            return False
        return True

    def _finish(self, count: int) -> None:
        """Leave a whole batch behind; a terminator that has not come was not passed over."""
        self._cursor.finish(count)
        if self._unterminated:
            self._cursor.skip(-len(self._terminator))

    def _unit(self, raws: list[str], at: int) -> int:
        """Read the unit at a place; return where it ended, or 0 when its end is not at hand yet."""
        cursor, transaction = self._cursor, self._envelope.transaction
        if transaction is None:
            return at + 1
        if cursor.too_long:
            end = transaction.end_of_unit(cursor, at)
            long = next((place for place in range(at, end or len(raws)) if len(raws[place]) > SEGMENT_MAX), None)
            if long is not None:  # the claim lost a segment: it cannot be booked as it stands
                cursor.at(long)
                self._envelope.note("segment_too_long", "error", None)
                transaction.lose(cursor, at, "claim_unreadable")
                if not end:
                    self._passing = True
                    self._finish(len(raws))
                return end
        before = len(self._items)
        end, kept = transaction.unit(cursor, at)
        if not end:
            self._hold(raws, at)
        elif kept and self._cleaner.marks:
            after = self._items[before:]
            del self._items[before:]
            self._note_marks(raws, at, end)
            self._items += after
        return end

    def _note_marks(self, raws: list[str], at: int, end: int) -> None:
        """Report control characters and lower-case identifiers of some segments."""
        for place in range(at, end):
            for code, offset in self._cleaner.marked(raws[place]):
                _, segment_index = self._cursor.position(place)
                self._envelope.note(code, "warning", None, at=(self._cursor.start(place) + offset, segment_index))

    def _hold(self, raws: list[str], at: int) -> None:
        """Keep a claim that may go on in the next chunk; a claim without end does not fill the memory."""
        cursor, transaction = self._cursor, self._envelope.transaction
        size = cursor.start(len(raws)) - cursor.start(at)
        if transaction is not None and (len(raws) - at > CLAIM_SEGMENTS_MAX or size > CLAIM_BYTES_MAX):
            transaction.lose(cursor, at, "claim_too_long")
            self._finish(len(raws))
            self._passing = True
            return
        cursor.finish(at)
        self._open, self._open_bytes = raws[at:], size

    def _end_before_header(self, raws: list[str], at: int) -> None:
        """The last segment of one interchange runs into the header of the next: files that were joined without a terminator."""
        raw = raws[at]
        header = ISA.search(raw, lead(raw) + 3)
        length = header.start() if header else len(raw)
        where = self._cursor.position(at)
        self._envelope.segment(self._cleaner.clean([raw[:length]])[0].rstrip(BLANKS))
        self._cursor.finding("missing_final_terminator", self._items, "info", at=where)
        text = self._rejoined(raws, at)
        self._cursor.finish(at)
        self._cursor.step(length)
        self._text = text[length:]
        self._preamble.begin(after=True)
        self._run = self._find_header

    def _begin_binary(self, raws: list[str], at: int, place: int) -> None:
        """Pass over a binary segment by its declared length: its bytes may hold the terminator."""
        self._envelope.note("binary_segment", "info", None)
        self._text = self._rejoined(raws, at)
        self._cursor.finish(at)
        self._cursor.step(0)
        start = lead(raws[at])
        parts = raws[at][start:].split(self._envelope.separator, place + 1)
        length = parts[place] if len(parts) == place + 2 else ""
        if length.isdecimal() and length.isascii():
            head = sum(map(len, parts[: place + 1])) + place + 1
            self._skip = start + head + int(length) + len(self._terminator)
        else:  # no usable length: an ordinary segment
            self._dropping = True
        self._pass_over()

    def _pass_over(self) -> None:
        if self._skip:
            taken = min(self._skip, len(self._text))
            self._text = self._text[taken:]
            self._skip -= taken
            self._cursor.skip(taken)
        if self._dropping:
            cut = self._text.find(self._terminator)
            keep = len(self._terminator) - 1  # the beginning of a terminator may be at hand
            taken = cut + len(self._terminator) if cut >= 0 else max(0, len(self._text) - keep)
            self._text = self._text[taken:]
            self._cursor.skip(taken)
            self._dropping = cut < 0

    def _look_at_unfinished(self) -> None:
        """A segment without terminator so far: it may be a header in other delimiters, or too long to wait for its end."""
        text = self._text
        start = lead(text[:SEGMENT_MAX])
        kind = text[start : start + 3].upper()
        header = ISA.match(text, start) if kind == "ISA" else ISA.search(text, start + 3) if kind == "IEA" else None
        if header is not None and self._terminator.startswith(text[header.end() :]):
            return  # it may be the beginning of a terminator, and no element's separator
        if header is not None and self._open:  # what ends no claim where its end is at hand ends none here
            self._cleaner.look(text)
            header = header if self._ends_unit(self._cleaner.clean([text])[0]) else None
        if header is None and len(text) <= SEGMENT_MAX:
            return
        keep = len(self._terminator) - 1 if header is None else 0  # the beginning of a terminator may be at hand
        self._text = text[len(text) - keep :] if keep else ""
        self._walk_unterminated(text[: len(text) - keep])
        if header is None and kind not in _BINARY:
            self._dropping = True

    def _walk_unterminated(self, text: str) -> None:
        self._cleaner.look(text)
        raws, self._open = [*self._open, text], []
        self._unterminated = True
        self._walk(raws)
        self._unterminated = False

    def _end_inside(self) -> None:
        """The input ended inside an interchange: a last segment without terminator may still close it."""
        text = self._text
        start = lead(text)
        rest = text[start:].rstrip(BLANKS)
        kind = rest.partition(self._envelope.separator)[0].upper()
        unfinished = self._cleaner.clean(self._open[:1])
        if kind in _CLOSING and not self._skip and not self._dropping:
            self._text = ""
            self._walk_unterminated(text[: start + len(rest)])
            if self._envelope.closed:
                return
            rest, unfinished = "", []
        cut = unfinished or rest or self._envelope.in_transaction
        self._envelope.end("truncated" if cut else "missing_iea", unfinished="".join(unfinished))
