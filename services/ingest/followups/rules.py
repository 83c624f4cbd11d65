"""What must be followed up: claims, remits, payments and deposits against the calendar. Pure.

Each judgement says what is wrong today and on which day time alone may change that: until then nothing needs to be looked at again.
Words in reasons name days and amounts, never what changes from day to day, and no patient.
"""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

from libs.common.ids import named_id
from libs.x12.claim import VOID

Kind = Literal[
    "no_acknowledgement",
    "unpaid",
    "rejected_not_resent",
    "filing_limit_near",
    "underpaid",
    "remit_unmatched",
    "remit_ambiguous",
    "out_of_balance",
    "deposit_missing",
    "remittance_missing",
]
Subject = Literal["claim", "remit", "remittance", "deposit"]

ACKNOWLEDGED_WITHIN: Final = timedelta(days=5)
RESENT_WITHIN: Final = timedelta(days=5)
FILING_NEAR: Final = timedelta(days=14)
NO_ANSWER: Final = frozenset({"22", "23", "25"})  # a reversal; forwarded without being adjudicated; a predetermination
CLAIM_MAY_FOLLOW: Final = timedelta(days=2)  # a remit may come before its claim is sent in
BANK_TAKES: Final = timedelta(days=5)  # between the payment's day and the deposit, either way

STEPS: Final[dict[Kind, str]] = {
    "no_acknowledgement": "Look whether the file reached the clearinghouse; if it did not, send the claim again.",
    "unpaid": "Ask the payer for the claim's status (status-inquiry), then call.",
    "rejected_not_resent": "Correct what the rejection names and send the claim again.",
    "filing_limit_near": "Send the claim before the limit, and keep the acknowledgement as proof of timely filing.",
    "underpaid": "Compare with the contract, then ask the payer to reprocess the claim or appeal.",
    "remit_unmatched": "Find the claim that the payer answered, or say that it is none of yours (POST /v1/matches).",
    "remit_ambiguous": "Choose among the candidates (POST /v1/matches).",
    "out_of_balance": "Ask the payer for a corrected remittance before posting it.",
    "deposit_missing": "Look for the payment at the bank; if it did not come, ask the payer to trace it.",
    "remittance_missing": "Ask the payer or the clearinghouse for the remittance of this payment.",
}


class Found(Struct, frozen=True):
    """Something to follow up. `due_on`: by when somebody should act; `amount_cents`: what is at stake."""

    kind: Kind
    due_on: date
    amount_cents: int
    reason: str


# From which day on it is found; the kind, by when to act, what is at stake; and the reason, put into words only when it is found.
Waiting = tuple[date, Kind, date, int, Callable[[], str]]


class Judged(Struct, frozen=True):
    """What is wrong with one subject, and the day on which to look again; None: only when something new is known of it."""

    found: tuple[Found, ...] = ()
    look_on: date | None = None


class About(Struct, frozen=True):
    """Whom a subject is about, for those who read the list."""

    subject: Subject
    subject_id: UUID
    patient_control_number: str = ""
    payer_id: str = ""
    payer_name: str = ""


_NOBODY: Final = About("claim", UUID(int=0))  # where what is found is not told


class Shortfall(Struct, frozen=True):
    """What a fee schedule allows for the answered lines of a claim, and what the payer allowed."""

    agreed_cents: int
    allowed_cents: int
    lines: tuple[int, ...]  # of the remit, those below the schedule
    answered_on: date


class ClaimFacts(Struct, frozen=True, kw_only=True):
    """One claim as it stands. `answers`: adjudications that are not reversed; `decided_on`: when its state was last told."""

    about: About
    state: str
    frequency_code: str
    charge_cents: int
    service_to_on: date | None
    submitted_on: date
    decided_on: date | None
    is_replaced: bool
    answers: int
    usual_days: int
    filing_limit_on: date | None
    shortfall: Shortfall | None = None


class RemitFacts(Struct, frozen=True, kw_only=True):
    """One remit and its match. `bills_since`: the tenant's first claim here; before, a remit without one means nothing."""

    about: About
    result: str
    decided_by: str
    paid_cents: int
    charge_cents: int
    received_on: date
    bills_since: date | None


class RemittanceFacts(Struct, frozen=True, kw_only=True):
    """One payment. `bank_since`: the first day of which deposits are told; None: none ever were."""

    about: About
    trace_number: str
    amount_cents: int
    method: str
    payment_on: date
    received_on: date
    difference_cents: int
    unbalanced_cents: int
    is_deposited: bool
    bank_since: date | None
    deposit_of_other_amount_cents: int | None


class DepositFacts(Struct, frozen=True, kw_only=True):
    """One deposit."""

    about: About
    amount_cents: int
    deposited_on: date
    has_remittance: bool


def followup_id(tenant_id: str, kind: Kind, subject_id: UUID) -> UUID:
    """Return the name of a follow-up: the same cause at the same subject is the same follow-up, whenever it comes back."""
    return named_id("followup", tenant_id, kind, str(subject_id))


def judge_claim(claim: ClaimFacts, now_on: date) -> Judged:
    """Hold a claim against the calendar; once it is answered, against the fee schedule."""
    if claim.is_replaced:
        return Judged()
    if claim.answers > 0:
        return Judged(tuple(_underpaid(claim.shortfall)))
    return _of_today(_waiting(claim), now_on)


