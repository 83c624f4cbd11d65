"""The envelope: ISA, GS, ST and their ends. It counts what they claim to hold and says where they lie; it never stops for a lie."""

from collections.abc import Mapping
from typing import Final

from libs.x12.claim_reader import ClaimReader
from libs.x12.delimiters import Header
from libs.x12.item import Item
from libs.x12.messages import MESSAGES
from libs.x12.model import Finding, InterchangeClosed, InterchangeOpened, Severity, TransactionClosed, TransactionOpened
from libs.x12.records_request_reader import REQUESTS, RecordsRequestReader
from libs.x12.remittance import RemittanceReader
from libs.x12.set_answer_reader import SetAnswerReader
from libs.x12.status_reader import StatusReader
from libs.x12.tokens import Cursor, segment_id_of
from libs.x12.units import TransactionReader

_GROUP_OF = {"HP": "835", "HC": "837", "HN": "277", "FA": "999", "HI": "278", "HR": "276", "HB": "271", "HS": "270"}
_READERS: Final[Mapping[str, type[TransactionReader]]] = {
    "835": RemittanceReader,
    "837": ClaimReader,
    "277": StatusReader,
    "999": SetAnswerReader,
    "997": SetAnswerReader,
}
CONTROL_NUMBERS_MAX: Final = 50_000  # of one group; remembered to find repeated ones
_VERSIONS = {
    "835": ("005010X221", "004010X091", "008020X322"),
    "277": ("005010X214", "005010X212", REQUESTS),
    "999": ("005010X231",),
    "997": ("004010", "005010"),
    "837": ("005010X222", "005010X223", "005010X224", "004010X096", "004010X097", "004010X098"),
}


