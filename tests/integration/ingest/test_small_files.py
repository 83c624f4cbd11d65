"""Small files: read together, in turns of their tenants, beside large ones, and by workers that die over them."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from services.ingest import store
from tests.integration.ingest.conftest import codes
from tests.integration.ingest.test_reading import claim, end_leases, head, leased, one_payment, tallies
from tests.unit.x12.build import encode, group, interchange, transaction


async def test_small_files_are_read_together_and_each_keeps_its_own_findings_and_status(ingest) -> None:
    broken = one_payment(range(10, 14), "TRACE2").replace(b"CLP*PCN12*1*100*", b"CLP*PCN12*1*1OO*")
    contradicting = encode(interchange(group(transaction([*claim(0), *claim(1, paid=70)], head=head(150)))))
    reordered = one_payment(range(4, -1, -1))
    bodies = [one_payment(range(5)), broken, contradicting, reordered, one_payment(range(2), "TRACE3")[:-40]]
    ids = [await ingest.accept(body) for body in bodies]
    assert await ingest.reader.read_next()
    assert not await ingest.reader.read_next()
    seen = [await ingest.get(f"/v1/interchanges/{interchange_id}") for interchange_id in ids]
    assert [each["status"] for each in seen] == [
        "accepted",
        "accepted_with_errors",
        "accepted_with_errors",
        "accepted",
        "accepted_with_errors",
    ]
    assert [tallies(each) for each in seen] == [[(5, 0, 0)], [(3, 0, 0)], [(0, 1, 1)], [(0, 5, 0)], [(1, 0, 0)]]
    assert codes(seen[0]) == codes(seen[3]) == []
    assert "claim_unreadable" in codes(seen[1])
    assert {"remittance_conflict", "remit_conflict"} <= set(codes(seen[2]))
    assert "truncated" in codes(seen[4])
    for body, each in zip(bodies, seen, strict=True):
        progress = each["progress"]
        assert (progress["bytes_read"], progress["claims"]) == (len(body), sum(t["claims"] for t in each["transactions"]))
        assert each["error_count"] == len(each["errors"])
    events = await ingest.events()
    assert len(events) == len({event["remit_id"] for event in events}) == await ingest.count("remits") == 9
    by_file = Counter(event["interchange_id"] for event in events)
    assert by_file == {ids[0]: 5, ids[1]: 3, ids[4]: 1}
    of_one = [event["sequence"] for event in events if event["patient_control_number"] == "PCN0"]
    assert of_one == [1, 2]


async def test_a_worker_that_dies_over_small_files_leaves_them_as_they_were(ingest, monkeypatch) -> None:
    ids = [await ingest.accept(one_payment(range(n * 5, n * 5 + 5), f"TRACE{n}")) for n in range(3)]
    with monkeypatch.context() as patched:

        async def dying(*_) -> None:
            raise asyncio.CancelledError

        patched.setattr(store, "finish", dying)
        with pytest.raises(asyncio.CancelledError):
            await ingest.reader.read_next()
    assert {(await ingest.get(f"/v1/interchanges/{each}"))["status"] for each in ids} == {"received"}
    assert await ingest.count("remits") == await ingest.count("outbox") == await ingest.count("transactions") == 0
    await ingest.read_all()
    assert {(await ingest.get(f"/v1/interchanges/{each}"))["status"] for each in ids} == {"accepted"}
    assert await ingest.count("remits") == await ingest.count("outbox") == 15


async def test_small_files_do_not_wait_for_the_end_of_a_large_one(ingest, monkeypatch) -> None:
    large = await ingest.accept(one_payment(range(3000)))
    note = store.note_progress
    small: list[str] = []

    async def posting(*given, **named):
        if not small:
            small.append(await ingest.accept(one_payment(range(3), "TRACE2")))
        elif len(small) == 1:
            small.append((await ingest.get(f"/v1/interchanges/{small[0]}"))["status"])
        return await note(*given, **named)

    monkeypatch.setattr(store, "note_progress", posting)
    reader = ingest.new_reader(batch_claims=1000)
    while await reader.read_next():
        pass
    assert small[1] == "accepted"
    assert (await ingest.get(f"/v1/interchanges/{large}"))["status"] == "accepted"


async def test_small_files_of_one_tenant_do_not_wait_for_the_many_of_another(ingest, monkeypatch) -> None:
    finished: list[str] = []
    finish = store.finish

    async def noting(tx, ended, now):
        finished.extend(progress.received.tenant_id for progress, _ in ended)
        await finish(tx, ended, now)

    monkeypatch.setattr(store, "finish", noting)
    for n in range(100):
        await ingest.accept(one_payment(range(n * 2, n * 2 + 2), f"TRACE{n}"))
    await ingest.client("quiet").post("/v1/interchanges", content=one_payment(range(3)))
    await ingest.read_all()
    assert len(finished) == 101
    assert finished.index("quiet") < 70, "one transaction of others comes before it"


async def test_what_small_files_hold_is_read_while_larger_ones_keep_coming(ingest, monkeypatch) -> None:
    monkeypatch.setattr(store, "SMALL_BYTES", 2_000)
    for n in range(4):
        await ingest.accept(one_payment(range(n * 100, n * 100 + 100), f"TRACE{n}"))
    finish = store.finish
    order: list[int] = []

    async def noting(tx, ended, now):
        if not order:
            await ingest.accept(one_payment(range(900, 903), "SMALL"))
        order.extend(progress.claims for progress, _ in ended)
        await finish(tx, ended, now)

    monkeypatch.setattr(store, "finish", noting)
    await ingest.reader.read_next()
    assert order[:2] == [100, 3]
    assert sorted(order) == [3, 100, 100, 100, 100]


async def test_a_small_file_that_comes_between_is_not_read_alone(ingest) -> None:
    """It would be leased, read and finished in five transactions of its own, at the cost of those that come meanwhile."""
    await ingest.accept(one_payment(range(2)))
    async with ingest.worker_database.begin() as tx:
        assert await store.lease(tx, timedelta(seconds=15)) is None
    assert await ingest.reader.read_next(small_alone=True)
    assert await ingest.rows("SELECT status, leased_until FROM interchanges") == [("accepted", None)]


async def test_what_was_begun_and_left_is_read_however_small_it_is(ingest) -> None:
    await ingest.accept(one_payment(range(2)))
    await leased(ingest)
    await end_leases(ingest)
    assert not await ingest.reader.read_next(small_alone=True)
    assert await ingest.reader.read_next()
    assert await ingest.rows("SELECT status FROM interchanges") == [("accepted",)]
