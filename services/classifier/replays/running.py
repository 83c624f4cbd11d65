"""The worker's job of replays: batch by batch, each in one transaction with its position, so that a kill anywhere loses and doubles
nothing: whoever comes next goes on where the last commit stood.
"""

from typing import Final

import structlog
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.clock import Clock
from libs.common.contracts import denial_classified
from libs.common.contracts.envelope import Event, first_event
from libs.common.database import Database
from libs.common.messaging import outbox
from libs.common.worker import look_again
from services.classifier.odds.book import PUBLISHED_ONLY, Book, with_odds
from services.classifier.odds.outcomes import KeptDenial
from services.classifier.replays import store
from services.classifier.replays.comparing import TRANSITIONS, compare, revised
from services.classifier.replays.store import Replay
from services.classifier.rules import store as rules_store
from services.classifier.rules.model import RuleSet

log = structlog.get_logger()

BATCH: Final = 2000


class Replayer:
    """Works off replays, for ever. Several may run: a row's lock keeps them apart."""

    def __init__(self, database: Database, clock: Clock, *, batch: int = BATCH, odds: Book = PUBLISHED_ONLY) -> None:
        self._database = database
        self._clock = clock
        self._batch = batch
        self._odds = odds

    async def run(self) -> None:
        """Work until cancelled."""
        await look_again(self.step, waiting="replay_waits", orders=self._database.listener)

    async def step(self) -> float | None:
        """Do one batch of the oldest replay with work left; return how long to rest after it, or None where there is no work."""
        async with self._database.begin() as tx:
            replay = await store.next_to_do(tx)
            if replay is None:
                return None
            rules = await rules_store.rule_set(tx, replay.tenant_id, replay.version)
            if rules is None:  # a version is never deleted, and is there before its replay
                raise AssertionError("a replay of rules that are not there")
            done = await (self._apply if replay.state == "applying" else self._compare)(tx, replay, rules)
        return done / replay.per_second if replay.per_second else 0.0

    def _size(self, replay: Replay) -> int:
        return min(self._batch, replay.per_second or self._batch)

    async def _compare(self, tx: AsyncConnection, replay: Replay, rules: RuleSet) -> int:
        if replay.state == "waiting":
            total = await store.count(tx, replay)
            replay = replace(replay, state=TRANSITIONS[replay.state, "begin"], total=total)
        found = await store.next_past(tx, replay, self._size(replay))
        changes = [
            (past, told)
            for past in found
            if past.adjudicated is not None and (told := compare(past.stands, past.adjudicated, rules)) is not None
        ]
        await store.insert_changes(tx, replay, changes)
        replay = replace(
            replay,
            compared=replay.compared + len(found),
            unjudged=replay.unjudged + sum(past.adjudicated is None for past in found),
            changed=replay.changed + len(changes),
            updated_at=self._clock.now(),
        )
        if len(found) < self._size(replay):
            replay = replace(replay, state=TRANSITIONS[replay.state, "end"], position=store.NOWHERE)
        else:
            replay = replace(replay, position=found[-1].row_id)
        await store.update(tx, replay)
        return len(found)

    async def _apply(self, tx: AsyncConnection, replay: Replay, rules: RuleSet) -> int:
        """Judge the denials again, as they stand now: a reversal may have come since they were compared."""
        now = self._clock.now()
        found, position, passed = await store.next_changed(tx, replay, self._size(replay))
        changed = [
            (replay.tenant_id, KeptDenial(revised(denial, told, now), adjudicated.claim.claim_type))
            for denial, adjudicated in found
            if denial.status == "active" and adjudicated is not None and (told := compare(denial, adjudicated, rules)) is not None
        ]
        denials = with_odds(changed, self._odds)
        await store.revise(tx, replay.tenant_id, denials)
        replay = replace(
            replay,
            applied=replay.applied + len(denials),
            passed=replay.passed + passed,
            position=position or replay.position,
            updated_at=now,
        )
        if passed < self._size(replay):
            replay = replace(replay, state=TRANSITIONS[replay.state, "end"])
        await store.update(tx, replay)
        await outbox.append(tx, [_event(replay, denial) for denial in denials])
        return passed


def _event(replay: Replay, denial: denial_classified.DenialClassifiedV1) -> Event:
    return first_event(
        denial_classified.TOPIC,
        denial_classified.TYPE,
        denial,
        key=denial.claim_key,
        tenant_id=replay.tenant_id,
        sequence=denial.revision,
        correlation_id=str(replay.replay_id),
        traceparent=None,
    )
