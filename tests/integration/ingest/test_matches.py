"""Remits find their claims in either order; people decide what is ambiguous; a claim's balance adds up; takebacks are linked."""

from typing import Any

import pytest

from tests.integration.ingest.conftest import Ingest, a_key
from tests.unit.x12 import build
from tests.unit.x12 import build_claims as made
from tests.unit.x12.build import encode


def submitted(*claims: list[str], control: str = "1") -> bytes:
    return encode(made.one(*claims, control=control))


def remittance(*body: str, trace: str = "T1", amount: str = "80", payer: str = "PAYER") -> bytes:
    head = [
        f"BPR*I*{amount}*C*ACH************20260110",
        f"TRN*1*{trace}*1999999999",
        f"N1*PR*{payer}",
        "N1*PE*CLINIC*XX*1999999984",
        "LX*1",
    ]
    return encode(build.interchange(build.group(build.transaction(body, head=head))))


def answered(
    pcn: str, icn: str = "ICN1", *, charge: int = 100, paid: int = 80, status: str = "1", line: str = ""
) -> tuple[str, ...]:
    """Return one claim of an 835 that answers one of `made.claim`'s, with its modifier."""
    reference = [f"REF*6R*{line}"] if line else []
    adjusted = charge - paid
    cas = [f"CAS*CO*45*{adjusted}"] if adjusted else []
    service = [f"SVC*HC:G0283:GP*{charge}*{paid}**1", "DTM*472*20260105", *cas, *reference]
    return (f"CLP*{pcn}*{status}*{charge}*{paid}**12*{icn}*11*1", *service)


async def matches(ingest: Ingest, **query: Any) -> list[tuple[str, str, bool]]:
    """Return (account number, result, whether there is a claim), oldest first."""
    found = (await ingest.get("/v1/matches", **query))["items"]
    return [(each["patient_control_number"], each["result"], each["claim_id"] is not None) for each in reversed(found)]


async def balance_of(ingest: Ingest, pcn: str = "A") -> dict[str, Any]:
    ((claim_id,),) = await ingest.rows(
        "SELECT claim_id FROM claims WHERE patient_control_number = :p ORDER BY row_id LIMIT 1", p=pcn
    )
    return dict(await ingest.get(f"/v1/claims/{claim_id}/balance"))


def parts(told: dict[str, Any]) -> tuple[int, ...]:
    return tuple(told[f"{name}_cents"] for name in ("paid", "adjusted", "patient", "open"))


async def test_a_remit_after_its_claim_carries_its_id_and_one_before_it_is_told_of_when_the_claim_comes(ingest) -> None:
    await ingest.take(submitted(made.claim("A")))
    await ingest.take(remittance(*answered("A"), *answered("B", "ICN2"), trace="T1"))
    assert await matches(ingest) == [("A", "matched", True), ("B", "unmatched", False)]
    await ingest.take(submitted(made.claim("B"), control="2"))
    assert await matches(ingest) == [("A", "matched", True), ("B", "matched", True)]
    claim_ids = dict(await ingest.rows("SELECT patient_control_number, claim_id::text FROM claims"))
    events = await ingest.events()
    remits = {each["patient_control_number"]: each for each in events if "claim_status_code" in each}
    assert (remits["A"]["claim_id"], "claim_id" in remits["B"]) == (claim_ids["A"], False)
    (later,) = [each for each in events if "decided_by" in each]
    assert (later["remit_id"], later["claim_id"], later["decided_by"]) == (remits["B"]["remit_id"], claim_ids["B"], "score")
    assert (later["key"], later["sequence"]) == (remits["B"]["key"], 3)
    (change,) = (await ingest.get(f"/v1/matches/{later['remit_id']}"))["history"]
    assert (change["result_before"], change["result"], change["why"]) == ("unmatched", "matched", "claim_came")


