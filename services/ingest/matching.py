"""Which claim a remit answers: evidence for and against each candidate, added up, and a verdict. Pure.

Payers cut account numbers, write them in capitals or in the other field, leave modifiers out and split a claim into several
answers. So no single field decides. What there is to say for and against is one table, `EVIDENCE`, in points.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Final, Literal, NamedTuple
from uuid import UUID

from msgspec import Struct

from libs.common.contracts.remit_received import RemitReceivedV1
from libs.common.ids import normalised_pcn
from libs.common.reversals import REVERSAL_STATUS
from libs.x12.claim import VOID
from services.ingest.line_matching import BilledLine, Difference, LineMatch, match_lines

Result = Literal["matched", "matched_with_differences", "ambiguous", "unmatched"]


class Evidence(NamedTuple):
    """Points for a candidate when something agrees, and when both sides say it and differ; and why so many."""

    agrees: int
    differs: int
    why: str


EVIDENCE: Final[dict[str, Evidence]] = {
    "payer_number": Evidence(60, -10, "the payer's own number of the claim; a part or a correction may get another one"),
    "original_reference": Evidence(40, 0, "REF*F8 names the claim that was replaced, or the one that is answered"),
    "account_number": Evidence(35, 0, "the account number as sent; nearly unique, but numbers are used again"),
    "account_number_rewritten": Evidence(
        30, 0, "the same once cut, in capitals and without signs: several long numbers may be one then"
    ),
    "account_number_swapped": Evidence(25, 0, "the account number stands where the payer's belongs"),
    "charge": Evidence(20, -15, "what was billed is echoed to the cent; edits at a clearinghouse change it at times"),
    "part": Evidence(10, 0, "some of the claim's lines and nothing else: one of several answers"),
    "service_days": Evidence(15, -20, "days without a common one are another visit"),
    "lines": Evidence(15, -15, "every answered line is one of the claim; or none is"),
    "payer": Evidence(10, -5, "by id or name; after a crossover another payer answers rightly"),
    "billing_provider": Evidence(8, -8, "the payee's NPI"),
    "rendering_provider": Evidence(4, -4, "often left out, and often the group's instead"),
    "frequency": Evidence(5, -5, "CLP09 tells an answer to the replacement from one to the original"),
    "payer_sequence": Evidence(5, -5, "processed as primary, secondary or tertiary; some payers always say the last"),
    "not_void": Evidence(0, -30, "a void is answered by reversing the original"),
}
SURE: Final = 50  # an account number with the charge and nothing that speaks against; or the payer's number nearly alone
POSSIBLE: Final = 25  # below it a candidate is none: an account number that was used again, on another day for other money
MARGIN: Final = 10  # by how much the best must lead: one field of weight, or the frequency both ways

_SEQUENCES: Final = {"1": "P", "19": "P", "2": "S", "20": "S", "3": "T", "21": "T"}
_NPI_LENGTH: Final = 10
_NAMED: Final = frozenset({"charge", "payer", "billing_provider", "rendering_provider"})  # told as differences where they differ


class Billed(Struct, frozen=True, gc=False):
    """What matching needs to know of a claim. `payer_claim_control_number` was learned from what the payer answered before."""

    claim_id: UUID
    claim_key: UUID
    patient_control_number: str
    payer_claim_control_number: str
    original_payer_claim_control_number: str
    payer_id: str
    payer_name: str
    payer_sequence: str
    billing_npi: str
    rendering_npi: str
    frequency_code: str
    charge_cents: int
    service_from_on: date | None
    service_to_on: date | None
    lines: tuple[BilledLine, ...]


class Answer(Struct, frozen=True, gc=False):
    """What matching needs to know of a remit: its event, and what the event does not carry."""

    told: RemitReceivedV1
    original_reference: str = ""  # REF*F8
    rendering_npi: str = ""
    payee_npi: str = ""
    frequency_code: str = ""  # CLP09

    @property
    def sign(self) -> int:
        """A reversal repeats its claim with every amount negated."""
        return -1 if self.told.claim_status_code == REVERSAL_STATUS else 1


class Fit(Struct, frozen=True, gc=False):
    """How a candidate fits: its points, what they come from, and what differs."""

    claim_id: UUID
    score: int
    evidence: dict[str, int]
    differences: tuple[Difference, ...]
    lines: tuple[LineMatch, ...]


class Verdict(Struct, frozen=True, gc=False):
    """The answer to a remit's question. `claim_id` where it is matched; `candidates`, the best first, are all that are possible."""

    result: Result
    claim_id: UUID | None = None
    score: int | None = None
    differences: tuple[Difference, ...] = ()
    candidates: tuple[Fit, ...] = ()


