"""The chain over a real database: sealed in order whatever commits when, and every way in which its superuser can touch it."""

import asyncio
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from libs.common.audit import sealing, store
from libs.common.audit.acting import Act, about, acting
from libs.common.audit.anchors import Anchors, open_anchors
from libs.common.audit.entries import Entry, genesis, hash_of
from libs.common.audit.sealing import AuditAnchorer, AuditCutter, AuditSealer, kept_of, seal_of
from libs.common.audit.seals import Signer
from libs.common.audit.verifying import Evidence, Head, Link, Report, verify
from libs.common.clock import FixedClock, SystemClock
from tests.integration.audit.conftest import Log

SIGNER = Signer("a secret of the tests, long enough")


@dataclass
class Chain:
    """A tenant's log with its worker, and whoever rules the database."""

    log: Log
    sealer: AuditSealer
    anchors: Anchors
    anchorer: AuditAnchorer

    async def write(self, entries: int) -> None:
        for number in range(entries):
            await self.log.api.append(self.log.tenant, Entry("ann", "getCase", "disclosed", "case", (str(number),)))

    async def grow(self, entries: int) -> None:
        await self.write(entries)
        await self.settle()

    async def settle(self) -> None:
        """Seal until nothing waits: whoever has a transaction open, if only for a moment, holds that back."""
        async with asyncio.timeout(60):
            while await self.log.superuser.fetchval(_WAITING, self.log.tenant):
                if not await self.sealer.seal():
                    await asyncio.sleep(0.01)

    async def report(self) -> Report:
        tenant = self.log.tenant
        async with self.log.api.begin(tenant) as tx:
            links = [
                Link(row["seq"], bytes(row["hash"]), row["linked_id"], kept_of(row) if row["entry_id"] else None)
                for row in await store.chain(tx, tenant, 0, 10_000)
            ]
            seals = [seal_of(row) for row in await store.seals(tx, tenant, "seal", 0, 10_000)]
            cuts = [seal_of(row) for row in await store.seals(tx, tenant, "cut", 0, 10_000)]
            newest, left = await store.head(tx, tenant), await store.waiting(tx, tenant)
        head = Head(newest["seq"] if newest else 0, left["waiting"], left["oldest_at"])
        evidence = Evidence(seals, cuts, await self.anchors.read("ingest", tenant), await self.anchors.keys())
        return verify("ingest", tenant, links, evidence, lambda: head, datetime.now(UTC))

    async def faults(self) -> set[str]:
        return {each.fault for each in (await self.report()).findings}

    async def tamper(self, *statements: str) -> None:
        """Do as a superuser does who knows the triggers."""
        await self.log.superuser.execute("SET session_replication_role = replica")
        for each in statements:
            await self.log.superuser.execute(each.replace("$tenant", f"'{self.log.tenant}'"))

    async def forge(self) -> None:
        """Compute the whole chain anew, as who rewrote what is in it, and write it into the seals too."""
        tenant, before = self.log.tenant, genesis("ingest", self.log.tenant)
        joined = "audit_chain JOIN audit_log USING (tenant_id, entry_id)"
        for row in await self.log.superuser.fetch(f"SELECT * FROM {joined} WHERE tenant_id = $1 ORDER BY seq", tenant):
            before = hash_of(tenant, row["seq"], kept_of(row), before)
            for table in ("audit_chain", "audit_seals"):
                change = f"UPDATE {table} SET hash = $3 WHERE tenant_id = $1 AND seq = $2"
                await self.log.superuser.execute(change, tenant, row["seq"], before)


_WAITING = (
    "SELECT count(*) FROM audit_log AS l WHERE tenant_id = $1"
    " AND NOT EXISTS (SELECT 1 FROM audit_chain AS c WHERE c.entry_id = l.entry_id)"
)


@pytest.fixture
def chain(log: Log, tmp_path: Path) -> Chain:
    anchors = open_anchors(str(tmp_path))
    sealer = AuditSealer("ingest", log.worker, SystemClock(), SIGNER)
    return Chain(log, sealer, anchors, AuditAnchorer("ingest", log.worker, anchors, SIGNER))


async def test_a_log_that_nobody_touched_is_whole(chain: Chain) -> None:
    await chain.grow(5)
    await chain.anchorer.anchor()
    await chain.grow(3)
    await chain.write(1)
    report = await chain.report()
    assert (report.findings, report.entries, report.anchors) == ([], 8, 1)
    assert report.unproven[-1] == "1 entries wait to be chained, and are not covered yet."


