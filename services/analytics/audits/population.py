"""Which denials an audit is of: those that stood on the evening of a day, by what was known then. Pure."""

from collections.abc import Iterator, Sequence
from datetime import date
from uuid import UUID

from services.analytics.audits.plans import Basis, Plan
from services.analytics.audits.sampling import Unit
from services.analytics.facts import Denial, Fact
from services.analytics.facts.points import read


def units(plan: Plan, as_of: date, claim_key: UUID, facts: Sequence[Fact]) -> list[Unit]:
    """Return the denials of one account that are in the plan's population."""
    return [
        unit
        for unit in standing(plan.first, plan.last, as_of, claim_key, facts, plan.date_basis)
        if all(getattr(unit, name) in values for name, values in plan.filters.items())
    ]


def standing(
    first: date | None, last: date | None, as_of: date, claim_key: UUID, facts: Sequence[Fact], date_basis: Basis = "payment"
) -> Iterator[Unit]:
    """Yield the denials of one account that were paid, or came to be known, from one day to another, included; None: open."""
    known = [fact for fact in facts if fact.known_on <= as_of]
    if not any(isinstance(fact, Denial) for fact in known):
        return
    account = read(known)
    for denial in account.denials.values():
        if not denial.is_active:
            continue
        if not _in_period(first, last, denial.payment_on if date_basis == "payment" else _known_since(denial, known)):
            continue
        episode = account.episode_of.get(denial.remit_id)
        facility = provider = service_group = ""
        if episode is not None:
            _, facility, provider, service_group, *_ = episode.cell(denial.payer_id)
        yield Unit(
            denial.denial_id,
            claim_key,
            denial.payer_id,
            facility,
            provider,
            service_group,
            denial.category,
            denial.action,
            denial.denied_cents,
            denial.payment_on,
            denial.confidence,
        )


def _known_since(denial: Denial, known: Sequence[Fact]) -> date:
    """Return the day since which a denial stands, whatever it was corrected to; what was taken back may stand anew."""
    since = denial.known_on
    revisions = (fact for fact in known if isinstance(fact, Denial) and fact.denial_id == denial.denial_id)
    for revision in sorted(revisions, key=lambda each: each.version, reverse=True):
        if not revision.is_active:
            break
        since = revision.known_on
    return since


def _in_period(first: date | None, last: date | None, day: date) -> bool:
    return (first is None or first <= day) and (last is None or day <= last)
