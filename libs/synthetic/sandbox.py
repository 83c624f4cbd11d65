"""The sandbox's payer: what the patient control number begins with (or else the member id) is what comes back.

So every path can be tried without a payer. Anything may follow after a hyphen: `SBX-16-N290-0001`.

| begins with | 277CA | 835 |
|---|---|---|
| `SBX-PAID` | accepted | paid in full |
| `SBX-16` | accepted | all refused, CO-16; the remark is the RARC that follows (`SBX-16-M127`), else N382 |
| `SBX-29` | accepted | all refused, CO-29 |
| `SBX-50` | accepted | all refused, CO-50 with N115 |
| `SBX-97` | accepted | all refused, CO-97 with M15 |
| `SBX-197` | accepted | all refused, CO-197 |
| `SBX-PART` | accepted | half of each line paid, the rest refused, CO-96 with N130 |
| `SBX-REVERSED` | accepted | paid in full; later another 835 takes it back (CLP02 22, the debt carried forward: PLB FB) |
| `SBX-UNBALANCED` | accepted | paid in full, but the payment is one dollar short of its claims |
| `SBX-REJECTED` | rejected: A7, 164, IL | none |
| `SBX-SILENT` | none | none |
| anything else | accepted | paid at about three quarters of the charge, the rest CO-45 |

Whatever is asked for, unless it is silence: a replacement or void without REF*F8 is rejected (A6, 464), and so is a claim whose
lines do not add up to its charge (A8, 400). Nothing is remembered: a void is answered by the reversal of what the same claim would
have been paid, under the number in its REF*F8; a replacement is answered as a claim of its own. The same claim has the same answers
under the same numbers.
"""

import re
import zlib
from base64 import b32encode
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from libs.synthetic.adjudication import reverse
from libs.synthetic.billing import Clinic
from libs.synthetic.desk import billed
from libs.synthetic.faults import ORIGINAL_NUMBER_MISSING, REJECTED, Fault
from libs.synthetic.front_door import acknowledge, status
from libs.synthetic.model import Answer, Cause
from libs.synthetic.offices import Office
from libs.synthetic.payers import Payer
from libs.x12 import Adjustment
from libs.x12.claim import REPLACEMENT, VOID, Claim

Sent = tuple[timedelta, bytes]  # how long after the claim, and a 277CA or 835
Course = Literal["judged", "reversed", "unbalanced", "rejected", "silent"]

ANSWERED_AFTER: Final = timedelta(seconds=5)
_ACKNOWLEDGED_SHARE = 0.4  # of the time to the 835
_REVERSED_SHARE = 2
UNBALANCED_CENTS: Final = 100
_WORD = re.compile(r"SBX-(?P<word>[A-Z]+|\d+)(?:-(?P<rarc>(?:MA|M|N)\d{1,4}))?(?![A-Z0-9])")
_RARC = "N382"  # of CO-16, where none is asked for
_CONTRACT_BP = 7_500  # of the charge, where no word asks for more
_PARTY_LENGTH = 15
_SUBMITTER = ("SANDBOX", "SANDBOX")


class Scenario(Struct, frozen=True):
    """One row of the table. A word that is digits is the CARC by which the whole claim is refused (CO)."""

    word: str
    course: Course = "judged"
    rarcs: tuple[str, ...] = ()


_OTHERWISE: Final = Scenario("")
SCENARIOS: Final = {
    each.word: each
    for each in (
        Scenario("PAID"),
        Scenario("16", rarcs=(_RARC,)),
        Scenario("29"),
        Scenario("50", rarcs=("N115",)),
        Scenario("97", rarcs=("M15",)),
        Scenario("197"),
        Scenario("PART"),
        Scenario("REVERSED", "reversed"),
        Scenario("UNBALANCED", "unbalanced"),
        Scenario("REJECTED", "rejected"),
        Scenario("SILENT", "silent"),
    )
}


def scenario(claim: Claim) -> Scenario:
    """Return what a claim asks for: by its patient control number, else by its member id; without a word it is paid by contract."""
    for text in (claim.patient_control_number, claim.subscriber.member_id):
        found = _WORD.match(text.upper())
        if found and found["word"] in SCENARIOS:
            asked = SCENARIOS[found["word"]]
            return replace(asked, rarcs=(found["rarc"],)) if found["rarc"] and asked.word == "16" else asked
    return _OTHERWISE


