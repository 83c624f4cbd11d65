"""What another version of the rules would make of a denial that stands, and which way a replay may go. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from libs.common.contracts.denial_classified import DenialClassifiedV1
from services.classifier.rules.model import RuleSet
from services.classifier.verdict import Adjudicated, judge, judged_fields

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
# What a reader acts on. Where only words, rules or the version differ there is nothing to tell.
_ACTED_ON: Final = (
    "category", "kind", "action", "alternative_actions", "denied_cents", "recoverable", "reasons", "appeal_by", "correct_by",
)  # fmt: skip


class Side(Struct, frozen=True):
    """What a denial is by one version, as far as it is compared in a list."""

    category: str
    kind: str
    action: str
    denied_cents: int
    recoverable_cents: int
    rule_version: str | None


class Change(Struct, frozen=True):
    """A denial that becomes another: as it stands, and the same with the other version's judgement, not yet revised."""

    before: DenialClassifiedV1
    after: DenialClassifiedV1


def compare(denial: DenialClassifiedV1, adjudicated: Adjudicated, rules: RuleSet) -> Change | None:
    """Judge a denial again; None where nothing that is acted on changes, or where it would be no denial at all.

    No rule of a tenant undoes a refusal. Only another edition of our own tables could; then the denial stays.
    """
    verdict = judge(adjudicated, rules)
    if not verdict.judged.is_denial:
        return None
    told = judged_fields(verdict)
    if all(getattr(denial, name) == told[name] for name in _ACTED_ON):
        return None
    return Change(denial, replace(denial, **told))


def revised(change: Change, now: datetime) -> DenialClassifiedV1:
    """Return the next revision of a denial that becomes another."""
    return replace(change.after, revision=change.before.revision + 1, classified_at=now)


def side(denial: DenialClassifiedV1) -> Side:
    return Side(
        category=denial.category,
        kind=denial.kind,
        action=denial.action,
        denied_cents=denial.denied_cents,
        recoverable_cents=denial.denied_cents if denial.recoverable else 0,
        rule_version=denial.rule_version,
    )
