"""What becomes of each claim that is sent: drawn at once, told in time.

A claim is silent, sent back at the front door, or judged; a judged one is told with the payer's next payment after its delay. Some
claims lead to another: corrected after a rejection, replacing or voiding after a judgement, to the second payer after the first.
"""

from collections import defaultdict
from datetime import date, timedelta
from random import Random

from msgspec.structs import replace

from libs.synthetic.adjudication import reverse
from libs.synthetic.billing import Clinic
from libs.synthetic.desk import Bill, as_secondary, billed, replaced, resent, voided
from libs.synthetic.faults import ORIGINAL_NUMBER_MISSING, SET_REJECTED, without_original_number
from libs.synthetic.front_door import ACCEPTED, status
from libs.synthetic.habits import HABITS
from libs.synthetic.model import Answer, Following, Payout
from libs.synthetic.offices import Office
from libs.synthetic.payers import CEDAR, MEDICARE
from libs.synthetic.practices import PRACTICES, Practice
from libs.synthetic.truth import ClaimTruth
from libs.x12 import StatusRead

_SILENT_FROM_THE_START = 0.5  # of the silent claims; the others are accepted and then forgotten
_CORRECTED_SHARE = 0.7  # of the rejected claims
_REPLACED_SHARE = 0.5  # of the refused ones that a correction would help
_ORIGINAL_FORGOTTEN_SHARE = 0.1  # of the replacing ones
_OVERTURNED_SHARE = 0.15  # of the refused ones that are worth an appeal
_VOIDED_SHARE = 0.004  # of the paid ones
_SECONDARY_SHARE = 0.3  # of what Medicare pays and leaves something to the patient
_AFTER_DAYS = (2, 12)  # from an answer to what is sent after it
_OVERTURNED_DAYS = (21, 45)
_WEEK = 7
_BASIS_POINTS = 10_000


