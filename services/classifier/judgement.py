"""One adjustment judged: of what cause a refusal is, and what should be done. Pure; tables are compiled once.

The order matters and is the order of the page: the remark decides where the code says too little; facts that only we hold turn the
action; the group says who pays; then appeal rights and the clock are checked. What is no refusal is taken out before (decision.py).
"""

from functools import lru_cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from services.classifier.explain import explain_cause
from services.classifier.facts import Context, Setting, turned_by_facts, within_rights, within_time
from services.classifier.knowledge import NOT_REFUSED, AdjustmentCode, RemarkCode, load
from services.classifier.rules.model import Scope
from services.classifier.sentences import Told

__all__ = ["KNOWLEDGE", "Context", "Judgement", "code_of", "judge", "normalised"]

KNOWLEDGE: Final = load()

# A remark of the code's own category says what exactly to do where there is more than one way to mend it.
_REMARK_NAMES_THE_WAY: Final = frozenset({"coordination_of_benefits", "authorization", "missing_information", "coding_bundling"})
_KEEPS_ITS_CAUSE: Final = frozenset({"duplicate", "timely_filing"})
_SAYS_HOW: Final = frozenset({"procedure", "resubmit"})
# One kind of remark corrects these codes: the missing document is another payer's, the trouble is the provider's type.
_DECIDED_WITH: Final = {(code, "coordination_of_benefits") for code in ("163", "164", "226", "250", "251", "252")} | {
    (code, "provider_enrollment") for code in ("170", "171")
}
_PLAN_MAY_MEAN_ANOTHER: Final = frozenset({"commercial", "marketplace", "other", "workers_comp", "auto_liability"})
_PREVENTABLE: Final = {
    "medical_necessity": None,
    "non_covered": None,
    "benefit_limit": None,
    "other": None,
}
_UNKNOWN: Final = AdjustmentCode(
    code="",
    active=True,
    successors=(),
    groups=frozenset(),
    only_groups=frozenset(),
    needs_remark=False,
    remark_decides=False,
    treatment="refusal",
    category="other",
    action="contact_payer",
    patient_action=None,
    whole_category=None,
    whole_action=None,
    also=(),
    disputed=(),
    core_scenario=None,
    preventable=None,
    checklist="ask",
    meaning="",
    meaning_fr="",
)
SURE, DISPUTED, REMARK_MISSING, UNKNOWN = 0.95, 0.8, 0.6, 0.4


class Judgement(Struct, frozen=True, gc=False):
    """What one refused adjustment comes to."""

    category: str
    action: str
    alternative_actions: tuple[str, ...]
    code: AdjustmentCode
    deciding: RemarkCode | None
    core_scenario: str | None
    preventable: bool | None
    rules: tuple[str, ...]  # in alphabetical order
    confidence: float
    told: Told  # what the payer says, what is missing and what to do, in words


class _Cause(Struct, frozen=True):
    """Why it is refused, before anybody's facts, rights or liability."""

    category: str
    action: str
    patient_action: str | None
    deciding: RemarkCode | None
    rule: str
    confidence: float


def normalised(code: str) -> str:
    """Upper case, no blanks, no zeros in front: "045" and "n115 " are 45 and N115."""
    code = code.strip().upper()
    return code.lstrip("0") or code


def code_of(carc: str) -> AdjustmentCode | None:
    return KNOWLEDGE.adjustment_codes.get(carc)


