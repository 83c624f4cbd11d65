"""Evidence over HTTP, with the ingest that holds the claim: attached by itself, waived, and what keeps a case from ready."""

import io
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pypdf import PdfReader

from libs.common.clock import FixedClock
from libs.common.errors import Transient
from services.appeals import ingest as asking
from services.appeals.evidence.collector import Collector
from services.appeals.worklist.bulk import apply
from services.appeals.worklist.bulk_store import Action
from tests.integration.documents.conftest import Appeals, Refused
from tests.support import papers
from tests.support.access import own_tokens
from tests.support.cases import NOW


async def move(appeals: Appeals, case: Any, command: str, key: str) -> httpx.Response:
    tag = (await appeals.http.get(f"/v1/cases/{case}")).headers["ETag"]
    headers = {"If-Match": tag, "Idempotency-Key": key}
    return await appeals.http.post(f"/v1/cases/{case}/transitions", json={"command": command, "why": "x"}, headers=headers)


async def test_what_recours_holds_is_attached_once_and_renewed_when_it_changes(appeals: Appeals, refused: Refused) -> None:
    path = f"/v1/cases/{refused.case}/evidence"
    before = (await appeals.http.get(path)).json()
    assert before["complete"] is False
    assert (await move(appeals, refused.case, "mark_ready", "a")).json()["missing"] == ["remittance_extract", "timely_filing_proof"]

    collected = (await appeals.http.post(f"{path}/collect")).json()
    assert {each["kind"] for each in collected["attached"]} == {"remittance_extract", "timely_filing_proof"}
    assert (collected["complete"], collected["not_held"]) == (True, [])
    again = (await appeals.http.post(f"{path}/collect")).json()
    assert (again["attached"], len(appeals.files())) == ([], 2)
    texts = {}
    for each in collected["attached"]:
        content = await appeals.http.get(f"/v1/cases/{refused.case}/documents/{each['document_id']}/content")
        texts[each["kind"]] = PdfReader(io.BytesIO(content.content)).pages[0].extract_text()
    assert "SBX-197-1" in texts["remittance_extract"]
    assert "CO" in texts["remittance_extract"]
    assert "277CA" in texts["timely_filing_proof"]

    await refused.ingest.rows_of("UPDATE acknowledgements SET payer_claim_control_number = 'NEW1'", "sandbox")
    renewed = (await appeals.http.post(f"{path}/collect")).json()["attached"]
    assert [each["kind"] for each in renewed] == ["timely_filing_proof"]
    listed = (await appeals.http.get(f"/v1/cases/{refused.case}/documents")).json()["items"]
    assert len(listed) == 2
    assert (await move(appeals, refused.case, "mark_ready", "b")).json()["state"] == "ready"


async def test_without_ingest_nothing_is_half_made(appeals: Appeals, refused: Refused) -> None:
    path = f"/v1/cases/{refused.case}/evidence/collect"

    def fails_at(place: str) -> httpx.MockTransport:
        async def ask(request: httpx.Request) -> httpx.Response:
            if place in request.url.path:
                return httpx.Response(503)
            answer = await refused.http.get(request.url.path)
            return httpx.Response(answer.status_code, content=answer.content)

        return httpx.MockTransport(ask)

    for place in ("/v1/remits", "/v1/claims"):
        appeals.app.state.ingest = asking.Ingest("http://ingest", own_tokens("appeals"), fails_at(place))
        answer = await appeals.http.post(path)
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:recours:problem:ingest-unavailable")
        assert answer.headers["retry-after"] == "5"
    appeals.app.state.ingest = asking.Ingest(None)
    assert (await appeals.http.post(path)).status_code == 503
    assert appeals.files() == []
    assert await appeals.rows("SELECT 1 FROM documents") == []


