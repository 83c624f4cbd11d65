"""One 837: its head, its levels (billing provider, subscriber, patient) and its claims.

A level holds until the next HL of the same or a higher one; each claim is emitted with the levels that it stands under.
"""

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from libs.x12.claim import BatchRead, Claim, ClaimType, Payer, Person, Provider, Subscription
from libs.x12.claim_loop import Oddity
from libs.x12.claim_parts import Parts, Placed, filled, in_order
from libs.x12.item import Item
from libs.x12.model import TransactionClosed, TransactionOpened, parse_date, readable
from libs.x12.tokens import Cursor
from libs.x12.units import TransactionReader

if TYPE_CHECKING:
    from libs.x12.envelope import Envelope

_BILLING, _SUBSCRIBER, _PATIENT = "20", "22", "23"
_ABOVE: Final = {_SUBSCRIBER: _BILLING, _PATIENT: _SUBSCRIBER}
_BELOW: Final = {_BILLING: (_SUBSCRIBER, _PATIENT), _SUBSCRIBER: (_PATIENT,), _PATIENT: ()}
_ENDS = frozenset({"CLM", "ISA", "IEA", "BIN", "BDS"})
_SHORT_ENDS = frozenset({"HL", "SE", "ST", "GS", "GE"})
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


class _Levels:
    """What claims stand under at the moment."""

    def __init__(self) -> None:
        self.billing: Provider = Provider("85")
        self.pay_to: Provider | None = None
        self.subscription = Subscription()
        self.subscriber = Person()
        self.payer = Payer()
        self.patient: Person | None = None
        self.relationship = ""

    def leave(self, level: str) -> None:
        """Forget a level."""
        if level == _BILLING:
            self.billing, self.pay_to = Provider("85"), None
        elif level == _SUBSCRIBER:
            self.subscription, self.subscriber, self.payer = Subscription(), Person(), Payer()
        else:
            self.patient, self.relationship = None, ""