@lru_cache(maxsize=4096)
def judge(carc: str, group_code: str, remarks: tuple[str, ...], setting: Setting) -> Judgement:
    """Judge one adjustment that is known to be a refusal. `remarks` are those beside it, the nearest first, normalised."""
    code = KNOWLEDGE.adjustment_codes.get(carc, _UNKNOWN)
    found = [KNOWLEDGE.remark_codes[remark] for remark in remarks if remark in KNOWLEDGE.remark_codes]
    cause = _cause(code, found)
    rules = [cause.rule]
    if setting.rules is not None and cause.category != "duplicate":  # a duplicate stays one: it must never be sent again
        carc, code, cause, named = _by_tenant(setting.rules, carc, group_code, remarks, found)
        rules = [cause.rule, *(f"tenant:{name}" for name in named)]
    if code is _UNKNOWN:
        rules.append("remark_in_place_of_code" if carc in KNOWLEDGE.remark_codes else "unknown_carc")
    scenario = _scenario(code, cause)
    category, action = cause.category, _by_payer(code, cause, group_code, setting)
    if action != cause.action:
        rules.append("payer_kind")
    bundled = category == "coding_bundling" and scenario == "not_separately_payable"
    known = turned_by_facts(code.code, category, action, setting, bundled=bundled)
    if known != action:
        rules.append("known_fact")
    borne = _borne(cause, group_code, action, known, setting)
    if borne != known:
        rules.append("patient_bears_it" if borne == "bill_patient" else "already_passed_on")
    action = borne
    for turn in (within_rights, within_time):
        action, rule = turn(category, action, setting)
        if rule:
            rules.append(rule)
    if group_code == "PR" and cause.patient_action and setting.patient_is_shielded:
        rules.append("patient_may_not_be_billed")
    doubt = _doubt_about_group(code, group_code, setting)
    if doubt:
        rules.append(doubt)
    return Judgement(
        category=category,
        action=action,
        alternative_actions=_alternatives(code, cause, action, group_code, setting),
        code=code,
        deciding=cause.deciding,
        core_scenario=scenario,
        preventable=code.preventable if category == code.category else _PREVENTABLE.get(category, True),
        rules=tuple(sorted(set(rules))),
        confidence=min(cause.confidence, DISPUTED) if doubt else cause.confidence,
        told=explain_cause(category, action, code, cause.deciding),
    )


def _by_tenant(
    rules: Scope, carc: str, group_code: str, remarks: tuple[str, ...], found: list[RemarkCode]
) -> tuple[str, AdjustmentCode, _Cause, tuple[str, ...]]:
    """Let a tenant's rules read the code as another and set the cause. Facts, rights and liability come after, as for our own."""
    carc, names = rules.read_as(carc, group_code, remarks)
    code = KNOWLEDGE.adjustment_codes.get(carc, _UNKNOWN)
    cause = _cause(code, found)
    rule = rules.judging(carc, group_code, remarks)
    if rule is None or rule.then.category is None or rule.then.action is None or cause.category == "duplicate":
        return carc, code, cause, names
    bills_patient = rule.then.action == "bill_patient"
    deciding = next((remark for remark in found if remark.code == rule.when.rarc), None)
    told = replace(
        cause,
        category=rule.then.category,
        action=cause.action if bills_patient else rule.then.action,  # `_borne` bills the patient, where nothing forbids it
        patient_action="bill_patient" if bills_patient else None,
        deciding=deciding,
        rule="tenant_rule",
        confidence=SURE,
    )
    return carc, code, told, (*names, rule.name)


def _doubt_about_group(code: AdjustmentCode, group_code: str, setting: Setting) -> str | None:
    """Name what is odd about the group: a rule of X12 or Medicare that it breaks, or a rare use. It never changes the judgement."""
    if (code.only_groups and group_code not in code.only_groups) or (group_code == "PI" and setting.payer_kind == "medicare"):
        return "group_not_allowed"
    return "unusual_group" if code.groups and group_code not in code.groups else None


def _cause(code: AdjustmentCode, found: list[RemarkCode]) -> _Cause:
    """Find why it is refused: the remark where it decides, else the code."""
    alone = _cause_alone(code, found)
    if alone.category not in _KEEPS_ITS_CAUSE:
        named = next((remark for remark in found if remark.effect == "cause"), None)
        if named is not None:
            return _told(alone, named, "remark_names_the_cause", DISPUTED if code.disputed else SURE)
    tellings = [each for each in found if each.category not in (None, "other") and each.category not in NOT_REFUSED]
    # MA130 and its like say how to go on; what is missing is said by another remark beside it.
    telling = next((each for each in tellings if each.effect not in _SAYS_HOW), next(iter(tellings), None))
    if telling is None:
        return alone
    if _decides(code, alone.category, telling):
        return _told(alone, telling, "remark_decides", SURE)
    if telling.category == alone.category and alone.category in _REMARK_NAMES_THE_WAY and telling.action:
        return replace(alone, action=telling.action, deciding=telling, rule="remark_names_the_way")
    return alone


