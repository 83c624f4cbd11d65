"""One 999 (or the 997 that it replaced): what becomes of each transaction set of a functional group, and of the group."""

from typing import TYPE_CHECKING

from libs.x12.acknowledgement import GroupAnswer, SetAnswer, SetError
from libs.x12.claim_parts import filled
from libs.x12.item import Item
from libs.x12.model import TransactionClosed, TransactionOpened
from libs.x12.tokens import Cursor, segment_id_of
from libs.x12.units import TransactionReader

if TYPE_CHECKING:
    from libs.x12.envelope import Envelope

_PCN_CONTEXT = "CLM01"


class SetAnswerReader(TransactionReader):
    """Reads one 999; its units are the answers to sets (AK2 loops)."""

    starts = ("AK2",)
    ends = ("AK2", "AK9")
    loop = "2000"

    def __init__(self, items: list[Item], opened: TransactionOpened, separator: str, component: str) -> None:
        super().__init__(items, opened, separator, component)
        self._group = ("", "")

    def segment(self, kind: str, elements: list[str], envelope: "Envelope") -> None:
        elements = [*elements, *[""] * 5]
        if kind == "AK1":
            self._group = (elements[1], elements[2])
        elif kind == "AK9":
            counts = [_number(elements[at]) for at in (2, 3, 4)]
            self.items.append(GroupAnswer(self.opened.ordinal, *self._group, elements[1], *counts))
        else:
            envelope.note("unexpected_segment", "warning", segment_id_of(kind))

    def unit(self, cursor: Cursor, start: int) -> tuple[int, bool]:
        """Read the AK2 loop at a place of the cursor's batch."""
        end = self.end_of_unit(cursor, start)
        if not end:
            return 0, False
        if self.beyond_measure(cursor, start, end):
            self.lose(cursor, start, "claim_too_long")
            return end, False
        byte_offset, segment_index = cursor.position(start)
        head = filled(cursor.segments[start], self.separator, 3)
        self.units_read += 1
        errors, verdict = self._errors([filled(segment, self.separator, 7) for segment in cursor.segments[start + 1 : end]])
        if not verdict[1]:
            self.note((byte_offset, segment_index), "missing_segment", "error", "IK5", unit=self.units_read)
        self.items.append(
            SetAnswer(
                ordinal=self.units_read,
                segment_index=segment_index,
                byte_offset=byte_offset,
                functional_id=self._group[0],
                group_control_number=self._group[1],
                set_type=head[1],
                set_control_number=head[2],
                code=verdict[1],
                reasons=tuple(filter(None, verdict[2:7])),
                errors=tuple(errors),
            )
        )
        return end, True

    def _errors(self, segments: list[list[str]]) -> tuple[list[SetError], list[str]]:
        """Return what is wrong with the set, and its IK5 (or AK5)."""
        errors: list[SetError] = []
        verdict = [""] * 7
        segment: SetError | None = None
        reported = False  # whether an IK4 under the segment told more already
        for elements in segments:
            kind = elements[0]
            if kind in ("IK3", "AK3"):
                if segment is not None and not reported:
                    errors.append(segment)
                segment = SetError(elements[1], _number(elements[2]), elements[3], elements[4])
                reported = False
            elif kind in ("IK4", "AK4") and segment is not None:
                at, _, component = elements[1].partition(self.component)
                code = elements[3]
                errors.append(_with_element(segment, _number(at), _number(component.partition(self.component)[0]), code))
                reported = True
            elif kind == "CTX" and elements[1].startswith(_PCN_CONTEXT) and segment is not None:
                segment = _with_pcn(segment, elements[1].partition(self.component)[2])
            elif kind in ("IK5", "AK5"):
                verdict = elements
        if segment is not None and not reported:
            errors.append(segment)
        return errors, verdict

    def close(self, envelope: "Envelope", *, complete: bool) -> None:  # noqa: ARG002 - the readers' common form
        opened = self.opened
        self.items.append(
            TransactionClosed(
                opened.ordinal, opened.type, opened.control_number, complete=complete, claims_unreadable=self.units_lost
            )
        )


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 10 else None  # noqa: PLR2004 - a count


def _with_element(error: SetError, element: int | None, component: int | None, code: str) -> SetError:
    return SetError(
        error.segment_id, error.segment_position, error.loop, error.segment_code, element, component, code,
        error.patient_control_number,
    )  # fmt: skip


def _with_pcn(error: SetError, pcn: str) -> SetError:
    return SetError(error.segment_id, error.segment_position, error.loop, error.segment_code, patient_control_number=pcn)
