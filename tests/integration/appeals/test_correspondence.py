"""Correspondence: what was said is kept in one place; a promise that is missed is a task, raised once, found and done."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from libs.common.clock import FixedClock
from services.appeals.correspondence.clock import PromiseClock
from tests.integration.appeals.conftest import NOW, Desk
from tests.integration.consumers.conftest import Service

WORDS = "Mrs Marple, born 1921, asked twice"
CALL: dict[str, Any] = {
    "kind": "call",
    "direction": "out",
    "party": "Appeals desk",
    "at": "2026-02-27T15:04:00Z",
    "reference_number": "C-4711",
    "said": WORDS,
    "promise": "A decision.",
    "promised_on": "2026-03-02",
}
# 3 March begins in New York, where the payer is unless somebody says otherwise.
MISSED = datetime(2026, 3, 3, 5, tzinfo=UTC)


async def log(desk: Desk, case: dict[str, Any], *, key: str | None = None, **changed: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key or str(uuid4())}
    return await desk.http.post(f"/v1/cases/{case['case_id']}/correspondence", json=CALL | changed, headers=headers)


async def end(desk: Desk, entry: dict[str, Any], word: str, version: int) -> httpx.Response:
    path = f"/v1/cases/{entry['case_id']}/correspondence/{entry['entry_id']}"
    return await desk.http.patch(path, json={"promise_is": word}, headers={"If-Match": f'"{version}"'})


async def found(desk: Desk) -> list[str]:
    listed = (await desk.http.get("/v1/cases", params={"task": "promise_missed"})).json()["items"]
    return [each["case_id"] for each in listed]


async def miss(appeals: Service, now: datetime, batch: int = 10) -> int:
    return await PromiseClock(appeals.worker, FixedClock(now), batch=batch).miss_batch()


async def test_a_missed_promise_is_a_task_once_also_after_a_sleep_until_it_is_fulfilled(desk: Desk) -> None:
    case = await desk.denied()
    entry = (await log(desk, case)).json()
    later = (await log(desk, case, promised_on="2026-03-03")).json()
    assert (entry["promise_is"], entry["at"], entry["version"]) == ("open", "2026-02-27T15:04:00Z", 1)
    assert await miss(desk.appeals, MISSED - timedelta(seconds=1)) == 0
    assert await found(desk) == []
    assert await miss(desk.appeals, MISSED) == 1
    (task,) = (await desk.case(case["case_id"]))["tasks"]
    assert (task["task"], task["entry_id"], task["promised_on"]) == ("promise_missed", entry["entry_id"], "2026-03-02")
    weeks_later = MISSED + timedelta(days=30)
    assert [await miss(desk.appeals, weeks_later), await miss(desk.appeals, weeks_later)] == [1, 0]
    assert await found(desk) == [case["case_id"]]
    raised = await desk.appeals.rows("SELECT about_id FROM case_tasks")
    assert sorted(str(row["about_id"]) for row in raised) == sorted([entry["entry_id"], later["entry_id"]])
    assert (await end(desk, entry, "fulfilled", 1)).status_code == 412
    done = await end(desk, entry, "fulfilled", 2)
    assert (done.json()["promise_is"], done.headers["etag"], done.json()["said"]) == ("fulfilled", '"3"', WORDS)
    assert (await end(desk, entry, "given_up", 3)).status_code == 409
    assert await found(desk) == [case["case_id"]]
    assert (await end(desk, later, "given_up", 2)).status_code == 200
    assert (await found(desk), (await desk.case(case["case_id"]))["tasks"]) == ([], [])


async def test_a_promise_that_came_in_time_is_never_missed(desk: Desk) -> None:
    entry = (await log(desk, await desk.denied())).json()
    assert (await end(desk, entry, "fulfilled", 1)).status_code == 200
    assert await miss(desk.appeals, MISSED) == 0


async def test_what_was_said_is_logged_once_listed_newest_first_and_stands_in_its_row_alone(desk: Desk) -> None:
    case = await desk.denied()
    first = await log(desk, case, key="k")
    assert (first.status_code, first.headers["etag"]) == (201, '"1"')
    assert (await desk.http.get(first.headers["location"])).json() == first.json()
    assert (await log(desk, case, key="k")).json() == first.json()
    assert (await log(desk, case, key="k", kind="fax")).status_code == 422
    letter = (await log(desk, case, kind="letter", direction="in", promise=None, promised_on=None)).json()
    assert (letter["promise_is"], (await end(desk, letter, "fulfilled", 1)).status_code) == (None, 409)
    path = f"/v1/cases/{case['case_id']}/correspondence"
    page = (await desk.http.get(path, params={"limit": 1})).json()
    rest = (await desk.http.get(path, params={"limit": 1, "cursor": page["next_cursor"]})).json()
    assert [*page["items"], *rest["items"]] == [letter, first.json()]
    for table in ("idempotency_keys", "outbox", "case_history", "cases", "worklist"):
        rows = await desk.appeals.rows(f"SELECT row_to_json(t)::text AS told FROM {table} AS t")
        assert not any("Marple" in row["told"] for row in rows), table


async def test_what_cannot_be_is_refused_without_being_repeated(desk: Desk) -> None:
    case = await desk.denied()
    wrong: list[dict[str, Any]] = [
        {"promise": None},
        {"promised_on": None},
        {"promised_on": "2026-02-26"},
        {"said": "x" * 4001},
        {"said": "  "},
        {"kind": "pigeon"},
        {"at": "2026-02-27T15:04:00"},
        {"at": (NOW + timedelta(seconds=1)).isoformat()},
    ]
    for changed in wrong:
        answer = await log(desk, case, **changed)
        assert (answer.status_code, "Marple" in answer.text) == (422, False), changed
    nowhere = case | {"case_id": str(uuid4())}
    assert (await log(desk, nowhere)).status_code == 404
    unnamed = await desk.http.post(f"/v1/cases/{case['case_id']}/correspondence", json=CALL)
    assert unnamed.status_code == 400
    assert await desk.appeals.rows("SELECT 1 FROM correspondence") == []
