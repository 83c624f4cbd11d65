"""Claims and what payers' front doors answer: booked once, linked whichever comes first, moved from state to state."""

import asyncio

import pytest

from libs.common.errors import Transient
from tests.integration.ingest.conftest import Ingest, codes
from tests.integration.ingest.test_reading import Interrupted, end_leases, interrupt_after, leased
from tests.unit.x12 import build
from tests.unit.x12 import build_claims as made
from tests.unit.x12.build import encode


def tallies(seen: dict) -> list[tuple[str, int, int, int]]:
    return [(each["type"], each["claims"], each["claims_new"], each["claims_duplicate"]) for each in seen["transactions"]]


async def states(ingest: Ingest) -> dict[str, str]:
    rows = await ingest.rows("SELECT patient_control_number, state FROM claims ORDER BY row_id")
    return {row.patient_control_number: row.state for row in rows}


async def state(ingest: Ingest) -> dict[str, list]:
    """Return everything about claims but times and the ids of rows."""
    queries = {
        "claims": "SELECT claim_id, claim_key, sequence, replaces_claim_id, payer_claim_control_number, state, content FROM claims",
        "acknowledgements": "SELECT acknowledgement_id, claim_id, verdict, statuses::text FROM acknowledgements",
        "history": "SELECT claim_id, state, why, cause_id FROM claim_history",
        "accounts": "SELECT claim_key, version FROM accounts",
        "outbox": "SELECT count(*) FROM outbox",
    }
    return {name: sorted(map(repr, await ingest.rows(query))) for name, query in queries.items()}


async def told(ingest: Ingest) -> list[tuple[str, str, int]]:
    """Return (what, account number, sequence) of every event."""
    return [(each.get("status", "submitted"), each["patient_control_number"], each["sequence"]) for each in await ingest.events()]


def submitted(*pcns: str, control: str = "1") -> bytes:
    return encode(made.one(*(made.claim(pcn) for pcn in pcns), control=control))


async def test_a_claim_file_becomes_claims_lines_and_events(ingest) -> None:
    seen = await ingest.take(encode(made.one(made.claim("A", lines=2), made.claim("B"))))
    assert (seen["status"], codes(seen), tallies(seen)) == ("accepted", [], [("837", 2, 2, 0)])
    assert seen["transactions"][0]["charge_cents"] == 20000
    first, second = await ingest.events()
    assert (first["patient_control_number"], first["sequence"], first["key"]) == ("A", 1, first["claim_key"])
    assert [(line["line"], line["procedure_code"], line["line_control_number"]) for line in first["lines"]] == [
        (1, "G0283", "A-1"),
        (2, "G0283", "A-2"),
    ]
    assert (second["payer_id"], second["claim_type"], second["diagnosis_codes"]) == ("PAYER1", "professional", ["A000"])
    assert first["member_reference"] == second["member_reference"]
    assert await states(ingest) == {"A": "submitted", "B": "submitted"}
    shown = [(await ingest.get(f"/v1/claims/{each['claim_id']}"))["lines"] for each in (first, second)]
    assert [[line["line_control_number"] for line in lines] for lines in shown] == [["A-1", "A-2"], ["B-1"]]


