"""A replay tries a version over what is past, changes nothing until it is applied, then each denial once, however often killed."""

import asyncio
import subprocess
import sys
from datetime import date
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from libs.common.clock import FixedClock
from libs.common.orders import CHANNEL
from services.classifier.replays.running import Replayer
from services.classifier.verdict import version_name
from tests.integration.consumers.conftest import NOW, Service, remit, reversal
from tests.integration.consumers.test_api import client
from tests.integration.consumers.test_rules import LIMIT, N290, n290
from tests.support import until

PERIOD = {"from": "2026-01-01", "to": "2026-12-31"}
# A worker that is killed at the second call of a function, inside its transaction.
KILLED = """
import asyncio, importlib, os, signal, sys
from datetime import UTC, datetime
from libs.common.clock import FixedClock
from libs.common.database import Database
from services.classifier.replays.running import Replayer

module, name = importlib.import_module(sys.argv[2]), sys.argv[3]
real, calls = getattr(module, name), []

async def at_the_second(*arguments):
    done = await real(*arguments)
    calls.append(name)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return done

setattr(module, name, at_the_second)

async def work():
    replayer = Replayer(Database(sys.argv[1]), FixedClock(datetime(2026, 3, 1, tzinfo=UTC)), batch=3)
    while await replayer.step() is not None:
        pass

asyncio.run(work())
"""


async def work(classifier: Service, batch: int = 3) -> int:
    """Work off what there is; return the number of batches."""
    replayer = Replayer(classifier.worker, FixedClock(NOW), batch=batch)
    batches = 0
    while await replayer.step() is not None:
        batches += 1
    return batches


async def publish(asking: httpx.AsyncClient, *rules: dict[str, Any]) -> None:
    drafted = await asking.post("/v1/rules", json={"rules": list(rules)})
    assert (await asking.post(f"/v1/rules/{drafted.json()['version']}/publish")).status_code == 200


async def begin(asking: httpx.AsyncClient, version: int, **changed: Any) -> str:
    answer = await asking.post("/v1/replays", json={"version": version, **PERIOD, **changed})
    assert answer.status_code == 202, answer.text
    return str(answer.headers["location"])


