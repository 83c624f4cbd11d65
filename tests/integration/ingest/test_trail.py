"""What ingest says of an account's way: each claim and remit under the trace in which it came, and what its outbox tells beside."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg

from libs.common.contracts import claim_submitted, remit_received
from libs.common.ids import claim_key, uuid7
from services.ingest.claims.examples import PROFESSIONAL
from tests.bench.files import patient_control_number, write_file
from tests.integration.ingest.conftest import Ingest, ingest
from tests.support import ServiceDatabase

__all__ = ["ingest"]

TRACE, OTHER_TRACE = "ab" * 16, "cd" * 16
PCN = patient_control_number(1)
BESIDE = """
INSERT INTO outbox (id, tenant_id, aggregatetype, aggregateid, type, payload, headers)
VALUES ($1, $2, $3, $4, 'recours.remit.matched.v1', '{}', $5)
"""


async def trail(ingest: Ingest, *events: UUID, pcn: str = PCN) -> Any:
    return await ingest.get("/v1/trail", pcn=pcn, event_id=list(map(str, events)))


async def test_a_claim_that_came_alone_and_a_remit_of_a_file_are_each_told_under_their_own_trace(
    ingest: Ingest, tmp_path: Any
) -> None:
    http = await ingest.http.post(
        "/v1/claims",
        json={**PROFESSIONAL, "patient_control_number": PCN},
        headers={"traceparent": f"00-{TRACE}-{'12' * 8}-01"},
    )
    write_file(tmp_path / "a.835", 3)
    file = await ingest.take((tmp_path / "a.835").read_bytes(), traceparent=f"00-{OTHER_TRACE}-{'12' * 8}-01")
    told = (await trail(ingest))["told"]
    firsts = [each for each in told if each["sent"] is None]
    assert [(each["type"], each["trace_id"], each["cause"]) for each in firsts] == [
        (claim_submitted.TYPE, TRACE, http.json()["claim_id"]),
        (remit_received.TYPE, OTHER_TRACE, file["interchange_id"]),
    ]
    assert {each["event_id"] for each in firsts} <= {str(each) for each in await told_ids(ingest.urls)}


async def told_ids(urls: ServiceDatabase) -> set[UUID]:
    connection = await asyncpg.connect(urls.worker_url)
    found = {row["id"] for row in await connection.fetch("SELECT id FROM outbox")}
    await connection.close()
    return found


async def test_what_the_outbox_holds_of_the_account_is_told_with_whether_it_was_sent_and_nothing_of_others(ingest: Ingest) -> None:
    worker = await asyncpg.connect(ingest.urls.worker_url)
    sent, waiting, theirs, buried = (uuid7() for _ in range(4))
    key, headers = str(claim_key("local", PCN)), f'{{"ce_causationid": "x", "traceparent": "00-{TRACE}-{"12" * 8}-01"}}'
    await worker.execute(BESIDE, sent, "local", "remit.matched", key, headers)
    await worker.execute("UPDATE relay_position SET last_xid = pg_snapshot_xmax(pg_current_snapshot())::text::xid8")
    await worker.execute(BESIDE, waiting, "local", "remit.matched", key, headers)
    await worker.execute(BESIDE, theirs, "another", "remit.matched", key, headers)
    await worker.execute(BESIDE, buried, "local", "remit.matched.analytics.dlq", key, headers)
    await worker.close()
    told = (await trail(ingest))["told"]
    assert [(each["event_id"], each["sent"], each["trace_id"]) for each in told] == [
        (str(sent), True, TRACE),
        (str(waiting), False, TRACE),
    ]


async def test_events_that_were_taken_are_said_with_their_time_and_others_are_not(ingest: Ingest) -> None:
    taken, other = uuid4(), uuid4()
    worker = await asyncpg.connect(ingest.urls.worker_url)
    await worker.execute("INSERT INTO inbox (event_id, source, admitted_at) VALUES ($1, 'here', '2026-03-01 12:00Z')", taken)
    await worker.close()
    assert (await trail(ingest, taken, other))["taken"] == [{"event_id": str(taken), "at": "2026-03-01T12:00:00Z"}]


async def test_too_many_events_and_an_empty_number_are_refused(ingest: Ingest) -> None:
    many = await ingest.http.get("/v1/trail", params={"pcn": PCN, "event_id": [str(uuid4())] * 101})
    empty = await ingest.http.get("/v1/trail", params={"pcn": ""})
    assert (many.status_code, empty.status_code) == (422, 422)


async def test_the_outbox_is_asked_by_an_index_and_never_read_through(ingest: Ingest) -> None:
    owner = await asyncpg.connect(ingest.urls.owner_url)
    await owner.execute("SET enable_seqscan = off")
    plan = await owner.fetch(
        "EXPLAIN SELECT id FROM outbox WHERE aggregateid = 'x' AND tenant_id = 'local'"
        " AND aggregatetype NOT IN ('remit.received', 'claim.submitted') AND aggregatetype NOT LIKE '%.dlq'"
    )
    await owner.close()
    assert "_aggregateid_idx" in str(plan)
