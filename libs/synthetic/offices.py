"""A payer's payment office: answers wait for the next payment, a payment becomes a file.

A payment that would be negative is paid as nothing and the debt is carried into the next one (PLB FB). One that is nothing is told
as information only (BPR01 H).
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from libs.synthetic.adjudication import Adjudicator
from libs.synthetic.billing import CLINIC, Clinic
from libs.synthetic.model import Answer, Claim, Interchange, Payout
from libs.synthetic.payers import Payer
from libs.x12 import Payment, ProviderAdjustment, RemittanceSet, write_interchange

_PRODUCED_AT = time(6, 0, tzinfo=UTC)


class Office:
    """One payer's payments to one clinic."""

    def __init__(self, payer: Payer, seed: str, series: str, clinic: Clinic = CLINIC) -> None:
        self.payer = payer
        self.adjudicator = Adjudicator(payer, seed, series)
        self._series = series
        self._clinic = clinic
        self._waiting: list[Answer] = []
        self._forwarded: tuple[int, str] | None = None
        self._payments = self._files = 0

    def take(self, claim: Claim) -> Answer:
        """Answer a claim; the answer goes out with the next payment."""
        answer = self.adjudicator.answer(claim)
        self._waiting.append(answer)
        return answer

    def add(self, *answers: Answer) -> None:
        """Let answers go out with the next payment."""
        self._waiting += answers

    def pay(self, payment_on: date, recoveries: Sequence[tuple[str, str, int]] = (), difference_cents: int = 0) -> Payout:
        """Pay what waits.

        `recoveries` are PLB pairs beside the claims: reason code, reference, cents (positive lowers the payment).
        `difference_cents` is withheld without a word: a payment out of balance.
        """
        self._payments += 1
        trace_number = f"{self.payer.prefix}{self._series}{self._payments:05d}"
        fiscal_on = date(payment_on.year, 12, 31)
        adjustments = [ProviderAdjustment(self._clinic.npi, fiscal_on, *each) for each in recoveries]
        if self._forwarded is not None:
            cents, reference = self._forwarded
            adjustments.append(ProviderAdjustment(self._clinic.npi, fiscal_on, "FB", reference, cents))
            self._forwarded = None
        answers, self._waiting = tuple(self._waiting), []
        amount_cents = sum(answer.remit.paid_cents for answer in answers) - sum(item.amount_cents for item in adjustments)
        if amount_cents < 0:
            adjustments.append(ProviderAdjustment(self._clinic.npi, fiscal_on, "FB", trace_number, amount_cents))
            self._forwarded = (-amount_cents, trace_number)
            amount_cents = 0
        payment = Payment(
            amount_cents=amount_cents - difference_cents,
            payment_on=payment_on,
            trace_number=trace_number,
            payer_id=self.payer.id,
            payer_name=self.payer.name,
            payee_name=self._clinic.name,
            payee_id=self._clinic.npi,
            handling_code="I" if amount_cents else "H",
            method="ACH" if amount_cents else "NON",
            produced_on=payment_on,
        )
        remittance = RemittanceSet(payment, [answer.remit for answer in answers], adjustments)
        return Payout(self.payer.id, remittance, answers, difference_cents)

    def file(self, *payouts: Payout) -> Interchange:
        """Write payments as one file, dated by the last of them."""
        self._files += 1
        produced_on = payouts[-1].remittance.payment.payment_on
        pieces = write_interchange(
            [payout.remittance for payout in payouts],
            sender_id=self.payer.id,
            receiver_id=self._clinic.npi,
            control_number=self._files,
            created_at=datetime.combine(produced_on, _PRODUCED_AT),
        )
        name = f"{self.payer.prefix.lower()}-{produced_on:%Y-%m-%d}-{self._files:04d}.835"
        return Interchange(name, b"".join(pieces), payouts)
