"""Which adjudication a reversal undoes: a pure pairing that does not depend on the order of arrival.

A reversal (CLP02 22) repeats the earlier adjudication of the same payer claim control number with its amounts negated. Either may
come first, in different files. One reversal undoes one adjudication. Amounts that differ never pair: under one control number
there may be the correction too, and a reversal whose original we never saw must not take that away.
"""

from collections.abc import Iterable
from uuid import UUID

from msgspec import Struct

REVERSAL_STATUS = "22"


class Reversible(Struct, frozen=True, gc=False):
    """What pairing needs to know of an adjudication, or of a reversal with its signs turned back."""

    id: UUID
    tenant_id: str
    claim_key: UUID
    payer_id: str
    payer_claim_control_number: str
    charge_cents: int
    paid_cents: int

    def twin(self) -> tuple[str, UUID, str, int, int]:
        return (self.tenant_id, self.claim_key, self.payer_id, self.charge_cents, self.paid_cents)

    def may_be(self, other: "Reversible") -> bool:
        """Say whether two payer claim control numbers can be one: payers leave it out at times."""
        mine, theirs = self.payer_claim_control_number, other.payer_claim_control_number
        return mine == theirs or not mine or not theirs


def pair(adjudications: Iterable[Reversible], reversals: Iterable[Reversible]) -> list[tuple[UUID, UUID]]:
    """Return (id, reversal's id) for each reversal that finds what it undoes, first come first paired.

    `adjudications` are those that nothing undid yet; `reversals` those that undid nothing yet, amounts already turned back.
    """
    waiting: dict[tuple[str, UUID, str, int, int], list[Reversible]] = {}
    for reversal in reversals:
        waiting.setdefault(reversal.twin(), []).append(reversal)
    pairs = []
    for known in adjudications:
        candidates = [reversal for reversal in waiting.get(known.twin(), ()) if reversal.may_be(known)]
        if candidates:
            same = known.payer_claim_control_number
            best = next((reversal for reversal in candidates if reversal.payer_claim_control_number == same), candidates[0])
            waiting[known.twin()].remove(best)
            pairs.append((known.id, best.id))
    return pairs
