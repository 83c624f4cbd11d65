"""A 276 for a silent claim, and the 277 that answers it."""

from uuid import uuid4

import pytest

from tests.integration.ingest.conftest import Ingest
from tests.integration.ingest.test_followups import followups, scan, sent
from tests.integration.ingest.test_matches import submitted
from tests.unit.x12 import build
from tests.unit.x12 import build_claims as made
from tests.unit.x12.build import encode


async def claim_id_of(ingest: Ingest, pcn: str) -> str:
    ((claim_id,),) = await ingest.rows("SELECT claim_id::text FROM claims WHERE patient_control_number = :p", p=pcn)
    return str(claim_id)


async def test_a_silent_claim_is_asked_after_and_the_payers_answer_moves_it(ingest) -> None:
    await ingest.take(sent(ingest, made.claim("A")))
    await scan(ingest, after_days=6)
    assert [kind for kind, _, _ in await followups(ingest)] == ["no_acknowledgement"]
    claim_id = await claim_id_of(ingest, "A")
    answer = await ingest.http.get(f"/v1/claims/{claim_id}/status-inquiry")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/edi-x12")
    assert f'filename="{claim_id}.276"' in answer.headers["content-disposition"]
    segments = answer.text.split("~")
    assert segments[1].endswith("*005010X212")
    assert {"NM1*PR*2*PAYER*****PI*PAYER1", "NM1*IL*1*FAMILY*GIVEN****MI*M1", "REF*EJ*A", "AMT*T3*100"} <= set(segments)
    trace = next(each for each in segments if each.startswith("TRN*1*")).split("*")[2]
    await ingest.take(answered(f"TRN*2*{trace}", "REF*1K*ICN9", "REF*EJ*A"))
    assert (await ingest.get(f"/v1/claims/{claim_id}"))["state"] == "accepted"
    assert (await ingest.get(f"/v1/claims/{claim_id}"))["payer_claim_control_number"] == "ICN9"
    await scan(ingest)
    assert await followups(ingest) == []


@pytest.mark.parametrize(
    ("told", "moved"),
    [
        ((), []),
        (("TRN*2*{trace}",), ["A"]),
        (("TRN*2*0",), []),
        (("REF*EJ*A",), ["A"]),
        (("REF*EJ*A", "TRN*2*0"), ["A"]),
        (("REF*1K*ICN1",), ["A"]),
        (("TRN*2*0", "REF*1K*ICN1"), ["A"]),
        (("REF*1K*ICN2",), []),
        (("TRN*2*0", "REF*1K*ICN3"), []),
    ],
    ids=str,
)
async def test_a_277_names_its_claim_by_what_it_returns_and_moves_none_where_several_may_be_meant(ingest, told, moved) -> None:
    await ingest.take(sent(ingest, made.claim("A"), made.claim("B"), made.claim("C")))
    numbers = [made.status(pcn, "A1:19", number=number) for pcn, number in (("A", "ICN1"), ("B", "ICN2"), ("C", "ICN2"))]
    await ingest.take(encode(made.acknowledgement(*numbers)))
    trace = (await claim_id_of(ingest, "A")).replace("-", "")
    seen = await ingest.take(answered(*(each.format(trace=trace) for each in told)))
    assert seen["transactions"][0]["claims_new"] == len(moved)
    rows = await ingest.rows("SELECT patient_control_number FROM claims WHERE state = 'accepted'")
    assert [row[0] for row in rows] == moved


async def test_an_answer_that_names_nobody_is_not_that_of_the_claim_beside_it_which_has_no_number_yet(ingest) -> None:
    await ingest.take(sent(ingest, made.claim("A")))
    trace = (await claim_id_of(ingest, "A")).replace("-", "")
    seen = await ingest.take(answered(f"TRN*2*{trace}", "STC*P1:20*20260307**100*0", "TRN*2*0"))
    assert seen["transactions"][0]["claims_new"] == 1


def answered(*told: str) -> bytes:
    """Return the 277 that answers a 276: the claim is pending. `told` are the trace and the references that it returns.

    An STC after a trace ends what is said under it: the next one stands beside.
    """
    names, trace = [each for each in told if each.startswith("REF")], [each for each in told if each.startswith(("TRN", "STC"))]
    body = [
        "HL*1**20*1", "NM1*PR*2*PAYER*****PI*PAYER1",
        "HL*2*1*21*1", "NM1*41*2*CLINIC*****46*1999999984",
        "HL*3*2*19*1", "NM1*1P*2*CLINIC*****XX*1999999984",
        "HL*4*3*22*0", "NM1*IL*1*FAMILY*GIVEN****MI*M1",
        *trace, "STC*P1:20*20260307**100*0", *names,
        "DTP*472*RD8*20260105-20260105",
    ]  # fmt: skip
    told_set = build.transaction(body, head=["BHT*0010*08*R1*20260307*1200*DG"], kind="277")
    told_set[0] += "*005010X212"
    return encode(build.interchange(made.group(told_set, functional="HN", version="005010X212")))


async def test_what_a_claim_lacks_for_an_inquiry_is_named(ingest) -> None:
    body = submitted(made.claim("A")).replace(b"DMG*D8*19610203*F~", b"").replace(b"*PI*PAYER1", b"*PI*" + b"P" * 16)
    await ingest.take(body)
    answer = await ingest.http.get(f"/v1/claims/{await claim_id_of(ingest, 'A')}/status-inquiry")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:recours:problem:inquiry-incomplete")
    assert answer.json()["errors"] == [
        {"pointer": "/subscriber/birth_on", "problem": "is missing"},
        {"pointer": "/payer/payer_id", "problem": "has more than 15 characters"},
    ]


async def test_there_is_no_inquiry_for_a_claim_that_is_not_here_or_anothers(ingest) -> None:
    await ingest.take(submitted(made.claim("A")))
    path = f"/v1/claims/{await claim_id_of(ingest, 'A')}/status-inquiry"
    async with ingest.client("other") as stranger:
        assert (await stranger.get(path)).status_code == 404
    assert (await ingest.http.get(f"/v1/claims/{uuid4()}/status-inquiry")).status_code == 404
