"""What one adjudicated claim is: a denial or not, of what category, and what to do. Pure, explained, and the same for ever.

Every refused cent is in exactly one reason; equal adjustments are never merged. The category is that of the largest refused sum;
the others stay as reasons and as alternative actions.
"""

from typing import Final

from msgspec import Struct

from services.classifier.explain import explain_denial, explain_other
from services.classifier.judgement import NO_APPEAL, Context, Judgement, code_of, judge, normalised
from services.classifier.knowledge import ACTIONS, CATEGORIES

_REVERSAL, _PREDETERMINATION = "22", "25"
_WHOLE_CHARGE_CODES: Final = frozenset({"45", "59"})
_NO_CONTEXT: Final = Context()
_CATEGORY_RANK: Final = {category: rank for rank, category in enumerate(CATEGORIES)}
_ACTION_RANK: Final = {action: rank for rank, action in enumerate(ACTIONS)}
_SOFT: Final = frozenset({"correct_and_resubmit", "send_documents", "bill_other_payer", "contact_payer", "none"})
_ALTERNATIVES: Final = {
    "authorization": ("appeal", "contact_payer"),
    "medical_necessity": ("send_documents", "write_off"),
    "timely_filing": ("contact_payer", "write_off"),
    "coding_bundling": ("appeal", "write_off"),
    "duplicate": ("write_off",),
    "non_covered": ("write_off",),
    "benefit_limit": ("bill_other_payer", "appeal"),
    "missing_information": ("contact_payer",),
    "provider_enrollment": ("correct_and_resubmit",),
    "eligibility_coverage": ("contact_payer",),
    "coordination_of_benefits": ("contact_payer",),
}


class Adjustment(Struct, frozen=True, gc=False):
    group_code: str
    carc: str
    amount_cents: int
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
    reasons: tuple[Reason, ...] = ()
    alternative_actions: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    preventable: bool | None = None
    core_scenario: str | None = None
    confidence: float = 0.99


def classify(claim: AdjudicatedClaim) -> Classification:
    """Judge one adjudicated claim. Never fails: unknown codes are `other` with `contact_payer`."""
    if claim.claim_status_code == _REVERSAL:
        return _no_denial("payment_recovery", "none", "reversal")
    if claim.claim_status_code == _PREDETERMINATION:
        return _no_denial("other", "none", "predetermination")
    context = claim.context or _NO_CONTEXT
    priced_to_nothing = claim.paid_cents == 0 and 0 < claim.charge_cents <= _price_cut_cents(claim)
    refused: list[tuple[Adjustment, Judgement, tuple[str, ...]]] = []
    taken_out: dict[str, int] = {}
    for adjustment in claim.adjustments:
        carc = normalised(adjustment.carc)
        group_code = adjustment.group_code.strip().upper()
        treatment = _treatment(carc, group_code, context, priced_to_nothing=priced_to_nothing)
        if treatment == "refusal":
            remarks = _remarks_beside(adjustment.line, claim.rarcs)
            refused.append((adjustment, judge(carc, group_code, remarks, context), remarks))
        else:
            taken_out[treatment] = taken_out.get(treatment, 0) + adjustment.amount_cents
    denied_cents = sum(adjustment.amount_cents for adjustment, _, _ in refused)
    if denied_cents <= 0:
        return _taken_out(claim, taken_out)
    return _denial(refused, denied_cents)


def _price_cut_cents(claim: AdjudicatedClaim) -> int:
    """Return what is cut as price over all lines; the patient's part of it (PR-45) is none."""
    return sum(
        adjustment.amount_cents
        for adjustment in claim.adjustments
        if normalised(adjustment.carc) in _WHOLE_CHARGE_CODES and adjustment.group_code.strip().upper() != "PR"
    )


