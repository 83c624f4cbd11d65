"""The answer to a request for records, with the ingest that holds the claim: the documents come back byte for byte."""

import base64
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from libs.common.contracts import records_requested
from libs.common.contracts.envelope import Received
from libs.common.contracts.records_requested import AskedCode
from libs.common.ids import claim_key
from libs.x12 import InterchangeReader, TransactionClosed
from services.appeals.records.attaching import handle_requests
from services.appeals.records.store import Asked
from tests.integration.documents.conftest import Appeals, Refused
from tests.support.cases import NOW


async def ask(appeals: Appeals, refused: Refused, trace: str = "CTL7") -> str:
    """Let a payer ask about the case; return the request."""
    [row] = await appeals.rows("SELECT claim_key, payer_claim_control_number FROM cases WHERE case_id = :case", case=refused.case)
    asked = Asked(
        request_id=uuid4(),
        claim_key=row["claim_key"],
        payer_id="PAYER1",
        payer_name="PAYER",
        trace=trace,
        payer_claim_control_number=row["payer_claim_control_number"],
        codes=(AskedCode("R4", "11504-8", "LOI"),),
        received_at=datetime(2026, 2, 28, tzinfo=UTC),
        due_on=date(2026, 3, 20),
    )
    key = str(claim_key("sandbox", "SBX-197-1"))
    told = Received(uuid4(), "recours/test", records_requested.TYPE, key, "sandbox", 1, "test", None, asked)
    async with appeals.worker.begin() as tx:
        await handle_requests(tx, [told], NOW)
    return str(asked.request_id)


async def send(appeals: Appeals, refused: Refused, text: str) -> str:
    path = f"/v1/cases/{refused.case}/documents"
    headers = {"Content-Type": "text/plain"}
    sent = await appeals.http.post(path, content=text.encode(), params={"kind": "operative_report"}, headers=headers)
    assert sent.status_code == 201, sent.text
    return str(sent.json()["document_id"])


def bodies(file: bytes) -> list[bytes]:
    found = []
    for loop in file.split(b"BDS*B64*")[1:]:
        length, _, rest = loop.partition(b"*")
        found.append(base64.b64decode(rest[: int(length)], validate=True).partition(b"\r\n\r\n")[2])
    return found


async def test_documents_are_answered_with_in_as_many_sets_as_the_payer_wants(appeals: Appeals, refused: Refused) -> None:
    request_id = await ask(appeals, refused)
    texts = [f"Report {number} ~*: " + "x" * 400_000 for number in range(3)]
    ids = [await send(appeals, refused, text) for text in texts]
    path, told = f"/v1/cases/{refused.case}/records-answer", [{"document_id": each} for each in ids]
    body: dict[str, Any] = {"request_id": request_id, "documents": [{**told[0], "code": "11504-8"}, *told[1:]]}
    answer = await appeals.http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert bodies(answer.content) == [text.encode() for text in texts]
    assert answer.content.count(b"TRN*2*CTL7~") == 3
    assert answer.content.count(b"STC*R4:11504-8::LOI~") == 1
    assert b"REF*EJ*SBX-197-1~" in answer.content

    payer = (await appeals.rows("SELECT payer_id FROM cases WHERE case_id = :case", case=refused.case))[0]["payer_id"]
    entry = {"channels": [{"channel": "clearinghouse", "files_max": 2, "file_bytes_max": 500_000}]}
    kept = await appeals.http.put(f"/v1/payers/{payer}", json=entry)
    assert kept.status_code < 300, kept.text
    answer = await appeals.http.post(path, json=body)
    reader = InterchangeReader()
    sets = [each for each in [*reader.feed(answer.content), *reader.close()] if isinstance(each, TransactionClosed)]
    assert [(each.type, each.complete) for each in sets] == [("275", True)] * 2
    assert bodies(answer.content) == [text.encode() for text in texts]

    unasked = {"request_id": request_id, "documents": [{**told[0], "code": "99"}]}
    assert (await appeals.http.post(path, json=unasked)).json()["type"] == "urn:recours:problem:code-not-asked-for"
    unknown = {"request_id": request_id, "documents": [{"document_id": str(uuid4())}]}
    assert (await appeals.http.post(path, json=unknown)).status_code == 404
    traceless = {"request_id": await ask(appeals, refused, trace=""), "documents": told}
    refusal = await appeals.http.post(path, json=traceless)
    assert (refusal.status_code, refusal.json()["lacks"]) == (409, ["trace"])
