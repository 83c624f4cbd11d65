"""A clearinghouse's days: claims go out as 837, come back as 999 and 277CA, and are paid or refused in 835; without end if need be.

Every claim's fate is drawn when it is sent and told as its truth; what comes of it waits in a calendar until its day. So memory
holds the claims of some weeks, however many there are in all.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, groupby
from random import Random
from typing import Final

from libs.synthetic.causes import FAMILIES
from libs.synthetic.desk import Bill, Desk
from libs.synthetic.fate import Fates
from libs.synthetic.faults import REFUSED, REJECTED, REJECTED_WEIGHTS, SET_REJECTED, Fault
from libs.synthetic.front_door import acknowledge, answer_sets
from libs.synthetic.habits import HABITS, Habits
from libs.synthetic.model import Payout
from libs.synthetic.payers import PRIMARY
from libs.synthetic.plants import Plant, planted, usual
from libs.synthetic.practices import PRACTICES
from libs.synthetic.stream import series_of
from libs.synthetic.truth import ClaimTruth, Day, File, Kind
from libs.x12 import write_interchange
from libs.x12.claim_writer import ClaimBatch, write_claims

BILLER: Final = ("LARKSPUR BILLING SERVICE", "LARKSPUR01")
CLEARINGHOUSE: Final = ("MERIDIAN CLEARINGHOUSE", "MERIDIAN01")
_PHONE = "5555550100"
_FIRST_ON = date(2026, 1, 1)
_CLAIMS_A_DAY = 200
_CLAIMS_A_SET = 100
_SET_REJECTED_SHARE = 0.002
_BASIS_POINTS = 10_000
_CONTROL_NUMBERS = 900_000_000
_SENT_AT, _READ_AT, _ANSWERED_AT = time(6, tzinfo=UTC), time(8, tzinfo=UTC), time(18, tzinfo=UTC)


def traffic(
    seed: int,
    claims: int | None = None,
    first_on: date = _FIRST_ON,
    claims_a_day: int = _CLAIMS_A_DAY,
    plants: Sequence[Plant] | None = None,
) -> Iterator[Day]:
    """Yield days until so many claims are billed (None: for ever) and all that they lead to has come; empty days are left out.

    What is sent after an answer (corrected, replacing, voiding and secondary claims) comes on top of `claims`. `plants` are the
    usual ones where none are given. The same arguments give the same bytes; others have other account and trace numbers.
    """
    told = usual(first_on) if plants is None else plants
    return _Traffic(seed, series_of("traffic", seed, claims, first_on, claims_a_day, told), told).days(
        claims, first_on, claims_a_day
    )


class _Traffic:
    def __init__(self, seed: int, series: str, plants: Sequence[Plant]) -> None:
        self._draw = Random(f"{seed} traffic")
        self._plants = plants
        self._desk = Desk(str(seed), series)
        self._fates = Fates(seed, series)
        self._weights = [payer.claims_weight for payer in PRIMARY]
        first = zlib.crc32(series.encode()) % _CONTROL_NUMBERS + 1  # two runs' 999 must not be taken for each other's
        self._control = first
        self._numbers: dict[str, Iterator[int]] = defaultdict(lambda: count(1)) | {"999": count(first)}

    def days(self, claims: int | None, first_on: date, claims_a_day: int) -> Iterator[Day]:
        billed = 0
        for number in count():
            on = first_on + timedelta(days=number)
            size = claims_a_day if claims is None else min(claims_a_day, claims - billed)
            billed += size
            bills = [*self._fates.follow_ups.pop(on, ()), *(self._bill(on) for _ in range(size))]
            day = self._day(on, bills)
            if day.files:
                yield day
            if claims is not None and billed >= claims and self._fates.nothing_waits():
                return

    def _bill(self, on: date) -> Bill:
        habits = HABITS[self._draw.choices(PRIMARY, self._weights)[0].id]
        fault = self._fault(habits)
        bill = self._desk.bill(habits, on, fault)
        if fault is None:
            bill = planted(bill, self._plants, habits, on, self._draw)
        if bill.fault is None:
            self._desk.remember(bill)
        return bill

    def _fault(self, habits: Habits) -> Fault | None:
        """Draw what is wrong with a claim: at the front door, or by the payer's mix of refusals."""
        draw, payer = self._draw, habits.payer
        if draw.random() < _SET_REJECTED_SHARE:
            return SET_REJECTED
        if draw.random() * _BASIS_POINTS < habits.rejected:
            return draw.choices(tuple(REJECTED.values()), REJECTED_WEIGHTS)[0]
        if draw.random() * _BASIS_POINTS < payer.denied_bp:
            family = FAMILIES[draw.choices(tuple(payer.mix), tuple(payer.mix.values()))[0]]
            return REFUSED[family[int(draw.random() * len(family))].name]
        return None

    def _day(self, on: date, bills: list[Bill]) -> Day:
        files: list[File] = []
        truths: list[ClaimTruth] = []
        if bills:
            sent, bills = self._send(on, bills)
            files += sent
            truths = [self._fates.send(bill, on, files[0].name) for bill in bills]
        for payer_id, habits in HABITS.items():
            statuses = self._fates.statuses.pop((on, payer_id), ())
            if statuses:
                number = next(self._numbers["277CA"])
                at = datetime.combine(on, _ANSWERED_AT)
                body = acknowledge(habits.payer, statuses, receiver=BILLER, control_number=number, created_at=at)
                files.append(self._file("277CA", habits.payer.prefix.lower(), on, number, body))
        for payer_id, habits in HABITS.items():
            payouts = self._fates.pay(on, payer_id)
            if payouts:
                files.append(self._pay(on, habits, payouts))
        return Day(on, tuple(files), tuple(truths))

    def _send(self, on: date, bills: list[Bill]) -> tuple[list[File], list[Bill]]:
        """Write the day's claims and what the clearinghouse says of their syntax; return the claims in the file's order."""
        runs = [(key, list(run)) for key, run in groupby(sorted(bills, key=_order), key=_kind_and_syntax)]
        groups: list[tuple[int, list[ClaimBatch]]] = []
        kind = ""
        for (claim_type, _), run in runs:
            if claim_type != kind:
                groups.append((self._control + len(groups), []))
                kind = claim_type
            for start in range(0, len(run), _CLAIMS_A_SET):
                reference = f"{on:%Y%m%d}{next(self._numbers['set']):06d}"
                claims = [bill.claim for bill in run[start : start + _CLAIMS_A_SET]]
                groups[-1][1].append(ClaimBatch(claims, reference, *BILLER, _PHONE, *CLEARINGHOUSE))
        parties = {"sender_id": BILLER[1], "receiver_id": CLEARINGHOUSE[1]}
        at = datetime.combine(on, _SENT_AT)
        batches = [batch for _, sent in groups for batch in sent]
        body = b"".join(write_claims(batches, **parties, control_number=self._control, created_at=at))
        self._control += len(groups)
        number = next(self._numbers["837"])
        parties = {"sender_id": CLEARINGHOUSE[1], "receiver_id": BILLER[1]}
        at = datetime.combine(on, _READ_AT)
        answer = answer_sets(body, groups, **parties, control_number=next(self._numbers["999"]), created_at=at)
        files = [self._file("837", "claims", on, number, body), self._file("999", "sets", on, number, answer)]
        return files, [bill for _, run in runs for bill in run]

    def _pay(self, on: date, habits: Habits, payouts: Sequence[Payout]) -> File:
        number = next(self._numbers[habits.payer.id])
        body = b"".join(
            write_interchange(
                [payout.remittance for payout in payouts],
                sender_id=habits.payer.id,
                receiver_id=BILLER[1],
                control_number=number,
                created_at=datetime.combine(on, _ANSWERED_AT),
            )
        )
        return self._file("835", habits.payer.prefix.lower(), on, number, body)

    def _file(self, kind: Kind, name: str, on: date, number: int, body: bytes) -> File:
        return File(f"{on:%Y-%m-%d}-{name}-{number:05d}.{kind.lower()}", kind, on, body)


_PLACES = {practice.billing.name: place for place, practice in enumerate(PRACTICES)}


def _kind_and_syntax(bill: Bill) -> tuple[str, bool]:
    return bill.claim.claim_type, bill.fault is SET_REJECTED


def _order(bill: Bill) -> tuple[str, bool, int]:
    """Claims of one kind, and of one practice, follow one another; those of broken syntax stand in sets of their own."""
    return *_kind_and_syntax(bill), _PLACES[bill.practice.billing.name]