class Fates:
    """`follow_ups` are to be sent on a day, `statuses` told by a payer on a day."""

    def __init__(self, seed: int, series: str) -> None:
        self._draw = Random(f"{seed} fates")
        self._offices = {
            (payer_id, place): Office(habits.payer, f"{seed} {place}", f"{series[:4]}{chr(ord('A') + place)}", _payee(practice))
            for payer_id, habits in HABITS.items()
            for place, practice in enumerate(PRACTICES)
        }
        self.follow_ups: dict[date, list[Bill]] = defaultdict(list)
        self.statuses: dict[tuple[date, str], list[StatusRead]] = defaultdict(list)
        self._told: dict[tuple[date, str], dict[int, list[Answer]]] = defaultdict(lambda: defaultdict(list))

    def nothing_waits(self) -> bool:
        return not (self.follow_ups or self.statuses or self._told)

    def pay(self, on: date, payer_id: str) -> list[Payout]:
        """Return the payments of a payer's day, one for each practice that it has answers for."""
        payouts = []
        for place, answers in sorted(self._told.pop((on, payer_id), {}).items()):
            office = self._offices[payer_id, place]
            office.add(*answers)
            payouts.append(office.pay(on))
        return payouts

    def send(self, bill: Bill, on: date, file: str) -> ClaimTruth:
        """Draw what becomes of a claim sent today, and let it happen in time."""
        claim, fault = bill.claim, bill.fault
        habits = HABITS[claim.payer.payer_id]
        truth = ClaimTruth(
            file=file,
            patient_control_number=claim.patient_control_number,
            claim_type=claim.claim_type,
            frequency_code=claim.frequency_code,
            payer_id=claim.payer.payer_id,
            billing_npi=claim.billing_provider.npi,
            coder=bill.coder,
            submitted_on=on,
            service_on=claim.service_from_on or on,
            charge_cents=claim.charge_cents,
            front="accepted",
            fault=fault.name if fault else "",
            seen_by=fault.seen_by if fault else None,
            planted_by=bill.planted_by,
            replaces=claim.original_control_number,
            follows=bill.follows,
        )
        if fault is SET_REJECTED:
            return replace(truth, front="set_rejected", acknowledged_on=on, then=self._correct(bill, on))
        silent = self._draw.random() * _BASIS_POINTS < habits.silent and fault is None and bill.after is None
        if silent and self._draw.random() < _SILENT_FROM_THE_START:
            return replace(truth, front="silent")
        acknowledged_on = on + self._days(habits.acknowledges_days)
        if fault is not None and fault.rejection is not None:
            code = fault.rejection
            self.statuses[acknowledged_on, truth.payer_id].append(status(claim, acknowledged_on, "", fault))
            return replace(
                truth,
                front="rejected",
                acknowledged_on=acknowledged_on,
                status=(code.category, code.code, code.entity),
                then=self._correct(bill, acknowledged_on),
            )
        answers = self._judged(bill)
        number = answers[-1].remit.payer_claim_control_number
        self.statuses[acknowledged_on, truth.payer_id].append(status(claim, acknowledged_on, number))
        truth = replace(
            truth,
            acknowledged_on=acknowledged_on,
            status=(ACCEPTED.category, ACCEPTED.code, ACCEPTED.entity),
            payer_claim_control_number=number,
        )
        if silent:
            return replace(truth, judgement="silent")
        return self._told_in_time(truth, bill, answers, acknowledged_on + self._days(habits.payer.delay_days))

    def _told_in_time(self, truth: ClaimTruth, bill: Bill, answers: tuple[Answer, ...], ready_on: date) -> ClaimTruth:
        """Let a judgement go out with the payer's next payment, and draw what follows on it."""
        answered_on = self._tell(bill, answers, ready_on)
        last = answers[-1]
        outcome = last.truth.outcome
        then, overturned_on = self._after(bill, last, answered_on) if bill.after is None else (None, None)
        return replace(
            truth,
            judgement="voided" if outcome == "reversal" else outcome,
            answered_on=answered_on,
            paid_cents=last.remit.paid_cents,
            denied_cents=last.truth.denied_cents,
            category=last.truth.category or "",
            action=last.truth.action or "",
            line=bill.line if outcome == "partly_denied" else None,
            then=then,
            overturned_on=overturned_on,
        )

    def _judged(self, bill: Bill) -> tuple[Answer, ...]:
        """Return what the payer decides; a replacing claim undoes the judgement that it goes back to."""
        adjudicator = self._office(bill).adjudicator
        cause = bill.fault.cause if bill.fault else None
        seen = billed(bill.claim, cause, bill.line)
        if bill.after is None:
            return (adjudicator.answer(seen),)
        if bill.follows == "billed_secondary":
            return (adjudicator.answer_as_secondary(replace(bill.after, claim=seen)),)
        undone = reverse(bill.after)
        return (undone,) if bill.follows == "voided" else (undone, adjudicator.answer(seen))

    def _after(self, bill: Bill, answer: Answer, on: date) -> tuple[Following | None, date | None]:
        """Draw what follows on a judgement."""
        draw, denied = self._draw.random(), answer.truth.denied_cents > 0
        if denied and answer.truth.action == "correct_and_resubmit" and draw < _REPLACED_SHARE:
            following = replaced(bill, answer)
            if draw < _REPLACED_SHARE * _ORIGINAL_FORGOTTEN_SHARE:
                fault = ORIGINAL_NUMBER_MISSING
                following = replace(following, claim=without_original_number(following.claim), fault=fault)
            self._follow(following, on)
            return "replaced", None
        if denied and answer.truth.action == "appeal" and draw < _OVERTURNED_SHARE:
            seen = replace(answer.claim, cause=None)
            answers = reverse(answer), self._office(bill).adjudicator.answer(seen)
            return "overturned", self._tell(bill, answers, on + self._days(_OVERTURNED_DAYS))
        if answer.truth.outcome == "paid" and draw < _VOIDED_SHARE:
            self._follow(voided(bill, answer), on)
            return "voided", None
        leaves = answer.truth.outcome == "paid" and bool(answer.remit.patient_responsibility_cents)
        if bill.claim.payer.payer_id == MEDICARE.id and leaves and draw > 1 - _SECONDARY_SHARE:
            self._follow(as_secondary(bill, answer, on, CEDAR), on)
            return "billed_secondary", None
        return None, None

    def _correct(self, bill: Bill, on: date) -> Following | None:
        """Draw whether a claim that came back is sent once more, corrected; where it was as it should be, nothing helps."""
        if bill.claim == bill.clean or self._draw.random() >= _CORRECTED_SHARE:
            return None
        self._follow(resent(bill), on)
        return "corrected"

    def _follow(self, bill: Bill, after: date) -> None:
        self.follow_ups[after + self._days(_AFTER_DAYS)].append(bill)

    def _tell(self, bill: Bill, answers: tuple[Answer, ...], ready_on: date) -> date:
        """Put answers into the payer's next payment to the practice."""
        payer_id = bill.claim.payer.payer_id
        on = ready_on + timedelta(days=(HABITS[payer_id].pays_on - ready_on.weekday()) % _WEEK)
        self._told[on, payer_id][PRACTICES.index(bill.practice)] += answers
        return on

    def _office(self, bill: Bill) -> Office:
        return self._offices[bill.claim.payer.payer_id, PRACTICES.index(bill.practice)]

    def _days(self, between: tuple[int, int]) -> timedelta:
        return timedelta(days=self._draw.randint(*between))


def _payee(practice: Practice) -> Clinic:
    return Clinic(practice.billing.name, practice.billing.npi, ())