OF = "tenant_id = $tenant AND entry_id = (SELECT entry_id FROM audit_chain WHERE tenant_id = $tenant AND seq = 3)"
PUT_IN = """
INSERT INTO audit_log (tenant_id, entry_id, at, subject, action, object_kind, object_ids, outcome, xid)
VALUES ($tenant, gen_random_uuid(), $at, 'ann', 'a', 'k', '{}', 'changed', '1')
"""
CUT = """
INSERT INTO audit_seals SELECT tenant_id, seq, 'cut', hash, now(), NULL, NULL FROM audit_chain
WHERE tenant_id = $tenant AND seq = 4
"""
TAMPERINGS: dict[str, tuple[list[str], set[str]]] = {
    "an edit": (["UPDATE audit_log SET subject = 'nobody' WHERE " + OF], {"edited"}),
    "another time": (["UPDATE audit_log SET at = at - interval '1 microsecond' WHERE " + OF], {"edited"}),
    "another object": (["UPDATE audit_log SET object_ids = '{}' WHERE " + OF], {"edited"}),
    "an entry taken out": (["DELETE FROM audit_log WHERE " + OF], {"missing"}),
    "a place taken out": (
        ["DELETE FROM audit_log WHERE " + OF, "DELETE FROM audit_chain WHERE tenant_id = $tenant AND seq = 3"],
        {"missing"},
    ),
    "the tail cut off": (
        [
            "DELETE FROM audit_chain WHERE tenant_id = $tenant AND seq > 4",
            "DELETE FROM audit_seals WHERE tenant_id = $tenant AND seq > 4",
            "DELETE FROM audit_log WHERE tenant_id = $tenant AND entry_id NOT IN (SELECT entry_id FROM audit_chain)",
        ],
        {"truncated"},
    ),
    "all of it gone": (
        [f"DELETE FROM {table} WHERE tenant_id = $tenant" for table in ("audit_chain", "audit_seals", "audit_log")],
        {"truncated"},
    ),
    "two that changed places": (
        [
            "UPDATE audit_chain SET seq = -3 WHERE tenant_id = $tenant AND seq = 3",
            "UPDATE audit_chain SET seq = 3 WHERE tenant_id = $tenant AND seq = 2",
            "UPDATE audit_chain SET seq = 2 WHERE tenant_id = $tenant AND seq = -3",
        ],
        {"edited"},
    ),
    "one put in at the end": (
        [
            PUT_IN.replace("$at", "now()"),
            "INSERT INTO audit_chain SELECT tenant_id, 9, entry_id, 'x' FROM audit_log WHERE tenant_id = $tenant AND action = 'a'",
        ],
        {"edited", "not_sealed"},
    ),
    "one put in beside the chain": ([PUT_IN.replace("$at", "now() - interval '1 hour'")], {"not_chained"}),
    "a cut without a key": (
        [
            CUT,
            "DELETE FROM audit_chain WHERE tenant_id = $tenant AND seq <= 4",
        ],
        {"not_signed"},
    ),
}


@pytest.mark.parametrize("how", TAMPERINGS)
async def test_whatever_the_superuser_does_is_found(how: str, chain: Chain) -> None:
    await chain.grow(4)
    await chain.grow(4)
    await chain.anchorer.anchor()
    statements, found = TAMPERINGS[how]
    await chain.tamper(*statements)
    assert await chain.faults() == found


async def test_a_chain_that_was_computed_anew_is_given_away_by_the_anchor_and_by_the_seals(chain: Chain) -> None:
    await chain.grow(4)
    await chain.anchorer.anchor()
    await chain.grow(4)
    await chain.tamper("UPDATE audit_log SET subject = 'nobody' WHERE " + OF)
    await chain.forge()
    assert await chain.faults() == {"rewritten", "not_signed"}
    chain.anchors.keys = no_keys  # type: ignore[method-assign]  # the anchors alone
    assert await chain.faults() == {"rewritten"}


async def no_keys() -> dict[str, bytes]:
    return {}


async def test_a_forgery_after_the_last_anchor_lacks_the_signature(chain: Chain) -> None:
    await chain.grow(4)
    await chain.anchorer.anchor()
    await chain.grow(4)
    await chain.tamper(("UPDATE audit_log SET subject = 'nobody' WHERE " + OF).replace("seq = 3", "seq = 6"))
    await chain.forge()
    assert await chain.faults() == {"not_signed"}


async def test_twenty_who_write_at_once_are_chained_without_a_gap_while_the_worker_seals(chain: Chain) -> None:
    async def work(writer: int) -> None:
        for _ in range(5):
            with acting(Act(lambda ids: Entry(f"writer-{writer}", "moveCase", "changed", "case", ids))):
                async with chain.log.api.begin(chain.log.tenant) as tx:
                    about(writer)
                    await tx.execute(
                        text(
                            "INSERT INTO ledger_days VALUES (:tenant, '2026-01-01', 1, 1, 1, 0)"
                            " ON CONFLICT (tenant_id, day) DO UPDATE SET remits = ledger_days.remits + 1"
                        ),
                        {"tenant": chain.log.tenant},
                    )

    async def seal() -> None:
        while True:
            await chain.sealer.seal()
            await asyncio.sleep(0.005)

    sealing_meanwhile = asyncio.create_task(seal())
    await asyncio.gather(*map(work, range(20)))
    sealing_meanwhile.cancel()
    await asyncio.gather(sealing_meanwhile, return_exceptions=True)
    await chain.settle()
    report = await chain.report()
    assert (report.findings, report.entries, report.last_seq) == ([], 100, 100)
    remits = await chain.log.superuser.fetchval("SELECT remits FROM ledger_days WHERE tenant_id = $1", chain.log.tenant)
    assert remits == 100, "a change has one entry, and an entry one change"


