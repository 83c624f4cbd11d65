"""Reference tables loaded by release: all at once or not at all, by a job that says how far it is."""

import asyncio
import gzip
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from deploy.local.layout import ROOT
from services.ingest.reference import loading
from services.ingest.reference.loading import ReferenceLoader
from tests.integration.ingest.conftest import Ingest, until
from tests.unit.ingest.checks import tables

PAIRS = [("G0283", f"A{number:04}", "20200101", "*", "0") for number in range(20)]
NAME = "ncci-ptp-practitioner"
PATH = f"/v1/reference/{NAME}"


async def live_rows(ingest: Ingest) -> int:
    rows = await ingest.rows(
        "SELECT count(*) FROM reference_ptp JOIN reference_releases USING (tenant_id, release_id) WHERE state = 'live'"
    )
    return int(rows[0][0])


async def releases(ingest: Ingest) -> list[tuple[str, int]]:
    return [(each["quarter"], each["rows"]) for each in (await ingest.get("/v1/reference"))["releases"]]


async def test_a_release_waits_is_loaded_shown_and_known_again(ingest: Ingest) -> None:
    body = tables.ptp(*PAIRS)
    answer = await ingest.http.post(PATH, content=body, params={"quarter": "2026Q1"})
    waiting, location = answer.json(), answer.headers["Location"]
    assert (answer.status_code, waiting["status"], location) == (202, "received", f"/v1/reference/loads/{waiting['load_id']}")
    assert waiting["progress"] == {"bytes_total": len(body), "bytes_read": 0, "rows": 0}
    again = await ingest.http.post(PATH, content=body, params={"quarter": "2026Q1"})
    assert (again.status_code, again.json()["load_id"]) == (202, waiting["load_id"]), "it waits already"
    assert await releases(ingest) == []
    assert await ingest.loader.load_next()
    assert not await ingest.loader.load_next()
    loaded = await ingest.get(location)
    assert (loaded["status"], loaded["quarter"], loaded["reason"]) == ("live", "2026Q1", None)
    assert loaded["progress"] == {"bytes_total": len(body), "bytes_read": len(body), "rows": 20}
    assert loaded["version"] is not None
    assert await ingest.count("reference_load_chunks") == 0
    assert (await ingest.http.post(PATH, content=body, params={"quarter": "2026Q1"})).status_code == 200
    packed = await ingest.http.post(f"{PATH}?quarter=2026Q2", content=gzip.compress(body), headers={"Content-Encoding": "gzip"})
    assert packed.status_code == 202
    await ingest.loader.load_next()
    assert await releases(ingest) == [("2026Q2", 20), ("2026Q1", 20)]
    assert "icd10cm" in (await ingest.get("/v1/reference"))["not_loaded"]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("icd10cm", tables.icd10cm(("M54", False), ("M5450", True))),
        ("hcpcs", tables.hcpcs(("G0283", "20030101", ""))),
        ("nucc-taxonomy", tables.nucc("207Q00000X")),
        ("ncci-mue-practitioner", tables.mue(("A4253", 3, "1 Line Edit"))),
        ("ncci-mue-hospital", tables.mue(("A4253", 3, "2 Date"))),
        ("ncci-ptp-hospital", tables.ptp(*PAIRS)),
    ],
)  # fmt: skip
async def test_every_set_has_its_shape(ingest: Ingest, name: str, body: bytes) -> None:
    assert (await ingest.load(name, body))["status"] == "live"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (tables.ptp(*PAIRS)[:-30], "broken-row"),
        (tables.ptp(*PAIRS[:5]), "much-smaller"),
        (tables.ptp(*PAIRS, ("G0283", "J1885", "20260401", "*", "0")), "wrong-quarter"),
        (b"something else", "no-rows"),
    ],
    ids=["cut inside a row", "cut between rows", "of a later quarter", "another file"],
)
async def test_a_table_that_is_broken_cut_or_of_another_quarter_leaves_the_old_one_live(
    ingest: Ingest, body: bytes, reason: str
) -> None:
    await ingest.load(NAME, tables.ptp(*PAIRS))
    refused = await ingest.load(NAME, body)
    assert (refused["status"], refused["reason"], refused["version"]) == ("refused", reason, None)
    assert refused["message"].endswith("Nothing was changed.")
    assert await releases(ingest) == [("2026Q1", 20)]
    assert await live_rows(ingest) == await ingest.count("reference_ptp") == 20


async def test_a_new_release_of_a_quarter_takes_the_place_of_the_old_and_the_oldest_is_purged(ingest: Ingest) -> None:
    for count in (18, 19, 20):
        assert (await ingest.load(NAME, tables.ptp(*PAIRS[:count])))["status"] == "live"
        assert await live_rows(ingest) == count
    assert await ingest.count("reference_ptp") == 20 + 19
    assert (await ingest.load(NAME, tables.ptp(*PAIRS[:5]), smaller=True))["status"] == "live"
    assert (await ingest.load(NAME, tables.ptp(*PAIRS[:5])))["status"] == "live", "these bytes are live, whatever was asked then"


