"""Ingest's worker: takes files that wait, reads them chunk by chunk, and books what they hold in transactions of some claims.

Killed anywhere, a file is read again from its start: remits that were booked are known by their ids, so nothing doubles and no
event goes out twice.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import cramjam
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
from libs.x12 import Finding, InterchangeReader, Item
from services.ingest import store
from services.ingest.booking import (
    EQUALS_LOOKED_AT,
    MESSAGES,
    Batch,
    Candidate,
    Progress,
    Sorted,
    contradicting_payment,
    contradictions,
    sort,
    status_of,
    take,
)
from services.ingest.claims import candidates, intake
from services.ingest.followups.rules import Subject
from services.ingest.followups.store import touch
from services.ingest.matches.booking import answer_of, match, settle
from services.ingest.matching import Verdict
from services.ingest.received import Received
from services.ingest.sandbox.payer import Sandbox
from services.ingest.sandbox.store import insert_letters

log = structlog.get_logger()

BATCH_CLAIMS = 2000
_BYTES_A_BATCH = 4 * 1024 * 1024  # however few claims they hold: bounds the memory, shows progress and keeps the lease
_LEASE = timedelta(seconds=15)
_POLL_SECONDS = 1.0
_FAILURES_MAX = 3
_TRIES_A_BATCH = 5


class LeaseLost(Exception):  # noqa: N818 - not an error: somebody else reads the file now
    """This worker was away for so long that another one took its file over."""


class IntakeReader:
    """Reads waiting interchanges, one at a time, for ever. Several may run: a lease keeps them apart."""

    def __init__(
        self, database: Database, clock: Clock, pseudonym_key: bytes, sandbox: Sandbox, *, batch_claims: int = BATCH_CLAIMS
    ) -> None:
        self._database = database
        self._pseudonym_key = pseudonym_key
        self._sandbox = sandbox
        self._clock = clock
        self._batch_claims = batch_claims
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled; what is transient is waited out."""
        listener = asyncio.create_task(self._listen())
        try:
            while True:
                self._wake.clear()
                try:
                    if await self.read_next():
                        continue
                except Transient as error:
                    log.warning("intake_waits", error=str(error))
                    await asyncio.sleep(0.5)
                    continue
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _POLL_SECONDS)
        finally:
            listener.cancel()

    async def _listen(self) -> None:
        """Wake at each new file; a lost connection is opened again, and the slow poll covers the gap."""
        while True:
            with contextlib.suppress(Transient):
                connection = await self._database.connect_alone()
                lost = asyncio.Event()
                connection.add_termination_listener(lambda _, lost=lost: lost.set())
                await connection.add_listener(store.CHANNEL, lambda *_: self._wake.set())
                self._wake.set()
                try:
                    await lost.wait()
                finally:
                    connection.terminate()
            await asyncio.sleep(0.5)

    async def read_next(self) -> bool:
        """Read one waiting file to its end; False when none waits."""
        async with self._database.begin() as tx:
            leased = await store.lease(tx, _LEASE)
        if leased is None:
            return False
        progress, failures = leased
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
        return True

    async def _give_back(self, progress: Progress, failures: int) -> None:
        """A bug of ours must neither block the other files nor be tried for ever."""
        received = progress.received
        async with self._database.begin() as tx:
            if failures < _FAILURES_MAX:
                await store.release(tx, progress, failed=True)
            elif await store.note_progress(tx, progress, progress.bytes_written, 1, _LEASE):
                await store.forget_notes(tx, received)
                finding = Finding("internal_error", "error", MESSAGES["internal_error"], 0, 0)
                await store.insert_findings(tx, received, [finding], 0)
                await store.finish(tx, received, "rejected", self._clock.now())

    async def read(self, progress: Progress) -> None:
        """Read one leased file."""
        received, batch, reader = progress.received, Batch(), InterchangeReader()
        bytes_read = ordinal = 0
        more = True
        while more:
            async with self._database.begin() as tx:
                body, more = await store.read_chunk(tx, received, ordinal)
            chunk = bytes(cramjam.zstd.decompress(body))
            bytes_read += len(chunk)
            ordinal += 1
            await self._book(progress, batch, reader.feed(chunk), bytes_read)
        await self._book(progress, batch, reader.close(), bytes_read)
        await self._flush(progress, batch, bytes_read, last=True)
        log.info("interchange_read", interchange_id=str(received.interchange_id), claims=progress.claims, bytes=bytes_read)

    async def _book(self, progress: Progress, batch: Batch, items: Sequence[Item], bytes_read: int) -> None:
        """Add items to the batch and write it out whenever it is full; the rest waits for more."""
        for start in range(0, len(items), self._batch_claims):
            take(progress, batch, items[start : start + self._batch_claims])
            if batch.is_full(self._batch_claims):
                await self._flush(progress, batch, bytes_read)
            await asyncio.sleep(0)  # the relay shares this process
        if bytes_read - progress.bytes_written >= _BYTES_A_BATCH:
            await self._flush(progress, batch, bytes_read)

    async def _flush(self, progress: Progress, batch: Batch, bytes_read: int, *, last: bool = False) -> None:
        """Write the batch in one transaction; the last one of a file ends its reading."""
        for attempt in range(1, _TRIES_A_BATCH + 1):
            try:
                async with self._database.begin() as tx:
                    held = await self._write(tx, progress, batch, bytes_read)
                    if last:
                        await store.finish(tx, progress.received, status_of(progress), self._clock.now())
                break
            except asyncpg.UniqueViolationError:
                # Another worker booked the same claims from another file between our look and our write: look again.
                if attempt == _TRIES_A_BATCH:
                    raise
        progress.held, progress.bytes_written = held, bytes_read
        batch.clear()

    async def _write(self, tx: AsyncConnection, progress: Progress, batch: Batch, bytes_read: int) -> datetime:
        """Write one batch: payments, remits, ledger, events, findings, ended transactions, progress; return the lease's new end."""
        received = progress.received
        contradicting = await store.insert_remittances(tx, received, batch.payments)
        sorted_ = await self._sort(tx, progress, batch.candidates)
        findings = [*batch.findings, *sorted_.findings, *map(contradicting_payment, contradicting)]
        findings.sort(key=lambda finding: finding.byte_offset)
        extra = len(findings) - len(batch.findings)
        held = await store.note_progress(tx, progress, bytes_read, progress.findings + extra, _LEASE)
        if held is None:
            raise LeaseLost
        if batch.intake:
            later = {each.event.claim_key for each in sorted_.new}
            booked = await intake.book(tx, received, received.interchange_id, batch.intake, later)
            await outbox.append(tx, booked.events)
            await insert_letters(tx, self._sandbox.letters(received, booked.claims))
            sorted_.tallies.update(candidates.tally([*batch.intake.claims, *batch.intake.answers], booked.new))
        if sorted_.new:
            await self._insert(tx, received, sorted_.new)
        touched = {*sorted_.tallies, *(each.ordinal for each in batch.closed)}
        tallies = {ordinal: replace(progress.tallies[ordinal]) for ordinal in touched}
        for ordinal, counts in sorted_.tallies.items():
            tally = tallies[ordinal]
            tally.new += counts["new"]
            tally.duplicate += counts["duplicate"]
            tally.conflicting += counts["conflicting"]
        await store.insert_findings(tx, received, findings, progress.findings - len(batch.findings))
        await store.insert_transactions(tx, received, batch.closed, tallies, progress.remittances, progress.versions)
        await store.insert_provider_adjustments(tx, received, batch.closed, progress.remittances)
        paid = {progress.remittances[each.ordinal] for each in batch.closed if each.ordinal in progress.remittances}
        await touch(tx, received.tenant_id, (("remittance", each) for each in paid), self._clock.now())
        progress.findings += extra
        progress.errors += extra
        progress.tallies.update(tallies)
        for each in batch.closed:
            progress.forget(each.ordinal)
        return held

    async def _sort(self, tx: AsyncConnection, progress: Progress, candidates: Sequence[Candidate]) -> Sorted:
        received = progress.received
        stored = await store.stored_remits(tx, received.tenant_id, [each.remit_id for each in candidates]) if candidates else {}
        reordered = await self._reordered(tx, received, contradictions(candidates, stored))
        return sort(received.interchange_id, candidates, stored, reordered)

    @staticmethod
    async def _reordered(tx: AsyncConnection, received: Received, waiting: list[Candidate]) -> frozenset[UUID]:
        """Return those whose content is stored under another place among their equals: look place by place, for all at once."""
        found: set[UUID] = set()
        for place in range(EQUALS_LOOKED_AT):
            if not waiting:
                break
            names = {each.remit_id: each.name_at(received.tenant_id, place) for each in waiting}
            stored = await store.stored_remits(tx, received.tenant_id, list(names.values()))
            unresolved = []
            for each in waiting:
                known = stored.get(names[each.remit_id])
                if known is not None and known.digest == each.digest:
                    found.add(each.remit_id)
                elif known is not None or place <= each.ordinal:  # places are taken one after the other
                    unresolved.append(each)
            waiting = unresolved
        return frozenset(found)

    async def _insert(self, tx: AsyncConnection, received: Received, new: Sequence[Candidate]) -> None:
        counts = Counter(each.event.claim_key for each in new)
        versions = await store.bump_accounts(tx, received.tenant_id, counts)
        answers = {each.row_id: answer_of(each.remit, each.event, each.payment) for each in new}
        verdicts = await match(tx, received.tenant_id, answers, self._clock.now())
        numbered = []
        events = []
        for each in new:
            key = each.event.claim_key
            versions[key] += 1
            numbered.append((each, versions[key]))
            events.append(_event(received, each, versions[key], verdicts[each.row_id].claim_id))
        await store.insert_remits(tx, received.tenant_id, numbered)
        await settle(tx, received.tenant_id, verdicts.values())
        await touch(tx, received.tenant_id, _touched(new, verdicts), self._clock.now())
        await ledger.book(tx, (_entry(received.tenant_id, each) for each in new))
        await outbox.append(tx, events)


def _touched(new: Sequence[Candidate], verdicts: Mapping[UUID, Verdict]) -> Iterator[tuple[Subject, UUID]]:
    """Yield what follow-up is to look at: the claim that a remit answers, or the remit where no claim was found."""
    for each in new:
        claim_id = verdicts[each.row_id].claim_id
        yield ("claim", claim_id) if claim_id else ("remit", each.remit_id)


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
