"""Files read and booked: repetitions, contradictions, files cut off, workers that meet, die or come late."""

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import timedelta

import asyncpg
import pytest

from services.ingest import store
from services.ingest.booking import Progress
from services.ingest.reading import LeaseLost
from tests.integration.ingest.conftest import codes
from tests.unit.x12.build import HEAD, encode, group, interchange, one, transaction


def claim(number: int, *, paid: int = 80, icn: str | None = None) -> tuple[str, ...]:
    """Return a claim that balances and is like no other."""
    name = f"ICN{number}" if icn is None else icn
    return (
        f"CLP*PCN{number}*1*100*{paid}**12*{name}*11*1",
        f"SVC*HC:G0283*100*{paid}**1",
        f"CAS*CO*45*{100 - paid}",
        f"REF*6R*{number}",
    )


def head(amount: int, trace: str = "TRACE1") -> tuple[str, ...]:
    return (f"BPR*I*{amount}*C*ACH************20260110", f"TRN*1*{trace}*1999999999", "N1*PR*PAYER", "N1*PE*CLINIC*XX*1", "LX*1")


def payment(numbers: Iterator[int] | range | list[int], trace: str = "TRACE1", control: str = "0001") -> list[str]:
    told = list(numbers)
    return transaction([segment for number in told for segment in claim(number)], head=head(80 * len(told), trace), control=control)


def one_payment(numbers: Iterator[int] | range | list[int], trace: str = "TRACE1") -> bytes:
    return encode(interchange(group(payment(numbers, trace))))


def tallies(interchange: dict) -> list[tuple[int, int, int]]:
    return [(each["claims_new"], each["claims_duplicate"], each["claims_conflicting"]) for each in interchange["transactions"]]


async def test_a_small_file_is_accepted_and_booked(ingest) -> None:
    seen = await ingest.take(encode(one()))
    assert (seen["status"], codes(seen), seen["error_count"]) == ("accepted", [], 0)
    assert seen["progress"] == {"bytes_read": seen["size_bytes"], "bytes_total": seen["size_bytes"], "claims": 1}
    (told,) = seen["transactions"]
    assert (told["type"], told["control_number"], told["claims"], told["complete"]) == ("835", "0001", 1, True)
    assert (told["charge_cents"], told["paid_cents"], told["adjustment_cents"]) == (10000, 8000, 2000)
    assert told["balance_differences"] == {"lines": 0, "claims": 0, "transaction_cents": 0}
    (event,) = await ingest.events()
    assert (event["key"], event["sequence"]) == (event["claim_key"], 1)


async def test_the_same_in_another_order_split_and_spelled_otherwise_changes_nothing(ingest) -> None:
    payments = [payment(range(n * 10, n * 10 + 10), f"TRACE{n}", f"{n:04d}") for n in range(3)]
    await ingest.take(encode(interchange(group(*payments))))
    before = await ingest.state()
    assert before["remits"] == before["outbox"] == before["ledger"]["totals"]["remits"] == 30
    repeated = [
        encode(interchange(group(*reversed(payments)))),
        *(encode(interchange(group(each))) for each in payments),
        encode(interchange(group(*payments)), element="|", component="^", terminator="'", end="\r\n"),
        one_payment(range(9, -1, -1), "TRACE0"),
        encode([*interchange(group(payments[0])), *interchange(group(payments[1]))]),
    ]
    for body in repeated:
        seen = await ingest.take(body)
        assert seen["status"] == "accepted"
        assert {(new, conflicting) for new, _, conflicting in tallies(seen)} == {(0, 0)}
    assert await ingest.state() == before


async def test_an_interchange_that_stands_twice_in_one_file_counts_once(ingest) -> None:
    seen = await ingest.take(encode(one()) * 2)
    assert (seen["status"], tallies(seen)) == ("accepted", [(1, 0, 0), (0, 1, 0)])
    assert await ingest.count("outbox") == await ingest.count("remits") == 1


