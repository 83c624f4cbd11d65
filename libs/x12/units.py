"""What every kind of transaction reader has in common.

A unit is what must be at hand whole before it is read: a claim of an 835 (CLP), a level (HL) or claim (CLM) of an 837, a level of a
277CA (HL), the answer to one set in a 999 (AK2). The stream reader holds a unit until its end is there; what stands outside units
comes segment by segment.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from libs.x12.item import Item
from libs.x12.messages import MESSAGES
from libs.x12.model import Finding, Severity, TransactionOpened
from libs.x12.tokens import CLAIM_BYTES_MAX, CLAIM_SEGMENTS_MAX, Cursor

if TYPE_CHECKING:
    from libs.x12.envelope import Envelope


_ENDS_ALL = ("SE", "ST", "GS", "GE", "ISA", "IEA", "BIN", "BDS")  # whatever the transaction


def first_characters(kinds: Iterable[str], separator: str, *, bare: bool = False) -> frozenset[str]:
    """Return the first three characters of segments of some kinds; `bare`: also of those that have no element at all."""
    found = {(kind + separator)[:3] for kind in kinds}
    return frozenset(found.union(kinds) if bare else found)


class TransactionReader(ABC):
    """Takes the segments of one transaction between its ST and its end."""

    starts: ClassVar[tuple[str, ...]]  # the segments that begin a unit
    ends: ClassVar[tuple[str, ...]]  # those that a unit ends before, besides the envelope's and binary ones
    loop: ClassVar[str]

    def __init__(self, items: list[Item], opened: TransactionOpened, separator: str, component: str) -> None:
        self.items = items
        self.opened = opened
        self.separator, self.component = separator, component
        self.begins = first_characters(self.starts, separator)
        self.unit_ends = first_characters((*self.ends, *_ENDS_ALL), separator, bare=True)
        self.units_read = 0
        self.units_lost = 0

    def ends_unit(self, segment: str) -> bool:
        """Say whether a unit ends before this segment; anything else stands inside it, expected or not."""
        return segment[:3] in self.unit_ends

    @abstractmethod
    def unit(self, cursor: Cursor, start: int) -> tuple[int, bool]:
        """Read the unit at a place of the cursor's batch.

        Returns where it ended (0 when it goes on beyond the batch), and whether it was within measure.
        """

    @abstractmethod
    def segment(self, kind: str, elements: list[str], envelope: "Envelope") -> None:
        """Take a segment outside units."""

    @abstractmethod
    def close(self, envelope: "Envelope", *, complete: bool) -> None:
        """End the transaction: emit what it came to."""

    def before_first_unit(self, cursor: Cursor, start: int) -> None:  # noqa: B027 - most have nothing to say
        """Say what the head told, before the first unit is emitted or lost."""

    def end_of_unit(self, cursor: Cursor, start: int) -> int:
        """Return where the unit at a place ends, without reading it; 0 when it goes on beyond the batch."""
        ends, segments = self.unit_ends, cursor.segments
        for at in range(start + 1, len(segments)):
            if segments[at][:3] in ends:
                return at
        return 0

    def cut_off(self, unfinished: str) -> None:
        """The input ends here, inside a unit that begins with this segment (empty: outside units)."""
        self.units_lost += bool(unfinished)

    def beyond_measure(self, cursor: Cursor, start: int, end: int) -> bool:
        """Say whether a unit is longer than any real one."""
        return cursor.is_large and (end - start > CLAIM_SEGMENTS_MAX or cursor.start(end) - cursor.start(start) > CLAIM_BYTES_MAX)

    def lose(self, cursor: Cursor, start: int, code: str) -> None:
        """Count a unit that cannot be used, and say so."""
        self.before_first_unit(cursor, start)
        self.units_lost += 1
        segment_id = cursor.segments[start][:3].rstrip(self.separator)
        self.note(cursor.position(start), code, "error", segment_id, unit=self.units_read + self.units_lost)

    def note(
        self,
        at: tuple[int, int],
        code: str,
        severity: Severity,
        segment_id: str | None,
        *,
        element: str | None = None,
        loop: str | None = None,
        snip_type: int = 1,
        unit: int | None = None,
        difference_cents: int | None = None,
    ) -> None:
        """Report something irregular at a position (byte offset, segment ordinal)."""
        self.items.append(
            Finding(
                code=code,
                severity=severity,
                message=MESSAGES[code],
                byte_offset=at[0],
                segment_index=at[1],
                segment_id=segment_id,
                loop=loop or (self.loop if unit else "1000"),
                element=element,
                snip_type=snip_type,
                transaction_ordinal=self.opened.ordinal,
                claim_ordinal=unit,
                difference_cents=difference_cents,
            )
        )
