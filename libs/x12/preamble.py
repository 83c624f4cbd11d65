"""What stands before and between interchanges: padding is passed over, text is said, and a stream that is no X12 is named."""

import re

from libs.x12.delimiters import BadHeader, Header, Incomplete, read_header
from libs.x12.item import Item
from libs.x12.tokens import Cursor

ISA = re.compile(r"ISA(?=[^A-Za-z0-9\s])", re.IGNORECASE | re.ASCII)
_MAYBE_ISA = re.compile(r"ISA(?=[^A-Za-z0-9\s]|\Z)", re.IGNORECASE | re.ASCII)
_PADDING = " \t\r\n\x00\x1a\xef\xbb\xbf"  # line ends, NUL, the end-of-file mark of old systems, a byte order mark
_EBCDIC_ISA = "\xc9\xe2\xc1"
_FRONT = 256
_LONGEST = 64 * 1024  # of text before the first header; longer, it is no X12


class Preamble:
    """Finds the next header. Its findings point to where the text before it begins."""

    def __init__(self, items: list[Item], cursor: Cursor) -> None:
        self._items = items
        self._cursor = cursor
        self._front = ""  # the first bytes of the stream
        self._dead = False  # no X12: nothing is read any more
        self._truncated = self._bad = False  # what the headers that were no headers looked like
        self.begin(after=False)

    def begin(self, *, after: bool) -> None:
        """Stand before a header; `after` another interchange or before the first."""
        self._after = after
        self._at: tuple[int, int] | None = None
        self._passed = 0
        self._has_text = False

    def find(self, text: str, *, final: bool) -> tuple[int, Header | None]:
        """Return how much of the text is passed over, and the header that stands there, if one does."""
        if self._dead:
            self._cursor.skip(len(text))
            return len(text), None
        for match in _MAYBE_ISA.finditer(text):
            start = match.start()
            try:
                header = read_header(text, start, final=final)
            except Incomplete:
                if not final:
                    self._pass(text[:start])
                    return start, None
                self._truncated = self._truncated or match[0] == "ISA"
            except BadHeader:
                self._bad = self._bad or match[0] == "ISA"
            else:
                self._pass(text[:start])
                if self._dead:
                    self._cursor.skip(len(text) - start)
                    return len(text), None
                if self._has_text:
                    self._say("text_after_iea" if self._after else "text_before_isa")
                return start, header
        if final:
            return 0, None
        length = max(0, len(text) - 2)  # "IS" may be the beginning of a header
        self._pass(text[:length])
        return length, None

    def end(self, text: str, *, interchanges: int) -> None:
        """Say what the stream was, when it ended outside any interchange."""
        self._pass(text)
        if self._dead:
            return
        if interchanges:
            if self._has_text:
                self._say("text_after_iea")
        elif not self._has_text:
            self._say("empty", error=True)
        elif _EBCDIC_ISA in self._front:
            self._say("ebcdic", error=True)
        elif self._truncated or self._bad:
            self._say("truncated_isa" if self._truncated else "bad_isa", error=True)
        else:
            self._say("not_x12", error=True)

    def _pass(self, piece: str) -> None:
        if self._at is None:
            self._at = self._cursor.position()
        if len(self._front) < _FRONT and not self._after:
            self._front = (self._front + piece)[:_FRONT]
        self._has_text = self._has_text or bool(piece.strip(_PADDING))
        self._passed += len(piece)
        self._cursor.skip(len(piece))
        if self._has_text and self._passed > _LONGEST and not self._after and not self._dead:
            self._say("ebcdic" if _EBCDIC_ISA in self._front else "not_x12", error=True)
            self._dead = True

    def _say(self, code: str, *, error: bool = False) -> None:
        self._cursor.finding(code, self._items, "error" if error else "info", at=self._at)
