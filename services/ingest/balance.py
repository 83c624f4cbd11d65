"""What a claim comes to over all its adjudications: paid by whom, adjusted, the patient's, still open. Pure.

Each payer accounts for the whole charge, and a later one repeats what the earlier ones did (OA-23). So the last payer's account
says what the patient owes, and payments are summed over all; what is neither paid, nor the patient's, nor open was adjusted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from msgspec import Struct

from libs.common.contracts.remit_received import RemitReceivedV1
from libs.common.reversals import REVERSAL_STATUS, Reversible, pair

_RANKS = {"1": 1, "19": 1, "2": 2, "20": 2, "3": 3, "21": 3}
_NO_ANSWER = frozenset({"23", "25"})  # forwarded without being adjudicated; a predetermination
_PATIENT = "PR"


class Finding(Struct, frozen=True, gc=False):
    """Something about a claim's adjudications that somebody should look at. `remit_id` is the one that it is about."""

    code: str
    remit_id: UUID


@dataclass
class PayerShare:
    """What one payer did, over its adjudications that stand."""

    payer_id: str
    payer_name: str
    rank: int
    charge_cents: int = 0
    paid_cents: int = 0
    patient_cents: int = 0
    unbalanced_cents: int = 0
    adjusted_by_group: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Balance:
    """charge = paid + adjusted + patient + open, in cents. `undone`: adjudication -> reversal; `superseded` were answered anew."""

    charge_cents: int
    paid_cents: int
    adjusted_cents: int
    patient_cents: int
    open_cents: int
    payers: tuple[PayerShare, ...]
    undone: dict[UUID, UUID]
    superseded: tuple[UUID, ...]
    findings: tuple[Finding, ...]


def balance(tenant_id: str, claim_key: UUID, charge_cents: int, remits: Iterable[RemitReceivedV1]) -> Balance:
    """Sum up a claim of this charge and all the remits that answer it."""
    answers = sorted((each for each in remits if each.claim_status_code not in _NO_ANSWER), key=_age)
    reversals = [each for each in answers if each.claim_status_code == REVERSAL_STATUS]
    adjudications = [each for each in answers if each.claim_status_code != REVERSAL_STATUS]
    undone = pair(
        [_reversible(each, tenant_id, claim_key, 1) for each in adjudications],
        [_reversible(each, tenant_id, claim_key, -1) for each in reversals],
    )
    paired = set(undone.values())
    findings = [Finding("reversal_without_original", each.remit_id) for each in reversals if each.remit_id not in paired]
    standing = [each for each in adjudications if each.remit_id not in undone]
    shares, superseded, twice = _shares(charge_cents, standing)
    findings += [Finding("answered_twice", remit_id) for remit_id in twice]
    paid = sum(each.paid_cents for each in shares)
    last = _last(charge_cents, shares)
    patient = last.patient_cents if last else 0
    open_cents = charge_cents if last is None else max(charge_cents - last.charge_cents, 0) + last.unbalanced_cents
    adjusted = charge_cents - paid - patient - open_cents
    return Balance(charge_cents, paid, adjusted, patient, open_cents, tuple(shares), undone, tuple(superseded), tuple(findings))


def _age(each: RemitReceivedV1) -> tuple[object, ...]:
    return (each.payment_on, each.received_at, each.remit_id)


def _reversible(told: RemitReceivedV1, tenant_id: str, claim_key: UUID, sign: int) -> Reversible:
    """Return what pairing needs; the claim's own key stands for all the numbers that its remits may carry."""
    number, payer = told.payer_claim_control_number, told.payer_id
    charge, paid = sign * told.charge_cents, sign * told.paid_cents
    return Reversible(told.remit_id, tenant_id, claim_key, payer, number, told.payment_on, charge, paid)


def _shares(charge_cents: int, standing: Sequence[RemitReceivedV1]) -> tuple[list[PayerShare], list[UUID], list[UUID]]:
    """Sum up by payer and rank. A whole answer takes the place of an earlier one that paid nothing; else it is paid twice."""
    by_payer: dict[tuple[str, int], list[RemitReceivedV1]] = {}
    for each in standing:
        by_payer.setdefault((each.payer_id or each.payer_name, _RANKS.get(each.claim_status_code, 1)), []).append(each)
    shares, superseded, twice = [], [], []
    for (_, rank), answers in sorted(by_payer.items(), key=lambda told: (told[0][1], told[0][0])):
        whole = [place for place, each in enumerate(answers) if each.charge_cents == charge_cents]
        before = answers[: whole[-1]] if whole else []
        superseded += [each.remit_id for each in before if not each.paid_cents]
        paid_before = [each for each in before if each.paid_cents]
        twice += [answers[whole[-1]].remit_id] if paid_before else []
        shares.append(_share(rank, [each for each in answers if each not in before], paid_before))
    return shares, superseded, twice


def _share(rank: int, answers: Sequence[RemitReceivedV1], paid_before: Sequence[RemitReceivedV1]) -> PayerShare:
    share = PayerShare(answers[0].payer_id, answers[0].payer_name, rank)
    for each in answers:
        share.charge_cents += each.charge_cents
        share.paid_cents += each.paid_cents
        share.unbalanced_cents += each.totals.unbalanced_cents
        share.patient_cents += each.totals.adjustments_by_group.get(_PATIENT, 0)
        for group, cents in each.totals.adjustments_by_group.items():
            share.adjusted_by_group[group] = share.adjusted_by_group.get(group, 0) + cents
    share.paid_cents += sum(each.paid_cents for each in paid_before)
    return share


def _last(charge_cents: int, shares: Sequence[PayerShare]) -> PayerShare | None:
    """Return the account of the last payer that answered the whole claim; else of whoever answered most."""
    whole = [each for each in shares if each.charge_cents == charge_cents]
    return whole[-1] if whole else max(shares, key=lambda each: each.charge_cents, default=None)
