"""Ingest's worker: takes files that wait, reads them chunk by chunk, and books what they hold in transactions of some claims.

Killed anywhere, a file is read again from its start: remits that were booked are known by their ids, so nothing doubles and no
event goes out twice.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import asyncpg
import structlog
from opentelemetry.trace import SpanKind
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common import ledger, telemetry
from libs.common.clock import Clock
from libs.common.contracts import remit_received
from libs.common.contracts.envelope import Event
from libs.common.database import Database
from libs.common.errors import Transient
from libs.common.messaging import outbox
from libs.common.pace import rest
from libs.x12 import Finding, InterchangeReader, Item
from services.ingest import store
from services.ingest.booking import (
    MESSAGES,
    Candidate,
    Kind,
    Part,
    Progress,
    Sorted,
    Stored,
    contradicting_payment,
    status_of,
    take,
    tallied,
)
from services.ingest.claims import candidates, intake
from services.ingest.followups.arrivals import NewAnswer, remits_came
from services.ingest.followups.rules import Subject
from services.ingest.followups.store import touch
from services.ingest.matches.booking import answer_of, match, settle
from services.ingest.matches.store import has_claims
from services.ingest.matching import Verdict
from services.ingest.measures import count_read
from services.ingest.packing import unpack
from services.ingest.received import Received
from services.ingest.sandbox.payer import Sandbox
from services.ingest.sandbox.store import insert_letters
from services.ingest.sorting import EQUALS_MAX, in_question, payments_in_question, sort

log = structlog.get_logger()

BATCH_CLAIMS = 1000
_BYTES_A_BATCH = 4 * 1024 * 1024  # however few claims they hold: bounds the memory, shows progress and keeps the lease
_FILES_TOGETHER = 64
_BYTES_TOGETHER = 256 * 1024  # an open transaction holds up the relay: some hundred claims at most
_LEASE = timedelta(seconds=15)
_TENANTS_TOGETHER = 4  # each has a file open, a piece of it in memory, and a lease that must last until its next turn
_LOOK_SECONDS = 0.2  # for files of other tenants
_POLL_SECONDS = 2.0  # who comes is told of
_GATHER_SECONDS = 0.1
_FAILURES_MAX = 3
_TRIES_A_BATCH = 5


class LeaseLost(Exception):  # noqa: N818 - not an error: somebody else reads the file now
    """This worker was away for so long that another one took its file over."""


class IntakeReader:
    """Reads waiting interchanges, for ever: small ones together, others one at a time. Several may run: locks and leases keep them
    apart.
    """

    def __init__(
        self, database: Database, clock: Clock, pseudonym_key: bytes, sandbox: Sandbox, *, batch_claims: int = BATCH_CLAIMS
    ) -> None:
        self._database = database
        self._pseudonym_key = pseudonym_key
        self._sandbox = sandbox
        self._clock = clock
        self._batch_claims = batch_claims
        self._wake = asyncio.Event()
        database.listener.call(store.CHANNEL, self._come)
        self._one_by_one = False
        self._look_for_others_at = 0.0  # unless a large file is told of before
        self._turn = asyncio.Lock()  # goes round among the files that are open: it is given in the order of asking
        self._served_small = ""  # the tenant whose turn was last
        self._served = ""

    async def run(self) -> None:
        """Work until cancelled; what is transient is waited out."""
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            began = loop.time()
            try:
                if await self.read_next(small_alone=began < self._look_for_others_at):
                    await rest(loop.time() - began, _GATHER_SECONDS)
                    continue
            except Transient as error:
                log.warning("intake_waits", error=str(error))
                await asyncio.sleep(0.5)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._wake.wait()

    def _come(self, size_bytes: str) -> None:
        """Note that a file came."""
        if not size_bytes.isdecimal() or int(size_bytes) > store.SMALL_BYTES:
            self._look_for_others_at = 0.0
        self._wake.set()

    async def read_next(self, *, small_alone: bool = False) -> bool:
        """Read what waits: small files together, and the oldest of the others to its end. False when none waits."""
        small = await self._read_small()
        if small_alone and not self._one_by_one:
            return small
        # Before it is looked: a file that is told of meanwhile may not be among those that are seen.
        self._look_for_others_at = asyncio.get_running_loop().time() + _POLL_SECONDS
        other = await self._read_leased()
        if other:
            self._look_for_others_at = 0.0
        else:
            self._one_by_one = False
        return small or other

    async def _read_small(self) -> bool:
        """Read small files in one transaction that locks them: killed, it leaves them as they were. False when none waits.

        Where a bug of ours breaks it, all that waits is read one by one, so that only the file that meets it fails.
        """
        if self._one_by_one:
            return False
        for _ in range(_TRIES_A_BATCH):
            try:
                with contextlib.ExitStack() as spans:
                    async with self._database.begin() as tx:
                        read = await self._read_together(tx, spans)
            except Transient:
                raise
            except asyncpg.UniqueViolationError:
                continue  # as in _flush
            except Exception:
                log.exception("reading_together_failed")
                break
            if read:
                count_read(read, self._clock.now())
                log.info("interchanges_read", count=len(read), claims=sum(each.claims for each in read))
            return bool(read)
        self._one_by_one = True
        self._look_for_others_at = 0.0
        return False

    async def _read_together(self, tx: AsyncConnection, spans: contextlib.ExitStack) -> list[Progress]:
        """Read some small files of one tenant. One with claims or answers comes alone: it locks accounts in an order of its own."""
        parts: list[Part] = []
        bytes_read = 0
        for received, body in await store.lock_small(tx, _FILES_TOGETHER, self._served_small):
            _, traceparent = spans.enter_context(telemetry.span("read interchange", SpanKind.INTERNAL, {}, received.traceparent))
            part = Part(Progress(replace(received, traceparent=traceparent), pseudonym_key=self._pseudonym_key))
            reader, chunk = InterchangeReader(), unpack(body)
            take(part.progress, part.batch, [*reader.feed(chunk), *reader.close()])
            if parts and part.batch.intake:
                break
            parts.append(part)
            bytes_read += len(chunk)
            if part.batch.intake or bytes_read > _BYTES_TOGETHER:
                break
            await asyncio.sleep(0)  # the relay shares this process
        if parts:
            self._served_small = parts[0].received.tenant_id
            await self._write(tx, parts, await self._sort(tx, parts))
            await store.finish(tx, [(part.progress, status_of(part.progress)) for part in parts], self._clock.now())
        return [part.progress for part in parts]

    async def _read_leased(self) -> bool:
        """Read waiting files of any size to their ends, one a tenant and those of several tenants by turns, until none waits."""
        open_: dict[str, asyncio.Task[None]] = {}
        found = False
        try:
            while True:
                leased = await self._lease_another(open_) if len(open_) < _TENANTS_TOGETHER else None
                if leased is not None:
                    found = True
                    self._served = leased[0].received.tenant_id
                    open_[self._served] = asyncio.create_task(self._read_one(*leased))
                    continue
                if not open_:
                    return found
                await asyncio.wait(open_.values(), timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                async with self._turn:
                    await self._read_small()  # what is small does not wait until nothing else does
                for tenant_id in [tenant_id for tenant_id, task in open_.items() if task.done()]:
                    open_.pop(tenant_id).result()
        finally:
            for task in open_.values():
                task.cancel()
            await asyncio.gather(*open_.values(), return_exceptions=True)

    async def _lease_another(self, open_: Collection[str]) -> tuple[Progress, int] | None:
        async with self._database.begin() as tx:
            return await store.lease(tx, _LEASE, self._served, open_, or_small=self._one_by_one)

    async def _read_one(self, progress: Progress, failures: int) -> None:
        received = progress.received
        progress.pseudonym_key = self._pseudonym_key
        try:
            with telemetry.span("read interchange", SpanKind.INTERNAL, {}, received.traceparent) as (_, traceparent):
                progress.received = replace(received, traceparent=traceparent)
                await self.read(progress)
        except asyncio.CancelledError:
            with contextlib.suppress(Transient):
                async with self._database.begin() as tx:
                    await store.release(tx, progress, failed=False)
            raise
        except Transient:
            raise  # the lease ends by itself
        except LeaseLost:
            log.warning("lease_lost", interchange_id=str(received.interchange_id))
        except Exception:
            log.exception("reading_failed", interchange_id=str(received.interchange_id), attempt=failures + 1)
            await self._give_back(progress, failures + 1)

    async def _give_back(self, progress: Progress, failures: int) -> None:
        """A bug of ours must neither block the other files nor be tried for ever."""
        received = progress.received
        async with self._database.begin() as tx:
            if failures < _FAILURES_MAX:
                await store.release(tx, progress, failed=True)
            elif await store.note_progress(tx, progress, progress.bytes_written, 1, _LEASE):
                await store.forget_notes(tx, received)
                failed = Part(Progress(received, claims=progress.claims))
                finding = Finding("internal_error", "error", MESSAGES["internal_error"], 0, 0)
                await store.insert_findings(tx, [failed], {received.interchange_id: [finding]})
                failed.progress.findings = 1
                await store.finish(tx, [(failed.progress, "rejected")], self._clock.now())
                count_read([failed.progress], self._clock.now())

    async def read(self, progress: Progress) -> None:
        """Read one leased file, a block at each turn."""
        part, reader = Part(progress), InterchangeReader()
        bytes_read = ordinal = 0
        more = True
        while more:
            async with self._turn:
                async with self._database.begin() as tx:
                    body, more = await store.read_chunk(tx, progress.received, ordinal)
                chunk = unpack(body)
                bytes_read += len(chunk)
                ordinal += 1
                await self._book(part, reader.feed(chunk), bytes_read)
        async with self._turn:
            await self._book(part, reader.close(), bytes_read)
            await self._flush(part, bytes_read, last=True)
        count_read([progress], self._clock.now())
        log.info("interchange_read", interchange_id=str(part.received.interchange_id), claims=progress.claims, bytes=bytes_read)

    async def _book(self, part: Part, items: Sequence[Item], bytes_read: int) -> None:
        """Add items to the batch and write it out whenever it is full; the rest waits for more."""
        for start in range(0, len(items), self._batch_claims):
            take(part.progress, part.batch, items[start : start + self._batch_claims])
            if part.batch.is_full(self._batch_claims):
                await self._flush(part, bytes_read)
                await self._read_small()  # what is small does not wait for the end of what is large
            await asyncio.sleep(0)  # the relay shares this process
        if bytes_read - part.progress.bytes_written >= _BYTES_A_BATCH:
            await self._flush(part, bytes_read)

    async def _flush(self, part: Part, bytes_read: int, *, last: bool = False) -> None:
        """Write the batch in one transaction; the last one of a file ends its reading."""
        progress = part.progress
        for attempt in range(1, _TRIES_A_BATCH + 1):
            try:
                async with self._database.begin() as tx:
                    sorted_ = await self._sort(tx, [part])
                    findings = progress.findings + len(sorted_.findings[part.received.interchange_id])
                    held = await store.note_progress(tx, progress, bytes_read, findings, _LEASE)
                    if held is None:
                        raise LeaseLost
                    await self._write(tx, [part], sorted_)
                    if last:
                        await store.finish(tx, [(progress, status_of(progress))], self._clock.now())
                break
            except asyncpg.UniqueViolationError:
                # Another worker booked the same claims from another file between our look and our write: look again.
                if attempt == _TRIES_A_BATCH:
                    raise
        progress.held, progress.bytes_written = held, bytes_read
        part.batch.clear()

    async def _sort(self, tx: AsyncConnection, parts: Sequence[Part]) -> Sorted:
        """Write one tenant's payments, and tell what is new of the claims that they pay."""
        contradicting = await store.insert_remittances(tx, parts)
        tenant_id = parts[0].received.tenant_id
        candidates = [each for part in parts for each in part.batch.candidates]
        stored = await store.stored_remits(tx, tenant_id, [each.remit_id for each in candidates]) if candidates else {}
        equals = await self._equals(tx, tenant_id, in_question(candidates, stored))
        open_cents = await store.open_cents(tx, tenant_id, payments_in_question(candidates, equals))
        resent = {
            (part.received.interchange_id, ordinal)
            for part in parts
            for ordinal, tally in part.progress.tallies.items()
            if tally.duplicate
        }
        sorted_ = sort(tenant_id, candidates, stored, equals, open_cents, resent)
        for interchange_id, payment in contradicting:
            sorted_.findings[interchange_id].append(contradicting_payment(payment))
        return sorted_

    async def _write(self, tx: AsyncConnection, parts: Sequence[Part], sorted_: Sorted) -> None:
        """Write one tenant's parts of files: claims, remits, ledger, events, findings, transactions that have ended."""
        for part in parts:
            intake_ = part.batch.intake
            if intake_:
                later = {each.event.claim_key for each in sorted_.new}
                booked = await intake.book(tx, part.received, part.received.interchange_id, intake_, later)
                await outbox.append(tx, booked.events)
                await insert_letters(tx, self._sandbox.letters(part.received, booked.claims))
                for ordinal, counts in candidates.tally([*intake_.claims, *intake_.answers, *intake_.requests], booked.new).items():
                    sorted_.tallies[part.received.interchange_id, ordinal].update(counts)
        if sorted_.new:
            await self._insert(tx, {part.received.interchange_id: part.received for part in parts}, sorted_.new)
        tallies = tallied(parts, sorted_)
        await store.insert_transactions(tx, parts, tallies)
        await store.insert_findings(tx, parts, sorted_.findings)
        await touch(tx, parts[0].received.tenant_id, _payments(parts), self._clock.now())
        for part in parts:  # nothing can fail any more but the commit
            part.end(tallies, sorted_)

    @staticmethod
    async def _equals(tx: AsyncConnection, tenant_id: str, asked: Mapping[Kind, Candidate]) -> dict[Kind, list[Stored]]:
        """Return what is stored of some kinds of claims, place by place, for all at once: places are taken one after the other."""
        found: dict[Kind, list[Stored]] = {kind: [] for kind in asked}
        waiting = dict(asked)
        for place in range(EQUALS_MAX):
            if not waiting:
                break
            names = {kind: each.name_at(tenant_id, place) for kind, each in waiting.items()}
            stored = await store.stored_remits(tx, tenant_id, list(names.values()))
            waiting = {kind: each for kind, each in waiting.items() if names[kind] in stored}
            for kind in waiting:
                found[kind].append(stored[names[kind]])
        return found

    async def _insert(self, tx: AsyncConnection, files: Mapping[UUID, Received], new: Sequence[Candidate]) -> None:
        tenant_id = next(iter(files.values())).tenant_id
        counts = Counter(each.event.claim_key for each in new)
        versions = await store.bump_accounts(tx, tenant_id, counts)
        answers = {each.row_id: answer_of(each.remit, each.event, each.payment) for each in new}
        bills = await has_claims(tx, tenant_id)
        verdicts = await match(tx, tenant_id, answers, self._clock.now(), has_claims=bills)
        numbered = []
        events = []
        for each in new:
            key = each.event.claim_key
            versions[key] += 1
            numbered.append((each, versions[key]))
            events.append(_event(files[each.event.interchange_id], each, versions[key], verdicts[each.row_id].claim_id))
        await store.insert_remits(tx, tenant_id, numbered)
        await settle(tx, tenant_id, verdicts.values())
        if bills:  # else there is nothing to follow up; the sweep finds what a first claim makes urgent
            await remits_came(tx, tenant_id, _came(files, new, verdicts), self._clock.now())
        await outbox.append(tx, events)
        await ledger.book(tx, (_entry(tenant_id, each) for each in new))  # late: a day's row is everybody's, and locked to the end


