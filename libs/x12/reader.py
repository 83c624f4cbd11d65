"""The push reader: bytes of any length, cut anywhere, in; items in file order out. It never raises and never guesses in silence.

One code path for every kind of transaction: tokens, envelope, then by ST01 the reader of that transaction. Memory is constant: what
is held is the unfinished segment, the unfinished claim and the head of the open transaction.
"""

from collections.abc import Callable

from libs.x12 import delimiters
from libs.x12.envelope import Envelope
from libs.x12.model import Finding, Item
from libs.x12.tokens import Cursor, blank_controls, has_blanks, lower_case_id, without_blanks

_BOM = "\xef\xbb\xbf"
_EBCDIC_ISA = "\xc9\xe2\xc1"
_PREAMBLE_MAX = 64 * 1024
_SEGMENT_MAX = 64 * 1024
_CLAIM_SEGMENTS_MAX = 20_000  # 999 lines of some fifteen segments fit


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
        self._seen_any = False
        self._skip = 0  # bytes of a binary segment that are still to come
        self._dropping = False  # inside a segment that is too long
        self._open: list[str] = []  # raw segments of a claim whose end was not seen yet
        self._run: Callable[[], None] = self._find_header
        self._terminator = ""
        self._blanks = False  # whether segments of this interchange may have blanks before them

    def feed(self, chunk: bytes) -> list[Item]:
        """Take the next bytes; return what became complete."""
        if chunk:
            self._seen_any = True
            self._text += chunk.decode("latin-1")  # every byte is a character: offsets stay offsets
            self._advance()
        return self._drain()

    def close(self) -> list[Item]:
        """Say that the input has ended; return what is left to say."""
        if self._run == self._find_header:
            self._end_without_header()
        else:
            self._end_inside()
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
        start = self._text.upper().find("ISA") if len(self._text) < _PREAMBLE_MAX else self._text.find("ISA")
        while start >= 0:
            try:
                header = delimiters.read_header(self._text, start)
            except delimiters.Incomplete:
                return
            except delimiters.BadHeader:
                start = self._text.find("ISA", start + 3)
                continue
            self._note_preamble(self._text[:start])
            self._cursor.skip(start)
            self._terminator = header.terminator
            self._blanks = header.terminator == "\n"
            self._envelope.open(header)
            self._cursor.step(header.end - start)
            self._text = self._text[header.end :]
            self._run = self._split
            return
        if len(self._text) > _PREAMBLE_MAX:
            if self._envelope.interchanges == 0 and self._cursor.byte_offset == 0:
                self._cursor.finding("ebcdic" if _EBCDIC_ISA in self._text[:256] else "not_x12", self._items)
            self._cursor.skip(len(self._text) - 2)  # "IS" may be the beginning of a header
            self._text = self._text[-2:]

    def _note_preamble(self, preamble: str) -> None:
        if preamble.removeprefix(_BOM).strip():
            self._cursor.finding("text_before_isa" if self._envelope.interchanges == 0 else "text_after_iea", self._items, "info")

    def _end_without_header(self) -> None:
        rest = self._text.removeprefix(_BOM).strip()
        if self._envelope.interchanges:
            if rest:
                self._cursor.finding("text_after_iea", self._items, "info")
            return
        if self._cursor.byte_offset:  # said already, while passing over a long text
            return
        upper = rest.upper()
        if not rest:
            code = "empty"
        elif _EBCDIC_ISA in self._text[:256]:
            code = "ebcdic"
        elif "ISA" in upper:
            start = self._text.upper().find("ISA")
            separator = self._text[start + 3 : start + 4]
            structured = not separator or not (separator.isalnum() or separator.isspace())
            code = (
                "truncated_isa"
                if structured and self._text.count(separator or "*", start) < delimiters.HEADER_ELEMENTS
                else "bad_isa"
            )
            if not structured:
                code = "not_x12"
        else:
            code = "not_x12"
        self._cursor.finding(code, self._items)

    # -- inside an interchange

    def _split(self) -> None:
        """Split what is at hand into segments and run through them."""
        if self._skip or self._dropping:
            self._pass_over()
            if self._skip or self._dropping:
                return
        text = self._text
        cut = text.rfind(self._terminator)
        if cut < 0:
            self._guard_length()
            return
        self._blanks = self._blanks or has_blanks(text, self._terminator)
        whole = blank_controls(text[:cut], self._terminator, self._cursor, self._open, self._items)
        self._text = text[cut + len(self._terminator) :]
        raws = self._open + whole.split(self._terminator)
        self._open = []
        self._walk(raws)

    def _walk(self, raws: list[str]) -> None:
        envelope, cursor = self._envelope, self._cursor
        segments = without_blanks(raws, self._terminator) if self._blanks else raws
        cursor.begin(raws, segments, len(self._terminator))
        at, count = 0, len(segments)
        while at < count:
            segment = segments[at]
            kind = segment[:3]
            if kind == "CLP" and envelope.remittance is not None:
                end = envelope.remittance.claim(cursor, at)
                if not end:
                    self._hold(raws, at)
                    return
                at = end
                continue
            cursor.at(at)
            if kind == "ISA":
                self._restart(raws, at)
                return
            if kind in ("BIN", "BDS"):
                self._begin_binary(raws, at)
                return
            if segment:
                envelope.segment(lower_case_id(segment, envelope))
            at += 1
            if envelope.closed:
                cursor.finish(at)
                self._text = self._terminator.join([*raws[at:], self._text])
                self._run = self._find_header
                return
        cursor.finish(count)

    def _hold(self, raws: list[str], at: int) -> None:
        """Keep a claim that may go on in the next chunk; a claim without end does not fill the memory."""
        self._cursor.at(at)
        if len(raws) - at > _CLAIM_SEGMENTS_MAX:
            self._envelope.note("claim_too_long", "error", "CLP")
            self._envelope.drop_claim()
            self._cursor.finish(len(raws))
            return
        self._cursor.finish(at)
        self._open = raws[at:]

    def _restart(self, raws: list[str], at: int) -> None:
        """Another interchange begins before this one ended; its delimiters may be others."""
        self._envelope.end("missing_iea")
        self._cursor.finish(at)
        self._text = self._terminator.join([*raws[at:], self._text])
        self._run = self._find_header

    def _begin_binary(self, raws: list[str], at: int) -> None:
        """Pass over a binary segment by its declared length: its bytes may hold the terminator."""
        separator = self._envelope.separator
        self._envelope.note("binary_segment", "info", None)
        self._cursor.finish(at)
        text = self._terminator.join([*raws[at:], self._text])
        start = len(text) - len(text.lstrip())
        parts = text[start : start + 64].split(separator, 2)
        length = int(parts[1]) if len(parts) == 3 and parts[1].isdecimal() and parts[1].isascii() else 0  # noqa: PLR2004
        header = start + len(parts[0]) + len(separator) + (len(parts[1]) + len(separator) if length else 0)
        self._cursor.step(0)
        self._skip = header + length + len(self._terminator)
        self._text = text
        if not length:  # no usable length: an ordinary segment
            self._skip = text.find(self._terminator) + len(self._terminator)

    def _pass_over(self) -> None:
        if self._skip:
            taken = min(self._skip, len(self._text))
            self._text = self._text[taken:]
            self._skip -= taken
            self._cursor.skip(taken)
        if self._dropping:
            cut = self._text.find(self._terminator)
            keep = 0 if cut >= 0 else len(self._terminator) - 1
            taken = cut + len(self._terminator) if cut >= 0 else max(0, len(self._text) - keep)
            self._text = self._text[taken:]
            self._cursor.skip(taken)
            self._dropping = cut < 0

    def _guard_length(self) -> None:
        if len(self._text) <= _SEGMENT_MAX:
            return
        held = sum(map(len, self._open)) + len(self._terminator) * len(self._open)
        self._items.append(
            Finding(
                code="segment_too_long",
                severity="error",
                message=self._cursor.message("segment_too_long"),
                byte_offset=self._cursor.byte_offset + held,
                segment_index=self._cursor.segment_index + len(self._open) + 1,
            )
        )
        if self._open:  # the claim lost a segment: it cannot be booked as it stands
            self._envelope.drop_claim()
            self._cursor.begin(self._open, self._open, len(self._terminator))
            self._cursor.finish(len(self._open))
            self._open = []
        self._cursor.step(0)
        self._dropping = True

    def _end_inside(self) -> None:
        """The input ended inside an interchange: a last segment without terminator may still close it."""
        rest = self._text.strip()
        kind = rest[:3].rstrip(self._envelope.separator)
        if rest and kind.upper() in ("SE", "GE", "IEA") and not self._skip and not self._dropping:
            self._walk([*self._open, self._text])
            self._open = []
            if self._run == self._find_header or self._envelope.closed:
                self._cursor.finding("missing_final_terminator", self._items, "info")
                return
            rest = ""
        self._envelope.end(
            "truncated" if self._open or rest or self._envelope.in_transaction else "missing_iea", lost=bool(self._open)
        )
