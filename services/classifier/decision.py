"""What one adjudicated claim is: a denial or not, of what category, and what to do. Pure, explained, and the same for ever.

Every refused cent is in exactly one reason; equal adjustments are never merged. The category is that of the largest refused sum;
the others stay as reasons and as alternative actions.

Kinds, after the field's usage (hard: lost unless an appeal wins; soft: mended by a correction or by information):
- `not_denial`: nothing is refused;
- `rejection`: refused without being adjudicated (MA130): no appeal, a corrected new claim;
- `hard`: the action is appeal, write_off or bill_patient: this payer pays only if it changes its mind;
- `soft`: every other action.
"""

from functools import lru_cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from libs.common.money import Cents
from services.classifier.explain import explain_denial, explain_other
from services.classifier.facts import Context, age_of, setting_of
from services.classifier.judgement import KNOWLEDGE, UNKNOWN, Judgement, code_of, judge, normalised
from services.classifier.knowledge import ACTIONS, CATEGORIES, AdjustmentCode
from services.classifier.rules.model import Scope

_REVERSAL, _PREDETERMINATION, _PATIENT_NOT_RECOGNISED = "22", "25", "4"
_CAPITATION: Final = "24"
_PLAIN_STATUSES: Final = frozenset({"1", "2", "3", "4", "19", "20", "21", "22", "23"})
_FORWARDED: Final = frozenset({"19", "20", "21", "23"})
_HARD: Final = frozenset({"appeal", "write_off", "bill_patient"})
_UNPROCESSABLE: Final = "MA130"
_CATEGORY_RANK: Final = {category: rank for rank, category in enumerate(CATEGORIES)}
_ACTION_RANK: Final = {action: rank for rank, action in enumerate(ACTIONS)}
_PRICE: Final = ("contractual", "none", "price")
_HOLD: Final = ("other", "none", "hold")
_SHARE_OF_NOBODY: Final = ("patient_responsibility", "none", "share_not_billable")
_CERTAIN: Final = 0.99
_NO_EFFECTS: Final[frozenset[str]] = frozenset()
_NO_REMARKS: Final[dict[int | None, list[str]]] = {}


class Adjustment(Struct, frozen=True, gc=False):
    group_code: str
    carc: str
    amount_cents: Cents
    line: int | None = None


class Remark(Struct, frozen=True, gc=False):
    rarc: str
    line: int | None = None


class AdjudicatedClaim(Struct, frozen=True, gc=False):
    """One claim as a payer adjudicated it; money in cents with the payer's sign; `line` from 1, absent at claim level."""

    claim_status_code: str
    charge_cents: int
    paid_cents: int
    adjustments: tuple[Adjustment, ...]
    rarcs: tuple[Remark, ...] = ()
    claim_type: str | None = None
    payer_kind: str | None = None
    days_since_service: int | None = None
    context: Context | None = None


class Reason(Struct, frozen=True, gc=False):
    """One refused adjustment, codes as the payer wrote them."""

    group_code: str
    carc: str
    amount_cents: int
    category: str
    rarcs: tuple[str, ...]
    line: int | None


class Classification(Struct, frozen=True, gc=False):
    is_denial: bool
    category: str
    kind: str
    action: str
    denied_cents: int
    explanation: str
    explanation_fr: str
    reasons: tuple[Reason, ...] = ()
    alternative_actions: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    preventable: bool | None = None
    core_scenario: str | None = None
    confidence: float = _CERTAIN


class _Meaning(Struct, frozen=True, gc=False):
    """What an adjustment is at first sight, by its group and code in their usual spelling."""

    group_code: str
    carc: str
    code: AdjustmentCode | None
    refused: bool
    could_be_disguise: bool  # refused if it takes the whole charge
    patients: bool  # the patient's share, or the patient's part of the price
    told: tuple[str, str, str]  # category, action and rule where it is no refusal


_Pairs = list[tuple[Adjustment, _Meaning]]


class _Refused(Struct, frozen=True, gc=False):
    adjustment: Adjustment
    judgement: Judgement
    remarks: tuple[str, ...]


def classify(claim: AdjudicatedClaim, rules: Scope | None = None) -> Classification:
    """Judge one adjudicated claim, by a tenant's rules too. Never fails: unknown codes are `other` with `contact_payer`."""
    status = claim.claim_status_code
    if status not in _PLAIN_STATUSES:
        status = normalised(status)
        if status == _PREDETERMINATION:
            return _no_denial("other", "none", "predetermination")
    if status == _REVERSAL or claim.charge_cents < 0:
        return _no_denial("payment_recovery", "none", "reversal")
    refused, rest = _parted(claim)
    if refused:
        judged, told_away = _judged(claim, status, _not_taken_back(refused), rules)
        if judged:
            return _denial(judged)
        rest += told_away
    elif _is_denied_without_codes(claim, status):
        return _denied_without_codes(claim)
    return _nothing_refused(claim, status, rest)