async def test_equal_claims_of_one_payment_are_two_and_stay_two_in_another_order(ingest) -> None:
    first, second = claim(1, paid=80), claim(1, paid=30)
    for order in ((first, second), (second, first)):
        seen = await ingest.take(encode(interchange(group(transaction([*order[0], *order[1]], head=head(110))))))
        assert seen["status"] == "accepted"
    assert tallies(seen) == [(0, 2, 0)]
    assert await ingest.count("remits") == 2
    assert [event["sequence"] for event in await ingest.events()] == [1, 2]


async def books(ingest) -> list[tuple[str, int]]:
    rows = await ingest.rows("SELECT patient_control_number, paid_cents FROM remits ORDER BY 1, 2")
    return [(row.patient_control_number, row.paid_cents) for row in rows]


@pytest.mark.parametrize("second", [30, 80])
async def test_cut_off_between_two_equal_claims_the_repaired_file_adds_the_second_one(second, ingest) -> None:
    told = [*claim(0), *claim(1, paid=80), *claim(1, paid=second)]
    body = encode(interchange(group(transaction(told, head=head(160 + second)))))
    await ingest.take(body[: body.rindex(b"SVC")])
    assert await books(ingest) == [("PCN0", 8000), ("PCN1", 8000)]
    repaired = await ingest.take(body)
    assert (tallies(repaired), codes(repaired)) == ([(1, 2, 0)], [])
    assert await books(ingest) == sorted([("PCN0", 8000), ("PCN1", 8000), ("PCN1", second * 100)])
    before = await ingest.state()
    assert tallies(await ingest.take(body + b"\n")) == [(0, 3, 0)]
    assert await ingest.state() == before


@pytest.mark.parametrize("order", [(2, 1), (1, 2), (2, 0), (1, 2, 0), (0, 2, 1), (2, 1, 0)])
async def test_equal_claims_in_pieces_of_their_payment_are_each_booked_once_in_any_order(order, ingest) -> None:
    first, second = [*claim(0), *claim(1, paid=80)], [*claim(1, paid=30), *claim(2)]
    bodies = [encode(interchange(group(transaction(told, head=head(270))))) for told in ([*first, *second], first, second)]
    for each in order:
        seen = await ingest.take(bodies[each])
        assert seen["transactions"][0]["claims_conflicting"] == 0
    assert await books(ingest) == [("PCN0", 8000), ("PCN1", 3000), ("PCN1", 8000), ("PCN2", 8000)]
    assert (await ingest.get("/v1/ledger"))["totals"]["paid_cents"] == 27000
    assert len({event["remit_id"] for event in await ingest.events()}) == await ingest.count("outbox") == 4


async def test_the_same_claim_with_other_money_is_a_conflict_and_the_first_stays(ingest) -> None:
    await ingest.take(one_payment(range(3)))
    before = await ingest.state()
    body = encode(interchange(group(transaction([*claim(0), *claim(1, paid=70), *claim(2)], head=head(240)))))
    seen = await ingest.take(body)
    assert (seen["status"], tallies(seen)) == ("accepted_with_errors", [(0, 2, 1)])
    (conflict,) = [finding for finding in seen["errors"] if finding["code"] == "remit_conflict"]
    assert (conflict["byte_offset"], conflict["claim_ordinal"], conflict["severity"]) == (body.index(b"CLP*PCN1"), 2, "error")
    assert await ingest.state() == before


async def test_the_same_payment_with_another_amount_is_a_conflict_where_it_says_so(ingest) -> None:
    await ingest.take(one_payment(range(2)))
    body = encode(interchange(group(transaction([*claim(0), *claim(1)], head=head(170)))))
    seen = await ingest.take(body)
    (conflict,) = [finding for finding in seen["errors"] if finding["code"] == "remittance_conflict"]
    assert (conflict["byte_offset"], conflict["element"]) == (body.index(b"BPR"), "BPR02")
    ((amount,),) = await ingest.rows("SELECT amount_cents FROM remittances")
    assert (seen["status"], tallies(seen), amount) == ("accepted_with_errors", [(0, 2, 0)], 16000)