def _treatment(carc: str, group_code: str, context: Context, *, priced_to_nothing: bool) -> str:
    """Say what an adjustment is: a refusal, or price, patient_share, balance, hold."""
    code = code_of(carc)
    if code is None:
        return "refusal"
    if code.treatment == "refusal":
        return "price" if carc == "24" and context.capitated_contract else "refusal"
    if priced_to_nothing and carc in _WHOLE_CHARGE_CODES and group_code != "PR":
        return "refusal"  # a price cut to nothing is a refusal in disguise
    if code.treatment == "price" and group_code == "PR":
        return "patient_share"
    return code.treatment


def _remarks_beside(line: int | None, remarks: tuple[Remark, ...]) -> tuple[str, ...]:
    """Return the remarks that speak of an adjustment: its line's and the claim's; at claim level, all of them."""
    if not remarks:
        return ()
    return tuple(normalised(remark.rarc) for remark in remarks if line is None or remark.line is None or remark.line == line)


def _denial(refused: list[tuple[Adjustment, Judgement, tuple[str, ...]]], denied_cents: int) -> Classification:
    by_category: dict[str, int] = {}
    by_action: dict[tuple[str, str], int] = {}
    for adjustment, judgement, _ in refused:
        category, action = judgement.category, judgement.action
        by_category[category] = by_category.get(category, 0) + adjustment.amount_cents
        by_action[category, action] = by_action.get((category, action), 0) + adjustment.amount_cents
    # Sums, not single amounts: a refusal written over ten lines is the same refusal. Ties go by the lists' order, not the payer's.
    category = min(by_category, key=lambda each: (-by_category[each], _CATEGORY_RANK[each]))
    action = min(
        (each for of, each in by_action if of == category),
        key=lambda each: (-by_action[category, each], _ACTION_RANK[each]),
    )
    leading = max(
        (item for item in refused if item[1].category == category and item[1].action == action),
        key=lambda item: (item[0].amount_cents, item[1].code.code, item[2]),
    )[1]
    forbidden = any(not NO_APPEAL.isdisjoint(remarks) for _, _, remarks in refused)
    others = [each for of, each in sorted(by_action, key=lambda pair: (-by_action[pair], _ACTION_RANK[pair[1]])) if of != category]
    alternatives = dict.fromkeys([*others, *_ALTERNATIVES.get(category, ())])
    reasons = tuple(
        Reason(
            adjustment.group_code,
            adjustment.carc,
            adjustment.amount_cents,
            judgement.category,
            remarks,
            adjustment.line,
        )
        for adjustment, judgement, remarks in refused
    )
    return Classification(
        is_denial=True,
        category=category,
        kind="soft" if action in _SOFT else "hard",
        action=action,
        denied_cents=denied_cents,
        explanation=explain_denial(category, action, denied_cents, leading, sorted({item[0].line or 0 for item in refused})),
        reasons=reasons,
        alternative_actions=tuple(
            each for each in alternatives if each != action and not (each == "appeal" and forbidden) and each != "bill_patient"
        ),
        rules=tuple(sorted({rule for _, judgement, _ in refused for rule in judgement.rules})),
        preventable=leading.code.preventable,
        core_scenario=leading.code.core_scenario,
        confidence=leading.confidence,
    )


def _taken_out(claim: AdjudicatedClaim, taken_out: dict[str, int]) -> Classification:
    """Nothing is refused: say what the unpaid part is."""
    largest = max(taken_out, key=lambda each: (taken_out[each], each), default="price")
    if largest == "patient_share" and taken_out[largest] > 0:
        return _no_denial("patient_responsibility", "bill_patient", "patient_share")
    if largest in ("hold", "balance") and taken_out[largest] > 0:
        return _no_denial("other", "none", largest)
    paid = "paid" if claim.paid_cents else "price"
    return _no_denial("contractual", "none", paid)


def _no_denial(category: str, action: str, rule: str) -> Classification:
    return Classification(
        is_denial=False,
        category=category,
        kind="not_denial",
        action=action,
        denied_cents=0,
        explanation=explain_other(rule),
        rules=(rule,),
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
