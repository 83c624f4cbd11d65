"""One 837: its head, its levels (billing provider, subscriber, patient) and its claims.

A level holds until the next HL of the same or a higher one; each claim is emitted with the levels that it stands under. Parts are
told by their place among the segments at hand; only what is asked for is split.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from libs.x12.claim import (
    Attachment,
    BatchRead,
    Claim,
    ClaimLine,
    ClaimType,
    Dated,
    Diagnosis,
    OtherPayer,
    Payer,
    Person,
    Provider,
    Reference,
    Subscription,
)
from libs.x12.claim_lines import Lines
from libs.x12.claim_loop import Oddity
from libs.x12.claim_parts import filled, in_order, remember
from libs.x12.item import Item
from libs.x12.model import TransactionClosed, TransactionOpened, parse_date, readable
from libs.x12.tokens import Cursor, segment_id_of
from libs.x12.units import TransactionReader, first_characters

if TYPE_CHECKING:
    from libs.x12.envelope import Envelope

_BILLING, _SUBSCRIBER, _PATIENT = "20", "22", "23"
_ABOVE: Final = {_SUBSCRIBER: _BILLING, _PATIENT: _SUBSCRIBER}
_BELOW: Final = {_BILLING: (_SUBSCRIBER, _PATIENT), _SUBSCRIBER: (_PATIENT,), _PATIENT: ()}
_LOOPS: Final = {_BILLING: "2000A", _SUBSCRIBER: "2000B", _PATIENT: "2000C"}
_TYPES: Final[tuple[tuple[str, ClaimType], ...]] = (
    ("005010X222", "professional"),
    ("005010X223", "institutional"),
    ("005010X224", "dental"),
    ("004010X098", "professional"),
    ("004010X096", "institutional"),
    ("004010X097", "dental"),
)
LINES_MAX: Final = 999
_TYPE_BY_LINE: Final[dict[str, ClaimType]] = {"SV1": "professional", "SV2": "institutional", "SV3": "dental"}
_NOBODY: Final = (Provider("85"), Subscription(), Person(), Payer())
_INSIDE = frozenset({"NM1", "SVD"})  # begin parts of a line or another payer

_Rest = tuple[str, str, str, str, str, str, str, tuple[str, ...]]
_Heads = tuple[tuple[Dated, ...], tuple[Reference, ...], tuple[Diagnosis, ...], tuple[Attachment, ...], int | None, tuple[str, ...]]


class _Levels:
    """What claims stand under at the moment."""

    def __init__(self) -> None:
        self.billing, self.subscription, self.subscriber, self.payer = _NOBODY
        self.pay_to: Provider | None = None
        self.patient: Person | None = None
        self.relationship = ""
        self.unknown = False  # whether a level of unknown kind is open: nobody can say whose the claims under it are

    def leave(self, level: str) -> None:
        """Forget a level."""
        if level == _BILLING:
            self.billing, self.pay_to = _NOBODY[0], None
        elif level == _SUBSCRIBER:
            _, self.subscription, self.subscriber, self.payer = _NOBODY
        else:
            self.patient, self.relationship = None, ""


class ClaimReader(TransactionReader):
    """Reads one 837; its units are its levels (HL, up to their first claim) and its claims (CLM loops)."""

    starts = ("CLM", "HL")
    ends = ("CLM", "HL")
    loop = "2300"

    def __init__(self, items: list[Item], opened: TransactionOpened, separator: str, component: str) -> None:
        super().__init__(items, opened, separator, component)
        self._parts = Lines(separator, component)
        self._marks = self.unit_ends | first_characters(("NM1", "SBR", "LX", "SVD"), separator)
        self._line, self._diagnoses = "LX" + separator, "HI" + separator
        self._insured, self._payer = "IL" + separator, "PR" + separator
        self._head: list[str] | None = []  # None once the batch was told
        self._levels = _Levels()
        self._names: dict[str, str] = {}  # HL01 of the levels that are open
        self._rests: dict[str, _Rest] = {}  # of CLM, as read before
        self._charge_cents = 0
        self._type = next((kind for version, kind in _TYPES if opened.version.startswith(version)), None)

    def segment(self, kind: str, elements: list[str], envelope: "Envelope") -> None:
        """Take a segment of the head."""
        if self._head is not None:
            self._head.append(self.separator.join(elements))
        else:
            envelope.note("unexpected_segment", "warning", segment_id_of(kind))

    def before_first_unit(self, cursor: Cursor, start: int) -> None:  # noqa: ARG002 - nothing is missing that must be told here
        if self._head is not None:
            self._finish_head(self._head)

    def unit(self, cursor: Cursor, start: int) -> tuple[int, bool]:
        """Read the HL or CLM loop at a place of the cursor's batch."""
        segments = cursor.segments
        places = self._cut(segments, start)
        if not places:
            return 0, False
        end = places[-1]
        if cursor.is_large and self.beyond_measure(cursor, start, end):
            self.lose(cursor, start, "claim_too_long")
            return end, False
        if self._head is not None:
            self._finish_head(self._head)
        if segments[start][:3] == "CLM":
            self._read_claim(cursor, start, places)
        else:
            self._read_level(cursor, start, places)
        return end, True

    def _cut(self, segments: Sequence[str], start: int) -> list[int]:
        """Return where the parts of a unit begin (parties, other payers, lines, adjudications), and at last where it ends.

        Empty when its end is not at hand. Inside an adjudication only another one or a line begins a part; outside lines, SVD none.
        """
        marks, ends, line = self._marks, self.unit_ends, self._line
        places: list[int] = []
        in_line = in_adjudication = False
        for at in range(start + 1, len(segments)):
            kind = segments[at][:3]
            if kind not in marks:
                continue
            if kind == line:
                in_line, in_adjudication = True, False
            elif kind == "SVD":
                if not in_line:
                    continue
                in_adjudication = True
            elif kind in ends:
                places.append(at)
                return places
            elif kind == "SBR":
                in_line = in_adjudication = False
            elif in_adjudication:  # a party of the adjudication
                continue
            places.append(at)
        return []

    def lose(self, cursor: Cursor, start: int, code: str) -> None:
        """Count a unit that cannot be used. Of a level, at least the one that was open before is left."""
        segment = cursor.segments[start]
        if segment[:3] != "CLM":
            self._enter(cursor, start)
        super().lose(cursor, start, code)

    def cut_off(self, unfinished: str) -> None:
        """The input ends here. A level without a claim loses none."""
        super().cut_off(unfinished if unfinished[:3] == "CLM" else "")

    def close(self, envelope: "Envelope", *, complete: bool) -> None:  # noqa: ARG002 - the readers' common form
        if self._head is not None:
            self._finish_head(self._head)
        self.items.append(
            TransactionClosed(
                ordinal=self.opened.ordinal,
                type=self.opened.type,
                control_number=self.opened.control_number,
                complete=complete,
                claims=self.units_read,
                claims_unreadable=self.units_lost,
                charge_cents=self._charge_cents,
            )
        )

    def _finish_head(self, head: list[str]) -> None:
        """Emit what the head told, once."""
        self._head = None
        told = next((filled(segment, self.separator, 7) for segment in head if segment.startswith("BHT")), [""] * 7)
        names = {name[1]: name for segment in head if (name := filled(segment, self.separator, 10))[0] == "NM1"}
        sender, receiver = names.get("41", [""] * 10), names.get("40", [""] * 10)
        self.items.append(
            BatchRead(
                self.opened.ordinal, told[2], told[3], parse_date(told[4]), told[6],
                readable(sender[3]), sender[9], readable(receiver[3]), receiver[9],
            )
        )  # fmt: skip

    def _tell(self, cursor: Cursor, loop: str, unit: int | None) -> None:
        """Say what was odd in the unit that was read, each where it stands."""
        for place, code, severity, element, snip_type, _ in self._parts.oddities:
            segment_id = element[:3].rstrip("0123456789") if element else None
            self.note(
                cursor.position(place), code, severity, segment_id, element=element, loop=loop, snip_type=snip_type, unit=unit
            )
        self._parts.oddities.clear()

    # -- what claims stand under

    def _enter(self, cursor: Cursor, start: int) -> str:
        """Begin a level and return it. Where it stands counts, not what it says of its parent: a lie is told, none believed."""
        _, name, parent, level, *_ = [*cursor.segments[start].split(self.separator), "", "", ""]
        if level not in _BELOW:
            self._levels.unknown = True
            self.note(cursor.position(start), "unexpected_segment", "warning", "HL", element="HL03", loop="2000")
            return ""
        if parent != self._names.get(_ABOVE.get(level, ""), "") or (level in _ABOVE and not parent):
            self.note(cursor.position(start), "hl_parent", "warning", "HL", element="HL02", loop=_LOOPS[level])
        for left in (level, *_BELOW[level]):
            self._levels.leave(left)
            self._names.pop(left, None)
        self._names[level] = name
        if level != _PATIENT:  # a patient stands under the level before
            self._levels.unknown = False
        return level

    def _read_level(self, cursor: Cursor, start: int, places: list[int]) -> None:
        segments = cursor.segments
        level = self._enter(cursor, start)
        if not level:
            return
        names = [at for at in places if segments[at][:3] == "NM1"]
        bounds = [*names, places[-1]]
        if level == _SUBSCRIBER:
            self._read_subscriber(segments, start, bounds)
        elif level == _PATIENT:
            self._read_patient(segments, start, bounds)
        else:
            self._read_billing(segments, start, bounds)
        if self._parts.oddities:
            self._tell(cursor, _LOOPS[level], None)

    def _read_billing(self, segments: list[str], start: int, bounds: list[int]) -> None:
        """Read the level's own segments and its parties; `bounds` are the places of NM1, and where the level ends."""
        taxonomy, kept = "", []
        for segment in filter(None, segments[start + 1 : bounds[0]]):
            if segment.startswith("PRV") and not taxonomy:
                taxonomy = filled(segment, self.separator, 4)[3]
            else:
                kept.append(segment)
        for begin, end in pairwise(bounds):
            if filled(segments[begin], self.separator, 2)[1] == "85":
                billing = self._parts.provider(segments, begin, end, taxonomy)
                self._levels.billing = _with_segments(billing, kept, self.separator)
            elif self._levels.pay_to is None:
                self._levels.pay_to = self._parts.provider(segments, begin, end)

    def _read_subscriber(self, segments: list[str], start: int, bounds: list[int]) -> None:
        parts, levels = self._parts, self._levels
        subscription, more = "", []
        for at in range(start + 1, bounds[0]):
            segment = segments[at]
            if not subscription and segment[:3] == "SBR":
                subscription = segment
            elif segment and segment != subscription:
                more.append(segment)
        levels.subscription = parts.subscription(subscription or "SBR")
        insured = payer = 0
        others: list[str] = []
        payer_end = begin = bounds[0]
        for end in bounds[1:]:
            entity = segments[begin][4:7]
            if not insured and entity == self._insured:
                insured = begin
                levels.subscriber = parts.person(segments, begin, end, more)
            elif not payer and entity == self._payer:
                payer, payer_end = begin, end
            else:
                others += parts.as_told(segments, begin, end)
            begin = end
        if payer:
            levels.payer = parts.payer(segments, payer, payer_end, others)

    def _read_patient(self, segments: list[str], start: int, bounds: list[int]) -> None:
        more = []
        for segment in filter(None, segments[start + 1 : bounds[0]]):
            elements = segment.split(self.separator)
            if elements[0] == "PAT" and not self._levels.relationship:
                self._levels.relationship = elements[1] if len(elements) > 1 else ""
                if len(elements) == 2:  # noqa: PLR2004 - nothing but the relationship
                    continue
            more.append(segment)
        for begin, end in pairwise(bounds):
            if filled(segments[begin], self.separator, 2)[1] == "QC":
                self._levels.patient = self._parts.person(segments, begin, end, more)
                return

    # -- the claim itself

    def _read_claim(self, cursor: Cursor, start: int, places: list[int]) -> None:
        if self._levels.unknown:
            self.lose(cursor, start, "claim_unattributed")
            return
        ordinal = self.units_read + self.units_lost + 1
        claim = self._claim(cursor, start, places, ordinal)
        if self._parts.oddities:
            self._tell(cursor, self.loop, ordinal)
        if claim is None:
            self.lose(cursor, start, "claim_unreadable")
        else:
            self.units_read += 1
            self._charge_cents += claim.charge_cents
            self.items.append(claim)

    def _claim(self, cursor: Cursor, start: int, places: list[int], ordinal: int) -> Claim | None:
        """Put one claim together; None when its charge, or a line's, cannot be read."""
        parts, levels, segments = self._parts, self._levels, cursor.segments
        first, providers = 0, []
        while segments[places[first]][:3] == "NM1":
            providers.append(parts.provider(segments, places[first], places[first + 1]))
            first += 1
        lines, others = self._lines(segments, places, first)
        _, pcn, charge, rest, *_ = [*segments[start].split(self.separator, 3), "", "", ""]
        charge_cents = parts.cents(charge, start, "CLM02")
        dates, references, diagnoses, attachments, patient_paid_cents, kept = self._heads(segments, start + 1, places[0])
        if charge_cents is None or lines is None:
            return None
        byte_offset, segment_index = cursor.position(start)
        facility, qualifier, frequency, signature, assignment, benefits, release, more = self._rests.get(rest) or self._rest(rest)
        return Claim(
            self._type or _type_by_lines(segments, start, places[-1]), pcn, charge_cents, levels.billing, levels.subscription,
            levels.subscriber, levels.payer, lines, facility, qualifier, frequency, signature, assignment, benefits, release, more,
            levels.pay_to, levels.patient, levels.relationship, diagnoses, dates, references, attachments, patient_paid_cents,
            tuple(providers), others, kept, self.separator, self.component, ordinal, segment_index, byte_offset,
        )  # fmt: skip

    def _rest(self, text: str) -> _Rest:
        """Split what follows CLM02, which is the same for many claims."""
        _, _, composite, signature, assignment, benefits, release, *more = [*text.split(self.separator), *[""] * 7]
        facility, qualifier, frequency, *_ = [*composite.split(self.component), "", "", ""]
        told = more[:-7] if len(more) > 7 else []  # noqa: PLR2004 - without what was added
        return remember(
            self._rests, text, (facility, qualifier, frequency or "1", signature, assignment, benefits, release, tuple(told))
        )

    def _lines(
        self, segments: Sequence[str], places: list[int], first: int
    ) -> tuple[tuple[ClaimLine, ...] | None, tuple[OtherPayer, ...]]:
        """Read lines and other payers from a place of `places` on; no lines (None) when one of them cannot be read."""
        parts, line_start = self._parts, self._line
        lines: list[ClaimLine] = []
        others: list[OtherPayer] = []
        count, last = 0, len(places) - 1
        while first < last:
            begin = places[first]
            after = first + 1
            while after < last and segments[places[after]][:3] in _INSIDE:
                after += 1
            if segments[begin][:3] == line_start:
                line = parts.line(segments, begin, places[first + 1 : after + 1])
                count += 1
                if line is not None:
                    lines.append(line)
                if count == LINES_MAX + 1:
                    parts.oddities.append(Oddity(begin, "too_many_lines", "error", "LX01", 1))
            else:
                others.append(parts.other_payer(segments, begin, places[first + 1 : after + 1]))
            first = after
        return tuple(lines) if len(lines) == count else None, tuple(others)

    def _heads(self, segments: Sequence[str], begin: int, end: int) -> _Heads:
        """Read what stands between CLM and the first party, other payer or line."""
        parts, diagnoses_kind = self._parts, self._diagnoses
        dates: list[Dated] = []
        references: list[Reference] = []
        diagnoses: tuple[Diagnosis, ...] = ()
        attachments: list[Attachment] = []
        kept: list[str] = []
        patient_paid_cents: int | None = None
        for at in range(begin, end):
            segment = segments[at]
            kind = segment[:3]
            if kind == "REF":
                references.append(parts.reference(segment))
            elif kind == diagnoses_kind and (found := parts.diagnoses(segment)) is not None:
                diagnoses += found
            elif kind == "DTP" and (dated := parts.dated(segment, at)) is not None:
                dates.append(dated)
            elif kind == "PWK":
                attachments.append(parts.attachment(segment))
            elif kind == "AMT" and patient_paid_cents is None and segment[4:6] == "F5":
                patient_paid_cents = parts.cents(filled(segment, self.separator, 3)[2], at, "AMT02")
            elif segment:
                kept.append(segment)
        told = in_order(kept, self.separator) if kept else ()
        return tuple(dates), tuple(references), diagnoses, tuple(attachments), patient_paid_cents, told


def _type_by_lines(segments: Sequence[str], begin: int, end: int) -> ClaimType:
    """Tell the kind of claim where the version does not: by the first service segment."""
    kinds = (segments[at][:3] for at in range(begin, end))
    return next((_TYPE_BY_LINE[kind] for kind in kinds if kind in _TYPE_BY_LINE), "professional")


def _with_segments(provider: Provider, kept: list[str], separator: str) -> Provider:
    return replace(provider, segments=in_order([*kept, *provider.segments], separator)) if kept else provider