def cuts(body: bytes) -> dict[str, tuple[int, int, int]]:
    """Where a file of ten claims may be cut: offset, claims that are whole before it, payments that are."""
    return {
        "in the head before the trace": (body.index(b"TRN") + 6, 0, 0),
        "in the head after the trace": (body.index(b"N1*PR") + 6, 0, 0),
        "in the first claim": (body.index(b"SVC"), 0, 1),
        "in the middle of a number": (body.index(b"CLP*PCN5") + 14, 4, 1),  # the end of the one before was not seen whole
        "at the end of a claim": (body.index(b"CLP*PCN7"), 6, 1),
        "in the provider adjustments": (body.index(b"L6") + 1, 10, 1),
        "in the end": (body.index(b"SE*") + 1, 10, 1),
    }


def whole_file() -> bytes:
    claims = [segment for number in range(10) for segment in claim(number)]
    return encode(interchange(group(transaction([*claims, "PLB*1*20261231*WO:A*10", "PLB*1*20261231*L6*-10"], head=head(800)))))


@pytest.mark.parametrize("name", cuts(whole_file()))
async def test_of_a_cut_file_the_whole_claims_count_and_the_repaired_one_completes_it_to_the_cent(name, ingest) -> None:
    body = whole_file()
    at, claims, payments = cuts(body)[name]
    seen = await ingest.take(body[:at])
    assert (await ingest.count("remits"), await ingest.count("remittances")) == (claims, payments)
    assert "truncated" in codes(seen)
    assert seen["status"] == ("accepted_with_errors" if payments else "rejected")
    assert all(0 <= finding["byte_offset"] <= at for finding in seen["errors"])
    repaired = await ingest.take(body)
    assert (repaired["status"], tallies(repaired)) == ("accepted", [(10 - claims, claims, 0)])
    ledger = (await ingest.get("/v1/ledger"))["totals"]
    assert (ledger["remits"], ledger["charge_cents"], ledger["paid_cents"], ledger["adjustments_by_group"]) == (
        10,
        100000,
        80000,
        {"CO": 20000},
    )
    (told,) = (await ingest.get("/v1/remittances"))["items"]
    detail = await ingest.get(f"/v1/remittances/{told['remittance_id']}")
    assert (detail["balance_difference_cents"], len(detail["provider_adjustments"]), told["payer_name"]) == (0, 2, "PAYER")
    assert len({event["remit_id"] for event in await ingest.events()}) == await ingest.count("outbox") == 10


async def test_a_claim_broken_in_the_middle_is_reported_and_the_repaired_file_completes_it(ingest) -> None:
    good = one_payment(range(10))
    broken = good.replace(b"CLP*PCN4*1*100*", b"CLP*PCN4*1*1OO*")
    seen = await ingest.take(broken)
    assert [(f["code"], f["byte_offset"]) for f in seen["errors"] if f["claim_ordinal"]] == [
        ("claim_unreadable", broken.index(b"CLP*PCN4")),
        ("bad_amount", broken.index(b"CLP*PCN4")),
    ]
    assert await ingest.count("remits") == 9
    assert tallies(await ingest.take(good)) == [(1, 9, 0)]


class Interrupted(Exception):  # noqa: N818 - a test's own
    """Stands for the end of the process."""


def interrupt_after(monkeypatch: pytest.MonkeyPatch, batches: int) -> None:
    """Let the worker die when it is about to write the next batch."""
    note, left = store.note_progress, [batches]

    async def dying(*given, **named):
        if not left[0]:
            raise Interrupted
        left[0] -= 1
        return await note(*given, **named)

    monkeypatch.setattr(store, "note_progress", dying)


async def end_leases(ingest) -> None:
    async with ingest.worker_database.begin() as tx:
        await tx.exec_driver_sql("UPDATE interchanges SET leased_until = now() - interval '1 s' WHERE leased_until IS NOT NULL")


async def leased(ingest) -> Progress:
    """Take a file as a worker does."""
    async with ingest.worker_database.begin() as tx:
        found = await store.lease(tx, timedelta(seconds=15), or_small=True)
    assert found is not None
    return found[0]


