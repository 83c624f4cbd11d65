"""Reference tables loaded by release: all at once or not at all."""

import gzip
from typing import Any

import pytest

from tests.integration.ingest.conftest import Ingest
from tests.unit.ingest.checks import tables

PAIRS = [("G0283", f"A{number:04}", "20200101", "*", "0") for number in range(20)]
PATH = "/v1/reference/ncci-ptp-practitioner"


async def load(ingest: Ingest, body: bytes, path: str = PATH, **query: Any) -> Any:
    return await ingest.http.post(path, content=body, params={"quarter": "2026Q1", **query})


async def live_rows(ingest: Ingest) -> int:
    rows = await ingest.rows(
        "SELECT count(*) FROM reference_ptp JOIN reference_releases USING (tenant_id, release_id) WHERE state = 'live'"
    )
    return int(rows[0][0])


async def test_a_release_is_loaded_shown_and_known_again(ingest: Ingest) -> None:
    body = tables.ptp(*PAIRS)
    answer = await load(ingest, body)
    assert (answer.status_code, answer.json()["rows"], answer.json()["begins_on"]) == (201, 20, "2026-01-01")
    assert (await load(ingest, body)).status_code == 200
    packed = await ingest.http.post(f"{PATH}?quarter=2026Q2", content=gzip.compress(body), headers={"Content-Encoding": "gzip"})
    assert packed.status_code == 201
    shown = await ingest.get("/v1/reference")
    assert [(each["name"], each["quarter"], each["rows"]) for each in shown["releases"]] == [
        ("ncci-ptp-practitioner", "2026Q2", 20),
        ("ncci-ptp-practitioner", "2026Q1", 20),
    ]
    assert "icd10cm" in shown["not_loaded"]


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
    assert (await load(ingest, body, f"/v1/reference/{name}")).status_code == 201


@pytest.mark.parametrize(
    ("body", "type_", "reason"),
    [
        (tables.ptp(*PAIRS)[:-30], "bad-table", "broken-row"),
        (tables.ptp(*PAIRS[:5]), "table-much-smaller", None),
        (tables.ptp(*PAIRS, ("G0283", "J1885", "20260401", "*", "0")), "bad-table", "wrong-quarter"),
        (b"something else", "bad-table", "no-rows"),
    ],
    ids=["cut inside a row", "cut between rows", "of a later quarter", "another file"],
)
async def test_a_table_that_is_broken_cut_or_of_another_quarter_leaves_the_old_one_live(
    ingest: Ingest, body: bytes, type_: str, reason: str | None
) -> None:
    await load(ingest, tables.ptp(*PAIRS))
    refused = await load(ingest, body)
    assert (refused.status_code, refused.json()["type"]) == (422, f"urn:recours:problem:{type_}")
    assert refused.json().get("reason") == reason
    assert [each["rows"] for each in (await ingest.get("/v1/reference"))["releases"]] == [20]
    assert await live_rows(ingest) == await ingest.count("reference_ptp") == 20


async def test_a_new_release_of_a_quarter_takes_the_place_of_the_old_and_the_oldest_is_purged(ingest: Ingest) -> None:
    for count in (18, 19, 20):
        assert (await load(ingest, tables.ptp(*PAIRS[:count]))).status_code == 201
        assert await live_rows(ingest) == count
    assert await ingest.count("reference_ptp") == 20 + 19
    assert (await load(ingest, tables.ptp(*PAIRS[:5]), smaller=True)).status_code == 201


async def test_a_set_that_is_not_known_and_a_quarter_that_is_none_are_refused(ingest: Ingest) -> None:
    assert (await load(ingest, b"", "/v1/reference/cpt")).status_code == 422
    assert (await load(ingest, tables.ptp(*PAIRS), quarter="2026Q5")).status_code == 422
