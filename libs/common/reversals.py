"""Which adjudication a reversal undoes: a pure pairing that does not depend on the order of arrival.

A reversal (CLP02 22) repeats an earlier adjudication with its amounts negated. Either may come first, in different files. One
reversal undoes one adjudication. Amounts that differ never pair: under one control number there may be the correction too, and a
reversal whose original we never saw must not take that away.

The pairing is a function of all that is known of equal amounts on an account, and is made anew when something joins them: what an
earlier one undid may stand again. So every order of arrival ends in the same pairs.
"""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from msgspec import Struct

REVERSAL_STATUS = "22"

Twin = tuple[str, UUID, str, int, int]


class Reversible(Struct, frozen=True, gc=False):
    """What pairing needs to know of an adjudication, or of a reversal with its signs turned back."""

    remit_id: UUID
    tenant_id: str
    claim_key: UUID
    payer_id: str
    payer_claim_control_number: str
    payment_on: date
    charge_cents: int
    paid_cents: int

    def twin(self) -> Twin:
        """Return what an adjudication and its reversal share."""
        return (self.tenant_id, self.claim_key, self.payer_id, self.charge_cents, self.paid_cents)


def pair(adjudications: Iterable[Reversible], reversals: Iterable[Reversible]) -> dict[UUID, UUID]:
    """Return adjudication -> reversal (remit ids) for each reversal that finds what it undoes, the oldest payments first.

    Equal payer claim control numbers go together; then those of which one lacks it: payers leave it out at times.
    """
    waiting: dict[Twin, list[Reversible]] = {}
    for reversal in sorted(reversals, key=_age):
        waiting.setdefault(reversal.twin(), []).append(reversal)
    known = sorted((each for each in adjudications if each.twin() in waiting), key=_age)
    pairs: dict[UUID, UUID] = {}
    for fit in (_same_number, _one_number_missing):
        for adjudication in known:
            candidates = waiting[adjudication.twin()]
            found = next((each for each in candidates if fit(adjudication, each)), None)
            if found is not None and adjudication.remit_id not in pairs:
                candidates.remove(found)
                pairs[adjudication.remit_id] = found.remit_id
    return pairs


def _age(each: Reversible) -> tuple[date, UUID]:
    return (each.payment_on, each.remit_id)


def _same_number(one: Reversible, other: Reversible) -> bool:
    return one.payer_claim_control_number == other.payer_claim_control_number


def _one_number_missing(one: Reversible, other: Reversible) -> bool:
    return not one.payer_claim_control_number or not other.payer_claim_control_number
