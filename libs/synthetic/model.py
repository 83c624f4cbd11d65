"""What a clinic bills and what a payer answers, as values; the truth stands beside each answer.

Money is integer cents with the payer's sign. Everybody here is invented.
"""

from datetime import date
from typing import Literal

from msgspec import Struct

from libs.x12 import Remit, RemittanceSet

Following = Literal["corrected", "replaced", "voided", "billed_secondary", "overturned"]  # what comes of an answer
Outcome = Literal["paid", "partly_denied", "denied", "reversal", "predetermination"]


class Cause(Struct, frozen=True):
    """One thing that can be wrong with a claim, and how a payer says so.

    `whole_claim`: every line is refused, else one line. `category` and `action` are what the remittance alone should lead to.
    """

    name: str
    category: str
    action: str
    group_code: str
    carc: str
    rarcs: tuple[str, ...] = ()
    whole_claim: bool = False
    modifier: str | None = None


class Member(Struct, frozen=True, gc=False):
    member_id: str
    family_name: str
    given_name: str


class BilledLine(Struct, frozen=True, gc=False):
    """One service as billed; `control_number` comes back as REF*6R. Without a procedure, the revenue code is one (NU)."""

    control_number: str
    procedure_code: str
    modifiers: tuple[str, ...]
    units: int
    charge_cents: int
    qualifier: str = "HC"
    revenue_code: str | None = None


class Claim(Struct, frozen=True, gc=False):
    """One claim as billed. `cause` is what is wrong with it, `faulty_line` where (from 0); the payer finds it out."""

    patient_control_number: str
    payer_id: str
    member: Member
    rendering_npi: str
    facility_code: str
    frequency_code: str
    service_on: date
    lines: tuple[BilledLine, ...]
    charge_cents: int
    cause: Cause | None = None
    faulty_line: int = 0


class Truth(Struct, frozen=True, gc=False):
    """Why a remit says what it says. `undoes` names, on a reversal, the payer claim control number of the undone answer."""

    outcome: Outcome
    denied_cents: int = 0
    cause: str | None = None
    category: str | None = None
    action: str | None = None
    undoes: str | None = None


class Answer(Struct, frozen=True, gc=False):
    """A payer's answer to a claim, and the truth about it."""

    claim: Claim
    remit: Remit
    truth: Truth


class Payout(Struct, frozen=True):
    """One payment with the answers that it settles. `difference_cents` is what it is out of balance by, on purpose."""

    payer_id: str
    remittance: RemittanceSet
    answers: tuple[Answer, ...]
    difference_cents: int = 0


class Interchange(Struct, frozen=True):
    """One 835 file, ready to send, and what is in it."""

    name: str
    body: bytes
    payouts: tuple[Payout, ...]

    def answers(self) -> list[Answer]:
        """Return all its answers, in file order."""
        return [answer for payout in self.payouts for answer in payout.answers]
