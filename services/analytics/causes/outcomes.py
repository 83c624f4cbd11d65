"""What became of each service line at its first answer: the rows that root causes are searched in.

They follow from the facts of their account alone, as what is counted does (`facts.points`), and by the same rules: the first
payer's first answer to a claim, which stays what it was when it is overturned later.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from msgspec import Struct

from services.analytics.facts import Claim, Denial, Refused, Remit
from services.analytics.facts.points import Account, Episode, first_answer, read

Subject = tuple[str, str, str, str, str, str, str, str]  # as SUBJECT_DIMENSIONS
SUBJECT_DIMENSIONS: Final = ("payer", "facility", "provider", "place", "claim_type", "authorization", "diagnosis", "coder")
DIMENSIONS: Final = (*SUBJECT_DIMENSIONS, "procedure", "modifier")
Reason = tuple[str, str]  # category, CARC
NO_MODIFIER: Final = "none"
NOT_REFUSED: Final[Reason] = ("", "")
_AUTHORIZATION: Final = {None: "", True: "named", False: "none"}
_LINES_MAX: Final = 32_767


class Outcome(NamedTuple):
    """One service of a claim at its first answer; equal services of a claim are one.

    `episode` tells the claims of an account apart; `line`: which service of the claim, from 0. `reason` is that of the largest
    refused sum. Money is integer cents. `sent_on`: when the claim was first submitted; None: not known, or told as later than its
    answer, as of what is brought in from the past.
    """

    episode: int
    line: int
    day: date
    subject: Subject
    service: str
    reason: Reason
    denied_cents: int
    claim_id: UUID | None
    denial_id: UUID | None
    sent_on: date | None = None


class Words(Struct, frozen=True):
    """What the numbers of subjects, services and reasons mean."""

    subjects: Mapping[int, tuple[str, ...]]
    services: Mapping[int, str]
    reasons: Mapping[int, Reason]


def outcomes(account: Account) -> list[Outcome]:
    """Return what became of the services of one account's claims."""
    found: list[Outcome] = []
    answered = [(episode, initial) for episode in account.episodes if (initial := first_answer(episode))]
    for number, (episode, initial) in enumerate(sorted(answered, key=_begun)):
        found += _of_claim(number, episode, initial, account)
    return found


@lru_cache(maxsize=4_096)
def outcomes_alone(payer_id: str, payment_on: date, status: str, services: tuple[str, ...]) -> tuple[Outcome, ...]:
    """Return `outcomes` of an account whose only fact is a remit that names no claim: the same for all that say the same."""
    only = Remit(_ANY, payment_on, payer_id, payment_on, status, 0, 0, len(services), services=services)
    return tuple(outcomes(read([only])))


_ANY: Final = UUID(int=0)


def _begun(answered: tuple[Episode, list[Remit]]) -> tuple[date, UUID]:
    first = answered[1][0]
    return first.payment_on, first.remit_id


def _of_claim(number: int, episode: Episode, initial: Sequence[Remit], account: Account) -> list[Outcome]:
    claim, first = episode.root, initial[0]
    refused: dict[str, dict[Reason, int]] = {}
    denied: list[Denial] = []
    for remit in initial:
        services = remit.services or (claim.services if claim else ()) or ("",)
        for service in services:
            refused.setdefault(service, {})
        denial = account.denials.get(remit.remit_id)
        if denial is not None and denial.denied_cents > 0:
            denied.append(denial)
            _spread(denial, services, refused)
    subject = _subject(claim, first.payer_id)
    sent_on = claim.came_on if claim is not None and claim.came_on <= first.payment_on else None
    largest = max(denied, key=lambda each: (each.denied_cents, each.denial_id), default=None)
    return [
        Outcome(
            number,
            line,
            first.payment_on,
            subject,
            service,
            _largest(by_reason),
            sum(by_reason.values()),
            claim.claim_id if claim else first.claim_id,
            largest.denial_id if largest else None,
            sent_on,
        )
        for line, (service, by_reason) in enumerate(list(refused.items())[:_LINES_MAX])
    ]


def _spread(denial: Denial, services: Sequence[str], refused: dict[str, dict[Reason, int]]) -> None:
    """Add a denial's reasons to the services that they are about; what is about the whole claim goes evenly to all of them."""
    for each in denial.reasons or (Refused(0, denial.category, "", denial.denied_cents),):
        of = [services[each.line - 1]] if 0 < each.line <= len(services) else services
        reason = (each.category or denial.category, each.carc)
        share, rest = divmod(max(each.cents, 0), len(of))
        for place, service in enumerate(of):
            by_reason = refused[service]
            by_reason[reason] = by_reason.get(reason, 0) + share + (place < rest)


def _largest(by_reason: dict[Reason, int]) -> Reason:
    return max(by_reason, key=lambda reason: (by_reason[reason], reason), default=NOT_REFUSED)


def _subject(claim: Claim | None, payer_id: str) -> Subject:
    if claim is None:
        return (payer_id, "", "", "", "", "", "", "")
    authorization = _AUTHORIZATION[claim.authorization]
    about = (claim.facility, claim.provider, claim.place, claim.claim_type, authorization, claim.diagnosis, claim.coder)
    return (payer_id, *about)


@lru_cache(maxsize=65_536)
def number_of(words: tuple[str, ...]) -> int:
    """Return the number by which a subject or a service is stored: 64 bits of a hash, so that it needs no asking."""
    told = words[:-1] if len(words) == len(SUBJECT_DIMENSIONS) and not words[-1] else words  # as before there were coders
    return int.from_bytes(_hash(told, 8), "big", signed=True)


@lru_cache(maxsize=4_096)
def reason_number(reason: Reason) -> int:
    """Return the number by which a reason is stored; 0: not refused."""
    return 0 if reason == NOT_REFUSED else int.from_bytes(_hash(reason, 4), "big", signed=True)


def _hash(words: tuple[str, ...], size: int) -> bytes:
    return hashlib.blake2b("\x1f".join(words).encode(), digest_size=size).digest()