async def test_one_lease_takes_one_file_whatever_postgresql_believes_of_the_table(ingest) -> None:
    """Where it was counted with one row in it, the next file was looked for once a row: several were leased and one was read."""
    await ingest.accept(one_payment(range(2)))
    await ingest.read_all()
    owner = await asyncpg.connect(ingest.urls.owner_url)
    await owner.execute("ANALYZE interchanges")
    await owner.close()
    for n in range(1, 6):
        await ingest.accept(one_payment(range(2), f"MORE{n}"))
    for taken in range(1, 6):
        await leased(ingest)
        assert await ingest.rows("SELECT count(*) FROM interchanges WHERE leased_until IS NOT NULL") == [(taken,)]


async def test_a_worker_that_dies_between_batches_is_followed_by_one_that_doubles_and_loses_nothing(ingest, monkeypatch) -> None:
    payments = [payment(range(n * 10, n * 10 + 10), f"TRACE{n}", f"{n:04d}") for n in range(5)]
    interchange_id = await ingest.accept(encode(interchange(group(*payments))))
    with monkeypatch.context() as patched:
        interrupt_after(patched, 3)
        dying = ingest.new_reader(batch_claims=10)
        progress = await leased(ingest)
        with pytest.raises(Interrupted):
            await dying.read(progress)
    booked = await ingest.count("outbox")
    assert 10 < booked < 50
    assert 0 < await ingest.count("transactions") < 5
    seen = await ingest.get(f"/v1/interchanges/{interchange_id}")
    assert (seen["status"], seen["progress"]["claims"]) == ("processing", booked)
    assert not await ingest.reader.read_next()  # leased still
    await end_leases(ingest)
    await ingest.read_all()
    seen = await ingest.get(f"/v1/interchanges/{interchange_id}")
    assert (seen["status"], tallies(seen), seen["progress"]["claims"]) == ("accepted", [(10, 0, 0)] * 5, 50)
    events = await ingest.events()
    assert sorted(event["patient_control_number"] for event in events) == sorted(f"PCN{n}" for n in range(50))
    assert (await ingest.get("/v1/ledger"))["totals"]["paid_cents"] == 50 * 8000