def judge(answer: Answer, claims: Iterable[Billed], current: UUID | None = None) -> Verdict:
    """Say which claim a remit answers.

    What nothing names is no candidate, however alike. `current` is the claim that it was matched with before another claim came:
    it stays unless another leads clearly.
    """
    linked = ((claim, account) for claim in claims if (account := _account(answer, claim)) or _names(answer, claim))
    fits = [_fit(answer, claim, account) for claim, account in linked]
    possible = [each for each in fits if each.score >= POSSIBLE]
    if len(possible) > 1:
        possible.sort(key=lambda each: (-each.score, each.claim_id))
    if not possible:
        return Verdict("unmatched")
    best = possible[0]
    rivals = [each for each in possible if each.score > best.score - MARGIN]
    if current is not None and len(rivals) > 1:
        rivals = [each for each in rivals if each.claim_id == current] or rivals
    if len(rivals) > 1 or rivals[0].score < SURE:
        return Verdict("ambiguous", candidates=tuple(possible))
    return settled(rivals[0], tuple(possible))


def settled(chosen: Fit, candidates: tuple[Fit, ...]) -> Verdict:
    """Return the verdict that a remit answers this claim."""
    result: Result = "matched_with_differences" if chosen.differences else "matched"
    return Verdict(result, chosen.claim_id, chosen.score, chosen.differences, candidates)


def _account(answer: Answer, claim: Billed) -> str:
    """Return which evidence the account number is; empty for none."""
    told, own = answer.told, claim.patient_control_number
    if told.patient_control_number == own or told.patient_control_number.strip() == own.strip():
        return "account_number"
    normalised = normalised_pcn(own)
    if normalised and normalised_pcn(told.patient_control_number) == normalised:
        return "account_number_rewritten"
    if normalised and normalised_pcn(told.payer_claim_control_number) == normalised:
        return "account_number_swapped"
    return ""


def _names(answer: Answer, claim: Billed) -> bool:
    told, number = answer.told, claim.payer_claim_control_number
    if number and number in (told.payer_claim_control_number, answer.original_reference, told.patient_control_number.strip()):
        return True
    return bool(answer.original_reference) and answer.original_reference == claim.original_payer_claim_control_number


def fit(answer: Answer, claim: Billed) -> Fit:
    """Add up what speaks for and against one candidate."""
    return _fit(answer, claim, _account(answer, claim))


def _fit(answer: Answer, claim: Billed, account: str) -> Fit:
    told = answer.told
    lines, line_differences = match_lines(claim.lines, told.lines, answer.sign)
    part = bool(line_differences) and _is_part(answer, claim, lines, line_differences)
    evidence = _numbers(answer, claim)
    if account:
        evidence[account] = EVIDENCE[account].agrees
    if claim.frequency_code == VOID:
        evidence["not_void"] = EVIDENCE["not_void"].differs
    differences: list[Difference] = []
    for name, fact in _facts(answer, claim, lines, part=part):
        if fact is None:
            continue
        rule = EVIDENCE[name]
        evidence[name] = rule.agrees if fact else rule.differs
        if not fact and name in _NAMED:
            differences.append(Difference(name))
    if account != "account_number":
        differences.append(Difference(account if account == "account_number_swapped" else "account_number"))
    if part:
        differences.append(Difference("part_of_claim"))
    if not _begins_alike(told, claim):
        differences.append(Difference("service_days"))
    if line_differences:
        differences += [each for each in line_differences if not (part and each.name == "line_missing")]
    return Fit(claim.claim_id, sum(evidence.values()), evidence, tuple(differences), lines)


