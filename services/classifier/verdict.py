"""One adjudicated claim judged by a version of the rules: the decision, its deadlines and its sentences. Pure.

What it rests on is kept with the denial, so that it can be judged again by another version; the same input and version give
the same verdict for ever. `EDITION` counts our own tables and decisions: a change that turns any labelled case is a new edition.
"""

from datetime import date
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

from libs.common.contracts.denial_classified import Deadline, Reason
from services.classifier.deadlines import Days, deadlines_of, with_deadline
from services.classifier.decision import AdjudicatedClaim, Classification, classify, is_recoverable
from services.classifier.rules.model import RuleSet

EDITION: Final = 2


class Adjudicated(Struct, frozen=True, gc=False, omit_defaults=True):
    """What a verdict rests on."""

    claim: AdjudicatedClaim
    payer_id: str = ""
    payment_on: date | None = None
    service_from_on: date | None = None
    service_to_on: date | None = None


class Verdict(Struct, frozen=True, gc=False):
    """What a claim is, with its deadlines, and by which version."""

    judged: Classification
    appeal_by: Deadline | None
    correct_by: Deadline | None
    explanation: str
    explanation_fr: str
    rule_version: str


def judge(adjudicated: Adjudicated, rules: RuleSet) -> Verdict:
    """Judge a claim. Without its payment day a tenant's rules are not asked: they hold from day to day."""
    claim, paid_on = adjudicated.claim, adjudicated.payment_on
    scope = rules.scope(adjudicated.payer_id, claim.payer_kind, claim.claim_type, paid_on) if paid_on is not None else None
    judged = classify(claim, scope)
    if not judged.is_denial:
        return Verdict(judged, None, None, judged.explanation, judged.explanation_fr, version_name(rules.version))
    days = Days(paid_on, adjudicated.service_from_on, adjudicated.service_to_on)
    appeal_by, correct_by = deadlines_of(judged, claim.payer_kind, claim.claim_type, days, scope)
    explanation, explanation_fr = with_deadline(judged, appeal_by, correct_by)
    return Verdict(judged, appeal_by, correct_by, explanation, explanation_fr, version_name(rules.version))


@lru_cache(maxsize=1024)
def version_name(version: int) -> str:
    """Name the edition of our own rules and the version of the tenant's; 0 is none of the tenant's."""
    return f"{EDITION}.{version}"


def judged_fields(verdict: Verdict) -> dict[str, Any]:
    """Return what a verdict fills in of `denial.classified`."""
    judged = verdict.judged
    return {
        "denied_cents": judged.denied_cents,
        "category": judged.category,
        "kind": judged.kind,
        "action": judged.action,
        "alternative_actions": judged.alternative_actions,
        "preventable": judged.preventable,
        "core_scenario": judged.core_scenario,
        "confidence": judged.confidence,
        "explanation": verdict.explanation,
        "explanation_fr": verdict.explanation_fr,
        "rules": judged.rules,
        "recoverable": is_recoverable(judged),
        "appeal_by": verdict.appeal_by,
        "correct_by": verdict.correct_by,
        "rule_version": verdict.rule_version,
        "reasons": tuple(
            Reason(
                group_code=reason.group_code,
                carc=reason.carc,
                amount_cents=reason.amount_cents,
                category=reason.category,
                rarcs=reason.rarcs,
                line=reason.line,
            )
            for reason in judged.reasons
        ),
    }
