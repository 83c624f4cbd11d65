"""One 277CA or 277: levels of payer, receiver, provider and claims, each with what is said of it."""

from typing import TYPE_CHECKING, Final

from libs.x12.acknowledgement import LineStatus, Status, StatusCode, StatusLevel, StatusRead
from libs.x12.claim import BatchRead, Dated
from libs.x12.claim_parts import Parts, filled
from libs.x12.item import Item
from libs.x12.model import TransactionClosed, TransactionOpened, parse_date, readable
from libs.x12.tokens import Cursor, segment_id_of
from libs.x12.units import TransactionReader

if TYPE_CHECKING:
    from libs.x12.envelope import Envelope

_LEVELS: Final[dict[str, StatusLevel]] = {
    "20": "source", "21": "receiver", "19": "provider", "PT": "claim", "22": "claim", "23": "claim",
}  # fmt: skip
CODES: Final = (1, 10, 11)  # STC01, STC10, STC11
SERVICE: Final = "472"  # DTP01 of the days of service
Placed = tuple[str, int]  # a segment, and its place in the batch


class StatusReader(TransactionReader):
    """Reads one 277; its units are its levels (HL loops)."""

    starts = ("HL",)
    ends = ("HL",)
    loop = "2200"

    def __init__(self, items: list[Item], opened: TransactionOpened, separator: str, component: str) -> None:
        super().__init__(items, opened, separator, component)
        self._parts = Parts(separator, component)
        self._head = [""] * 7
        self._told = False
        self._payer = ("", "")
        self._receiver = ("", "")
        self._provider_npi = ""
        self._claims = 0

    def segment(self, kind: str, elements: list[str], envelope: "Envelope") -> None:
        if kind == "BHT":
            self._head = [*elements, *[""] * 7][:7]
        else:
            envelope.note("unexpected_segment", "warning", segment_id_of(kind))

    def unit(self, cursor: Cursor, start: int) -> tuple[int, bool]:
        """Read the HL loop at a place of the cursor's batch."""
        end = self.end_of_unit(cursor, start)
        if not end:
            return 0, False
        if self.beyond_measure(cursor, start, end):
            self.lose(cursor, start, "claim_too_long")
            return end, False
        position = cursor.position(start)
        segments = [(segment, start + at) for at, segment in enumerate(cursor.segments[start:end]) if segment]
        level = _LEVELS.get(filled(segments[0][0], self.separator, 4)[3])
        if level is None:
            self.note(position, "unexpected_segment", "warning", "HL", element="HL03")
            return end, True
        self.units_read += 1
        self._claims += level == "claim"
        self._read(level, segments[1:], position)
        for place, code, severity, element, snip_type, _ in self._parts.oddities:
            self.note(
                cursor.position(place),
                code,
                severity,
                element[:3] if element else None,
                element=element,
                snip_type=snip_type,
                unit=self.units_read,
            )
        self._parts.oddities.clear()
        return end, True

    def close(self, envelope: "Envelope", *, complete: bool) -> None:  # noqa: ARG002 - the readers' common form
        self._tell_head()
        self.items.append(
            TransactionClosed(
                self.opened.ordinal,
                self.opened.type,
                self.opened.control_number,
                complete=complete,
                claims=self._claims,
                claims_unreadable=self.units_lost,
            )
        )

    def _tell_head(self) -> None:
        """Emit who answers whom, once: before the first level under the receiver."""
        if not self._told:
            self._told = True
            self.items.append(
                BatchRead(
                    self.opened.ordinal,
                    self._head[2],
                    self._head[3],
                    parse_date(self._head[4]),
                    self._head[6],
                    self._payer[0],
                    self._payer[1],
                    self._receiver[0],
                    self._receiver[1],
                )
            )

    def _read(self, level: StatusLevel, segments: list[Placed], position: tuple[int, int]) -> None:
        name = next((filled(segment, self.separator, 10) for segment, _ in segments if segment.startswith("NM1")), [""] * 10)
        if level == "source":
            self._payer = (readable(name[3]), name[9])
        elif level == "receiver":
            self._receiver = (readable(name[3]), name[9])
        elif level == "provider":
            self._provider_npi = name[9] if name[8] == "XX" else ""
        if level != "source":
            self._tell_head()
        cuts = [at for at, (segment, _) in enumerate(segments) if segment.startswith(("TRN", "SVC"))]
        traces = [at for at in cuts if segments[at][0].startswith("TRN")]
        if level == "claim" and not traces and any(segment.startswith("STC") for segment, _ in segments):
            traces = [0]  # a payer that returns no trace names its claim by references alone
        for number, cut in enumerate(traces):
            until = traces[number + 1] if number + 1 < len(traces) else len(segments)
            self._emit(level, segments[cut:until], position)

    def _emit(self, level: StatusLevel, segments: list[Placed], position: tuple[int, int]) -> None:
        """Emit what is said under one TRN, where anything is."""
        trace, own, under = self._parted(segments)
        lines = tuple(map(self._line, under))
        statuses = self._statuses(own)
        if not statuses and not lines:
            return
        references = self._references(own)
        dated = self._days(own, SERVICE)
        is_acknowledgement = self.opened.version.startswith("005010X214")
        self.items.append(
            StatusRead(
                ordinal=self.units_read,
                segment_index=position[1],
                byte_offset=position[0],
                level=level,
                trace=trace,
                statuses=statuses,
                payer_name=self._payer[0],
                payer_id=self._payer[1],
                provider_npi=self._provider_npi,
                patient_control_number=references.get("EJ", trace if level == "claim" and is_acknowledgement else ""),
                payer_claim_control_number=references.get("1K", ""),
                clearinghouse_number=references.get("D9", ""),
                type_of_bill=references.get("BLT", ""),
                service_from_on=dated.from_on if dated else None,
                service_to_on=dated.to_on if dated else None,
                lines=lines,
            )
        )

    def _parted(self, segments: list[Placed]) -> tuple[str, list[Placed], list[list[Placed]]]:
        """Return the trace (empty: none is told), what is said of the level itself, and what is said of each line."""
        head = filled(segments[0][0], self.separator, 3)
        lines_at = [at for at, (segment, _) in enumerate(segments) if segment.startswith("SVC")]
        own = segments[: lines_at[0]] if lines_at else segments
        bounds = [*lines_at, len(segments)]
        lines = [segments[cut : bounds[at + 1]] for at, cut in enumerate(lines_at)]
        return head[2] if head[0] == "TRN" else "", own, lines

    def _line(self, segments: list[Placed]) -> LineStatus:
        head, place = segments[0]
        elements = filled(head, self.separator, 5)
        qualifier, code, modifiers, _ = self._parts.procedure(elements[1])
        references = self._references(segments)
        dated = self._days(segments, SERVICE)
        return LineStatus(
            procedure_code=code,
            charge_cents=self._parts.cents(elements[2], place, "SVC02", severity="warning"),
            statuses=self._statuses(segments),
            qualifier=qualifier,
            modifiers=modifiers,
            revenue_code=elements[4],
            line_control_number=references.get("FJ", ""),
            service_from_on=dated.from_on if dated else None,
        )

    def _statuses(self, segments: list[Placed]) -> tuple[Status, ...]:
        found = []
        for segment, place in segments:
            if not segment.startswith("STC"):
                continue
            elements = filled(segment, self.separator, 13)
            codes = tuple(self._code(elements[at]) for at in CODES if elements[at])
            amounts = [
                self._parts.cents(elements[at], place, f"STC0{at}", severity="warning") if elements[at] else None for at in (4, 5)
            ]
            found.append(
                Status(codes, parse_date(elements[2]), elements[3], amounts[0], amounts[1], readable(elements[12])),
            )
        return tuple(found)

    def _code(self, composite: str) -> StatusCode:
        category, code, entity, *_ = [*composite.split(self.component), "", "", ""]
        return StatusCode(category, code, entity)

    def _references(self, segments: list[Placed]) -> dict[str, str]:
        return {each.qualifier: each.value for each in map(self._parts.reference, of_kind(segments, "REF"))}

    def _days(self, segments: list[Placed], qualifier: str) -> Dated | None:
        days = next((placed for placed in segments if placed[0].startswith("DTP") and placed[0][4:7] == qualifier), None)
        return self._parts.dated(*days) if days else None


def of_kind(segments: list[Placed], kind: str) -> list[str]:
    """Return the segments of one kind, without their places."""
    return [segment for segment, _ in segments if segment.startswith(kind)]