def _waiting(claim: ClaimFacts) -> Iterable[Waiting]:
    """Yield what will be wrong with an unanswered claim, each with the day from which it is."""
    charge, sent, state = claim.charge_cents, claim.submitted_on, claim.state
    if state == "submitted":
        on = sent + ACKNOWLEDGED_WITHIN
        yield on, "no_acknowledgement", on, charge, lambda: f"Sent on {sent}; neither a 999 nor a 277CA came by {on}."
    if state == "rejected":
        rejected = claim.decided_on or sent
        again = rejected + RESENT_WITHIN
        yield again, "rejected_not_resent", again, charge, lambda: f"Rejected on {rejected}; not sent again by {again}."
    if claim.frequency_code == VOID:
        return
    if state in ("received", "accepted"):
        late, days = sent + timedelta(days=claim.usual_days), claim.usual_days
        why = f"the payer answers within {days} days nearly always, and has not."
        yield late, "unpaid", late, charge, lambda: f"Sent on {sent} and {state}; {why}"
    limit = claim.filing_limit_on
    if limit is not None and state in ("submitted", "rejected"):
        what = "was rejected" if state == "rejected" else "is not acknowledged"
        told = f"The payer takes the claim until {limit}, and it {what}."
        yield limit - FILING_NEAR, "filing_limit_near", limit, charge, lambda: told


def _underpaid(shortfall: Shortfall | None) -> Iterable[Found]:
    if shortfall is not None and shortfall.agreed_cents > shortfall.allowed_cents:
        missing = shortfall.agreed_cents - shortfall.allowed_cents
        lines = ", ".join(map(str, shortfall.lines))
        why = (
            f"The fee schedule allows {_money(shortfall.agreed_cents)} for line {lines}; "
            f"payer and patient together pay {_money(shortfall.allowed_cents)}."
        )
        yield Found("underpaid", shortfall.answered_on, missing, why)


def judge_new_claim(frequency_code: str, sent_on: date, filing_limit_on: date | None, now_on: date) -> Judged:
    """Judge a claim of which nothing else is known yet: neither an answer nor what takes its place."""
    return judge_claim(
        ClaimFacts(
            about=_NOBODY,
            state="submitted",
            frequency_code=frequency_code,
            charge_cents=0,
            service_to_on=None,
            submitted_on=sent_on,
            decided_on=None,
            is_replaced=False,
            answers=0,
            usual_days=0,
            filing_limit_on=filing_limit_on,
        ),
        now_on,
    )


def judge_new_remit(result: str, came_on: date) -> Judged:
    """Judge a remit as it comes in."""
    facts = RemitFacts(
        about=_NOBODY, result=result, decided_by="score", paid_cents=0, charge_cents=0, received_on=came_on, bills_since=None
    )
    return judge_remit(facts, came_on)


def judge_remit(remit: RemitFacts, now_on: date) -> Judged:
    """Ask for a claim where none is found, and for a decision where several may be meant; what a person decided is decided."""
    if remit.decided_by == "person":
        return Judged()
    at_stake = abs(remit.paid_cents) or abs(remit.charge_cents)
    came = remit.received_on
    if remit.result == "ambiguous":
        return Judged((Found("remit_ambiguous", came, at_stake, f"Came on {came} and may answer more than one claim."),))
    on = came + CLAIM_MAY_FOLLOW
    if remit.result == "unmatched" and now_on < on:
        return Judged(look_on=on)
    if remit.result == "unmatched" and remit.bills_since is not None and remit.bills_since <= on:
        return Judged((Found("remit_unmatched", on, at_stake, f"Came on {came} and answers no claim sent here."),))
    return Judged()


def judge_remittance(payment: RemittanceFacts, now_on: date) -> Judged:
    """Ask why a payment does not add up, and where its money is."""
    return _of_today(_unsettled(payment), now_on)


def _unsettled(payment: RemittanceFacts) -> Iterable[Waiting]:
    came, paid_on, amount = payment.received_on, payment.payment_on, payment.amount_cents
    if payment.difference_cents or payment.unbalanced_cents:
        at_stake = abs(payment.difference_cents) + payment.unbalanced_cents
        parts = []
        if payment.difference_cents:
            parts.append(f"its claims and adjustments differ from it by {_money(abs(payment.difference_cents))}")
        if payment.unbalanced_cents:
            parts.append(f"{_money(payment.unbalanced_cents)} of its claims is neither paid nor explained")
        yield came, "out_of_balance", came, at_stake, lambda: f"Payment of {paid_on}: {' and '.join(parts)}."
    expected = payment.bank_since is not None and paid_on >= payment.bank_since and payment.method != "NON"
    if amount > 0 and expected and not payment.is_deposited:
        on = paid_on + BANK_TAKES
        other = payment.deposit_of_other_amount_cents
        but = "" if other is None else f"; a deposit of this trace number is {_money(other)}"
        why = f"{_money(amount)} was announced for {paid_on}, and no deposit came by {on}{but}."
        yield on, "deposit_missing", on, amount, lambda: why


def judge_deposit(deposit: DepositFacts, now_on: date) -> Judged:
    """Ask for the remittance of money that came."""
    if deposit.has_remittance:
        return Judged()
    on = deposit.deposited_on + BANK_TAKES
    why = f"{_money(deposit.amount_cents)} came on {deposit.deposited_on}, and no remittance tells what for by {on}."
    return _of_today([(on, "remittance_missing", on, deposit.amount_cents, lambda: why)], now_on)


def _of_today(waiting: Iterable[Waiting], now_on: date) -> Judged:
    """Split what waits by its day: what has come, and the next that will."""
    found: list[Found] = []
    look_on: date | None = None
    for on, kind, due_on, cents, reason in waiting:
        if on <= now_on:
            found.append(Found(kind, due_on, cents, reason()))
        elif look_on is None or on < look_on:
            look_on = on
    return Judged(tuple(found), look_on)


def _money(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100:,}.{abs(cents) % 100:02}"
