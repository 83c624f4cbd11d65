"""What the odds are learned from: contested denials and how each ended, with what was known before. Pure."""

from collections.abc import Sequence
from datetime import date
from typing import Final, Protocol, TypeVar

from msgspec import Struct

from libs.common.contracts.denial_classified import DenialClassifiedV1
from services.classifier.judgement import normalised

# What is sent to this payer to change its mind; billing another payer or the patient is no such thing.
CONTESTS: Final = ("appeal", "correct_and_resubmit", "send_documents")
NOT_THIS_PAYERS: Final = frozenset({"bill_other_payer", "bill_patient", "none"})
FIRST_LEVEL: Final = "first_level"
# The first step of every path, by its name; later steps stand for themselves.
_FIRST_LEVELS: Final = frozenset(
    {
        "reopening",
        "redetermination",
        "plan_reconsideration",
        "payer_dispute",
        "plan_appeal",
        "peer_to_peer",
        "payer_reconsideration",
        "internal_appeal",
    }
)


class Subject(Struct, frozen=True, gc=False):
    """What the odds depend on in the table. `level`: an appeal's level, or what was sent instead. Empty words are unknown."""

    payer_id: str
    payer_kind: str
    claim_type: str
    level: str
    category: str
    carc: str


class Circumstances(Struct, frozen=True, gc=False):
    """What else was known of a denial before anybody decided."""

    group_code: str = ""
    rarcs: tuple[str, ...] = ()
    denied_cents: int = 0
    charge_cents: int = 0
    paid_cents: int = 0
    service_age_days: int | None = None


class Outcome(Struct, frozen=True, gc=False):
    """One contested denial that was decided. `won`: something was paid."""

    subject: Subject
    won: bool
    disputed_cents: int
    recovered_cents: int
    decided_on: date
    circumstances: Circumstances = Circumstances()


class KeptDenial(Struct, frozen=True, gc=False):
    """A denial as it stands, with what its event does not say."""

    denial: DenialClassifiedV1
    claim_type: str | None


def contest_of(action: str, alternatives: Sequence[str]) -> str | None:
    """Return what would be sent to contest a denial: its action, else the first alternative that contests; None: nothing."""
    if action in NOT_THIS_PAYERS:
        return None
    return next((each for each in (action, *alternatives) if each in CONTESTS), None)


def level_of(action: str, level: str | None = None) -> str:
    """Name the axis of levels: an appeal's first level, a later one by its own word, or what was sent instead of an appeal."""
    if action != "appeal":
        return action
    return FIRST_LEVEL if level is None or level in _FIRST_LEVELS else level


R = TypeVar("R", bound="Refused")


def leading(category: str, reasons: Sequence[R]) -> R | None:
    """Return the largest reason of a denial's category."""
    own = [each for each in reasons if each.category == category] or list(reasons)
    return max(own, key=lambda each: (each.amount_cents, each.carc), default=None)


class Denied(Protocol):
    """A denial, or a judgement that is not kept, as far as its odds are about it."""

    @property
    def category(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def alternative_actions(self) -> tuple[str, ...]: ...
    @property
    def denied_cents(self) -> int: ...
    @property
    def reasons(self) -> Sequence["Refused"]: ...


class Refused(Protocol):
    """One reason."""

    @property
    def group_code(self) -> str: ...
    @property
    def rarcs(self) -> tuple[str, ...]: ...
    @property
    def carc(self) -> str: ...
    @property
    def category(self) -> str: ...
    @property
    def amount_cents(self) -> int: ...


def subject_of(kept: KeptDenial) -> Subject | None:
    """Return what a denial's odds depend on; None where nobody would contest it, or where it was never judged (a rejection)."""
    denial = kept.denial
    if not denial.recoverable or denial.acknowledgement_id is not None:
        return None
    return subject(denial, denial.payer_id, denial.payer_kind, kept.claim_type)


def subject(denial: Denied, payer_id: str, payer_kind: str | None, claim_type: str | None) -> Subject | None:
    """Return what the odds of a judgement depend on; None where there is nothing to contest with this payer."""
    contest = contest_of(denial.action, denial.alternative_actions)
    if contest is None:
        return None
    reason = leading(denial.category, denial.reasons)
    return Subject(
        payer_id=payer_id,
        payer_kind=payer_kind or "",
        claim_type=claim_type or "",
        level=level_of(contest),
        category=denial.category,
        carc=normalised(reason.carc) if reason is not None else "",
    )


def circumstances_of(denial: DenialClassifiedV1) -> Circumstances:
    service = denial.service_from_on
    days = (denial.payment_on - service).days if service is not None else None
    return circumstances(denial, denial.charge_cents, denial.paid_cents, days)


def circumstances(denial: Denied, charge_cents: int, paid_cents: int, service_age_days: int | None) -> Circumstances:
    """Return what else is known of a judgement."""
    reason = leading(denial.category, denial.reasons)
    return Circumstances(
        group_code=reason.group_code.strip().upper() if reason is not None else "",
        rarcs=tuple(sorted(map(normalised, reason.rarcs))) if reason is not None else (),
        denied_cents=denial.denied_cents,
        charge_cents=charge_cents,
        paid_cents=paid_cents,
        service_age_days=service_age_days,
    )