async def told(asking: httpx.AsyncClient, path: str) -> dict[str, Any]:
    answer = await asking.get(path)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def denials(asking: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    return {each["patient_control_number"]: each for each in (await asking.get("/v1/denials?limit=200")).json()["items"]}


async def test_a_replay_with_a_key_is_begun_once(classifier: Service) -> None:
    asked, keyed = {"version": 0, **PERIOD}, {"Idempotency-Key": "one"}
    async with client(classifier) as asking:
        first = await asking.post("/v1/replays", json=asked, headers=keyed)
        await work(classifier)
        again = await asking.post("/v1/replays", json=asked, headers=keyed)
        assert (again.status_code, again.headers["location"]) == (202, first.headers["location"])
        assert (first.json()["state"], again.json()["state"]) == ("waiting", "compared")
        without = await asking.post("/v1/replays", json=asked)
        assert without.headers["location"] != first.headers["location"]
        assert (await asking.post("/v1/replays", json=asked | {"per_second": 5}, headers=keyed)).status_code == 422


async def test_a_draft_is_tried_side_by_side_and_changes_nothing(classifier: Service) -> None:
    await classifier.take(n290("A"), n290("B"), remit("C"), n290("OLD", day=date(2025, 6, 1)), n290("OTHER", tenant="other"))
    async with client(classifier) as asking:
        before = await denials(asking)
        await asking.post("/v1/rules", json={"rules": [N290]})
        path = await begin(asking, 1)
        assert await begin(asking, 1) == path
        assert (await told(asking, path))["state"] == "waiting"
        await work(classifier)
        replay = await told(asking, path)
        assert {name: replay[name] for name in ("state", "total", "compared", "unjudged", "changed", "applied")} == {
            "state": "compared",
            "total": 3,
            "compared": 3,
            "unjudged": 0,
            "changed": 2,
            "applied": 0,
        }
        assert replay["moves"] == [
            {
                "from_category": "missing_information",
                "from_action": "correct_and_resubmit",
                "to_category": "provider_enrollment",
                "to_action": "contact_payer",
                "denials": 2,
                "denied_cents": 20000,
                "recoverable_before_cents": 20000,
                "recoverable_after_cents": 20000,
            }
        ]
        changes = (await told(asking, f"{path}/changes"))["items"]
        assert {each["denial_id"] for each in changes} == {before["A"]["denial_id"], before["B"]["denial_id"]}
        assert (changes[0]["before"]["rule_version"], changes[0]["after"]["rule_version"]) == (version_name(0), version_name(1))
        assert await denials(asking) == before
    async with client(classifier, "other") as asking:
        assert (await asking.get(path)).status_code == 404
        assert (await asking.get("/v1/replays")).json()["items"] == []


async def test_an_applied_replay_is_the_next_revision_and_comes_over_the_feed(classifier: Service) -> None:
    await classifier.take(n290("A"), remit("C"))
    async with client(classifier) as asking:
        start = (await asking.get("/v1/denials/changes?start=now")).json()["next_cursor"]
        await publish(asking, N290, LIMIT)
        path = await begin(asking, 1)
        await work(classifier)
        assert (await asking.post(f"{path}/apply")).status_code == 202
        await work(classifier)
        assert (await told(asking, path))["applied"] == 2
        now = await denials(asking)
        assert {pcn: (each["revision"], each["rule_version"], each["category"]) for pcn, each in now.items()} == {
            "A": (2, version_name(1), "provider_enrollment"),
            "C": (2, version_name(1), "authorization"),
        }
        assert now["C"]["appeal_by"]["due_on"] == "2026-04-10"
        assert now["C"]["explanation"].endswith("by 2026-04-10.")
        feed = (await asking.get("/v1/denials/changes", params={"cursor": start})).json()["items"]
        assert sorted(each["patient_control_number"] for each in feed) == ["A", "C"]
        sent = await classifier.rows("SELECT payload, headers FROM outbox WHERE aggregatetype = 'denial.classified' ORDER BY seq")
        assert [msgspec.json.decode(row["payload"])["revision"] for row in sent] == [2, 2]
        assert all('"ce_sequence":"2"' in row["headers"] for row in sent)
        assert (await asking.get("/v1/denials", params={"due_by": "2026-04-10", "action": "appeal"})).json()["items"] != []
        again = await begin(asking, 1)
        await work(classifier)
        assert (await told(asking, again))["changed"] == 0


async def test_a_replay_killed_twice_goes_on_and_changes_each_denial_once(classifier: Service, service_database: Any) -> None:
    await classifier.take(*(n290(f"ACCT-{number}") for number in range(20)))
    url = classifier.worker.engine.url.render_as_string(hide_password=False)
    async with client(classifier) as asking:
        await publish(asking, N290)
        path = await begin(asking, 1)
        for module, name in (
            ("services.classifier.replays.store", "insert_changes"),
            ("services.classifier.replays.store", "update"),
        ):
            assert killed(url, module, name) == -9
        assert 0 < (await told(asking, path))["compared"] < 20
        await work(classifier)
        assert (await told(asking, path))["changed"] == 20
        await asking.post(f"{path}/apply")
        for module, name in (("libs.common.messaging.outbox", "append"), ("services.classifier.replays.store", "revise")):
            assert killed(url, module, name) == -9
        assert 0 < (await told(asking, path))["applied"] < 20
        await work(classifier)
        replay = await told(asking, path)
        assert (replay["state"], replay["applied"], replay["passed"]) == ("applied", 20, 20)
        assert {each["revision"] for each in (await denials(asking)).values()} == {2}
    sent = await classifier.rows("SELECT payload FROM outbox WHERE aggregatetype = 'denial.classified'")
    assert len({msgspec.json.decode(row["payload"])["denial_id"] for row in sent}) == len(sent) == 20


def killed(url: str, module: str, name: str) -> int:
    """Run a worker that is killed at the second call of a function; return its exit status."""
    return subprocess.run([sys.executable, "-c", KILLED, url, module, name], check=False, timeout=120).returncode


async def test_whoever_asks_for_a_replay_or_applies_one_rings(classifier: Service) -> None:
    heard: list[str] = []
    classifier.worker.listener.call(CHANNEL, heard.append)
    listening = asyncio.create_task(classifier.worker.listener.run())
    try:
        await until(lambda: len(heard) == 1)  # it listens
        await classifier.take(n290("A"))
        async with client(classifier) as asking:
            await publish(asking, N290)
            path = await begin(asking, 1)
            await until(lambda: len(heard) == 2)
            await work(classifier)
            assert (await asking.post(f"{path}/apply")).status_code == 202
            await until(lambda: len(heard) == 3)
    finally:
        listening.cancel()


async def test_what_was_taken_back_meanwhile_is_not_revised(classifier: Service) -> None:
    await classifier.take(n290("A"), n290("B"))
    async with client(classifier) as asking:
        await publish(asking, N290)
        path = await begin(asking, 1)
        await work(classifier)
        await classifier.take(reversal("A", adjustments=[("CO", "16", 10000)]))
        await asking.post(f"{path}/apply")
        await work(classifier)
        replay = await told(asking, path)
        assert (replay["state"], replay["passed"], replay["applied"]) == ("applied", 2, 1)
        now = await denials(asking)
        assert (now["A"]["status"], now["A"]["category"]) == ("retracted", "missing_information")


async def test_a_draft_is_not_applied_and_a_cancelled_replay_stops(classifier: Service) -> None:
    await classifier.take(*(n290(f"ACCT-{number}") for number in range(5)))
    async with client(classifier) as asking:
        await asking.post("/v1/rules", json={"rules": [N290]})
        path = await begin(asking, 1, per_second=2)
        early = await asking.post(f"{path}/apply")
        assert (early.status_code, early.json()["type"]) == (409, "urn:recours:problem:version-not-published")
        assert await Replayer(classifier.worker, FixedClock(NOW)).step() == 1.0
        assert (await told(asking, path))["compared"] == 2
        assert (await asking.post(f"{path}/cancel")).json()["state"] == "cancelled"
        assert (await asking.post(f"{path}/cancel")).status_code == 200
        assert await work(classifier) == 0
        await asking.post("/v1/rules/1/publish")
        late = await asking.post(f"{path}/apply")
        assert (late.status_code, late.json()["type"]) == (409, "urn:recours:problem:replay-elsewhere")
        assert (await asking.post("/v1/replays", json={"version": 9, **PERIOD})).status_code == 404
        assert (await asking.post(f"/v1/replays/{UUID(int=1)}/cancel")).status_code == 404


async def test_a_denial_without_what_it_was_judged_from_stays(classifier: Service) -> None:
    await classifier.take(n290("A"))
    await classifier.rows("UPDATE denials SET adjudicated = NULL RETURNING denial_id")
    async with client(classifier) as asking:
        await asking.post("/v1/rules", json={"rules": [N290]})
        path = await begin(asking, 1)
        await work(classifier)
        replay = await told(asking, path)
        assert (replay["compared"], replay["unjudged"], replay["changed"]) == (1, 1, 0)


@pytest.mark.parametrize("body", [{}, {"version": 0, "from": "2026-02-01", "to": "2026-01-01"}])
async def test_a_period_is_needed_and_begins_before_it_ends(body: dict[str, Any], classifier: Service) -> None:
    async with client(classifier) as asking:
        assert (await asking.post("/v1/replays", json=body)).status_code == 422