async def test_a_set_that_is_not_known_a_quarter_and_a_load_that_are_none_are_refused(ingest: Ingest) -> None:
    assert (await ingest.http.post("/v1/reference/cpt", content=b"")).status_code == 422
    assert (await ingest.http.post(PATH, content=tables.ptp(*PAIRS), params={"quarter": "2026Q5"})).status_code == 422
    assert (await ingest.http.get("/v1/reference/loads/00000000-0000-0000-0000-000000000000")).status_code == 404


async def test_a_load_that_ends_its_worker_three_times_is_given_up(ingest: Ingest) -> None:
    location = (await ingest.http.post(PATH, content=tables.ptp(*PAIRS))).headers["Location"]
    for _ in range(3):
        await ingest.rows(
            "UPDATE reference_loads SET status = 'loading', attempts = attempts + 1, leased_until = now() RETURNING 1"
        )
    assert (await ingest.get(location))["status"] == "interrupted"
    assert await ingest.loader.load_next()
    given_up = await ingest.get(location)
    assert (given_up["status"], given_up["reason"]) == ("failed", "gave-up")
    assert await releases(ingest) == []


LOADER = """
import asyncio
from datetime import timedelta
from libs.common.clock import SystemClock
from libs.common.database import Database
from services.ingest.reference import loading
from services.ingest.reference.loading import ReferenceLoader
import sys
asyncio.run(ReferenceLoader(Database(sys.argv[1]), SystemClock(), lease=timedelta(seconds=1), rows_at_once=5).run())
"""
# Lets ten rows of a release through and holds up what comes after them, for as long as somebody holds the advisory lock.
GATE = """
CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT count(*) FROM reference_ptp WHERE release_id = (SELECT max(release_id) FROM reference_ptp)) >= 30 THEN
        PERFORM pg_advisory_xact_lock(4711);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER gate BEFORE INSERT ON reference_ptp FOR EACH STATEMENT EXECUTE FUNCTION gate();
"""


@asynccontextmanager
async def gated(ingest: Ingest) -> AsyncIterator[None]:
    """Hold the gate shut."""
    owner = await asyncpg.connect(ingest.urls.owner_url)
    try:
        await owner.execute(GATE)
        await owner.execute("SELECT pg_advisory_lock(4711)")
        yield
    finally:
        await owner.close()


async def test_a_worker_killed_in_the_middle_leaves_the_old_one_live_and_the_load_says_so_and_is_begun_again(
    ingest: Ingest,
) -> None:
    await ingest.load(NAME, tables.ptp(*PAIRS))
    larger = [("G0283", f"B{number:04}", "20200101", "*", "0") for number in range(60)]
    location = (await ingest.http.post(PATH, content=tables.ptp(*larger), params={"quarter": "2026Q1"})).headers["Location"]
    async with gated(ingest):
        command = (sys.executable, "-c", LOADER, ingest.urls.worker_url)
        worker = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})

        async def is_in_the_middle() -> bool:
            told = await ingest.get(location)
            return bool(told["status"] == "loading" and told["progress"]["rows"] == 30)

        async def is_interrupted() -> bool:
            return bool((await ingest.get(location))["status"] == "interrupted")

        await until(is_in_the_middle)
        worker.send_signal(signal.SIGKILL)
        await worker.wait()
        await until(is_interrupted)
        assert await releases(ingest) == [("2026Q1", 20)]
        assert await live_rows(ingest) == 20
    assert await ReferenceLoader(ingest.worker_database, ingest.clock, lease=timedelta(seconds=60)).load_next()
    loaded = await ingest.get(location)
    assert (loaded["status"], loaded["progress"]["rows"]) == ("live", 60)
    assert await releases(ingest) == [("2026Q1", 60)]
    assert await ingest.count("reference_ptp") == 60 + 20, (
        "the half-written release is gone, the one before waits for the next load"
    )


async def test_one_loader_does_not_touch_what_another_one_loads(ingest: Ingest) -> None:
    await ingest.http.post(PATH, content=tables.ptp(*PAIRS))
    await ingest.rows("UPDATE reference_loads SET status = 'loading', leased_until = now() + interval '1 minute' RETURNING 1")
    assert not await ingest.loader.load_next()


async def test_a_loader_whose_lease_was_taken_changes_nothing_more(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    location = (await ingest.http.post(PATH, content=tables.ptp(*PAIRS))).headers["Location"]
    write = loading._Work._write

    async def taken_meanwhile(self: Any, *told: Any) -> int:
        release_id = await write(self, *told)
        await ingest.rows("UPDATE reference_loads SET leased_until = now() + interval '1 hour' RETURNING 1")
        return int(release_id)

    monkeypatch.setattr("services.ingest.reference.loading._Work._write", taken_meanwhile)
    assert await ingest.loader.load_next()
    assert (await ingest.get(location))["status"] == "loading"
    assert await releases(ingest) == []
