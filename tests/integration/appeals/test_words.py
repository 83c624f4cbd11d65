"""What people wrote about a case that rests is forgotten after its time; that they wrote, who and when, stays."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from services.appeals.documents import store as documents
from services.appeals.evidence import store as evidence
from tests.integration.appeals.conftest import NOW, Desk
from tests.integration.appeals.test_correspondence import log
from tests.integration.appeals.test_retention import forget, rest, rows
from tests.integration.consumers.conftest import Service

MARK = "QUAGGA"
ALL_WORDS = """
SELECT 'comment', words FROM case_comments UNION ALL SELECT 'message', text FROM case_messages
UNION ALL SELECT 'entry', party || coalesce(reference_number, '') || said || coalesce(promise, '') FROM correspondence
UNION ALL SELECT 'step', why FROM case_history WHERE who <> 'recours' UNION ALL SELECT 'document', why FROM document_history
UNION ALL SELECT 'waiver', reason FROM evidence_waivers UNION ALL SELECT 'filing', good_cause FROM filings ORDER BY 1
"""
KINDS = ["comment", "document", "entry", "filing", "message", "step", "waiver"]


async def written(desk: Desk, appeals: Service) -> tuple[dict[str, Any], str]:
    """Have everything written about a case that people may write; return it and its path."""
    case = await desk.denied()
    case_id, path = UUID(case["case_id"]), f"/v1/cases/{case['case_id']}"
    key = {"Idempotency-Key": "one"}
    assert (await desk.http.post(f"{path}/comments", json={"words": MARK}, headers=key)).status_code == 201
    key = {"Idempotency-Key": "two"}
    assert (await desk.http.post(f"{path}/messages", json={"text": MARK}, headers=key)).status_code == 201
    assert (await log(desk, case, party=MARK, reference_number=MARK, said=MARK, promise=MARK)).status_code == 201
    assert (await desk.do(case, "start_review", MARK)).status_code == 200
    async with appeals.worker.begin("local") as tx:
        await documents.tell(tx, "local", case_id, uuid4(), "deleted", "ann", MARK, NOW)
        await evidence.tell_waiver(tx, "local", case_id, "letter", "waived", MARK, "ann", NOW)
    await desk.appeals.rows(
        "INSERT INTO filings (tenant_id, appeal_id, case_id, claim_key, number, action, channel, disputed_cents, good_cause,"
        " filed_at, filed_on, filed_by, next_check_on, next_check_is)"
        " VALUES ('local', :a, :c, :k, 1, 'appeal', 'mail', 1, :w, :at, :on, 'ann', :on, 'assumed') RETURNING 1",
        a=uuid4(), c=case_id, k=UUID(case["claim_key"]), w=MARK, at=NOW, on=NOW.date(),
    )  # fmt: skip
    return case, path


async def told(appeals: Service) -> list[str]:
    """Return the kinds of words that are still there."""
    return [kind for kind, words in await rows(appeals, ALL_WORDS) if MARK in words]


async def test_what_people_wrote_of_a_case_that_rests_goes_and_that_they_did_stays(desk: Desk, appeals: Service) -> None:
    case, path = await written(desk, appeals)
    assert await told(appeals) == KINDS
    assert await forget(appeals) == 0, "it is worked on"
    await rest(appeals, case)
    hold = {"legal_hold": True, "why": "matter 12"}
    await desk.http.put("/v1/tenants/local", json=hold)
    assert await forget(appeals) == 0, "it is under legal hold"
    await desk.http.put("/v1/tenants/local", json=hold | {"legal_hold": False})
    assert (await desk.http.put("/v1/retention/words", json={"days": 9_000})).status_code == 200
    assert await forget(appeals) == 0, "this tenant keeps such for longer"
    await desk.http.put("/v1/retention/words", json={"days": None})
    assert (await forget(appeals), await told(appeals), await forget(appeals)) == (len(KINDS), [], 0)
    entries = await rows(appeals, "SELECT subject, object_kind, object_ids[1] FROM audit_log WHERE action = 'forget'")
    assert entries == [("recours", "words", f"rows:{len(KINDS)}")]
    (comment,) = (await desk.http.get(f"{path}/comments")).json()["items"]
    (message,) = (await desk.http.get(f"{path}/messages")).json()["items"]
    (entry,) = (await desk.http.get(f"{path}/correspondence")).json()["items"]
    assert all(each["forgotten_at"] for each in (comment, message, entry))
    assert (comment["words"], comment["author"], message["text"], message["who"]) == ("", "local", "", "local")
    assert (entry["party"], entry["said"], entry["reference_number"], entry["promise"]) == ("", "", None, "")
    assert (entry["kind"], entry["promised_on"], entry["logged_by"]) == ("call", "2026-03-02", "local")
    shown = (await desk.http.get(path)).json()
    assert [(step["command"], step["why"]) for step in shown["history"]] == [
        ("pursue", "denial_classified"),
        ("start_review", "forgotten"),
    ]


@pytest.mark.parametrize("limit", [1, 3])
async def test_words_go_some_rows_at_a_time(desk: Desk, appeals: Service, limit: int) -> None:
    case, _ = await written(desk, appeals)
    await rest(appeals, case)
    assert (await forget(appeals, limit=limit), await told(appeals)) == (len(KINDS), [])


async def test_a_note_to_a_case_that_was_touched_since_stays(desk: Desk, appeals: Service) -> None:
    case, path = await written(desk, appeals)
    await rest(appeals, case)
    async with appeals.worker.begin("local") as tx:
        await tx.exec_driver_sql("UPDATE cases SET changed_at = now() + interval '3000 days'")
    assert (await forget(appeals), await told(appeals)) == (0, KINDS)
    assert (await desk.http.get(f"{path}/comments")).json()["items"][0]["forgotten_at"] is None