async def test_an_item_is_waived_with_a_reason_or_a_document_takes_its_place(appeals: Appeals) -> None:
    case = await appeals.case(category="medical_necessity")
    path = f"/v1/cases/{case}/evidence"
    await appeals.http.post(f"/v1/cases/{case}/documents", content=papers.pdf(2), params={"kind": "operative_report"})
    assert (await appeals.http.put(f"{path}/remittance_extract/waiver", json={"reason": " "})).status_code == 422
    assert (await appeals.http.put(f"{path}/unheard_of/waiver", json={"reason": "x"})).status_code == 404
    for item in ("remittance_extract", "medical_necessity_letter"):
        told = (await appeals.http.put(f"{path}/{item}/waiver", json={"reason": "The payer has it."})).json()
    assert told["complete"] is True
    assert [each["waiver"]["reason"] for each in told["items"] if each["state"] == "waived"] == ["The payer has it."] * 2
    assert (await move(appeals, case, "mark_ready", "a")).status_code == 200
    withdrawn = (await appeals.http.delete(f"{path}/remittance_extract/waiver")).json()
    assert withdrawn["complete"] is False
    assert (await appeals.http.delete(f"{path}/remittance_extract/waiver")).status_code == 404
    kept = await appeals.rows("SELECT item, what FROM evidence_waivers ORDER BY row_id")
    assert [(row["item"], row["what"]) for row in kept][-1] == ("remittance_extract", "withdrawn")
    assert len(kept) == 3


async def test_a_tenants_own_list_holds_at_once(appeals: Appeals) -> None:
    case = await appeals.case(category="duplicate", payer_id="P1")
    path = "/v1/evidence/checklists/duplicate"
    own = {"items": [{"item": "itemized_bill"}, {"item": "consent", "needed": False}]}
    assert (await appeals.http.put(path, json=own, params={"payer_id": "P1"})).json()["origin"] == "own"
    assert (await appeals.http.put(path, json={"items": [{"item": "unheard_of"}]})).status_code == 422
    assert (await appeals.http.put("/v1/evidence/checklists/unheard_of", json=own)).status_code == 404
    evidence = (await appeals.http.get(f"/v1/cases/{case}/evidence")).json()
    assert [(each["item"], each["needed"]) for each in evidence["items"]] == [("itemized_bill", True), ("consent", False)]
    lists = (await appeals.http.get("/v1/evidence/checklists")).json()["items"]
    assert [each["payer_id"] for each in lists if each["origin"] == "own"] == ["P1"]
    assert (await appeals.http.delete(path, params={"payer_id": "P1"})).status_code == 204
    evidence = (await appeals.http.get(f"/v1/cases/{case}/evidence")).json()
    assert evidence["items"][0]["item"] == "remittance_extract"


async def test_many_cases_at_once_become_ready_by_the_same_rule(appeals: Appeals) -> None:
    asks_nothing = await appeals.case(category="duplicate", payer_id="P1")
    waived, lacks = [await appeals.case(category="duplicate", payer_id="P2") for _ in range(2)]
    await appeals.http.put("/v1/evidence/checklists/duplicate", json={"items": []}, params={"payer_id": "P1"})
    await appeals.http.put(f"/v1/cases/{waived}/evidence/remittance_extract/waiver", json={"reason": "They have it."})
    async with appeals.worker.begin() as tx:
        action = Action("step", command="mark_ready", why="All of them.")
        refused = await apply(tx, "local", [asks_nothing, waived, lacks], action, "local", NOW)
    assert {key: told.reason for key, told in refused.items()} == {("local", lacks): "evidence-missing"}
    states = {row["case_id"]: row["state"] for row in await appeals.rows("SELECT case_id, state FROM cases")}
    assert states == {asks_nothing: "ready", waived: "ready", lacks: "open"}


async def test_a_case_that_is_worked_on_gets_what_recours_holds_by_itself(appeals: Appeals, refused: Refused) -> None:
    def collector(ingest: asking.Ingest, days: int = 0) -> Collector:
        clock = FixedClock(NOW + timedelta(days=days))
        return Collector(appeals.worker, clock, appeals.app.state.documents.blobs, ingest)

    ingest = appeals.app.state.ingest
    theirs = await appeals.case("north")
    assert await collector(ingest).collect() == 0, "nobody has begun"
    await move(appeals, refused.case, "gather", "a")
    assert await appeals.rows("UPDATE cases SET state = 'gathering' WHERE case_id = :case RETURNING 1 AS done", case=theirs)
    with pytest.raises(Transient):
        await collector(asking.Ingest(None)).collect()
    assert appeals.files() == []
    assert [await collector(ingest).collect() for _ in range(2)] == [2, 0], "each tenant's case, once"
    assert {row["tenant_id"] for row in await appeals.rows("SELECT tenant_id FROM evidence_collections")} == {"north", "sandbox"}
    assert (await appeals.http.get(f"/v1/cases/{refused.case}/evidence")).json()["complete"] is True
    assert await collector(ingest, days=2).collect() == 2
    assert len(await appeals.rows("SELECT 1 FROM documents")) == 2
