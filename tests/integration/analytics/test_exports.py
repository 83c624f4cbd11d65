"""Exports over HTTP: three tables in three formats, of one tenant alone."""

import csv
import io
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

import pyarrow.parquet as pq
import pytest

from libs.common.table_files import MEDIA_TYPES, Kind, harmless
from services.analytics import queries
from services.analytics.exports import tables
from services.analytics.exports.tables import COLUMNS, What
from services.analytics.facts import Refused, encode
from services.analytics.kpis.definitions import BY_ID
from tests.integration.analytics.conftest import Analytics
from tests.support.workbooks import sheets
from tests.unit.analytics.facts import answer, answered, claim, denial, on, remit

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


REASONS = tuple(Refused(line, "authorization", "197", 10, "CO", ("N706", "N115")) for line in range(1, 1_000))
STRANGE: list[list[Any]] = [
    [
        claim(facility='Ärzte\nund "Söhne"', provider=" D1\t", service_group="", payer_id="支払;=1+1", has_error=True),
        remit(payer_id="支払;=1+1", service_group=""),
        denial(payer_id="支払;=1+1", category="=1+1", confidence=0.12345678901234567, preventable=True, reasons=REASONS),
    ],
    [
        claim(2, payer_id="\r\n-P,2", provider="'"),
        remit(2, claim_number=2, payer_id="\r\n-P,2"),
        denial(2, cents=9_007_199_254_740_991, payer_id="\r\n-P,2", action="_x000D_<&>", preventable=False),
    ],
    [claim(3, payer_id="\U0001f600"), remit(3, 40, 9_000, claim_number=3, payer_id="\U0001f600")],
]


async def in_three_formats(analytics: Analytics, what: str) -> tuple[list[str], list[list[str]], list[list[Any]], list[list[Any]]]:
    """Return the head and the rows of CSV, and head and rows of XLSX and Parquet; what went on to the right is put together."""
    got = {kind: (await analytics.http.get(f"/v1/exports/{what}", params={"format": kind})) for kind in MEDIA_TYPES}
    assert {kind: answer.headers["content-type"] for kind, answer in got.items()} == MEDIA_TYPES
    (sheet,) = sheets(got["xlsx"].content)
    width = len(sheet[0])
    for row in sheet:
        if len(row) > width:
            row[sheet[0].index(row[width])] += "".join(map(str, row[width + 1 :]))  # type: ignore[operator]  # a text
        row[:] = (row + [None] * width)[:width]
    table = pq.read_table(io.BytesIO(got["parquet"].content))
    parquet = [table.schema.names, *([*row.values()] for row in table.to_pylist())]
    head, *rows = csv.reader(io.StringIO(got["csv"].content.decode(), newline=""))
    return head, rows, sheet, parquet


READ: dict[Kind, Callable[[str], Any]] = {"text": str, "whole": int, "number": float, "day": date.fromisoformat}


def read_again(row: list[str], columns: Mapping[str, Kind]) -> list[Any]:
    """Return a row of CSV by its columns' kinds."""
    kinds = zip(row, columns.values(), strict=True)
    return [READ[kind](cell) if cell or kind == "text" else None for cell, kind in kinds]


@pytest.mark.parametrize("what", ["facts", "denials", "kpis"])
async def test_every_cell_of_each_format_is_what_it_was(what: What, analytics: Analytics) -> None:
    await analytics.tell(*STRANGE)
    columns = list(COLUMNS[what])
    rows = {"facts": told_facts, "denials": told_denials, "kpis": list}[what]() or await told_kpis(analytics)
    assert len(rows) > 1
    head, in_csv, in_workbook, in_parquet = await in_three_formats(analytics, what)
    assert in_parquet == [columns, *rows]
    assert in_workbook == [columns, *rows]
    assert [[type(cell) for cell in row] for row in in_parquet] == [[type(cell) for cell in row] for row in [columns, *rows]]
    assert head == columns
    assert [read_again(row, COLUMNS[what]) for row in in_csv] == [[harmless(cell) for cell in row] for row in rows]


def told_facts() -> list[list[Any]]:
    return [
        [str(UUID(int=number)), place, fact.identity()[0], encode(fact).decode()]
        for number, facts in enumerate(STRANGE, start=1)
        for place, fact in enumerate(facts)
    ]


def told_denials() -> list[list[Any]]:
    found = []
    for number, (of_claim, _, *denials) in enumerate(STRANGE, start=1):
        for each in denials:
            about = [each.payer_id, of_claim.facility, of_claim.provider, of_claim.service_group, each.category, each.action]
            found.append([str(each.denial_id), str(UUID(int=number)), *about, each.denied_cents, each.payment_on, each.confidence])
    return found


async def told_kpis(analytics: Analytics) -> list[list[Any]]:
    """Return what the interface answers for each key figure that is in the table."""
    found: list[list[Any]] = []
    for kpi in (await analytics.http.get("/v1/kpis")).json()["items"]:
        if BY_ID[kpi["id"]].kind != "period":
            continue
        for group in (await analytics.ask(kpi["id"], group_by=["month", "payer"]))["groups"]:
            keys, value = group["keys"], group["value"]
            share = None if value is None else float(value)
            figures = [share, group["numerator"], group["denominator"]]
            found.append([kpi["id"], kpi["name"], kpi["unit"], keys["month"], keys["payer"], *figures])
    return found


async def test_key_figures_are_shared_without_small_cells_and_what_they_would_follow_from(analytics: Analytics) -> None:
    some = [*answered("P1", 40, 20, 10), *answered("P2", 40, 3, 10), *answered("P3", 50, 25, 10), *answered("P4", 90, 30, 10)]
    await analytics.tell(*some, *answered("P3", 4, 2, 40), *answered("P4", 60, 30, 40))

    async def exported(**query: Any) -> dict[tuple[str, ...], list[str]]:
        text = (await analytics.http.get("/v1/exports/kpis", params=query)).text
        rows = list(csv.reader(io.StringIO(text, newline="")))[1:]
        return {(row[0], *row[3:5]): row[5:] for row in rows}

    whole, shared = await exported(), await exported(shared=True)
    assert list(shared) == list(whole)
    rate, january, february = "initial-denial-rate", "2026-01-01", "2026-02-01"
    out = {key for key, told in shared.items() if told == ["", "", ""]}
    assert {key: told for key, told in shared.items() if key not in out} == {key: whole[key] for key in whole.keys() - out}
    for kpi in (rate, "initial-denial-rate-dollars", "initial-denial-rate-lines", "initially-refused-share", "first-pass-rate"):
        assert {key[1:] for key in out if key[0] == kpi} == {(january, "P1"), (january, "P2"), (february, "P3"), (february, "P4")}
    assert shared[rate, january, "P4"] == ["0.333333", "30", "90"]
    assert {key[1:] for key in out if key[0] == "denied-dollars"} == {
        (january, "P1"),
        (january, "P2"),
        (february, "P3"),
        (february, "P4"),
    }
    for what in ("denials", "facts"):
        refused = await analytics.http.get(f"/v1/exports/{what}", params={"shared": True})
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:recours:problem:not-shareable")


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