def _parted(claim: AdjudicatedClaim) -> tuple[_Pairs, _Pairs]:
    """Part the adjustments into what is refused and the rest: price, patient share, balance, hold."""
    refused: _Pairs = []
    rest: _Pairs = []
    for adjustment in claim.adjustments:
        if adjustment.amount_cents:
            meaning = _meaning(adjustment.group_code, adjustment.carc)
            (refused if meaning.refused else rest).append((adjustment, meaning))
    if claim.context is not None and claim.context.capitated_contract:
        rest += [pair for pair in refused if pair[1].carc == _CAPITATION]  # what we agreed to is a price
        return [pair for pair in refused if pair[1].carc != _CAPITATION], rest
    if claim.paid_cents == 0 < claim.charge_cents:
        return _unmasked(claim, refused, rest)
    return refused, rest


@lru_cache(maxsize=4096)
def _meaning(group_code: str, carc: str) -> _Meaning:
    carc = normalised(carc)
    group_code = group_code.strip().upper()
    code = code_of(carc)
    if code is None:
        return _Meaning(group_code, carc, None, True, False, False, _PRICE)
    told = _PRICE if code.treatment in ("price", "refusal") else (code.category, code.action, code.treatment)
    # A price is the patient's where PR may carry it (PR-45); sequestration or a contract's discount never is.
    patients = group_code == "PR" and (code.treatment == "patient_share" or (code.treatment == "price" and "PR" in code.groups))
    return _Meaning(
        group_code=group_code,
        carc=carc,
        code=code,
        refused=code.treatment == "refusal",
        could_be_disguise=code.whole_category is not None and not patients,
        patients=patients,
        told=_SHARE_OF_NOBODY if code.treatment == "patient_share" else told,
    )


def _unmasked(claim: AdjudicatedClaim, refused: _Pairs, rest: _Pairs) -> tuple[_Pairs, _Pairs]:
    """Move price cuts that leave nothing of the charge to what is refused: they are refusals in disguise."""
    cut_cents = sum(adjustment.amount_cents for adjustment, meaning in rest if meaning.could_be_disguise)
    if cut_cents < claim.charge_cents:
        return refused, rest
    return refused + [pair for pair in rest if pair[1].could_be_disguise], [pair for pair in rest if not pair[1].could_be_disguise]


def _not_taken_back(refused: _Pairs) -> _Pairs:
    """Leave out the codes of which nothing stays refused: an amount and its negative are no refusal."""
    if all(adjustment.amount_cents > 0 for adjustment, _ in refused):
        return refused
    sums: dict[str, int] = {}
    for adjustment, meaning in refused:
        sums[meaning.carc] = sums.get(meaning.carc, 0) + adjustment.amount_cents
    return [pair for pair in refused if sums[pair[1].carc] > 0]


def _judged(claim: AdjudicatedClaim, status: str, refused: _Pairs, rules: Scope | None) -> tuple[list[_Refused], _Pairs]:
    """Judge each refused adjustment with the remarks beside it; apart: those that the remark tells to be a price or a report."""
    effects, by_line = (_effects(claim.rarcs), _by_line(claim.rarcs)) if claim.rarcs else (_NO_EFFECTS, _NO_REMARKS)
    setting = setting_of(
        claim.context,
        claim.payer_kind,
        claim.claim_type,
        status in _FORWARDED,
        claim.paid_cents > 0,
        age_of(claim.days_since_service),
        effects,
        rules,
    )
    natives = {meaning.carc: meaning.code.whole_category or meaning.code.category for _, meaning in refused if meaning.code}
    judged: list[_Refused] = []
    told_away: _Pairs = []
    for adjustment, meaning in refused:
        remarks = _remarks_beside(adjustment.line, meaning.carc, by_line, natives) if by_line else ()
        told = _told_away(meaning, remarks) if remarks else None
        if told is None:
            judged.append(_Refused(adjustment, judge(meaning.carc, meaning.group_code, remarks, setting), remarks))
        else:
            told_away.append((adjustment, replace(meaning, told=told)))
    return judged, told_away


def _effects(remarks: tuple[Remark, ...]) -> frozenset[str]:
    """Collect what the remarks of a claim forbid or ask: a right that is barred on one line is not tried on another."""
    known = (KNOWLEDGE.remark_codes.get(normalised(remark.rarc)) for remark in remarks)
    return frozenset(remark.effect for remark in known if remark is not None and remark.effect is not None)


