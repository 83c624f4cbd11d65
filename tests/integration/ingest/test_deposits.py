"""What the bank tells of: each line answered, each deposit once, and each with the payment that announced it."""

import json
from typing import Any

from tests.integration.ingest.conftest import Ingest
from tests.integration.ingest.test_followups import followups, only, scan
from tests.integration.ingest.test_matches import answered, remittance, submitted
from tests.unit.x12 import build_claims as made

HEAD = "deposited_on,amount,trace_number,payer,reference\n"


async def tell(ingest: Ingest, body: str, content_type: str = "text/csv") -> list[dict[str, Any]]:
    answer = await ingest.http.post("/v1/deposits", content=body.encode(), headers={"Content-Type": content_type})
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def paid(ingest: Ingest, trace: str = "T1", amount: str = "80") -> None:
    """Have a payment of 2026-01-10 announced."""
    await ingest.take(remittance(*answered("A", f"N{trace}"), trace=trace, amount=amount))


async def test_a_deposit_finds_its_payment_whichever_comes_first(ingest) -> None:
    await ingest.take(submitted(made.claim("A")))
    await paid(ingest, "t1")
    await tell(ingest, HEAD + "2026-01-10,80.00,T1,PAYER,\n2026-01-11,80,T2,PAYER,\n")
    await scan(ingest)
    await paid(ingest, "T2")
    await scan(ingest)
    found = (await ingest.get("/v1/deposits"))["items"]
    traces = dict(await ingest.rows("SELECT remittance_id::text, trace_number FROM remittances"))
    assert {each["trace_number"]: traces[each["remittance_id"]] for each in found} == {"T1": "t1", "T2": "T2"}
    assert await followups(ingest, kind="deposit_missing") == await followups(ingest, kind="remittance_missing") == []


async def test_money_without_a_remittance_is_followed_up_after_five_days_and_no_more_when_it_comes(ingest) -> None:
    await ingest.take(submitted(made.claim("A")))
    await tell(ingest, HEAD + "2026-03-01,80.00,T1,PAYER,\n")
    await scan(ingest, after_days=4)
    assert await followups(ingest, kind="remittance_missing") == []
    await scan(ingest, after_days=1)
    told = await only(ingest, kind="remittance_missing")
    assert (told["amount_cents"], told["due_on"], told["payer_name"], told["subject"]) == (8000, "2026-03-06", "PAYER", "deposit")
    await paid(ingest)
    await scan(ingest)
    assert await followups(ingest, kind="remittance_missing") == []


async def test_a_payment_without_a_deposit_counts_only_from_the_first_day_that_the_bank_tells_of(ingest) -> None:
    await paid(ingest)
    await scan(ingest)
    assert await followups(ingest) == []
    await tell(ingest, HEAD + "2026-01-11,5.00,T9,PAYER,\n")
    await scan(ingest)
    assert await followups(ingest, kind="deposit_missing") == []
    await tell(ingest, HEAD + "2026-01-10,6.00,T8,PAYER,\n")
    await scan(ingest)
    told = await only(ingest, kind="deposit_missing")
    assert (told["amount_cents"], told["due_on"], told["subject"]) == (8000, "2026-01-15", "remittance")
    await tell(ingest, HEAD + "2026-01-12,80.00,T1,PAYER,\n")
    await scan(ingest)
    assert await followups(ingest, kind="deposit_missing") == []


async def test_another_amount_under_the_same_trace_is_no_match_and_both_sides_say_so(ingest) -> None:
    await paid(ingest)
    await tell(ingest, HEAD + "2026-01-10,79.99,T1,PAYER,\n")
    await scan(ingest)
    assert "a deposit of this trace number is 79.99" in (await only(ingest, kind="deposit_missing"))["reason"]
    assert len(await followups(ingest, kind="remittance_missing")) == 1


async def test_a_deposit_without_a_trace_finds_its_payment_only_where_one_alone_fits(ingest) -> None:
    await paid(ingest, "T1")
    await tell(ingest, HEAD + "2026-01-12,80.00,,PAYER,\n")
    await scan(ingest)
    assert await ingest.rows("SELECT count(remittance_id) FROM deposits") == [(1,)]
    await paid(ingest, "T2", amount="80")
    await paid(ingest, "T3", amount="80")
    await tell(ingest, HEAD + "2026-01-13,80.00,,PAYER,x\n")
    await scan(ingest)
    assert await ingest.rows("SELECT count(remittance_id) FROM deposits") == [(1,)]


