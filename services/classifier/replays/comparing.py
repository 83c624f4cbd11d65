"""What another version of the rules would make of a denial that stands, and which way a replay may go. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from msgspec import Struct, structs
from msgspec.structs import replace

from libs.common.contracts.denial_classified import Deadline, DenialClassifiedV1, Reason
from services.classifier.decision import is_recoverable
from services.classifier.rules.model import RuleSet
from services.classifier.verdict import Adjudicated, Verdict, judge, judged_fields

State = Literal["waiting", "comparing", "compared", "applying", "applied", "cancelled"]
Command = Literal["begin", "end", "apply", "cancel"]
# An absent pair is refused.
TRANSITIONS: Final[Mapping[tuple[State, Command], State]] = {
    ("waiting", "begin"): "comparing",
    ("comparing", "end"): "compared",
    ("compared", "apply"): "applying",
    ("applying", "end"): "applied",
    ("waiting", "cancel"): "cancelled",
    ("comparing", "cancel"): "cancelled",
    ("compared", "cancel"): "cancelled",
    ("applying", "cancel"): "cancelled",
}


class Side(Struct, frozen=True):
    """What a denial is by one version, as far as it is compared in a list."""

    category: str
    kind: str
    action: str
    denied_cents: int
    recoverable_cents: int
    rule_version: str | None


class Standing(Struct, frozen=True, gc=False):
    """Of a denial that stands, what is compared."""

    denial_id: UUID
    category: str
    kind: str
    action: str
    alternative_actions: tuple[str, ...]
    denied_cents: int
    recoverable: bool
    reasons: tuple[Reason, ...]
    appeal_by: Deadline | None
    correct_by: Deadline | None
    rule_version: str | None


Judged = Mapping[str, Any]  # fields of the event that a judgement fills in


def compare(stands: Standing | DenialClassifiedV1, adjudicated: Adjudicated, rules: RuleSet) -> Judged | None:
    """Judge a denial again; None where nothing that is acted on changes, or where it would be no denial at all.

    No rule of a tenant undoes a refusal. Only another edition of our own tables could; then the denial stays.
    """
    verdict = judge(adjudicated, rules)
    return judged_fields(verdict) if verdict.judged.is_denial and not _says_the_same(stands, verdict) else None


def _says_the_same(stands: Standing | DenialClassifiedV1, verdict: Verdict) -> bool:
    """Compare what a reader acts on. Where only words, rules or the version differ there is nothing to tell."""
    judged = verdict.judged
    return (
        stands.category == judged.category
        and stands.kind == judged.kind
        and stands.action == judged.action
        and stands.alternative_actions == judged.alternative_actions
        and stands.denied_cents == judged.denied_cents
        and stands.recoverable == is_recoverable(judged)
        and stands.appeal_by == verdict.appeal_by
        and stands.correct_by == verdict.correct_by
        # Of one claim the reasons are the same adjustments: only their causes can differ, or how many are refused.
        and [each.category for each in stands.reasons] == [each.category for each in judged.reasons]
    )


def revised(denial: DenialClassifiedV1, told: Judged, now: datetime) -> DenialClassifiedV1:
    """Return the next revision of a denial that becomes another."""
    return replace(denial, **told, revision=denial.revision + 1, classified_at=now)


def sides(stands: Standing, told: Judged) -> tuple[Side, Side]:
    """Return what a denial is and what it would be, side by side."""
    return _side(structs.asdict(stands)), _side(told)


def _side(told: Judged) -> Side:
    return Side(
        category=told["category"],
        kind=told["kind"],
        action=told["action"],
        denied_cents=told["denied_cents"],
        recoverable_cents=told["denied_cents"] if told["recoverable"] else 0,
        rule_version=told["rule_version"],
    )