def _by_line(remarks: tuple[Remark, ...]) -> dict[int | None, list[str]]:
    by_line: dict[int | None, list[str]] = {}
    for remark in remarks:
        by_line.setdefault(remark.line, []).append(normalised(remark.rarc))
    return by_line


def _remarks_beside(line: int | None, carc: str, by_line: dict[int | None, list[str]], natives: dict[str, str]) -> tuple[str, ...]:
    """Return the remarks that speak of an adjustment, the nearest first: its line's, then the claim's; at claim level, all."""
    of_claim = by_line.get(None)
    own = _own(carc, of_claim, natives) if of_claim else ()
    if line is not None:
        return (*by_line.get(line, ()), *own)
    return (*own, *(rarc for of_line, rarcs in by_line.items() if of_line is not None for rarc in rarcs))


def _own(carc: str, remarks: list[str], natives: dict[str, str]) -> list[str]:
    """Of the claim's remarks leave out those that explain another refused code of the claim: N115 beside 16 and 50 is of the 50."""
    if len(natives) < 2 or not remarks:  # noqa: PLR2004 - one code has no other
        return remarks
    mine = natives.get(carc)
    others = {category for code, category in natives.items() if code != carc and category != mine}
    known = [(remark, KNOWLEDGE.remark_codes.get(remark)) for remark in remarks]
    own = [remark for remark, of in known if of is not None and of.category is not None and of.category == mine]
    if own:
        return [remark for remark, of in known if of is None or of.category is None or of.category == mine]
    kept = [remark for remark, of in known if of is None or of.category not in others]
    if any(of is not None and of.category is not None for remark, of in known if remark in kept):
        return kept
    # Nothing else explains this one, so what explains another may explain both, except a cause that belongs to the other.
    return [remark for remark, of in known if of is None or of.effect != "cause" or of.category not in others]


def _told_away(meaning: _Meaning, remarks: tuple[str, ...]) -> tuple[str, str, str] | None:
    """Say what the remark makes of a code that says too little, where that is no refusal: a price, a hold, a mere report."""
    if meaning.code is None or not meaning.code.remark_decides:
        return None
    known = [remark for each in remarks if (remark := KNOWLEDGE.remark_codes.get(each)) is not None]
    if any(remark.effect in ("reporting", "on_hold") for remark in known):
        return _HOLD
    telling = [remark.category for remark in known if remark.category not in (None, "other")]
    return _PRICE if telling and all(category == "contractual" for category in telling) else None


def _denial(refused: list[_Refused]) -> Classification:
    if len(refused) == 1:
        leading = refused[0]
        denied_cents, lines = leading.adjustment.amount_cents, [leading.adjustment.line or 0]
        alternatives, rules = leading.judgement.alternative_actions, leading.judgement.rules
    else:
        leading, alternatives = _leading(refused)
        denied_cents = sum(each.adjustment.amount_cents for each in refused)
        lines = sorted({each.adjustment.line or 0 for each in refused})
        rules = tuple(sorted({rule for each in refused for rule in each.judgement.rules}))
    judgement = leading.judgement
    explained = explain_denial(denied_cents, lines, judgement.told)
    return Classification(
        is_denial=True,
        category=judgement.category,
        kind=_kind(judgement.action, leading.remarks),
        action=judgement.action,
        denied_cents=denied_cents,
        explanation=explained.en,
        explanation_fr=explained.fr,
        reasons=tuple([_reason(each) for each in refused]),
        alternative_actions=alternatives,
        rules=rules,
        preventable=judgement.preventable,
        core_scenario=judgement.core_scenario,
        confidence=judgement.confidence,
    )


def _leading(refused: list[_Refused]) -> tuple[_Refused, tuple[str, ...]]:
    """Choose the refusal that sets category and action, and list the other actions that are open.

    Sums count: a refusal written over ten lines is the same refusal. Ties go by the lists' order, not the payer's.
    """
    by_category: dict[str, int] = {}
    by_action: dict[tuple[str, str], int] = {}
    for each in refused:
        category, action = each.judgement.category, each.judgement.action
        by_category[category] = by_category.get(category, 0) + each.adjustment.amount_cents
        by_action[category, action] = by_action.get((category, action), 0) + each.adjustment.amount_cents
    category = min(by_category, key=lambda each: (-by_category[each], _CATEGORY_RANK[each]))
    ranked = sorted(by_action, key=lambda pair: (-by_action[pair], _ACTION_RANK[pair[1]], pair[0]))
    action = next(each for of, each in ranked if of == category)
    leading = max(
        (each for each in refused if each.judgement.category == category and each.judgement.action == action),
        key=lambda each: (each.adjustment.amount_cents, each.judgement.code.code, each.remarks),
    )
    others = [each for _, each in ranked if each not in ("bill_patient", "none")]
    offered = dict.fromkeys([*leading.judgement.alternative_actions, *others])
    return leading, tuple(each for each in offered if each != action)


