"""The worker's job of recounts: facts are read in one moment's view, part by part of the measures, and held against the sums and
the words of their cells.

What differs is added as a difference, in one transaction a part: events that come meanwhile add theirs beside it, and who asks sees
the sums before or after, never half. The end of the lease is the proof that the recount is still this worker's.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from msgspec.structs import replace

from libs.common.clock import Clock
from libs.common.database import Database, freeze
from libs.common.messaging.brokers import OPEN, BrokerAccess
from libs.common.worker import look_again
from services.analytics import queries
from services.analytics import store as sums_store
from services.analytics.causes import store as outcomes
from services.analytics.causes.outcomes import Outcome
from services.analytics.causes.outcomes import outcomes as outcomes_of
from services.analytics.facts.measures import MEASURES, Cell
from services.analytics.facts.points import JournalKey, journal, read
from services.analytics.recounts import store
from services.analytics.recounts.rereading import reread
from services.analytics.recounts.store import REPORTED_MAX, Difference, Recount

log = structlog.get_logger()

_LEASE: Final = timedelta(minutes=2)
_TENDED_AFTER: Final = timedelta(seconds=10)
_SUMS_A_PART: Final = 300_000
_ACCOUNTS_AT_ONCE: Final = 500
_OF_ACCOUNT: Final = -1  # in the place of a grain
_OF_CELL: Final = -2
_NAMES: Final = {number: name for name, (number, _) in MEASURES.items()}

Rows = dict[sums_store.Row, list[int]]


class Lost(Exception):  # noqa: N818 - says what happened
    """Another worker has the recount now."""


class Recounter:
    """Works off recounts, for ever. Several may run: the lease keeps them apart."""

    def __init__(
        self, database: Database, clock: Clock, *, bootstrap: str, access: BrokerAccess = OPEN, sums_a_part: int = _SUMS_A_PART
    ) -> None:
        self._database = database
        self._clock = clock
        self._bootstrap, self._access = bootstrap, access
        self._sums_a_part = sums_a_part

    async def run(self) -> None:
        """Work until cancelled."""
        await look_again(self.step, waiting="recount_waits", orders=self._database.listener)

    async def step(self) -> float | None:
        """Do one recount; None where there is none."""
        now = self._clock.now()
        async with self._database.begin() as tx:
            recount = await store.take(tx, now, now + _LEASE)
        if recount is None:
            return None
        try:
            await self._work(_Held(self._database, self._clock, recount))
        except Lost:
            log.warning("recount_lost")
        return 0.0

    async def _work(self, held: "_Held") -> None:
        tenant_id = held.recount.tenant_id
        if held.recount.reread:
            await held.tell(state="reading", facts_new=0)
            async for new in reread(self._database, self._bootstrap, tenant_id, self._access):
                await held.tend(facts_new=held.recount.facts_new + new)
        async with self._database.begin() as tx:
            parts = min(len(MEASURES), await store.count_sums(tx, tenant_id) // self._sums_a_part + 1)
        await held.tell(state="counting", parts=parts)
        for part in range(parts):
            await self._part(held, part, parts)
        await self._cells(held)
        await self._outcomes(held)
        await held.tell(state="done")

    async def _part(self, held: "_Held", part: int, parts: int) -> None:
        """Hold the measures of one part against the facts; with `repair` make them right."""
        expected, found, cells, facts = await self._both(held, part, parts)
        held.cells |= {(row[0], row[5]): cells[row[0], row[5]] for row in expected}
        wrong = {
            row: sums for row in expected.keys() | found.keys() if (sums := _less(expected.get(row), found.get(row))) != [0, 0]
        }
        recount = held.recount
        room = REPORTED_MAX - len(recount.report)
        reported = [_difference(row, expected, found, cells) for row in sorted(wrong)[:room]]
        told = {
            "parts_done": part + 1,
            "facts": facts,
            "sums": recount.sums + len(expected),
            "differing": recount.differing + len(wrong),
            "report": (*recount.report, *reported),
        }
        await held.tell(wrong if recount.repair else {}, cells if recount.repair and wrong else {}, **told)

    async def _cells(self, held: "_Held") -> None:
        """Hold the words of the cells against those of the sums: a sum whose cell is lost would be in no group and no filter."""
        cells = held.cells
        async with self._database.begin() as tx:
            lost = await sums_store.lost_cells(tx, cells)
        recount = held.recount
        reported = [
            Difference("cells", "", "", cells[named], _OF_CELL, (1, 0), (int(is_there), 0))
            for named, is_there in sorted(lost.items())[: REPORTED_MAX - len(recount.report)]
        ]
        right = {named: cells[named] for named in lost} if recount.repair else {}
        await held.tell(cells=right, differing=recount.differing + len(lost), report=(*recount.report, *reported))

    async def _both(self, held: "_Held", part: int, parts: int) -> tuple[Rows, Rows, dict[tuple[str, int], Cell], int]:
        """Return the sums that the facts of one moment come to, and those that stand in that moment."""
        tenant_id = held.recount.tenant_id
        counted: dict[JournalKey, list[int]] = {}
        facts = 0
        async with self._database.begin() as tx:
            await freeze(tx)
            async for some in queries.accounts(tx, tenant_id):
                for _, of_account in some:
                    facts += len(of_account)
                    _count(of_account, part, parts, counted)
                await held.tend()
            expected, cells = sums_store.rows_of({tenant_id: counted})
            found: Rows = {}
            async for key, sums in queries.all_sums(tx, tenant_id):
                if key[1] % parts == part:
                    found[(tenant_id, *key)] = list(sums)
        return {row: sums for row, sums in expected.items() if sums != [0, 0]}, found, cells, facts

    async def _outcomes(self, held: "_Held") -> None:
        """Hold the lines in which root causes are searched against the facts, account by account; with `repair` make them right."""
        tenant_id = held.recount.tenant_id
        wrong: list[Difference] = []
        lines = 0
        async with self._database.begin() as tx:
            await freeze(tx)
            async for some in queries.accounts(tx, tenant_id):
                stand = await outcomes.standing(tx, tenant_id, [key for key, _ in some])
                for key, facts in some:
                    expected, found = outcomes_of(read(facts)), stand.get(key, [])
                    lines += len(expected)
                    if sorted(expected, key=_place) != sorted(found, key=_place):
                        wrong.append(_of_account(key, expected, found))
                await held.tend()
            orphans = await outcomes.orphans(tx, tenant_id)
            wrong += [_of_account(key, [], found) for key, found in (await outcomes.standing(tx, tenant_id, orphans)).items()]
        recount = held.recount
        report = (*recount.report, *wrong[: REPORTED_MAX - len(recount.report)])
        await held.tell(outcomes=lines, differing=recount.differing + len(wrong), report=report)
        if recount.repair:
            for first in range(0, len(wrong), _ACCOUNTS_AT_ONCE):
                await held.repair([(tenant_id, UUID(each.cell[0])) for each in wrong[first : first + _ACCOUNTS_AT_ONCE]])


class _Held:
    """A recount under this worker's lease."""

    def __init__(self, database: Database, clock: Clock, recount: Recount) -> None:
        self._database = database
        self._clock = clock
        self.recount = recount
        self.cells: dict[tuple[str, int], Cell] = {}  # of the sums of all parts so far

    async def tend(self, **told: Any) -> None:
        """Lengthen the lease where that is due."""
        self.recount = replace(self.recount, **told)
        if self._clock.now() - self.recount.updated_at > _TENDED_AFTER:
            await self.tell()

    async def tell(self, repair: Mapping[Any, Any] | None = None, cells: Mapping[Any, Cell] | None = None, **told: Any) -> None:
        """Write how far it is, and with it, in one transaction, what makes the sums right. Errors: Lost."""
        now: datetime = self._clock.now()
        recount = replace(self.recount, **told, updated_at=now, leased_until=now + _LEASE)
        async with self._database.begin() as tx:
            if not await store.update(tx, recount, self.recount.leased_until):
                raise Lost
            if cells:
                await sums_store.name_cells(tx, cells)
            if repair:
                await sums_store.add_rows(tx, repair, {})
        self.recount = recount

    async def repair(self, accounts: list[sums_store.Account]) -> None:
        """Write accounts' outcomes anew, of the facts that they have by now. Errors: Lost."""
        now: datetime = self._clock.now()
        recount = replace(self.recount, updated_at=now, leased_until=now + _LEASE)
        async with self._database.begin() as tx:
            if not await store.update(tx, recount, self.recount.leased_until):
                raise Lost
            await outcomes.begin(tx, alone=True)
            known = await sums_store.facts_of(tx, accounts)
            became = {account: outcomes_of(read(known.get(account, []))) for account in accounts}
            await outcomes.replace(tx, became)
            await sums_store.lock(tx)
            await outcomes.name(tx, became)
        self.recount = recount