async def test_a_claim_names_the_remits_that_answer_it_its_reversal_too(ingest) -> None:
    await ingest.take(submitted(made.claim("A")))
    await ingest.take(remittance(*answered("A"), trace="T1"))
    await ingest.take(remittance(*answered("A", charge=-100, paid=-80, status="22"), trace="T2", amount="-80"))
    await ingest.take(remittance(*answered("A", paid=90), trace="T3", amount="90"))
    found = await ingest.rows("SELECT remit_id::text, claim_id::text FROM matches ORDER BY remit_row_id")
    (claim_id,) = {claim_id for _, claim_id in found}
    assert (await ingest.get(f"/v1/claims/{claim_id}"))["remit_ids"] == [remit_id for remit_id, _ in found]
    assert len(found) == 3


async def test_the_same_files_again_change_no_match(ingest) -> None:
    files = [submitted(made.claim("A")), remittance(*answered("A"))]
    for body in (*files, *files):
        await ingest.take(body)
    assert await matches(ingest) == [("A", "matched", True)]
    assert (await ingest.count("matches"), await ingest.count("match_history")) == (1, 0)


async def test_a_number_that_was_cut_and_one_that_was_swapped_are_found_in_either_order(ingest) -> None:
    long = "LONG-ACCOUNT-00012345"
    cut, swapped = answered(long[:17].upper()), answered("ICN9", "SWAPPED1")
    await ingest.take(remittance(*cut, *swapped, trace="T1"))
    await ingest.take(submitted(made.claim(long.lower()), made.claim("SWAPPED1")))
    await ingest.take(remittance(*cut, *swapped, trace="T2"))
    assert [result for _, result, _ in await matches(ingest)] == ["matched_with_differences"] * 4
    differences = [each["differences"][0]["name"] for each in (await ingest.get("/v1/matches"))["items"]]
    assert sorted(differences) == ["account_number", "account_number", "account_number_swapped", "account_number_swapped"]


async def test_the_payers_number_of_an_acknowledgement_finds_a_remit_of_another_account_in_either_order(ingest) -> None:
    await ingest.take(remittance(*answered("GARBLED"), trace="T1"))
    await ingest.take(submitted(made.claim("A")))
    assert await matches(ingest) == [("GARBLED", "unmatched", False)]
    await ingest.take(encode(made.acknowledgement(made.status("A", number="ICN1"))))
    await ingest.take(remittance(*answered("GARBLED"), trace="T2"))
    assert await matches(ingest) == [("GARBLED", "matched_with_differences", True)] * 2


async def test_the_original_reference_of_a_remit_finds_the_claim_that_the_payer_numbered_so(ingest) -> None:
    await ingest.take(submitted(made.claim("A")))
    await ingest.take(encode(made.acknowledgement(made.status("A", number="ICN1"))))
    claim, *service = answered("GARBLED", "ICN77")
    await ingest.take(remittance(claim, "REF*F8*ICN8", *service, trace="T1"))
    await ingest.take(remittance(claim, "REF*F8*ICN1", *service, trace="T2"))
    assert await matches(ingest) == [("GARBLED", "unmatched", False), ("GARBLED", "matched_with_differences", True)]


async def test_a_match_tells_which_line_of_the_remit_answers_which_of_the_claim_and_how(ingest) -> None:
    await ingest.take(submitted(made.claim("A", "200", lines=2)))
    body = (
        "CLP*A*1*200*160**12*ICN1*11*1",
        "SVC*HC:G0283:GP*60*40**1", "DTM*472*20260105", "CAS*CO*45*20", "REF*6R*A-1",
        "SVC*HC:G0283:GP*40*40**1", "DTM*472*20260105", "REF*6R*A-1",
        "SVC*HC:A4253:GP*100*80**1*HC:G0283", "DTM*472*20260105", "CAS*CO*45*20",
    )  # fmt: skip
    await ingest.take(remittance(*body, amount="160"))
    (match,) = (await ingest.get("/v1/matches"))["items"]
    (candidate,) = (await ingest.get(f"/v1/matches/{match['remit_id']}"))["candidates"]
    assert [(each["line"], each["kind"], each["claim_line"], each["how"]) for each in candidate["lines"]] == [
        (1, "split", 1, "line_control_number"),
        (2, "split", 1, "line_control_number"),
        (3, "single", 2, "procedure_day_charge"),
    ]