def _cause_alone(code: AdjustmentCode, found: list[RemarkCode]) -> _Cause:
    """Say what the code tells without its remarks. A price is here only because it took the whole charge."""
    if code is _UNKNOWN:
        return _Cause("other", "contact_payer", None, None, "code", UNKNOWN)
    confidence = DISPUTED if code.disputed or (code.needs_remark and all(each.alert for each in found)) else SURE
    if code.treatment == "price":
        category, action = code.whole_category or "other", code.whole_action or "contact_payer"
        missing = code.remark_decides and category != "coding_bundling"
        return _Cause(category, action, None, None, *(("remark_missing", REMARK_MISSING) if missing else ("code", confidence)))
    if not (code.needs_remark and code.remark_decides):
        return _Cause(code.category, code.action, code.patient_action, None, "code", confidence)
    # Something is missing, and nobody says what: that is a question, not a correction.
    action = "contact_payer" if code.category == "missing_information" else code.action
    return _Cause(code.category, action, code.patient_action, None, "remark_missing", REMARK_MISSING)


def _decides(code: AdjustmentCode, category: str, telling: RemarkCode) -> bool:
    if code.remark_decides:
        return not (category == "coding_bundling" and telling.effect in _SAYS_HOW)
    return (code.code, telling.category) in _DECIDED_WITH


def _told(alone: _Cause, remark: RemarkCode, rule: str, confidence: float) -> _Cause:
    category = remark.category or "other"
    patient_action = remark.patient_action or (alone.patient_action if category == alone.category else None)
    return _Cause(category, remark.action or "contact_payer", patient_action, remark, rule, confidence)


def _scenario(code: AdjustmentCode, cause: _Cause) -> str | None:
    if cause.deciding is not None and cause.deciding.core_scenario:
        return cause.deciding.core_scenario
    return code.core_scenario


def _by_payer(code: AdjustmentCode, cause: _Cause, group_code: str, setting: Setting) -> str:
    """Turn the action where the same code means another thing with this kind of payer or bill."""
    if cause.rule == "tenant_rule":
        return cause.action
    if code.code == "24" and setting.payer_kind in _PLAN_MAY_MEAN_ANOTHER:
        return "contact_payer"  # with Medicare 24 is an Advantage plan that owes; elsewhere a contract that we should know
    if code.code == "97" and group_code == "OA" and setting.institutional and setting.paid and cause.deciding is None:
        return "none"  # packaged into the facility's payment: it cannot be had
    return cause.action


def _borne(cause: _Cause, group_code: str, action: str, known: str, setting: Setting) -> str:
    """Say who pays: the group decides it, and it turns the action, never the cause."""
    if group_code == "PR" and cause.patient_action and known in (action, "write_off") and not setting.patient_is_shielded:
        return "none" if setting.forwarded else "bill_patient"
    if setting.forwarded and known == "bill_other_payer":
        return "none"
    return known


def _alternatives(code: AdjustmentCode, cause: _Cause, action: str, group_code: str, setting: Setting) -> tuple[str, ...]:
    """List other ways that are open, the likelier first. Never one that is harmful."""
    first = cause.deciding.action if cause.deciding is not None else None
    offered = [first or code.action, *code.also, *_ALSO.get(cause.category, ())]
    if group_code == "PR" and cause.patient_action and not setting.patient_is_shielded:
        offered.insert(0, "bill_patient")
    barred = {action, "none"}
    if group_code != "PR" or setting.patient_is_shielded or setting.forwarded:
        barred.add("bill_patient")
    if setting.appeal_is_barred:
        barred.add("appeal")
    if cause.category == "duplicate" or setting.new_claim_is_too_late or "do_not_resend" in setting.effects:
        barred.add("correct_and_resubmit")
    return tuple(each for each in dict.fromkeys(offered) if each not in barred)


_ALSO: Final = {
    "authorization": ("appeal", "contact_payer"),
    "medical_necessity": ("send_documents", "write_off"),
    "timely_filing": ("contact_payer", "write_off"),
    "coding_bundling": ("appeal", "write_off"),
    "duplicate": ("write_off",),
    "non_covered": ("write_off",),
    "benefit_limit": ("bill_other_payer", "appeal", "write_off"),
    "missing_information": ("contact_payer",),
    "provider_enrollment": ("correct_and_resubmit",),
    "eligibility_coverage": ("contact_payer",),
    "coordination_of_benefits": ("contact_payer",),
}