def _place(each: Outcome) -> tuple[int, int]:
    return each.episode, each.line


def _of_account(key: UUID, expected: Sequence[Outcome], found: Sequence[Outcome]) -> Difference:
    told = (len(expected), sum(each.denied_cents for each in expected))
    stands = (len(found), sum(each.denied_cents for each in found))
    day = min((each.day for each in (*expected, *found)), default=None)
    return Difference("outcomes", day.isoformat() if day else "", "", (str(key),), _OF_ACCOUNT, told, stands)


def _count(facts: list[Any], part: int, parts: int, counted: dict[JournalKey, list[int]]) -> None:
    for key, (count, amount) in journal(facts, read(facts)).items():
        if MEASURES[key[0]][0] % parts == part:
            sums = counted.setdefault(key, [0, 0])
            sums[0] += count
            sums[1] += amount


def _less(expected: list[int] | None, found: list[int] | None) -> list[int]:
    (count, amount), (count_found, amount_found) = expected or (0, 0), found or (0, 0)
    return [count - count_found, amount - amount_found]


def _difference(row: sums_store.Row, expected: Rows, found: Rows, cells: Mapping[tuple[str, int], Cell]) -> Difference:
    tenant_id, grain, measure, day, known_on, cell = row
    told, stands = expected.get(row, [0, 0]), found.get(row, [0, 0])
    return Difference(
        measure=_NAMES.get(measure, str(measure)),
        day=day.isoformat(),
        known_on=known_on.isoformat(),
        cell=cells.get((tenant_id, cell), (str(cell),)),
        grain=grain,
        expected=(told[0], told[1]),
        found=(stands[0], stands[1]),
    )