@pytest.mark.parametrize("order", [1, -1])
async def test_one_claim_answered_in_parts_by_two_files_adds_up_to_it(ingest, order) -> None:
    two_lines = made.claim("A", "200", lines=2)
    files = [
        submitted(two_lines),
        remittance(*answered("A", "ICN1", line="A-1"), trace="T1"),
        remittance(*answered("A", "ICN2", line="A-2", paid=70), trace="T2", amount="70"),
    ]
    for body in files[::order]:
        await ingest.take(body)
    assert await matches(ingest) == [("A", "matched", True)] * 2
    assert parts(await balance_of(ingest)) == (15000, 5000, 0, 0)


async def test_a_part_alone_says_so_and_leaves_the_rest_open(ingest) -> None:
    await ingest.take(submitted(made.claim("A", "200", lines=2)))
    await ingest.take(remittance(*answered("A", line="A-1")))
    (match,) = (await ingest.get("/v1/matches", result="matched_with_differences"))["items"]
    assert [each["name"] for each in match["differences"]] == ["part_of_claim"]
    assert parts(await balance_of(ingest)) == (8000, 2000, 0, 10000)


async def test_a_secondary_answer_belongs_to_the_same_claim(ingest) -> None:
    await ingest.take(submitted(made.claim("A")))
    await ingest.take(remittance(*answered("A", paid=60), amount="60"))
    second = ("CLP*A*2*100*30**12*S1*11*1", "SVC*HC:G0283:GP*100*30**1", "DTM*472*20260105", "CAS*OA*23*60", "CAS*PR*2*10")
    await ingest.take(remittance(*second, trace="T2", amount="30", payer="SECOND"))
    assert await matches(ingest) == [("A", "matched", True), ("A", "matched_with_differences", True)]
    told = await balance_of(ingest)
    assert parts(told) == (9000, 0, 1000, 0)
    assert [(each["payer_name"], each["rank"], each["paid_cents"]) for each in told["payers"]] == [
        ("PAYER", 1, 6000),
        ("SECOND", 2, 3000),
    ]


async def test_a_reversal_and_its_correction_and_a_reversal_of_nothing(ingest) -> None:
    await ingest.take(submitted(made.claim("A")))
    await ingest.take(remittance(*answered("A")))
    turned = ("CLP*A*22*-100*-80**12*ICN1*11*1", "SVC*HC:G0283:GP*-100*-80**1", "DTM*472*20260105", "CAS*CO*45*-20")
    await ingest.take(remittance(*turned, *answered("A", "ICN2", paid=90), trace="T2", amount="10"))
    told = await balance_of(ingest)
    assert (parts(told), len(told["undone"]), told["findings"]) == ((9000, 1000, 0, 0), 1, [])
    await ingest.take(remittance(*(each.replace("80", "81").replace("*-20", "*-19") for each in turned), trace="T3", amount="0"))
    told = await balance_of(ingest)
    assert (parts(told), [each["code"] for each in told["findings"]]) == ((9000, 1000, 0, 0), ["reversal_without_original"])