def answer(claim: Claim, now: datetime, answered_after: timedelta = ANSWERED_AFTER) -> list[Sent]:
    """Return what the simulated payer sends to a claim, with the delays: nothing, a 277CA, or a 277CA and one or two 835.

    `answered_after` is the time to the 835; the 277CA comes after two fifths of it, a reversal after twice as long.
    Errors: ValueError when a value of the claim cannot stand in a file (it holds a delimiter, is not latin-1).
    """
    asked = scenario(claim)
    if asked.course == "silent":
        return []
    fault = _fault(claim, asked)
    desk = _Desk(claim, asked, now, answered_after)
    if fault is not None:
        return [desk.acknowledgement("", fault)]
    judged = desk.judged()
    number = judged.remit.payer_claim_control_number
    return [desk.acknowledgement(number, None), *desk.remittances(judged)]


def _fault(claim: Claim, asked: Scenario) -> Fault | None:
    if claim.frequency_code in (REPLACEMENT, VOID) and not claim.original_control_number:
        return ORIGINAL_NUMBER_MISSING
    if not claim.lines or claim.charge_cents != sum(line.charge_cents for line in claim.lines):
        return REJECTED["charges_differ"]
    return REJECTED["member_id_rejected"] if asked.course == "rejected" else None


class _Desk:
    """The payer's desk for one claim: its numbers are drawn from what the claim says."""

    def __init__(self, claim: Claim, asked: Scenario, now: datetime, answered_after: timedelta) -> None:
        said = msgspec.json.encode(replace(claim, ordinal=0, segment_index=0, byte_offset=0))
        self._claim, self._asked, self._now, self._answered_after = claim, asked, now, answered_after
        self._control_number = zlib.crc32(said) % 900_000_000 + 1
        series = b32encode(blake2b(said, digest_size=8).digest()).decode().rstrip("=")
        payer_id = claim.payer.payer_id[:_PARTY_LENGTH] or _SUBMITTER[1]
        self._payer = Payer(
            payer_id, claim.payer.name or _SUBMITTER[0], "SBX", claim.subscription.claim_filing_code or "ZZ",
            claims_weight=0, price_bp=_CONTRACT_BP, denied_bp=0, mix={},
        )  # fmt: skip
        billing = claim.billing_provider
        self._office = Office(self._payer, series, series, Clinic(billing.name, billing.npi or billing.tax_id, ()))

    def acknowledgement(self, number: str, fault: Fault | None) -> Sent:
        after = self._answered_after * _ACKNOWLEDGED_SHARE
        at = self._now + after
        told = status(self._claim, at.date(), number, fault)
        return after, acknowledge(self._payer, [told], receiver=_SUBMITTER, control_number=self._control_number, created_at=at)

    def judged(self) -> Answer:
        claim, asked = self._claim, self._asked
        cause = Cause(asked.word, "", "", "CO", asked.word, asked.rarcs, whole_claim=True) if asked.word.isdigit() else None
        seen = replace(billed(claim, cause), service_on=claim.service_from_on or self._now.date())
        judged = self._office.adjudicator.answer(seen)
        if asked.word and cause is None:
            judged = _settled(judged, parts=2 if asked.word == "PART" else 1)
        if claim.frequency_code == VOID:
            remit = replace(judged.remit, payer_claim_control_number=claim.original_control_number)
            return reverse(replace(judged, remit=remit))
        return judged

    def remittances(self, judged: Answer) -> Iterator[Sent]:
        course = self._asked.course
        difference_cents = UNBALANCED_CENTS if course == "unbalanced" else 0
        yield self._remittance(judged, self._answered_after, difference_cents)
        if course == "reversed" and self._claim.frequency_code != VOID:
            yield self._remittance(reverse(judged), self._answered_after * _REVERSED_SHARE, 0)

    def _remittance(self, told: Answer, after: timedelta, difference_cents: int) -> Sent:
        self._office.add(told)
        return after, self._office.file(self._office.pay((self._now + after).date(), (), difference_cents)).body


def _settled(judged: Answer, parts: int) -> Answer:
    """Pay each line in full; or, of two parts, one, and refuse the other: CO-96 with N130."""
    lines = []
    for line in judged.remit.lines:
        paid_cents = -(-line.charge_cents // parts)
        refused = (Adjustment("CO", "96", line.charge_cents - paid_cents),) if paid_cents != line.charge_cents else ()
        lines.append(replace(line, paid_cents=paid_cents, adjustments=refused, rarcs=("N130",) if refused else ()))
    paid_cents = sum(line.paid_cents for line in lines)
    remit = judged.remit
    return replace(
        judged,
        remit=replace(
            remit,
            lines=tuple(lines),
            paid_cents=paid_cents,
            adjustment_cents=remit.charge_cents - paid_cents,
            patient_responsibility_cents=0,
        ),
    )