async def test_the_same_deposit_twice_is_the_same_and_a_reference_tells_two_apart(ingest) -> None:
    line = "2026-02-27,80.00,T1,PAYER,\n"
    first = await tell(ingest, HEAD + line + line)
    again = await tell(ingest, HEAD + line)
    assert [each["status"] for each in first + again] == ["new", "known", "known"]
    assert {each["deposit_id"] for each in first + again} == {first[0]["deposit_id"]}
    as_json = {"deposited_on": "2026-02-27", "amount": "80", "trace_number": "t1", "payer": "payer"}
    assert (await tell(ingest, json.dumps(as_json), "application/x-ndjson"))[0]["deposit_id"] == first[0]["deposit_id"]
    told = await tell(ingest, json.dumps([as_json, {**as_json, "reference": "2"}, 80], indent=2), "application/json")
    assert [(each["line"], each["status"]) for each in told] == [(1, "known"), (2, "new"), (3, "invalid")]


async def test_a_broken_line_is_answered_by_its_own_problem_and_the_others_go_on(ingest) -> None:
    lines = [
        "2026-02-27,80.00,T1,PAYER,",
        '2026-02-27,80.00,"T2,PAYER,',
        "2026-02-27,80.001,T3,,",
        "2026-02-27,-80.00,T4,,",
        "2026-02-27,99999999999999999999.00,T5,,",
        "2026-02-27,,T6,,",
        "2026-02-27,0.00,T7,,",
        "2026-02-27,eighty,T8,,",
        "27.02.2026,80.00,T9,,",
        "2027-02-27,80.00,T10,,",
        "2026-02-27,80.00,T11",
        "2026-02-27,80.00,T12,PAYER,",
    ]
    told = await tell(ingest, HEAD + "\n".join(lines))
    assert [(each["line"], each.get("field"), each.get("problem")) for each in told if each["status"] == "invalid"] == [
        (3, None, "is not text in UTF-8, or a quote is not closed"),
        (4, "amount", "has more than two decimals"),
        (5, "amount", "is negative: a deposit is money that came in"),
        (6, "amount", "is too large"),
        (7, "amount", "is missing"),
        (8, "amount", "is zero"),
        (9, "amount", "is not an amount such as 1234.56"),
        (10, "deposited_on", "is not a day such as 2026-03-01"),
        (11, "deposited_on", "lies in the future"),
        (12, None, "has not 5 cells"),
    ]
    assert [each["line"] for each in told if each["status"] == "new"] == [2, 13]
    assert await ingest.count("deposits") == 2


async def test_what_is_no_list_of_deposits_is_refused_as_what_it_is(ingest) -> None:
    problems = []
    for body, kind in (
        ("date,amount\n2026-02-27,80\n", "text/csv"),
        ("2026-02-27,80\n", "text/csv"),
        ("deposited_on,amount,amount\n", "text/csv"),
        ("", "text/csv"),
        (HEAD, "text/csv"),
        ("{}", "application/xml"),
    ):
        answer = await ingest.http.post("/v1/deposits", content=body.encode(), headers={"Content-Type": kind})
        problems.append((answer.status_code, answer.json()["type"].removeprefix("urn:recours:problem:")))
    assert problems == [
        (422, "bad-header"),
        (422, "bad-header"),
        (422, "bad-header"),
        (422, "empty"),
        (422, "empty"),
        (415, "unsupported-media-type"),
    ]
    broken = await ingest.http.post("/v1/deposits", content=b"[{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, broken.json()["type"]) == (400, "urn:recours:problem:bad-json")
    (answer,) = await tell(ingest, '{"deposited_on": "2026-02-27", "amount": 80}', "application/json")
    assert (answer["status"], answer["field"], answer["problem"]) == ("invalid", "amount", "is not a text, in quotes")


async def test_another_tenants_deposits_are_not_seen_and_pay_nothing(ingest) -> None:
    await tell(ingest, HEAD + "2026-01-10,6.00,T8,PAYER,\n")
    await paid(ingest)
    async with ingest.client("other") as stranger:
        body = (HEAD + "2026-01-10,80.00,T1,PAYER,\n").encode()
        assert (await stranger.post("/v1/deposits", content=body, headers={"Content-Type": "text/csv"})).status_code == 200
        assert len((await stranger.get("/v1/deposits")).json()["items"]) == 1
    await scan(ingest)
    assert len(await followups(ingest, kind="deposit_missing")) == 1