async def test_a_worker_that_dies_between_a_change_and_its_place_in_the_chain_loses_and_doubles_nothing(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    await chain.write(3)

    async def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(sealing, "copy_rows", die)
        with pytest.raises(KeyboardInterrupt):
            await chain.sealer.seal()
    assert (await chain.report()).entries == 0
    await chain.grow(2)
    report = await chain.report()
    assert (report.findings, report.entries) == ([], 5)


async def test_a_look_that_finds_nothing_locks_and_writes_nothing(chain: Chain) -> None:
    await chain.grow(1)
    while await chain.sealer.seal():
        pass
    position = "SELECT ctid::text, xmax::text FROM audit_position"
    before = await chain.log.superuser.fetchrow(position)
    assert await chain.sealer.seal() == 0
    assert await chain.log.superuser.fetchrow(position) == before


async def test_what_commits_late_is_chained_late_and_never_passed_over(chain: Chain) -> None:
    with acting(Act(lambda ids: Entry("late", "moveCase", "changed", "case", ids))):
        async with chain.log.api.begin(chain.log.tenant) as tx:
            await tx.execute(text("INSERT INTO ledger_days VALUES (:t, '2026-01-01', 1, 1, 1, 0)"), {"t": chain.log.tenant})
            await asyncio.create_task(chain.write(2), context=Context())
            await chain.sealer.seal()
            assert (await chain.report()).entries == 0, "an older transaction is still open"
    await chain.settle()
    report = await chain.report()
    assert (report.findings, report.entries) == ([], 3)


async def test_many_entries_are_sealed_batch_by_batch_in_whole_transactions(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH", 4)
    await chain.grow(11)
    report = await chain.report()
    assert (report.findings, report.entries, report.seals >= 3) == ([], 11, True)


async def test_what_was_kept_long_enough_leaves_by_a_signed_cut_and_the_rest_stays_whole(chain: Chain) -> None:
    await chain.write(5)
    await chain.tamper("UPDATE audit_log SET at = at - interval '100 days' WHERE tenant_id = $tenant")
    await chain.grow(3)
    await chain.anchorer.anchor()
    cutter = AuditCutter(chain.sealer, chain.log.worker, SystemClock(), timedelta(days=95))
    await chain.tamper("INSERT INTO tenants VALUES ($tenant, 'active', '', 'olga', now(), true, 'matter 12')")
    assert await cutter.cut() == 0, "it is under legal hold"
    await chain.tamper("UPDATE tenants SET legal_hold = false WHERE tenant_id = $tenant")
    await chain.tamper("INSERT INTO retention (tenant_id, kind, days) VALUES ($tenant, 'audit-log', 101)")
    assert await cutter.cut() == 0, "the tenant has said that its entries are kept for longer"
    await chain.tamper("UPDATE retention SET days = 99 WHERE tenant_id = $tenant")
    assert await cutter.cut() == 5
    await chain.settle()
    report = await chain.report()
    assert (report.findings, report.first_seq, report.last_seq) == ([], 6, 9)
    told = "SELECT object_ids[1] FROM audit_log WHERE tenant_id = $1 AND action = 'forget'"
    assert await chain.log.superuser.fetchval(told, chain.log.tenant) == "rows:5"
    assert await chain.log.superuser.fetchval("SELECT count(*) FROM audit_log WHERE tenant_id = $1", chain.log.tenant) == 4
    assert await cutter.cut() == 0
    await chain.grow(1)
    assert await chain.faults() == set()
    await chain.tamper("DELETE FROM audit_seals WHERE tenant_id = $tenant AND kind = 'cut'")
    assert await chain.faults() == {"missing"}


async def test_nothing_young_and_never_the_newest_entry_is_cut_whatever_the_worker_asks(chain: Chain) -> None:
    await chain.grow(3)
    in_a_century = FixedClock(datetime.now(UTC) + timedelta(days=36_500))
    with pytest.raises(Exception, match="no such cut"):
        await AuditCutter(chain.sealer, chain.log.worker, in_a_century, timedelta(days=90)).cut()
    assert (await chain.report()).entries == 3


async def test_an_anchor_is_written_once_and_never_again(chain: Chain, tmp_path: Path) -> None:
    await chain.grow(2)
    assert await chain.anchorer.anchor() >= 1
    (anchor,) = (tmp_path / "ingest" / chain.log.tenant.encode().hex()).iterdir()
    told = anchor.read_bytes()
    await chain.tamper("UPDATE audit_seals SET hash = 'x' WHERE tenant_id = $tenant")
    await AuditAnchorer("ingest", chain.log.worker, chain.anchors, SIGNER).anchor()
    assert anchor.read_bytes() == told
    assert await chain.faults() == {"not_signed", "rewritten"}