def _payments(parts: Iterable[Part]) -> Iterator[tuple[Subject, UUID]]:
    """Yield the payments whose end was read: follow-up is to look at them, too."""
    for part in parts:
        remittances = part.progress.remittances
        paid = {remittances[each.ordinal] for each in part.batch.closed if each.ordinal in remittances}
        yield from (("remittance", each) for each in paid)


def _came(files: Mapping[UUID, Received], new: Sequence[Candidate], verdicts: Mapping[UUID, Verdict]) -> list[NewAnswer]:
    """Return new remits as follow-up sees them."""
    days = {file: received.received_at.date() for file, received in files.items()}
    came = []
    for each in new:
        event, verdict = each.event, verdicts[each.row_id]
        told = event.claim_status_code, verdict.result, verdict.claim_id
        came.append(NewAnswer(each.remit_id, days[event.interchange_id], *told))
    return came


def _entry(tenant_id: str, each: Candidate) -> ledger.Entry:
    event = each.event
    return ledger.Entry(
        tenant_id=tenant_id,
        payment_on=event.payment_on,
        charge_cents=event.charge_cents,
        paid_cents=event.paid_cents,
        adjustments_by_group=event.totals.adjustments_by_group,
        unbalanced_cents=event.totals.unbalanced_cents,
    )


def _event(received: Received, each: Candidate, sequence: int, claim_id: UUID | None) -> Event:
    return Event(
        topic=remit_received.TOPIC,
        type=remit_received.TYPE,
        key=str(each.event.claim_key),
        tenant_id=received.tenant_id,
        sequence=sequence,
        data=each.answering(claim_id),
        id=each.row_id,
        correlation_id=str(received.interchange_id),
        causation_id=str(received.interchange_id),
        traceparent=received.traceparent,
    )
