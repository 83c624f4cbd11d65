"""Requests for records on a real database: told of once, of the claim that they mean, whatever comes first."""

from libs.common.ids import claim_key
from tests.integration.ingest.conftest import Ingest
from tests.unit.x12 import build_claims as made
from tests.unit.x12.build import encode


async def told(ingest: Ingest) -> list[dict]:
    rows = await ingest.rows("SELECT 1 FROM outbox WHERE aggregatetype = 'records.requested'")
    events = [event for event in await ingest.events() if "request_id" in event]
    assert len(events) == len(rows)
    return events


async def test_a_request_is_told_of_once_and_of_its_claim(ingest: Ingest) -> None:
    await ingest.take(encode(made.one(made.claim("PCN1"))))
    asked = made.asks("PCN1", "R4:11504-8::LOI", trace="CTL7", number="ICN1")
    first = await ingest.take(encode(made.records_request(asked)))
    assert (first["status"], first["totals"]["claims_new"], first["totals"]["claims_duplicate"]) == ("accepted", 1, 0), first
    again = await ingest.take(encode(made.records_request(asked, on="20260113")))
    assert (again["status"], again["totals"]["claims_new"], again["totals"]["claims_duplicate"]) == ("accepted", 0, 1)
    (event,) = await told(ingest)
    ((claim_id,),) = await ingest.rows("SELECT claim_id FROM claims")
    assert event["claim_key"] == event["key"] == str(claim_key("local", "PCN1"))
    assert (event["claim_id"], event["trace"], event["due_on"]) == (str(claim_id), "CTL7", "2026-02-26")
    assert event["codes"] == [{"category": "R4", "code": "11504-8", "code_list": "LOI"}]
    await ingest.take(
        encode(made.records_request(made.asks("PCN1", "R4:11504-8::LOI", trace="CTL7", number="ICN1", due="20260305")))
    )
    assert [each["due_on"] for each in await told(ingest)] == ["2026-02-26", "2026-03-05"]
    assert [each["sequence"] for each in await told(ingest)] == [2, 3]


async def test_a_request_before_its_claim_and_one_by_the_payers_number_alone(ingest: Ingest) -> None:
    await ingest.take(encode(made.records_request(made.asks("PCN2", trace="T2"))))
    await ingest.take(encode(made.one(made.claim("PCN3"))))
    await ingest.take(encode(made.acknowledgement(made.status("PCN3", number="ICN3"))))
    nameless = await ingest.take(encode(made.records_request(made.asks("", trace="ICN3"), made.asks("", trace="NOBODY"))))
    assert nameless["status"] == "accepted"
    early, numbered = await told(ingest)
    assert (early["claim_key"], early.get("claim_id")) == (str(claim_key("local", "PCN2")), None)
    ((claim_id,),) = await ingest.rows("SELECT claim_id FROM claims WHERE patient_control_number = 'PCN3'")
    assert (numbered["claim_key"], numbered["claim_id"]) == (str(claim_key("local", "PCN3")), str(claim_id))