async def test_a_cancelled_worker_gives_its_file_back_at_once(ingest, monkeypatch) -> None:
    monkeypatch.setattr(store, "SMALL_BYTES", 0)
    await ingest.accept(one_payment(range(50)))
    written, note = asyncio.Event(), store.note_progress

    async def slow(*given, **named):
        if written.is_set():
            await asyncio.Event().wait()
        written.set()
        return await note(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(store, "note_progress", slow)
        task = asyncio.create_task(ingest.new_reader(batch_claims=10).run())
        await written.wait()
        await asyncio.sleep(0.1)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert await ingest.reader.read_next()
    assert await ingest.count("outbox") == await ingest.count("remits") == 50


async def test_a_worker_that_comes_back_late_writes_nothing_into_a_file_that_another_took_over(ingest) -> None:
    interchange_id = await ingest.accept(one_payment(range(50)))
    late = await leased(ingest)
    await end_leases(ingest)
    current = await leased(ingest)
    with pytest.raises(LeaseLost):
        await ingest.new_reader(batch_claims=10).read(late)
    async with ingest.worker_database.begin() as tx:
        await store.release(tx, late, failed=True)
    assert await ingest.count("outbox") == 0
    await ingest.new_reader(batch_claims=10).read(current)
    seen = await ingest.get(f"/v1/interchanges/{interchange_id}")
    assert (seen["status"], tallies(seen), await ingest.count("outbox")) == ("accepted", [(50, 0, 0)], 50)


@pytest.mark.parametrize("small_bytes", [0, store.SMALL_BYTES])
async def test_two_workers_with_the_same_claims_in_two_files_book_each_once(small_bytes, ingest, monkeypatch) -> None:
    monkeypatch.setattr(store, "SMALL_BYTES", small_bytes)
    payments = [payment(range(n * 100, n * 100 + 100), f"TRACE{n}", f"{n:04d}") for n in range(4)]
    for order in (payments, payments[::-1], [*payments[2:], *payments[:2]]):
        await ingest.accept(encode(interchange(group(*order))))
    workers = [ingest.new_reader(batch_claims=130) for _ in range(3)]
    await asyncio.gather(*(worker.read_next() for worker in workers))
    rows = await ingest.rows("SELECT status, failures FROM interchanges")
    assert [tuple(row) for row in rows] == [("accepted", 0)] * 3
    events = await ingest.events()
    assert len(events) == len({event["remit_id"] for event in events}) == await ingest.count("remits") == 400
    assert (await ingest.get("/v1/ledger"))["totals"]["paid_cents"] == 400 * 8000
    ((new, duplicate),) = await ingest.rows("SELECT sum(claims_new), sum(claims_duplicate) FROM transactions")
    assert (new, duplicate) == (400, 800)


async def test_a_bug_of_ours_is_tried_three_times_and_then_said_and_does_not_stop_the_others(ingest, monkeypatch) -> None:
    bad = await ingest.accept(one_payment(range(5)))
    insert = store.insert_remits

    async def failing(tx, tenant_id, remits):
        if any(each.payment.trace_number == "TRACE1" for each, _ in remits):
            raise ZeroDivisionError
        await insert(tx, tenant_id, remits)

    monkeypatch.setattr(store, "insert_remits", failing)
    good = await ingest.accept(one_payment(range(7), "TRACE2"))
    for _ in range(3):
        await end_leases(ingest)
        await ingest.read_all()
    assert (await ingest.get(f"/v1/interchanges/{good}"))["status"] == "accepted"
    seen = await ingest.get(f"/v1/interchanges/{bad}")
    assert (seen["status"], codes(seen)) == ("rejected", ["internal_error"])
    assert await ingest.count("remits") == 7


async def test_large_files_of_several_tenants_are_read_by_turns(ingest, monkeypatch) -> None:
    """The one that sends three first has most of the first still to be read when the other's only one is done."""
    monkeypatch.setattr(store, "SMALL_BYTES", 0)
    monkeypatch.setattr("services.ingest.upload.BLOCK_BYTES", 16 * 1024)  # a turn is a block
    finished: list[tuple[str, int]] = []
    finish = store.finish

    async def noting(tx, ended, now):
        for progress, _ in ended:
            finished.append((progress.received.tenant_id, await booked()))
        await finish(tx, ended, now)

    async def booked() -> int:
        return int((await ingest.rows("SELECT count(*) FROM remits WHERE tenant_id = 'local'"))[0][0])

    monkeypatch.setattr(store, "finish", noting)
    for n in range(3):
        await ingest.accept(one_payment(range(n * 1000, n * 1000 + 1000), f"TRACE{n}"))
    quiet = ingest.client("quiet")
    await quiet.post("/v1/interchanges", content=one_payment(range(150)))
    await ingest.new_reader(batch_claims=50).read_next()
    assert [tenant for tenant, _ in finished] == ["quiet", "local", "local", "local"]
    assert 0 < finished[0][1] < 700


async def test_progress_is_seen_while_a_file_is_read(ingest, monkeypatch) -> None:
    interchange_id = await ingest.accept(one_payment(range(20000)))
    note, told = store.note_progress, []

    async def watching(*given, **named):
        told.append((await ingest.get(f"/v1/interchanges/{interchange_id}"))["progress"]["bytes_read"])
        return await note(*given, **named)

    monkeypatch.setattr(store, "note_progress", watching)
    await ingest.read_all()
    assert len(told) > 5
    assert told == sorted(told)
    assert told[-1] > 0
    seen = await ingest.get(f"/v1/interchanges/{interchange_id}")
    assert seen["progress"]["bytes_read"] == seen["size_bytes"]


async def test_a_head_without_trace_still_makes_the_same_payment_again(ingest) -> None:
    body = one(*claim(1), head=HEAD[:1] + HEAD[2:])
    first = await ingest.take(encode(body))
    again = await ingest.take(encode(body, end="\n"))
    assert (first["status"], "missing_segment" in codes(first)) == ("accepted_with_errors", True)
    assert (tallies(again), await ingest.count("remittances")) == ([(0, 1, 0)], 1)