class ClaimReader(TransactionReader):
    """Reads one 837; its units are its claims (CLM loops)."""

    starts = "CLM"
    loop = "2300"

    def __init__(self, items: list[Item], opened: TransactionOpened, separator: str, component: str) -> None:
        super().__init__(items, opened, separator, component)
        self._parts = Parts(separator, component)
        self._ends = frozenset({*_ENDS, *_SHORT_ENDS, *(kind + separator for kind in _SHORT_ENDS)})
        self._head: list[str] | None = []  # None once the batch was told
        self._levels = _Levels()
        self._level = ""
        self._names: dict[str, str] = {}  # HL01 of the levels that are open
        self._under: list[tuple[str, tuple[int, int]]] = []  # segments of the level that is open, with their positions
        self._charge_cents = 0
        self._type = next((kind for version, kind in _TYPES if opened.version.startswith(version)), None)

    def ends_unit(self, segment: str) -> bool:
        return segment[:3] in self._ends

    def end_of_unit(self, cursor: Cursor, start: int) -> int:
        """Return where the unit at a place ends; flat, a call a segment costs."""
        ends, segments = self._ends, cursor.segments
        for at in range(start + 1, len(segments)):
            if segments[at][:3] in ends:
                return at
        return 0

    def segment(self, kind: str, elements: list[str], envelope: "Envelope") -> None:
        """Take a segment of the head or of a level."""
        if kind == "HL":
            self._enter(elements, envelope)
        elif self._head is not None:
            self._head.append(self.separator.join(elements))
        elif self._level:
            self._under.append((self.separator.join(elements), envelope.cursor.position()))
        else:
            envelope.note("unexpected_segment", "warning", kind if kind.isalnum() else None)

    def _enter(self, elements: list[str], envelope: "Envelope") -> None:
        """Begin a level. Where it stands counts, not what it says of its parent: a lie is told, and nothing is guessed from it."""
        self._finish_head()
        self._finish_level()
        _, name, parent, level, *_ = [*elements, "", "", ""]
        if level not in _BELOW:
            envelope.note("unexpected_segment", "warning", "HL", element="HL03")
            return
        if parent != self._names.get(_ABOVE.get(level, ""), "") or (level in _ABOVE and not parent):
            envelope.note("hl_parent", "warning", "HL", element="HL02")
        self._level = level
        for left in (level, *_BELOW[level]):
            self._levels.leave(left)
            self._names.pop(left, None)
        self._names[level] = name

    def before_first_unit(self, cursor: Cursor, start: int) -> None:  # noqa: ARG002 - nothing is missing that must be told here
        self._finish_head()
        self._finish_level()

    def unit(self, cursor: Cursor, start: int) -> tuple[int, bool]:
        """Read the CLM loop at a place of the cursor's batch."""
        end = self.end_of_unit(cursor, start)
        if not end:
            return 0, False
        if self.beyond_measure(cursor, start, end):
            self.lose(cursor, start, "claim_too_long")
            return end, False
        self.before_first_unit(cursor, start)
        ordinal = self.units_read + self.units_lost + 1
        segments = [(segment, at) for at, segment in enumerate(cursor.segments[start:end]) if segment]
        claim = self._claim(segments, ordinal, cursor.position(start))
        for place, code, severity, element, snip_type, _ in self._parts.oddities:
            segment_id = element[:3].rstrip("0123456789") if element else None
            self.note(
                cursor.position(start + place), code, severity, segment_id, element=element, snip_type=snip_type, unit=ordinal
            )
        self._parts.oddities.clear()
        if claim is None:
            self.lose(cursor, start, "claim_unreadable")
        else:
            self.units_read += 1
            self._charge_cents += claim.charge_cents
            self.items.append(claim)
        return end, True

    def close(self, envelope: "Envelope", *, complete: bool) -> None:  # noqa: ARG002 - the readers' common form
        self._finish_head()
        self._finish_level()
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

    # -- what claims stand under

    def _finish_head(self) -> None:
        """Emit what the head told, once."""
        if self._head is None:
            return
        heads, parties = self._parts.split([(segment, 0) for segment in self._head])
        self._head = None
        told = next((filled(segment, self.separator, 7) for segment, _ in heads if segment.startswith("BHT")), [""] * 7)
        names = {name[1]: name for name, _ in parties}
        sender, receiver = names.get("41", [""] * 10), names.get("40", [""] * 10)
        self.items.append(
            BatchRead(
                self.opened.ordinal, told[2], told[3], parse_date(told[4]), told[6],
                readable(sender[3]), sender[9], readable(receiver[3]), receiver[9],
            )
        )  # fmt: skip

    def _finish_level(self) -> None:
        """Read the level that was open; what is odd in it is told where it stands."""
        if not self._under:
            return
        placed = [(segment, place) for place, (segment, _) in enumerate(self._under)]
        if self._level == _BILLING:
            self._read_billing(placed)
        elif self._level == _SUBSCRIBER:
            self._read_subscriber(placed)
        else:
            self._read_patient(placed)
        for place, code, severity, element, snip_type, _ in self._parts.oddities:
            self.note(self._under[place][1], code, severity, element[:3] if element else None, element=element, snip_type=snip_type)
        self._parts.oddities.clear()
        self._under = []

    def _read_billing(self, placed: list[Placed]) -> None:
        heads, parties = self._parts.split(placed)
        taxonomy, kept = "", []
        for segment, _ in heads:
            if segment.startswith("PRV") and not taxonomy:
                taxonomy = filled(segment, self.separator, 4)[3]
            else:
                kept.append(segment)
        for party in parties:
            if party[0][1] == "85":
                billing = self._parts.provider(party, taxonomy)
                self._levels.billing = _with_segments(billing, kept, self.separator)
            elif self._levels.pay_to is None:
                self._levels.pay_to = self._parts.provider(party)

    def _read_subscriber(self, placed: list[Placed]) -> None:
        heads, parties = self._parts.split(placed)
        subscription = next((segment for segment, _ in heads if segment.startswith("SBR")), "SBR")
        self._levels.subscription = self._parts.subscription(subscription)
        more = [segment for segment, _ in heads if segment != subscription]
        insured = next((party for party in parties if party[0][1] == "IL"), None)
        payer = next((party for party in parties if party[0][1] == "PR"), None)
        others: list[str] = []
        for party in parties:
            if party is not insured and party is not payer:
                others += [self.separator.join(party[0]).rstrip(self.separator), *(segment for segment, _ in party[1])]
        if insured is not None:
            self._levels.subscriber = self._parts.person(insured, more)
        if payer is not None:
            self._levels.payer = self._parts.payer(*payer, others)

    def _read_patient(self, placed: list[Placed]) -> None:
        heads, parties = self._parts.split(placed)
        more = []
        for segment, _ in heads:
            elements = segment.split(self.separator)
            if elements[0] == "PAT" and not self._levels.relationship:
                self._levels.relationship = elements[1] if len(elements) > 1 else ""
                if len(elements) == 2:  # noqa: PLR2004 - nothing but the relationship
                    continue
            more.append(segment)
        patient = next((party for party in parties if party[0][1] == "QC"), None)
        if patient is not None:
            self._levels.patient = self._parts.person(patient, more)

    # -- the claim itself

    def _claim(self, segments: list[Placed], ordinal: int, position: tuple[int, int]) -> Claim | None:
        """Put one claim together; None when its charge, or a line's, cannot be read."""
        cuts = [at for at, (segment, _) in enumerate(segments) if segment[:3] in ("SBR", "LX" + self.separator)]
        bounds = [*cuts, len(segments)]
        own = segments[: bounds[0]]
        others, lines = [], []
        for at, cut in enumerate(cuts):
            part = segments[cut : bounds[at + 1]]
            if part[0][0].startswith("SBR"):
                others.append(self._parts.other_payer(part))
            else:
                lines.append(self._parts.line(part))
        if len(lines) > LINES_MAX:
            self._parts.oddities.append(Oddity(segments[cuts[len(others) + LINES_MAX]][1], "too_many_lines", "error", "LX01", 1))
        head = filled(own[0][0], self.separator, 10)
        charge_cents = self._parts.cents(head[2], 0, "CLM02")
        read = [line for line in lines if line is not None]
        if charge_cents is None or len(read) < len(lines):
            return None
        place, qualifier, frequency, *_ = [*head[5].split(self.component), "", "", ""]
        heads, parties = self._parts.split(own[1:])
        levels = self._levels
        return Claim(
            claim_type=self._type or _type_by_lines(segments),
            patient_control_number=head[1],
            charge_cents=charge_cents,
            billing_provider=levels.billing,
            subscription=levels.subscription,
            subscriber=levels.subscriber,
            payer=levels.payer,
            lines=tuple(read),
            facility_code=place,
            facility_qualifier=qualifier,
            frequency_code=frequency or "1",
            signature=head[6],
            assignment=head[7],
            benefits_assigned=head[8],
            release=head[9],
            more=tuple(head[10:]),
            pay_to=levels.pay_to,
            patient=levels.patient,
            patient_relationship=levels.relationship,
            providers=tuple(map(self._parts.provider, parties)),
            other_payers=tuple(others),
            separator=self.separator,
            component=self.component,
            ordinal=ordinal,
            segment_index=position[1],
            byte_offset=position[0],
            **self._heads(heads),  # type: ignore[arg-type]  # the names are Claim's
        )

    def _heads(self, heads: list[Placed]) -> dict[str, object]:
        """Read what stands between CLM and the first party."""
        parts = self._parts
        dates, references, diagnoses, attachments, kept = [], [], [], [], []
        patient_paid_cents: int | None = None
        for segment, place in heads:
            kind = segment[:3]
            if kind == "DTP" and (dated := parts.dated(segment, place)) is not None:
                dates.append(dated)
            elif kind == "REF":
                references.append(parts.reference(segment))
            elif kind == "HI" + self.separator and (found := parts.diagnoses(segment)) is not None:
                diagnoses += found
            elif kind == "PWK":
                attachments.append(parts.attachment(segment))
            elif kind == "AMT" and patient_paid_cents is None and segment[4:6] == "F5":
                patient_paid_cents = parts.cents(filled(segment, self.separator, 3)[2], place, "AMT02")
            else:
                kept.append(segment)
        return {
            "dates": tuple(dates),
            "references": tuple(references),
            "diagnoses": tuple(diagnoses),
            "attachments": tuple(attachments),
            "patient_paid_cents": patient_paid_cents,
            "segments": in_order(kept, self.separator),
        }


def _type_by_lines(segments: list[Placed]) -> ClaimType:
    """Tell the kind of claim where the version does not: by the first service segment."""
    return next((_TYPE_BY_LINE[segment[:3]] for segment, _ in segments if segment[:3] in _TYPE_BY_LINE), "professional")


def _with_segments(provider: Provider, kept: list[str], separator: str) -> Provider:
    return replace(provider, segments=in_order([*kept, *provider.segments], separator)) if kept else provider
