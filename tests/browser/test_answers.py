"""What the browser tests let other services answer is what these promise."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.browser import answers

_PARTS = {"lines", "adjustments", "diagnoses"}
_API = Path(__file__).resolve().parents[2] / "docs" / "api"


def promised(service: str, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((_API / f"{service}.json").read_bytes())
    return {"$ref": f"#/components/schemas/{name}", "components": document["components"]}


@pytest.mark.parametrize(
    ("service", "name", "told"),
    [
        ("classifier", "DenialView", answers.DENIAL),
        ("appeals", "CaseView", answers.CASE),
        ("classifier", "DenialView", answers.SECOND_DENIAL),
        ("appeals", "CaseDetail", answers.WHOLE_CASE),
        ("appeals", "CaseDetail", answers.SECOND_CASE),
    ],
)
def test_a_whole_answer_is_as_promised(service: str, name: str, told: dict[str, Any]) -> None:
    jsonschema.validate(told, promised(service, name))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ClaimDetail", answers.CLAIM),
        ("RemitDetail", answers.REMIT),
        ("Ledger", answers.LEDGER),
        ("OutboxView", {"waiting": 2, "oldest_at": None, "oldest_seconds": None}),
        ("InterchangeView", {"interchange_id": answers.SENT_IN, "trace_id": answers.TRACE}),
    ],
)
def test_what_pages_read_of_ingest_is_promised(name: str, told: dict[str, Any]) -> None:
    document = json.loads((_API / "ingest.json").read_bytes())
    schemas = document["components"]["schemas"]
    assert set(told) <= set(schemas[name]["properties"])
    for part in _PARTS & set(told):
        shape = schemas[name]["properties"][part]["items"]
        for each in told[part]:
            jsonschema.validate(each, {**shape, "components": document["components"]})