def _kind(action: str, remarks: tuple[str, ...]) -> str:
    if _UNPROCESSABLE in remarks and action == "correct_and_resubmit":
        return "rejection"
    return "hard" if action in _HARD else "soft"


def _reason(refused: _Refused) -> Reason:
    adjustment = refused.adjustment
    return Reason(
        group_code=adjustment.group_code,
        carc=adjustment.carc,
        amount_cents=adjustment.amount_cents,
        category=refused.judgement.category,
        rarcs=refused.remarks,
        line=adjustment.line,
    )


def _is_denied_without_codes(claim: AdjudicatedClaim, status: str) -> bool:
    if status != _PATIENT_NOT_RECOGNISED or claim.paid_cents or claim.charge_cents <= 0:
        return False
    return not any(adjustment.amount_cents for adjustment in claim.adjustments)


def _denied_without_codes(claim: AdjudicatedClaim) -> Classification:
    """Status 4 may only say that the member is unknown; without any adjustment the whole charge is refused for that."""
    remarks = tuple(normalised(remark.rarc) for remark in claim.rarcs)
    return Classification(
        is_denial=True,
        category="eligibility_coverage",
        kind="soft",
        action="contact_payer",
        denied_cents=claim.charge_cents,
        explanation=explain_other("patient_not_recognised").en,
        explanation_fr=explain_other("patient_not_recognised").fr,
        reasons=(Reason("", "", claim.charge_cents, "eligibility_coverage", remarks, None),),
        alternative_actions=("correct_and_resubmit",),
        rules=("patient_not_recognised",),
        preventable=True,
        core_scenario="data_missing_or_invalid",
        confidence=0.6,
    )


def _nothing_refused(claim: AdjudicatedClaim, status: str, adjustments: _Pairs) -> Classification:
    """Say what the unpaid part is: the patient's share if there is one, else the largest of what was taken out."""
    share_cents = 0
    for adjustment, meaning in adjustments:
        if meaning.patients:
            share_cents += adjustment.amount_cents
    if share_cents > 0:
        return _patient_share(claim, status)
    sums: dict[tuple[str, str, str], int] = {}
    for adjustment, meaning in adjustments:
        if not meaning.patients:
            sums[meaning.told] = sums.get(meaning.told, 0) + adjustment.amount_cents
    told = max(sums, key=lambda each: (sums[each], each), default=_PRICE)
    if sums.get(told, 0) > 0:
        return _no_denial(*told)
    if not adjustments and claim.paid_cents == 0 < claim.charge_cents:
        return _no_denial("other", "contact_payer", "unexplained")
    return _no_denial("contractual", "none", "paid" if claim.paid_cents else "price")


def _patient_share(claim: AdjudicatedClaim, status: str) -> Classification:
    """The patient owes it, unless another payer is asked first or the law shields the patient."""
    effects = _effects(claim.rarcs) if claim.rarcs else _NO_EFFECTS
    action, rule = "bill_patient", "patient_share"
    if status in _FORWARDED or "passed_on" in effects:
        action, rule = "none", "share_passed_on"
    elif "qmb" in effects:
        action, rule = ("write_off" if claim.payer_kind == "medicaid" else "bill_other_payer"), "share_of_qmb"
    elif "never_patient" in effects:
        action, rule = "write_off", "share_not_billable"
    return _no_denial("patient_responsibility", action, rule)


@lru_cache(maxsize=256)
def _no_denial(category: str, action: str, rule: str) -> Classification:
    """Build the answer where nothing is refused; it is the same for every claim."""
    return Classification(
        is_denial=False,
        category=category,
        kind="not_denial",
        action=action,
        denied_cents=0,
        explanation=explain_other(rule).en,
        explanation_fr=explain_other(rule).fr,
        rules=(rule,),
        confidence=UNKNOWN if rule == "unexplained" else _CERTAIN,
    )


def is_recoverable(classification: Classification) -> bool:
    """Say whether somebody can pursue it: a denial whose action leads back to money."""
    return classification.is_denial and classification.action in (
        "correct_and_resubmit",
        "appeal",
        "send_documents",
        "bill_other_payer",
        "contact_payer",
    )
