"""Facts: what analytics knows of each account, as events told it; nothing is changed or taken away, later versions come beside.

Everything that is counted is computed from these alone (`points`), so that every order of arrival ends in the same numbers, and any
number can be computed again. `known_on` is the day (UTC) on which the producing service knew it, as its event says, and never one
that had ended here when the event came (day_ends.py); a KPI "as of" a day is made of the facts known by then.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any, ClassVar, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace


class Claim(Struct, frozen=True, gc=False, omit_defaults=True, tag="claim", tag_field="is"):
    """One claim as submitted; told again, with the next version, when it is known later what it replaces."""

    claim_id: UUID
    version: int
    known_on: date
    payer_id: str
    charge_cents: int
    frequency_code: str
    facility: str = ""
    provider: str = ""
    service_group: str = ""
    service_on: date | None = None
    replaces: UUID | None = None
    is_secondary: bool = False
    has_error: bool = False  # a check that ran when it came in found what will be denied
    has_warning: bool = False
    place: str = ""  # place of service, or the first digits of the type of bill
    claim_type: str = ""
    authorization: bool | None = None  # whether it names one
    diagnosis: str = ""  # the first one's first three characters
    services: tuple[str, ...] = ()  # of its lines, in order
    coder: str = ""  # who coded it, where the sender told it
    submitted_on: date | None = None  # where it was not the day on which this became known

    @property
    def came_on(self) -> date:
        """Return the day of its submission."""
        return self.submitted_on or self.known_on

    def identity(self) -> tuple[str, UUID, int]:
        return ("claim", self.claim_id, self.version)


class Answer(Struct, frozen=True, gc=False, omit_defaults=True, tag="answer", tag_field="is"):
    """What a front door said of a claim; with the next version it may move to another claim of its account."""

    acknowledgement_id: UUID
    version: int
    known_on: date
    status: str
    claim_id: UUID | None = None

    def identity(self) -> tuple[str, UUID, int]:
        return ("answer", self.acknowledgement_id, self.version)


class Remit(Struct, frozen=True, gc=False, omit_defaults=True, tag="remit", tag_field="is"):
    """One claim of a remittance."""

    remit_id: UUID
    known_on: date
    payer_id: str
    payment_on: date
    status: str
    charge_cents: int
    paid_cents: int
    lines: int
    number: str = ""
    service_group: str = ""
    service_on: date | None = None
    claim_id: UUID | None = None
    services: tuple[str, ...] = ()  # of its lines, in order
    version: ClassVar[int] = 0

    def identity(self) -> tuple[str, UUID, int]:
        return ("remit", self.remit_id, 0)


class Match(Struct, frozen=True, gc=False, omit_defaults=True, tag="match", tag_field="is"):
    """Which claim a remit answers, known after it came."""

    remit_id: UUID
    version: int
    known_on: date
    claim_id: UUID | None = None

    def identity(self) -> tuple[str, UUID, int]:
        return ("match", self.remit_id, self.version)


class Refused(Struct, frozen=True, gc=False, array_like=True):
    """One reason of a denial. `line`: its place in the remit, from 1; 0: as a whole. Older facts say neither group nor RARCs."""

    line: int
    category: str
    carc: str
    cents: int
    group_code: str = ""
    rarcs: tuple[str, ...] = ()


class Denial(Struct, frozen=True, gc=False, omit_defaults=True, tag="denial", tag_field="is"):
    """One revision of the judgement of a remit. `lines`: how many service lines were refused; 0: the claim as a whole."""

    denial_id: UUID
    remit_id: UUID
    version: int
    known_on: date
    is_active: bool
    payer_id: str
    payment_on: date
    category: str
    denied_cents: int
    lines: int = 0
    preventable: bool | None = None
    reasons: tuple[Refused, ...] = ()
    action: str = ""
    confidence: float | None = None

    def identity(self) -> tuple[str, UUID, int]:
        return ("denial", self.denial_id, self.version)


class Filing(Struct, frozen=True, gc=False, omit_defaults=True, tag="filing", tag_field="is"):
    """What was sent to a payer to change a denial."""

    appeal_id: UUID
    denial_id: UUID
    known_on: date
    action: str
    payer_id: str
    category: str
    disputed_cents: int
    filed_on: date
    level: str = ""
    due_on: date | None = None
    version: ClassVar[int] = 0

    def identity(self) -> tuple[str, UUID, int]:
        return ("filing", self.appeal_id, 0)


class Decision(Struct, frozen=True, gc=False, omit_defaults=True, tag="decision", tag_field="is"):
    """One revision of how a contested denial ended."""

    appeal_id: UUID
    denial_id: UUID
    version: int
    known_on: date
    action: str
    payer_id: str
    category: str
    outcome: str
    disputed_cents: int
    recovered_cents: int
    decided_on: date
    by_remittance: bool
    level: str = ""
    filed_on: date | None = None

    def identity(self) -> tuple[str, UUID, int]:
        return ("decision", self.appeal_id, self.version)


class Closing(Struct, frozen=True, gc=False, omit_defaults=True, tag="closing", tag_field="is"):
    """How the case of a denial stands closed; `closed_as` empty: it is closed no more. `version`: the case's."""

    case_id: UUID
    denial_id: UUID
    version: int
    known_on: date
    payer_id: str
    category: str
    closed_on: date
    left_cents: int
    closed_as: str = ""

    def identity(self) -> tuple[str, UUID, int]:
        return ("closing", self.case_id, self.version)


