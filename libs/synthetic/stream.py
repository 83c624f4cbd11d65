"""Remittances without end, for benchmarks, chaos runs and the evaluation of models."""

import zlib
from base64 import b32encode
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

import msgspec

from libs.synthetic.adjudication import reverse
from libs.synthetic.billing import Billing
from libs.synthetic.causes import CAUSES
from libs.synthetic.model import Answer, Cause, Interchange
from libs.synthetic.offices import Office
from libs.synthetic.payers import PRIMARY

_CORRECTED_SHARE = 0.08  # of the refused claims: the payer comes back on its refusal
_TAKEN_BACK_SHARE = 0.002  # of the paid ones: the member was not covered after all
_FILES_A_DAY = 20
_YEAR_DAYS = 365
_FIRST_ON = date(2026, 1, 1)


def series_of(*told: object) -> str:
    """Return five letters that name one run of account and trace numbers, so that different runs do not collide."""
    return b32encode(zlib.crc32(repr(told).encode()).to_bytes(4, "big")).decode()[:5]


def remittances(
    seed: int, claims: int | None = None, claims_per_file: int = 200, first_on: date = _FIRST_ON
) -> Iterator[Interchange]:
    """Yield files of one payment each, until so many claims are billed (None: for ever). Memory stays that of a few files.

    About one answer in a hundred is reversed and corrected in the payer's next file; these come on top of `claims`. The same
    arguments give the same bytes; others have other account and trace numbers.
    """
    series = series_of("stream", seed, claims, claims_per_file, first_on)
    draw = Random(f"{seed} stream")
    billing = Billing(f"{seed} stream", series)
    offices = [Office(payer, str(seed), series) for payer in PRIMARY]
    weights = [payer.claims_weight for payer in PRIMARY]
    to_correct: dict[str, list[tuple[Answer, Cause | None]]] = {payer.id: [] for payer in PRIMARY}
    billed = number = 0
    while claims is None or billed < claims:
        office = draw.choices(offices, weights)[0]
        payer = office.payer
        payment_on = first_on + timedelta(days=number // _FILES_A_DAY % _YEAR_DAYS)
        first_delay, last_delay = payer.delay_days
        corrected, to_correct[payer.id] = to_correct[payer.id], []
        for answer, cause in corrected:
            office.add(reverse(answer), office.adjudicator.answer(msgspec.structs.replace(answer.claim, cause=cause)))
        size = claims_per_file if claims is None else min(claims_per_file, claims - billed)
        for _ in range(size):
            delay = first_delay + int(draw.random() * (last_delay - first_delay + 1))
            answer = office.take(billing.bill(payer, payment_on - timedelta(days=delay)))
            denied = answer.truth.denied_cents > 0
            if draw.random() < (_CORRECTED_SHARE if denied else _TAKEN_BACK_SHARE):
                to_correct[payer.id].append((answer, None if denied else CAUSES["coverage_ended"]))
        billed += size
        number += 1
        yield office.file(office.pay(payment_on))
