"""What was planned for each claim that was sent, beside the files that tell it: for tests, and for models to be held against."""

from datetime import date
from typing import Literal

from msgspec import Struct

from libs.synthetic.faults import Family
from libs.synthetic.model import Following

Kind = Literal["837", "999", "277CA", "835"]
Front = Literal["accepted", "rejected", "set_rejected", "silent"]
Judgement = Literal["paid", "partly_denied", "denied", "voided", "silent"]


class ClaimTruth(Struct, frozen=True, omit_defaults=True):
    """One claim as sent in `file`. Money is integer cents.

    `front`: what the front door says; silent: nothing comes back, ever. `judgement` is that of the payer; silent: accepted, and no
    word after it; None where the claim never came so far. `answered_on` is the day of the 835 that tells it.
    `fault` (faults.py) is what is wrong, `seen_by` the family of checks that could have seen it before, absent where the claim does
    not tell; `planted_by` names the plant, else the fault comes from the payer's mix. `category`, `action`: what the 835 alone
    should lead to. `replaces` is the payer's number of the judged claim that this one replaces or voids. `then` is what follows on
    the answer: another claim, which says so in `follows`; or the judgement reversed and the claim paid without one, on
    `overturned_on`.
    """

    file: str
    patient_control_number: str
    claim_type: str
    frequency_code: str
    payer_id: str
    billing_npi: str
    coder: str
    submitted_on: date
    service_on: date
    charge_cents: int
    front: Front
    acknowledged_on: date | None = None
    status: tuple[str, str, str] | None = None
    judgement: Judgement | None = None
    answered_on: date | None = None
    payer_claim_control_number: str = ""
    paid_cents: int = 0
    denied_cents: int = 0
    fault: str = ""
    seen_by: Family | None = None
    planted_by: str = ""
    category: str = ""
    action: str = ""
    line: int | None = None
    replaces: str = ""
    follows: Following | None = None
    then: Following | None = None
    overturned_on: date | None = None


class File(Struct, frozen=True):
    """One file, ready to send."""

    name: str
    kind: Kind
    on: date
    body: bytes


class Day(Struct, frozen=True):
    """What one day brought: files in the order of their hours, and the truth about each claim sent, in the file's order."""

    on: date
    files: tuple[File, ...]
    truths: tuple[ClaimTruth, ...]
