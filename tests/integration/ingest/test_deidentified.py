"""The de-identified export over HTTP: both tables of one tenant, joined by pseudonyms, as files; audited; whole years alone."""

import csv
import io
from typing import Any

import pyarrow.parquet as pq
import pytest

from services.ingest.claims.examples import PROFESSIONAL
from services.ingest.deidentified.removing import COLUMNS, What
from tests.integration.ingest.conftest import Ingest
from tests.support.access import bearer
from tests.support.workbooks import sheets
from tests.unit.x12.build import encode, one

PCN, FAMILY = "QUAGGAPCN", "QUAGGAFAM"
REMIT = (
    f"CLP*{PCN}*4*230.5*0**12*ICNQUAGGA*11*1",
    f"NM1*QC*1*{FAMILY}*GIVEN****MI*QM7190551",
    "SVC*HC:G0283:GP*230.5*0**1",
    "DTM*472*20261012",
    "CAS*CO*197*230.5",
    "LQ*HE*N706",
)
HEAD = ("BPR*H*0*C*NON************20261110", "TRN*1*TRACE1*1999999999", "N1*PR*PAYER", "N1*PE*CLINIC*XX*1999999984", "LX*1")


async def table(ingest: Ingest, what: str, **query: Any) -> list[dict[str, str]]:
    answer = await ingest.http.get(f"/v1/deidentified/{what}", params=query)
    assert answer.status_code == 200, answer.text
    for mark in ("QUAGGA", "QM7190551", "1913", "71 Elm"):
        assert mark not in answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


async def take_in(ingest: Ingest) -> None:
    address = {"line_1": "71 Elm St", "city": "QUAGGATOWN", "state": "NY", "postal_code": "100010001"}
    patient = {"last_name": FAMILY, "first_name": "GIVEN", "member_id": "QM7190551", "birth_on": "1913-11-29", "address": address}
    claim = PROFESSIONAL | {"patient_control_number": PCN, "subscriber": PROFESSIONAL["subscriber"] | patient}
    assert (await ingest.http.post("/v1/claims", json=claim)).status_code in (200, 201)
    await ingest.take(encode(one(*REMIT, head=HEAD)))


async def test_a_claim_and_what_was_paid_for_it_are_joined_and_lead_to_nobody(ingest: Ingest) -> None:
    await take_in(ingest)
    ingest.app.state.small_zip3 = frozenset({"036"})
    lines = await table(ingest, "claim-lines")
    assert {(row["patient_age"], row["patient_state"], row["patient_zip3"]) for row in lines} == {("90+", "NY", "100")}
    whole, line = await table(ingest, "adjudications")
    assert {row["claim"] for row in lines} == {whole["claim"], line["claim"]}
    assert (whole["line"], line["line"], line["adjustments"], line["rarcs"]) == ("0", "1", "CO-197=23050", "N706")
    year = int(lines[0]["service_year"])
    assert await table(ingest, "claim-lines", year=year) == lines
    assert await table(ingest, "claim-lines", year=year + 1) == []
    assert len(await table(ingest, "adjudications", year=2026)) == 2
    assert await table(ingest, "adjudications", year=2025) == []


async def test_it_is_a_disclosure_in_the_audit_log_and_of_one_tenant(ingest: Ingest) -> None:
    await take_in(ingest)
    assert await table(ingest, "claim-lines")
    entries = await ingest.rows("SELECT action, object_kind, object_ids FROM audit_log WHERE object_kind = 'deidentified_export'")
    assert [(each.action, list(each.object_ids)) for each in entries] == [("exportDeidentified", ["claim-lines"])]
    async with ingest.client("other") as http:
        told = (await http.get("/v1/deidentified/claim-lines")).text
    assert told.splitlines() == [",".join(COLUMNS["claim-lines"])]
    narrow = bearer("local", scope="claims:content")
    assert (await ingest.http.get("/v1/deidentified/claim-lines", headers=narrow)).status_code == 403
    assert (await ingest.http.get("/v1/deidentified/claim-lines", params={"year": "2026-01-02"})).status_code == 422


@pytest.mark.parametrize("what", COLUMNS)
async def test_every_cell_is_the_same_in_all_formats(what: What, ingest: Ingest) -> None:
    await take_in(ingest)
    columns = list(COLUMNS[what])
    in_csv = [list(row.values()) for row in await table(ingest, what)]
    parquet = (await ingest.http.get(f"/v1/deidentified/{what}", params={"format": "parquet"})).content
    in_parquet = [list(row.values()) for row in pq.read_table(io.BytesIO(parquet)).to_pylist()]
    (in_workbook,) = sheets((await ingest.http.get(f"/v1/deidentified/{what}", params={"format": "xlsx"})).content)
    assert [row + [None] * (len(columns) - len(row)) for row in in_workbook] == [columns, *in_parquet]
    assert [["" if cell is None else str(cell) for cell in row] for row in in_parquet] == in_csv
    assert len(in_csv) > 0


async def test_parquet_has_the_same_rows_with_types(ingest: Ingest) -> None:
    await take_in(ingest)
    answer = await ingest.http.get("/v1/deidentified/adjudications", params={"format": "parquet"})
    read = pq.read_table(io.BytesIO(answer.content))
    assert read.schema.names == list(COLUMNS["adjudications"])
    assert read.column("paid_cents").to_pylist() == [0, 0]
    assert b"QUAGGA" not in answer.content
