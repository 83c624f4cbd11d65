"""What follow-up makes of what comes in, in the transaction that books it: mostly it is plain already when it must be looked at, or
that it need not be; then the scan is spared. Nothing here commits.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.ingest.checks.loading import payer_rules
from services.ingest.followups import store
from services.ingest.followups.facts import filing_limit
from services.ingest.followups.rules import NO_ANSWER, Judged, judge_new_claim, judge_new_remit
from services.ingest.matching import Result


class NewClaim(NamedTuple):
    """What decides when a claim that just came in is to be looked at; many have it in common."""

    payer_id: str
    frequency_code: str
    sent_on: date
    last_service_on: date | None


class NewAnswer(NamedTuple):
    """A remit that just came in, and what it was matched with."""

    remit_id: UUID
    came_on: date
    claim_status_code: str
    result: Result
    claim_id: UUID | None


async def claims_came(tx: AsyncConnection, tenant_id: str, came: Mapping[UUID, NewClaim], now: datetime, *, copies: bool) -> None:
    """Watch claims that nobody has answered so far. `copies`: this role may COPY."""
    rules = await payer_rules(tx, tenant_id, {each.payer_id for each in came.values()})
    looks = {
        each: _moment(
            judge_new_claim(
                each.frequency_code, each.sent_on, filing_limit(rules.get(each.payer_id, ()), each.last_service_on), now.date()
            ),
            now,
        )
        for each in set(came.values())
    }
    await store.watch_new(tx, tenant_id, "claim", {name: looks[each] for name, each in came.items()}, copies=copies)


async def remits_came(tx: AsyncConnection, tenant_id: str, came: Sequence[NewAnswer], now: datetime) -> None:
    """Watch remits for which no claim was found, and let go of claims that are answered now; for the worker's role."""
    alone = [each for each in came if each.claim_id is None]
    looks = {kind: _moment(judge_new_remit(*kind), now) for kind in {(each.result, each.came_on) for each in alone}}
    await store.watch_new(tx, tenant_id, "remit", {each.remit_id: looks[each.result, each.came_on] for each in alone}, copies=True)
    answers = Counter(each.claim_id for each in came if each.claim_id is not None)
    unclear = {each.claim_id for each in came if each.claim_id is not None and each.claim_status_code in NO_ANSWER}
    if answers:
        await _let_go(tx, tenant_id, answers, unclear, now)


async def _let_go(
    tx: AsyncConnection, tenant_id: str, answers: Mapping[UUID, int], unclear: Collection[UUID], now: datetime
) -> None:
    """Watch answered claims no more, where nothing else is to be said of them: no other answer, no follow-up, no fee schedule.

    A scan that looks at one of them holds its watch. So that is taken away first: what the scan wrote is seen then.
    """
    await store.unwatch(tx, tenant_id, "claim", answers)
    plain = {claim_id: count for claim_id, count in answers.items() if claim_id not in unclear}
    again = set(unclear) | await store.claims_to_judge(tx, tenant_id, plain)
    await store.touch(tx, tenant_id, (("claim", each) for each in again), now)


def _moment(judged: Judged, now: datetime) -> datetime:
    """Return when to look at what is new: at once where something is found."""
    return now if judged.found or judged.look_on is None else datetime.combine(judged.look_on, time(), UTC)