async def test_the_samples_of_all_three_kinds_are_taken_in(ingest, samples) -> None:
    kinds = {"07-837p-cob.edi": 1, "08-837i-two-claims.edi": 2, "09-837d-dental.edi": 1}
    for name, count in kinds.items():
        seen = await ingest.take((samples / name).read_bytes())
        assert (seen["status"], tallies(seen)) == ("accepted", [("837", count, count, 0)]), name
    rows = await ingest.rows("SELECT claim_type, count(*) FROM claims GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in rows] == [("dental", 1), ("institutional", 2), ("professional", 1)]


async def test_one_file_may_hold_all_kinds(ingest) -> None:
    body = encode(
        [
            *made.one(made.claim("A")),
            *build.one("CLP*A*1*100*80**12*ICN1*11*1", *build.LINE),
            *made.acknowledgement(made.status("A", number="ICN1")),
            *made.set_answers(["AK2*837*0001", "IK5*A"]),
        ]
    )
    seen = await ingest.take(body)
    assert (seen["status"], codes(seen)) == ("accepted", [])
    assert tallies(seen) == [("837", 1, 1, 0), ("835", 1, 1, 0), ("277", 1, 1, 0), ("999", 0, 0, 0)]
    assert await states(ingest) == {"A": "accepted"}
    assert [what for what, _, _ in await told(ingest)] == ["submitted", "accepted", "received", "submitted"]
    sequences = [sequence for _, _, sequence in await told(ingest)]
    assert sorted(sequences) == [1, 2, 3, 4]


async def test_the_same_file_or_the_same_claims_under_another_envelope_change_nothing(ingest) -> None:
    await ingest.take(submitted("A", "B"))
    await ingest.take(encode(made.acknowledgement(made.status("A"), made.status("B", "A7:562:85"))))
    before = await state(ingest)
    for body in (
        submitted("A", "B"),
        submitted("B", "A", control="77"),
        encode(made.one(made.claim("A"), made.claim("B")), element="|", component=">", terminator="'", end="\r\n"),
        encode([*made.one(made.claim("A")), *made.one(made.claim("B"))]),
        encode(made.acknowledgement(made.status("A"), made.status("B", "A7:562:85")), end="\r\n"),
    ):
        seen = await ingest.take(body)
        assert seen["status"] == "accepted"
        assert {(new, duplicate) for _, claims, new, duplicate in tallies(seen) if claims} <= {(0, 1), (0, 2), (2, 0)}
    assert await state(ingest) == before
    assert await states(ingest) == {"A": "accepted", "B": "rejected"}


@pytest.mark.parametrize("order", ["before", "after"])
async def test_what_is_answered_finds_its_claim_before_or_after(ingest, order) -> None:
    files = [
        submitted("A", "B"),
        encode(made.acknowledgement(made.status("A", number="ICN1"), made.status("B", "A3:21:85"), made.status("X"))),
        encode(made.set_answers(["AK2*837*0001", "IK5*A"])),
    ]
    for body in files if order == "after" else reversed(files):
        assert (await ingest.take(body))["status"] == "accepted"
    assert await states(ingest) == {"A": "accepted", "B": "rejected"}
    rows = await ingest.rows("SELECT payer_claim_control_number FROM claims ORDER BY row_id")
    assert [row[0] for row in rows] == ["ICN1", ""]
    linked = [each for each in await ingest.events() if each.get("claim_id") and "status" in each]
    assert sorted((each["patient_control_number"], each["status"], each["source"]) for each in linked) == [
        ("A", "accepted", "277CA"),
        ("A", "received", "999"),
        ("B", "received", "999"),
        ("B", "rejected", "277CA"),
    ]
    waiting = await ingest.rows("SELECT patient_control_number FROM acknowledgements WHERE claim_id IS NULL")
    assert [row[0] for row in waiting] == ["X"]
    history = await ingest.rows("SELECT why, count(*) FROM claim_history GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in history] == [("acknowledged", 4)]


async def test_an_answer_that_waited_is_told_again_under_its_name_with_its_claim(ingest) -> None:
    await ingest.take(encode(made.acknowledgement(made.status("A", "A7:562:85"))))
    await ingest.take(submitted("A"))
    first, _, again = await ingest.events()
    assert (first["acknowledgement_id"], first["sequence"], "claim_id" in first) == (again["acknowledgement_id"], 1, False)
    assert (again["sequence"], again["status"]) == (3, "rejected")
    ((claim_id,),) = await ingest.rows("SELECT claim_id FROM claims")
    assert again["claim_id"] == str(claim_id)


async def test_a_set_that_is_refused_rejects_its_claims_with_what_is_wrong_in_each(ingest) -> None:
    await ingest.take(encode(made.one(made.claim("A"), made.claim("B"))))
    refused = ["AK2*837*0001", "IK3*CLM*22**8", "CTX*CLM01:A", "IK4*5*1331*1", "IK5*R*5"]
    await ingest.take(encode(made.set_answers(refused, code="R")))
    assert await states(ingest) == {"A": "rejected", "B": "rejected"}
    a, b = [each for each in await ingest.events() if each.get("source") == "999"]
    assert a["statuses"] == [{"category": "IK3:CLM", "code": "1", "entity": "05"}]
    assert b["statuses"] == [{"category": "IK5:R", "code": "5"}]


async def test_an_answer_to_a_whole_group_that_names_no_set_is_for_all_its_claims(ingest) -> None:
    sets = made.transaction(made.claim("A")), made.transaction(made.claim("B"), control="0002")
    await ingest.take(encode(build.interchange(made.group(*sets))))
    await ingest.take(encode(made.set_answers(code="R")))
    assert await states(ingest) == {"A": "rejected", "B": "rejected"}


async def test_control_numbers_that_come_again_are_not_answered_by_an_old_answer(ingest) -> None:
    await ingest.take(submitted("A"))
    await ingest.take(encode(made.set_answers(["AK2*837*0001", "IK5*R*5"], code="R")))
    await ingest.take(submitted("B"))  # the same group and set control numbers, another file
    assert await states(ingest) == {"A": "rejected", "B": "submitted"}


async def test_a_claim_that_is_sent_again_is_answered_under_its_new_envelope(ingest) -> None:
    await ingest.take(submitted("A"))
    await ingest.take(encode(made.set_answers(["AK2*837*0001", "IK5*R*5"], code="R")))
    await ingest.take(submitted("A", control="2"))
    await ingest.take(encode(made.set_answers(["AK2*837*0001", "IK5*A"], group_control="2")))
    await ingest.take(encode(made.acknowledgement(made.status("A", on="20260301"))))
    assert await states(ingest) == {"A": "accepted"}  # on the same day as the refusal
    assert await ingest.count("claims") == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_the_latest_day_decides_whatever_comes_first(ingest, order) -> None:
    answers = [
        encode(made.acknowledgement(made.status("A", "A7:562:85", on="20260111"), reference="R1")),
        encode(made.acknowledgement(made.status("A", "A2:20:PR", on="20260112"), reference="R2", on="20260112")),
    ]
    await ingest.take(submitted("A"))
    for place in order:
        await ingest.take(answers[place])
    assert await states(ingest) == {"A": "accepted"}


async def test_a_replacement_is_linked_by_the_payer_s_number_else_by_the_account(ingest) -> None:
    await ingest.take(submitted("A", "B"))
    await ingest.take(encode(made.acknowledgement(made.status("A", number="ICN1"))))
    await ingest.take(encode(made.one(made.claim("OTHER", "90", frequency="7", more=["REF*F8*ICN1"]))))
    await ingest.take(encode(made.one(made.claim("B", frequency="8", more=["REF*F8*NOBODY"]))))
    rows = await ingest.rows(
        "SELECT new.patient_control_number, old.patient_control_number FROM claims new"
        " JOIN claims old ON old.claim_id = new.replaces_claim_id ORDER BY new.row_id"
    )
    assert [tuple(row) for row in rows] == [("OTHER", "A"), ("B", "B")]
    history = await ingest.rows("SELECT why, state FROM claim_history WHERE why IN ('replaced', 'voided') ORDER BY why")
    assert [tuple(row) for row in history] == [("replaced", None), ("voided", None)]
    replacement = next(each for each in await ingest.events() if each["patient_control_number"] == "OTHER")
    assert replacement["original_payer_claim_control_number"] == "ICN1"
    assert replacement["replaces_claim_id"]


async def test_a_replacement_that_comes_first_is_linked_when_what_it_replaces_comes(ingest) -> None:
    await ingest.take(encode(made.one(made.claim("A", "90", frequency="7", more=["REF*F8*ICN1"]))))
    await ingest.take(submitted("A"))
    first, original, again = await ingest.events()
    assert (first["claim_id"], again["replaces_claim_id"]) == (again["claim_id"], original["claim_id"])
    assert [first["sequence"], original["sequence"], again["sequence"]] == [1, 2, 3]


async def test_what_comes_after_a_rejection_under_the_account_takes_its_place_if_it_is_alike(ingest) -> None:
    await ingest.take(submitted("A"))
    await ingest.take(encode(made.acknowledgement(made.status("A", "A7:562:85"))))
    corrected = made.claim("A", more=["REF*G1*AUTH1"])
    unlike = [each.replace("20260105", "20260205") for each in made.claim("A", "55")]
    await ingest.take(encode(made.one(unlike)))
    await ingest.take(encode(made.one(corrected)))
    rows = await ingest.rows("SELECT charge_cents, replaces_claim_id IS NOT NULL FROM claims ORDER BY row_id")
    assert [tuple(row) for row in rows] == [(10000, False), (5500, False), (10000, True)]


async def test_a_worker_that_dies_between_batches_is_followed_by_one_that_doubles_and_loses_nothing(ingest, monkeypatch) -> None:
    pcns = [f"PCN{n}" for n in range(50)]
    body = encode([*made.one(*map(made.claim, pcns)), *made.acknowledgement(*map(made.status, pcns))])
    interchange_id = await ingest.accept(body)
    with monkeypatch.context() as patched:
        interrupt_after(patched, 4)
        progress = await leased(ingest)
        progress.pseudonym_key = b"a key for tests alone"
        with pytest.raises(Interrupted):
            await ingest.new_reader(batch_claims=10).read(progress)
    assert 0 < await ingest.count("claims") <= 50
    assert await ingest.count("outbox") < 100
    await end_leases(ingest)
    await ingest.read_all()
    seen = await ingest.get(f"/v1/interchanges/{interchange_id}")
    assert (seen["status"], tallies(seen)) == ("accepted", [("837", 50, 50, 0), ("277", 50, 50, 0)])
    assert sorted(await told(ingest)) == sorted([("submitted", pcn, 1) for pcn in pcns] + [("accepted", pcn, 2) for pcn in pcns])


async def test_two_workers_with_overlapping_files_of_all_kinds_book_everything_once(ingest) -> None:
    pcns = [f"PCN{n}" for n in range(40)]
    answers = made.acknowledgement(*map(made.status, pcns))
    remits = [segment for pcn in reversed(pcns) for segment in (f"CLP*{pcn}*1*100*80**12*I{pcn}*11*1", *build.LINE)]
    for file in range(4):
        told_first = pcns if file % 2 else pcns[::-1]
        parts = [made.one(*map(made.claim, told_first), control=str(file + 1)), build.one(*remits), answers]
        await ingest.accept(encode([segment for part in (parts if file < 2 else parts[::-1]) for segment in part]))
    readers = [ingest.new_reader(batch_claims=7) for _ in range(2)]

    async def work(reader) -> None:
        for _ in range(60):
            try:
                while await reader.read_next():
                    pass
            except Transient:  # a deadlock is waited out, as a worker does
                await end_leases(ingest)
            if not await ingest.rows("SELECT 1 FROM interchanges WHERE finished_at IS NULL"):
                return
            await asyncio.sleep(0.05)

    await asyncio.gather(*map(work, readers))
    assert set((await states(ingest)).values()) == {"accepted"}
    assert [await ingest.count(name) for name in ("claims", "remits", "acknowledgements", "outbox")] == [40, 40, 40, 120]
    rows = await ingest.rows("SELECT max(version), min(version) FROM accounts")
    assert tuple(rows[0]) == (3, 3)


async def test_claims_of_a_broken_file_count_as_far_as_they_are_whole_and_the_repaired_one_completes_them(ingest) -> None:
    good = submitted("A", "B", "C")
    broken = good.replace(b"CLM*B*100", b"CLM*B*1OO")
    seen = await ingest.take(broken)
    assert (seen["status"], tallies(seen)) == ("accepted_with_errors", [("837", 2, 2, 0)])
    assert seen["transactions"][0]["claims_unreadable"] == 1
    assert [(each["code"], each["byte_offset"]) for each in seen["errors"]] == [
        ("bad_amount", broken.index(b"CLM*B")),
        ("claim_unreadable", broken.index(b"CLM*B")),
    ]
    cut = good[: good.index(b"CLM*C") + 5]
    assert (await ingest.take(cut))["status"] == "accepted_with_errors"
    assert tallies(await ingest.take(good)) == [("837", 3, 1, 2)]


async def test_claims_beyond_measure_are_named_and_the_others_booked(ingest) -> None:
    huge = made.claim("HUGE", lines=999)
    huge = [each + "*" * 9 + "N" * 700 if each.startswith("SV1") else each for each in huge]
    long = made.claim("P" * 300)
    odd = [each.replace("LX*1", "LX*99999999999").replace("PAYER1", "P" * 5000) for each in made.one(made.claim("ODD"))]
    seen = await ingest.take(encode([*made.one(huge, long, made.claim(lines=1000)), *odd]))
    assert {"long_patient_control_number", "too_many_lines"} <= set(codes(seen))
    assert seen["status"] == "accepted_with_errors"
    assert await ingest.count("claims") == 4


async def test_a_claim_larger_than_an_event_is_refused_with_its_place(ingest) -> None:
    fat = made.claim("FAT", lines=999)
    fat = [each.replace("REF*6R*", "REF*6R*" + "N" * 600) for each in fat]
    body = encode(made.one(fat, made.claim("B")))
    seen = await ingest.take(body)
    (finding,) = [each for each in seen["errors"] if each["code"] == "claim_too_large"]
    assert finding["byte_offset"] == body.index(b"CLM*FAT")
    assert (await states(ingest), seen["transactions"][0]["claims_unreadable"]) == ({"B": "submitted"}, 1)


async def test_a_file_of_nothing_but_broken_claims_is_rejected(ingest) -> None:
    seen = await ingest.take(encode(made.one(made.claim("A", "x"))))
    assert (seen["status"], await ingest.count("claims")) == ("rejected", 0)


async def test_no_tenant_sees_or_answers_another_s_claims(ingest) -> None:
    await ingest.take(submitted("A"))
    other = ingest.client("other")
    answer = await other.post("/v1/interchanges", content=encode(made.acknowledgement(made.status("A", "A7:562:85"))))
    assert answer.status_code == 202
    await ingest.read_all()
    assert await states(ingest) == {"A": "submitted"}
    async with ingest.api_database.begin("other") as tx:
        for table in ("claims", "claim_history", "set_answers"):
            assert (await tx.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar_one() == 0, table
        assert (await tx.exec_driver_sql("SELECT count(*) FROM acknowledgements")).scalar_one() == 1
    await other.aclose()
