"""Exports over HTTP: three tables in three formats, of one tenant alone."""

import csv
import io

import pyarrow.parquet as pq
import pytest

from services.analytics import queries
from services.analytics.exports import tables
from tests.integration.analytics.conftest import Analytics
from tests.support.workbooks import sheets
from tests.unit.analytics.facts import answer, claim, denial, on, remit

ACCOUNTS = [[claim(), answer(), remit(), denial(category="=1+1")], [claim(2), remit(2, claim_number=2), denial(2, 25)]]


async def test_denials_and_facts_and_key_figures_come_as_csv(analytics: Analytics) -> None:
    await analytics.tell(*ACCOUNTS)
    denials = await analytics.http.get("/v1/exports/denials", params={"to": str(on(20))})
    assert denials.headers["content-disposition"] == 'attachment; filename="denials.csv"'
    header, row = denials.text.splitlines()
    assert header.startswith("denial_id,claim_key,payer,facility")
    assert row.split(",")[2:9] == ["P1", "F1", "D1", "G", "'=1+1", "", "10000"]
    facts = (await analytics.http.get("/v1/exports/facts")).text.splitlines()
    assert len(facts) == 1 + sum(map(len, ACCOUNTS))
    kpis = (await analytics.http.get("/v1/exports/kpis", params={"as_of": "2026-03-30"})).text.splitlines()
    assert 'initial-denial-rate,"Initial denial rate, by claims",share,2026-01-01,P1,1.0,2,2' in kpis


async def test_key_figures_are_whole_however_many_payers_there_are(analytics: Analytics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "GROUPS_MAX", 3)  # what an answer holds at most is no limit of a file
    monkeypatch.setattr(tables, "_ROWS", 4)
    payers = [f"P{number:02}" for number in range(9)] + ["p1", "Ärzte", "é", "Z"]
    told = [[claim(payer_id=payer), remit(payer_id=payer), *([denial(payer_id=payer)] if payer < "P5" else [])] for payer in payers]
    await analytics.tell(*told, [claim(payer_id="UNANSWERED", known_on=on(40))])
    rows = list(csv.reader(io.StringIO((await analytics.http.get("/v1/exports/kpis")).text, newline="")))
    of_rate = [row[3:] for row in rows if row[0] == "initial-denial-rate"]
    assert of_rate == [
        ["2026-01-01", payer, "1.0" if payer < "P5" else "0.0", "1" if payer < "P5" else "0", "1"] for payer in sorted(payers)
    ]
    assert [row[3:] for row in rows if row[0] == "rejection-rate"] == []
    assert ["2026-02-01", "UNANSWERED", "1.0", "1", "1"] in [row[3:] for row in rows if row[0] == "clean-claim-rate"]
    assert len([row for row in rows if row[0] == "days-to-appeal"]) == 0
    assert len([row for row in rows if row[0] == "denied-dollars"]) == len([payer for payer in payers if payer < "P5"])


@pytest.mark.parametrize("what", ["facts", "denials", "kpis"])
async def test_each_table_comes_as_parquet_and_as_a_workbook(what: str, analytics: Analytics) -> None:
    await analytics.tell(*ACCOUNTS)
    parquet = await analytics.http.get(f"/v1/exports/{what}", params={"format": "parquet"})
    lines = (await analytics.http.get(f"/v1/exports/{what}")).text.splitlines()
    assert pq.read_table(io.BytesIO(parquet.content)).num_rows == len(lines) - 1
    book = await analytics.http.get(f"/v1/exports/{what}", params={"format": "xlsx"})
    assert [len(sheet) for sheet in sheets(book.content)] == [len(lines)]


async def test_a_tenant_exports_its_own_alone_and_bad_questions_are_refused(analytics: Analytics) -> None:
    await analytics.tell(*ACCOUNTS)
    other = Analytics(analytics.worker, analytics.api, "another")
    assert len((await other.http.get("/v1/exports/facts")).text.splitlines()) == 1
    for query in ({"format": "SMITH"}, {"from": "2026-02-01", "to": "2026-01-01"}, {"as_of": "2026-04-01"}):
        refused = await analytics.http.get("/v1/exports/denials", params=query)
        assert refused.status_code == 422
        assert "SMITH" not in refused.text
    for what in ("kpis", "denials", "facts"):
        refused = await analytics.http.get(f"/v1/exports/{what}", params={"from": "1826-01-01", "to": "2026-01-01"})
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:recours:problem:bad-period")
        assert (await analytics.http.get(f"/v1/exports/{what}", params={"from": "1826-01-01"})).status_code == 200
    assert (await analytics.http.get("/v1/exports/SMITH")).status_code == 422