class Envelope:
    """What is open at the moment: an interchange, a functional group, a transaction."""

    def __init__(self, items: list[Item], cursor: Cursor) -> None:
        self._items = items
        self.cursor = self._cursor = cursor
        self.interchanges = 0
        self.separator = "*"
        self.component = ":"
        self.closed = True
        self._transactions = 0
        self._header: Header | None = None
        self._groups = 0
        self._group: list[str] | None = None
        self._group_transactions = 0
        self._group_controls: set[int] = set()  # hashes of the control numbers of the group's transactions
        self._group_unchecked = False  # whether it was said that not all of them are compared
        self._opened: TransactionOpened | None = None
        self.transaction: TransactionReader | None = None
        self.begins: frozenset[str] = frozenset()  # the first three characters of what begins a unit of the open transaction

    @property
    def in_transaction(self) -> bool:
        return self._opened is not None

    def open(self, header: Header) -> None:
        """Begin an interchange at the cursor."""
        byte_offset, segment_index = self._cursor.position()
        self._header = header
        self.separator, self.component = header.element, header.component
        self.interchanges += 1
        self._groups = 0
        self.closed = False
        elements = [*header.elements, *[""] * 17]
        self._items.append(
            InterchangeOpened(elements[6].strip(), elements[8].strip(), elements[13].strip(), segment_index, byte_offset)
        )
        for problem in header.problems:
            self.note(problem, "info", "ISA")

    def note(
        self,
        code: str,
        severity: Severity,
        segment_id: str | None,
        *,
        element: str | None = None,
        snip_type: int = 1,
        difference_cents: int | None = None,
        at: tuple[int, int] | None = None,
    ) -> None:
        """Report something about the segment at the cursor, or at another position."""
        byte_offset, segment_index = at or self._cursor.position()
        self._items.append(
            Finding(
                code=code,
                severity=severity,
                message=MESSAGES[code],
                byte_offset=byte_offset,
                segment_index=segment_index,
                segment_id=segment_id,
                element=element,
                snip_type=snip_type,
                transaction_ordinal=self._opened.ordinal if self._opened else None,
                difference_cents=difference_cents,
            )
        )

    def segment(self, segment: str) -> None:
        """Take one segment that is not part of a claim."""
        elements = segment.split(self.separator)
        kind = elements[0]
        if kind == "ST":
            self._open_transaction(elements)
        elif kind == "SE":
            self._close_transaction(elements)
        elif kind == "GS":
            self._open_group(elements)
        elif kind == "GE":
            self._close_group(elements)
        elif kind == "IEA":
            self._close_interchange(elements)
        elif kind == "TA1" and self._opened is None:
            return
        elif self.transaction is not None:
            self.transaction.segment(kind, elements, self)
        elif self._opened is None:
            self.note("unexpected_segment", "warning", segment_id_of(kind))

    def end(self, reason: str, *, unfinished: str = "") -> None:
        """The interchange ends without its IEA: close what is open as it is. `unfinished` begins a unit that has no end."""
        if self.closed:
            return
        if reason == "truncated" and self.transaction is not None:
            self.transaction.cut_off(unfinished)
        self.note(reason, "error" if reason == "truncated" else "warning", None)
        self._end_transaction(complete=False)
        self._group = None
        self.closed = True
        self._items.append(InterchangeClosed(self._control(), complete=False))

    def _control(self) -> str:
        elements = self._header.elements if self._header else []
        return elements[13].strip() if len(elements) > 13 else ""  # noqa: PLR2004 - ISA13

    def _open_group(self, elements: list[str]) -> None:
        if self._opened is not None:
            self.note("missing_se", "warning", "GS")
            self._end_transaction(complete=False)
        if self._group is not None:
            self.note("missing_ge", "warning", "GS")
        self._group = [*elements, *[""] * (9 - len(elements))]
        self._groups += 1
        self._group_transactions = 0
        self._group_controls, self._group_unchecked = set(), False

    def _close_group(self, elements: list[str]) -> None:
        if self._opened is not None:
            self.note("missing_se", "warning", "GE")
            self._end_transaction(complete=False)
        if self._group is None:
            self.note("unexpected_segment", "warning", "GE")
            return
        self._expect(elements, 1, str(self._group_transactions), "ge_count", "GE01")
        self._expect(elements, 2, self._group[6], "ge_control_number", "GE02")
        self._group = None

    def _close_interchange(self, elements: list[str]) -> None:
        if self._opened is not None:
            self.note("missing_se", "warning", "IEA")
            self._end_transaction(complete=False)
        if self._group is not None:
            self.note("missing_ge", "warning", "IEA")
            self._group = None
        self._expect(elements, 1, str(self._groups), "iea_count", "IEA01")
        self._expect(elements, 2, self._control(), "iea_control_number", "IEA02")
        self.closed = True
        self._items.append(InterchangeClosed(self._control(), complete=True))

    def _expect(self, elements: list[str], place: int, expected: str, code: str, element: str) -> None:
        """Compare a count or a control number; leading zeros do not matter."""
        found = elements[place].strip() if place < len(elements) else ""
        if found.lstrip("0") != expected.strip().lstrip("0"):
            self.note(code, "warning", elements[0], element=element)

    def _open_transaction(self, elements: list[str]) -> None:
        if self._opened is not None:
            self.note("missing_se", "warning", "ST")
            self._end_transaction(complete=False)
        group = self._group
        if group is None:
            self.note("missing_gs", "warning", "ST")
        elements += [""] * (4 - len(elements))
        self._transactions += 1
        self._group_transactions += 1
        byte_offset, segment_index = self._cursor.position()
        version = elements[3] or (group[8] if group else "")
        group_control = group[6] if group else ""
        self._opened = TransactionOpened(
            self._transactions, elements[1], elements[2], version, segment_index, byte_offset, group_control
        )
        self._items.append(self._opened)
        self._compare_control_number(elements[2])
        announced = _GROUP_OF.get(group[1].upper()) if group else None
        if announced is not None and announced != elements[1]:
            self.note("type_differs", "warning", "ST", element="ST01")
        reader = _READERS.get(elements[1])
        if reader is None:
            self.note("unsupported_transaction", "error", "ST", element="ST01")
            return
        if not version.startswith(_VERSIONS[elements[1]]):
            self.note("unknown_version", "info", "ST", element="ST03" if elements[3] else "GS08")
        if reader is StatusReader and version.startswith(REQUESTS):
            reader = RecordsRequestReader
        self.transaction = reader(self._items, self._opened, self.separator, self.component)
        self.begins = self.transaction.begins

    def _compare_control_number(self, control_number: str) -> None:
        """Say whether a transaction of the group had this number before; of a group without end, only the first are remembered."""
        known, number = self._group_controls, hash(control_number)
        if number in known:
            self.note("repeated_control_number", "warning", "ST", element="ST02")
        elif len(known) < CONTROL_NUMBERS_MAX:
            known.add(number)
        elif not self._group_unchecked:
            self._group_unchecked = True
            self.note("control_numbers_unchecked", "info", "ST", element="ST02")

    def _close_transaction(self, elements: list[str]) -> None:
        opened = self._opened
        if opened is None:
            self.note("unexpected_segment", "warning", "SE")
            return
        _, segment_index = self._cursor.position()
        self._expect(elements, 1, str(segment_index - opened.segment_index + 1), "se_count", "SE01")
        self._expect(elements, 2, opened.control_number, "se_control_number", "SE02")
        self._end_transaction(complete=True)

    def _end_transaction(self, *, complete: bool) -> None:
        if self._opened is None:
            return
        if self.transaction is not None:
            self.transaction.close(self, complete=complete)
        else:
            self._items.append(
                TransactionClosed(self._opened.ordinal, self._opened.type, self._opened.control_number, complete=complete)
            )
        self._opened = None
        self.transaction = None
        self.begins = frozenset()
