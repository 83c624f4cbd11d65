"""Which claims of some files are new, repeated or contradicting: told by name, and among equals by what they say. Pure.

Several claims of one payment may share account number, payer's number and status; a place among these equals is part of their name.
In a file that was cut off, split or put together otherwise a claim may stand at another place, so of equals the content decides:
whatever comes in whatever order, each content is booked as often as one transaction holds it.

Other content under a name that is taken is a contradiction (the payment was sent before and says otherwise now) unless it looks
like another part of the same payment: what is booked does not come to what was paid, and nothing else of the transaction was here.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from uuid import UUID

from services.ingest.booking import Candidate, Kind, Place, Sorted, Stored, conflicting_remit

EQUALS_MAX = 100  # of one payment; beyond it equals are told by their place alone


def in_question(candidates: Sequence[Candidate], stored: Mapping[UUID, Stored]) -> dict[Kind, Candidate]:
    """Return the kinds of claims that a name alone does not tell, each with one of its claims.

    Those of which there are several, here or in the transaction, and those whose name is taken by other content.
    """
    first: dict[Kind, Candidate] = {}
    asked: dict[Kind, Candidate] = {}
    many: set[Kind] = set()
    for each in candidates:
        kind = each.kind()
        here = stored.get(each.remit_id)
        if each.ordinal >= EQUALS_MAX:
            many.add(kind)
        elif each.ordinal or kind in first or (here is not None and here.digest != each.digest):
            asked[kind] = each
        first[kind] = each
    return {kind: each for kind, each in asked.items() if kind not in many}


def payments_in_question(candidates: Sequence[Candidate], equals: Mapping[Kind, Sequence[Stored]]) -> set[UUID]:
    """Return the payments of which it must be known what is open: with content that is not booked among equals that may be."""
    known = {kind: {each.digest for each in stored} for kind, stored in equals.items()}
    return {each.event.remittance_id for each in candidates if (kind := each.kind()) in known and each.digest not in known[kind]}


def sort(
    tenant_id: str,
    candidates: Sequence[Candidate],
    stored: Mapping[UUID, Stored],
    equals: Mapping[Kind, Sequence[Stored]],
    open_cents: Mapping[UUID, int],
    resent: Collection[Place],
) -> Sorted:
    """Tell new claims from repeated and contradicting ones; a new one whose place is taken gets another, and so another name.

    `stored` what the database holds by name, `equals` all that it holds of the kinds in question, by place, `open_cents` what of
    their payments is not booked, `resent` transactions of which something was here before.
    A claim that this very file booked before its reading was broken off counts as new again, and is not written again. A payment
    may stand twice in one file, and in several, and so twice in one transaction.
    """
    sorting = _Sorting(tenant_id, stored, equals, open_cents)
    for place, told in _by_transaction(candidates):
        sorting.take(place, told, resent=place in resent)
    return sorting.result


def _by_transaction(candidates: Sequence[Candidate]) -> Iterator[tuple[Place, list[Candidate]]]:
    found: dict[Place, list[Candidate]] = defaultdict(list)
    for each in candidates:
        found[each.event.interchange_id, each.transaction_ordinal].append(each)
    yield from found.items()


def _own(each: Candidate) -> Stored:
    return Stored(each.digest, each.event.interchange_id, each.transaction_ordinal, each.remit.ordinal)


class _Sorting:
    """What is known of names, equals and payments while transactions are taken one after the other."""

    def __init__(
        self,
        tenant_id: str,
        stored: Mapping[UUID, Stored],
        equals: Mapping[Kind, Sequence[Stored]],
        open_cents: Mapping[UUID, int],
    ) -> None:
        self._tenant_id = tenant_id
        self._names = dict(stored)
        self._equals = {kind: list(known) for kind, known in equals.items()}
        self._open_cents = dict(open_cents)
        self.result = Sorted()

    def take(self, place: Place, told: Sequence[Candidate], *, resent: bool) -> None:
        """Take what one transaction holds. `resent`: something of it was here before, as earlier batches showed."""
        tally = self.result.tallies[place]
        kinds: dict[Kind, list[Candidate]] = defaultdict(list)
        unknown: list[tuple[Candidate, bool]] = []  # and whether something else is booked in its place
        for each in told:
            kind = each.kind()
            if kind in self._equals:
                kinds[kind].append(each)
                continue
            here = self._names.setdefault(each.remit_id, own := _own(each))
            if here is own:
                unknown.append((each, False))
            elif here == own:
                tally["new"] += 1
            elif here.digest == each.digest:
                tally["duplicate"] += 1
                resent = True
            else:
                self._refuse(place, each)
        for kind, equals in kinds.items():
            before = tally["duplicate"]
            left, unmatched = self._compare(self._equals[kind], equals, tally)
            resent = resent or tally["duplicate"] > before
            unknown += [(each, at < left) for at, each in enumerate(unmatched)]
        for each, contradicts in sorted(unknown, key=lambda one: one[0].remit.ordinal):
            if contradicts and (resent or not self._open_cents.get(each.event.remittance_id)):
                self._refuse(place, each)
            else:
                self._book(place, each)

    def _compare(self, known: Sequence[Stored], equals: Sequence[Candidate], tally: Counter[str]) -> tuple[int, list[Candidate]]:
        """Compare the equals of one transaction with those that are booked.

        Returns how many of these are not in the transaction, and what of the transaction is not among these.
        """
        earlier = equals[0].ordinal  # of this transaction, in batches before: what they booked is not there for the others
        free = Counter(each.digest for each in known if not (earlier and _is_of(each, equals[0])))
        unmatched, matched = [], 0
        for each in equals:
            if _own(each) in known:
                tally["new"] += 1
            elif free[each.digest] > 0:
                tally["duplicate"] += 1
            else:
                unmatched.append(each)
                continue
            free[each.digest] -= 1
            matched += 1
        return max(0, len(known) - earlier - matched), unmatched

    def _refuse(self, place: Place, each: Candidate) -> None:
        self.result.tallies[place]["conflicting"] += 1
        self.result.findings[place[0]].append(conflicting_remit(each))

    def _book(self, place: Place, each: Candidate) -> None:
        self.result.tallies[place]["new"] += 1
        self.result.new.append(each)
        equals = self._equals.get(each.kind())
        if equals is not None:
            if len(equals) != each.ordinal:
                each.move(self._tenant_id, len(equals))
            equals.append(_own(each))
        if each.event.remittance_id in self._open_cents:
            self._open_cents[each.event.remittance_id] -= each.event.paid_cents


def _is_of(stored: Stored, each: Candidate) -> bool:
    return (stored.interchange_id, stored.transaction_ordinal) == (each.event.interchange_id, each.transaction_ordinal)