class Followup(Struct, frozen=True, gc=False, omit_defaults=True, tag="followup", tag_field="is"):
    """Something of ingest's to follow up, as it stood then. `is_gone`: its cause is."""

    followup_id: UUID
    version: int
    known_on: date
    kind: str
    subject_id: UUID
    payer_id: str
    amount_cents: int
    due_on: date
    is_open: bool = True
    is_gone: bool = False

    def identity(self) -> tuple[str, UUID, int]:
        return ("followup", self.followup_id, self.version)


Fact = Claim | Answer | Remit | Match | Denial | Filing | Decision | Closing | Followup


def known_from(fact: Fact, day: date) -> Fact:
    """Return a fact as one that becomes known on a day, where it bears an earlier one; a claim's day of submission stays."""
    if fact.known_on >= day:
        return fact
    if isinstance(fact, Claim):
        return replace(fact, known_on=day, submitted_on=fact.came_on)
    return replace(fact, known_on=day)


_encode: Final = msgspec.json.Encoder(enc_hook=str).encode
_decoder: Final = msgspec.json.Decoder(Fact)


def encode(fact: Fact) -> bytes:
    """Return a fact as it is stored: a JSON object; `is` names its kind."""
    return _encode(fact)


def decode(told: bytes) -> Fact:
    """Return a stored fact."""
    fact: Fact = _decoder.decode(told)
    return fact


def service_group(lines: Iterable[Any]) -> str:
    """Return what kind of service a claim is mostly about: that of the line with the highest charge.

    `revenue 045`: the first digits of a revenue code, where no procedure stands; else the section of the procedure's code list: its
    letter (HCPCS level II, dental), or two digits. Keys, without meanings: what codes mean is the licensed lists' business.
    """
    best, highest = "", -1
    for line in lines:
        if line.charge_cents > highest:
            highest = line.charge_cents
            code = line.procedure_code
            if code:
                best = code[:2] if code[0].isdigit() else code[0].upper()
            else:
                best = f"revenue {line.revenue_code[:3]}" if line.revenue_code else ""
    return best


def service(line: Any) -> str:
    """Return what a line is about: procedure and modifiers, set apart by colons; `revenue 0450` without a procedure."""
    code = getattr(line, "original_procedure_code", None) or line.procedure_code
    if code:
        return ":".join((code, *line.modifiers))
    return f"revenue {line.revenue_code}" if line.revenue_code else ""
