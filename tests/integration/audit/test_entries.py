"""What a request leaves in the audit log: every change in its own transaction, every disclosure before its answer."""

import json
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text

from libs.common.audit.acting import Act, about, acting
from libs.common.audit.entries import Entry
from libs.common.database import Database
from services.ingest.claims.examples import PROFESSIONAL
from services.ingest.example import REMITTANCE
from tests.integration.audit.conftest import Log

ENTRY = Entry(subject="o'hara\\", action="moveCase", outcome="changed", object_kind="case")


def act() -> Act:
    return Act(lambda ids: Entry("ann", "moveCase", "changed", "case", ids))


async def test_a_change_is_entered_with_who_what_and_trace_and_without_what_was_sent(log: Log) -> None:
    traceparent = f"00-{'ab' * 16}-{'cd' * 8}-01"
    answer = await log.http.post("/v1/claims", json=PROFESSIONAL, headers={"traceparent": traceparent})
    assert answer.status_code == 201, answer.text
    (entry,) = await log.entries()
    assert entry["object_ids"] == [answer.json()["claim_id"]]
    assert (entry["action"], entry["outcome"], entry["object_kind"], entry["trace_id"]) == (
        "postClaim",
        "changed",
        "claim",
        "ab" * 16,
    )
    row = await log.superuser.fetchval("SELECT log::text FROM audit_log AS log WHERE tenant_id = $1", log.tenant)
    for told in (PROFESSIONAL["subscriber"]["last_name"], PROFESSIONAL["subscriber"]["member_id"], "ACCT"):
        assert str(told) not in row


async def test_a_file_of_any_size_a_batch_and_an_edit_are_entered(log: Log) -> None:
    small = await log.http.post("/v1/interchanges", content=REMITTANCE)
    assert small.status_code == 202, small.text
    batch = await log.http.post(
        "/v1/claims:batch", content=json.dumps(PROFESSIONAL), headers={"Content-Type": "application/x-ndjson"}
    )
    assert batch.status_code == 200
    told = [(each["action"], each["object_ids"]) for each in await log.entries()]
    assert told == [("postInterchange", [small.json()["interchange_id"]]), ("postClaims", [batch.json()["claim_id"]])]


async def test_what_is_shown_of_patients_is_entered_before_the_answer_and_what_is_not_leaves_nothing(log: Log) -> None:
    claim_id = (await log.http.post("/v1/claims", json=PROFESSIONAL)).json()["claim_id"]
    assert (await log.http.get(f"/v1/claims/{claim_id}/content")).status_code == 200
    assert (await log.http.get("/v1/claims")).status_code == 200
    for path in (f"/v1/claims/{uuid4()}/content", "/v1/reference", "/v1/ledger", "/v1/followups", "/v1/claims?limit=0"):
        await log.http.get(path)
    told = [(each["action"], each["outcome"], each["object_ids"]) for each in await log.entries()]
    assert told[1:] == [("getContent", "disclosed", [claim_id]), ("listClaims", "disclosed", [claim_id])]


async def test_what_cannot_be_entered_is_not_shown(log: Log) -> None:
    claim_id = (await log.http.post("/v1/claims", json=PROFESSIONAL)).json()["claim_id"]
    broken = Database("postgresql://nobody@127.0.0.1:1/nothing")
    append, log.api.append = log.api.append, broken.append  # type: ignore[method-assign]  # the log is away and the rest is not
    answer = await log.http.get(f"/v1/claims/{claim_id}/content")
    log.api.append = append  # type: ignore[method-assign]  # as above
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:recours:problem:unavailable")
    assert "subscriber" not in answer.text


async def test_a_transaction_that_changes_nothing_or_is_undone_leaves_no_entry(log: Log) -> None:
    with acting(act()):
        async with log.api.begin(log.tenant) as tx:
            await tx.execute(text("SELECT 1"))
        with pytest.raises(ZeroDivisionError):
            await change(log, ZeroDivisionError())
    assert await log.entries() == []
    assert await log.superuser.fetchval("SELECT count(*) FROM ledger_days WHERE tenant_id = $1", log.tenant) == 0


async def test_a_change_whose_entry_cannot_be_written_is_undone(log: Log) -> None:
    await log.superuser.execute("ALTER TABLE audit_log ADD CONSTRAINT nobody CHECK (subject <> 'ann') NOT VALID")
    try:
        with acting(act()), pytest.raises(asyncpg.CheckViolationError):
            await change(log)
    finally:
        await log.superuser.execute("ALTER TABLE audit_log DROP CONSTRAINT nobody")
    assert await log.superuser.fetchval("SELECT count(*) FROM ledger_days WHERE tenant_id = $1", log.tenant) == 0
    async with log.api.begin(log.tenant) as tx:  # the connection is none the worse for it
        assert (await tx.execute(text("SELECT 1"))).scalar_one() == 1


async def test_texts_that_mean_something_to_sql_are_entered_as_they_are(log: Log) -> None:
    await log.api.append(log.tenant, ENTRY)
    with acting(Act(lambda ids: Entry("x'); DROP TABLE audit_log; --", "a", "changed", "k", ids))):
        await change(log, None, "';--", "é\udcff\x00", "n" * 5000)
    told = await log.entries()
    assert [each["subject"] for each in told] == ["o'hara\\", "x'); DROP TABLE audit_log; --"]
    assert told[1]["object_ids"] == ["';--", "é?", "n" * 200]


async def test_entries_are_found_by_who_what_which_and_when_page_by_page(log: Log) -> None:
    for subject, action, ids in (("ann", "a", ("1",)), ("bob", "b", ("1", "2")), ("ann", "b", ("3",))):
        await log.api.append(log.tenant, Entry(subject, action, "disclosed", "case", ids))
    whole = await log.entries()
    assert [each["action"] for each in await log.entries(subject="ann")] == ["a", "b"]
    assert [each["subject"] for each in await log.entries(object="1")] == ["ann", "bob"]
    assert [each["subject"] for each in await log.entries(**{"from": whole[1]["at"], "to": whole[2]["at"]})] == ["bob"]
    assert await log.entries(outcome="refused") == []
    first = (await log.http.get("/v1/audit-log?limit=2")).json()
    rest = (await log.http.get("/v1/audit-log", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [*first["items"], *rest["items"]] == whole[::-1]
    assert rest["next_cursor"] is None
    assert (await log.http.get("/v1/audit-log", params={"subject": "ann", "cursor": first["next_cursor"]})).status_code == 400


async def change(log: Log, error: Exception | None = None, *named: str) -> None:
    async with log.api.begin(log.tenant) as tx:
        await tx.execute(text("INSERT INTO ledger_days VALUES (:tenant, '2026-01-01', 1, 1, 1, 0)"), {"tenant": log.tenant})
        about(*named)
        if error is not None:
            raise error