async def test_a_person_decides_what_is_ambiguous_and_it_stays(ingest) -> None:
    await ingest.take(submitted(made.claim("A"), made.claim("A", more=["NTE*ADD*OTHER"])))
    await ingest.take(remittance(*answered("A")))
    assert await matches(ingest, result="ambiguous") == [("A", "ambiguous", False)]
    ((remit_id,),) = await ingest.rows("SELECT remit_id FROM matches")
    path = f"/v1/matches/{remit_id}"
    candidates = [each["claim_id"] for each in (await ingest.get(path))["candidates"]]
    assert len(candidates) == 2
    key = {"Idempotency-Key": a_key()}
    body = {"claim_id": candidates[1], "reason": "the portal shows it"}
    first = await ingest.http.post(path, json=body, headers=key)
    again = await ingest.http.post(path, json=body, headers=key)
    assert (first.status_code, again.status_code, first.json()) == (200, 200, again.json())
    told = first.json()
    assert (told["result"], told["claim_id"], told["decided_by"]) == ("matched", candidates[1], "person")
    (change,) = told["history"]
    assert (change["who"], change["why"], change["result_before"]) == ("local", "the portal shows it", "ambiguous")
    (event,) = [each for each in await ingest.events() if "decided_by" in each]
    assert (event["claim_id"], event["decided_by"]) == (candidates[1], "person")
    await ingest.take(encode(made.acknowledgement(made.status("A", number="ICN1"))))
    await ingest.take(submitted(made.claim("A", more=["NTE*ADD*THIRD"]), control="3"))
    assert (await ingest.get(path))["claim_id"] == candidates[1]
    none = await ingest.http.post(path, json={"claim_id": None, "reason": "not ours"}, headers={"Idempotency-Key": a_key()})
    assert (none.json()["result"], none.json()["claim_id"], len(none.json()["history"])) == ("unmatched", None, 2)


async def test_a_decision_without_a_key_a_reason_a_claim_or_a_remit_is_refused_and_another_tenant_sees_nothing(ingest) -> None:
    await ingest.take(remittance(*answered("A")))
    ((remit_id,),) = await ingest.rows("SELECT remit_id FROM matches")
    path, stranger = f"/v1/matches/{remit_id}", "00000000-0000-0000-0000-000000000001"
    good = {"claim_id": None, "reason": "x"}

    async def post(where: str, body: dict[str, Any], **headers: str) -> int:
        answer = await ingest.http.post(where, json=body, headers=headers)
        return int(answer.status_code)

    assert await post(path, good) == 400
    assert await post(path, {"claim_id": None, "reason": " "}, **{"Idempotency-Key": a_key()}) == 422
    assert await post(path, {"claim_id": stranger, "reason": "x"}, **{"Idempotency-Key": a_key()}) == 422
    assert await post(f"/v1/matches/{stranger}", good, **{"Idempotency-Key": a_key()}) == 404
    async with ingest.client("other") as other:
        assert (await other.get(path)).status_code == 404
        assert (await other.get("/v1/matches")).json()["items"] == []
    assert (await ingest.http.get(f"/v1/claims/{stranger}/balance")).status_code == 404


async def test_provider_adjustments_keep_their_sign_and_name_their_claims(ingest) -> None:
    await ingest.take(submitted(made.claim("ACCOUNT1"), made.claim("ACCOUNT2")))
    body = (
        *answered("ACCOUNT1", "ICN0001"),
        "PLB*1999999984*20261231*WO:ICN0001*12.5*FB:FORWARD9*-30",
        "PLB*1999999984*20261231*72:ACCOUNT2*-5*L6:*-1*CS:account1 M1*3",
    )
    await ingest.take(remittance(*body, amount="100.5"))
    page = await ingest.get("/v1/provider-adjustments", limit=3)
    rest = await ingest.get("/v1/provider-adjustments", limit=3, cursor=page["next_cursor"])
    found = page["items"] + rest["items"]
    assert [(each["reason_code"], each["kind"], each["payment_effect_cents"], len(each["claim_ids"])) for each in found] == [
        ("WO", "recovery", -1250, 1),
        ("FB", "forward", 3000, 0),
        ("72", "refund_acknowledged", 500, 1),
        ("L6", "interest", 100, 0),
        ("CS", "adjustment", -300, 1),
    ]
    assert rest["next_cursor"] is None
    assert len((await ingest.get("/v1/provider-adjustments", reason_code="WO"))["items"]) == 1


async def test_matches_are_listed_page_by_page(ingest) -> None:
    await ingest.take(
        remittance(*(segment for number in range(5) for segment in answered(f"N{number}", f"I{number}")), amount="400")
    )
    seen, cursor = [], None
    for _ in range(3):
        page = await ingest.get("/v1/matches", limit=2, result="unmatched", **({"cursor": cursor} if cursor else {}))
        seen += [each["patient_control_number"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == (["N4", "N3", "N2", "N1", "N0"], None)