def _is_part(answer: Answer, claim: Billed, lines: Sequence[LineMatch], differences: Sequence[Difference]) -> bool:
    """Say whether a remit answers some of the claim's lines and nothing else, for less than the whole."""
    less = 0 < answer.sign * answer.told.charge_cents < claim.charge_cents
    return less and all(each.claim_line is not None for each in lines) and any(each.name == "line_missing" for each in differences)


def _facts(answer: Answer, claim: Billed, lines: Sequence[LineMatch], *, part: bool) -> tuple[tuple[str, bool | None], ...]:
    """Return what agrees, what differs, and (None) of what one side says too little."""
    told = answer.told
    found = sum([each.claim_line is not None for each in lines])
    return (
        ("charge", None if part else answer.sign * told.charge_cents == claim.charge_cents),
        ("part", part or None),
        ("payer", _payer(told, claim)),
        ("billing_provider", _npi(answer.payee_npi, claim.billing_npi)),
        ("rendering_provider", _npi(answer.rendering_npi, claim.rendering_npi)),
        ("service_days", _days(told, claim)),
        ("lines", None if not lines or 0 < found < len(lines) else found > 0),
        ("frequency", _same(answer.frequency_code, claim.frequency_code)),
        ("payer_sequence", _same(_SEQUENCES.get(told.claim_status_code, ""), claim.payer_sequence)),
    )


def _numbers(answer: Answer, claim: Billed) -> dict[str, int]:
    """Return the points of the numbers that payers give claims."""
    found = {}
    own, told = claim.payer_claim_control_number, answer.told.payer_claim_control_number
    if own and told:
        swapped = own == answer.told.patient_control_number.strip()
        rule = EVIDENCE["payer_number"]
        found["payer_number"] = rule.agrees if own == told or swapped else rule.differs
    reference = answer.original_reference
    if reference and reference in (own, claim.original_payer_claim_control_number):
        found["original_reference"] = EVIDENCE["original_reference"].agrees
    return found


def _same(one: str, other: str) -> bool | None:
    return one == other if one and other else None


def _npi(told: str, own: str) -> bool | None:
    return told == own if own and len(told) == _NPI_LENGTH else None


def _payer(told: RemitReceivedV1, claim: Billed) -> bool | None:
    """Compare payers by id (TRN03 has a 1 before a tax id) or by name; None where one side gives too little."""
    if claim.payer_id and told.payer_id and claim.payer_id in (told.payer_id, told.payer_id[1:]):
        return True
    one, other = _letters(told.payer_name), _letters(claim.payer_name)
    return one == other if one and other else None


@lru_cache(4096)  # a payment names one payer many times
def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name)).upper()


def _days(told: RemitReceivedV1, claim: Billed) -> bool | None:
    """True: begins on the same day; False: no common day; None: they overlap, or one side says nothing."""
    first, last = told.service_from_on, told.service_to_on or told.service_from_on
    begin, end = claim.service_from_on, claim.service_to_on or claim.service_from_on
    if first is None or last is None or begin is None or end is None:
        return None
    if first == begin:
        return True
    return False if last < begin or first > end else None


def _begins_alike(told: RemitReceivedV1, claim: Billed) -> bool:
    first, begin = told.service_from_on, claim.service_from_on
    return first is None or begin is None or first == begin


def adds_up(claim_charge_cents: int, parts: Sequence[int]) -> bool:
    """Say whether the charges of one payer's answers, reversals negated, come to the claim's: then none of it is missing."""
    return sum(parts) == claim_charge_cents
