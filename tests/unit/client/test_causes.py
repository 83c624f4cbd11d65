"""`recours root-causes`: findings are sentences, an effect is points with an interval, a rule is tried first."""

import json
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from libs.client import actions, causes
from libs.client.cli import app
from libs.client.transport import Service

FOUND = {
    "lines": 2_982,
    "claims": 1_452,
    "items": [
        {
            "root_cause_id": "WyJ",
            "sentence": "Payers refuse 20% of E0601.",
            "sentence_fr": "Les payeurs refusent 20\N{NARROW NO-BREAK SPACE}% des lignes E0601.",
            "excess_cents": 755_153,
            "q_value": 7e-8,
            "suggested_rule": {"kind": "prior_authorization", "effective_from": "2026-03-31", "procedure_codes": ["E0601"]},
        }
    ],
}
COUNTS = {"before": {"claims": 100, "refused": 60, "rate": 0.6}, "after": {"claims": 0, "refused": 0, "rate": None}}
EFFECT = {
    "verdict": "made_it_worse", "difference": 0.1, "low": 0.05, "high": 0.15, "avoided_claims": -10.0, "apart_before": True,
    "with_cause": COUNTS, "beside": COUNTS,
}  # fmt: skip
RULE = {
    "payer_id": "P", "rule": {"kind": "same_day"}, "state": "tried", "version": 3,
    "dry_run": {"claims": 100, "flagged": 7, "flagged_now": 2, "warnings": ["Mind."]},
}  # fmt: skip
ANSWERS = {"/v1/root-causes": FOUND, "/v1/root-causes/WyJ/rule": RULE}
ACTION = "01a225c1-e798-749d-a5a5-3acb568578d1"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    """Answer for analytics, and keep what it is asked."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json=ANSWERS.get(request.url.path, EFFECT))

    def service(name: str) -> Service:
        return Service(name, "http://analytics", httpx.MockTransport(answer))

    monkeypatch.setattr(causes, "Service", service)
    monkeypatch.setattr(actions, "Service", service)
    return requests


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["root-causes", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_findings_are_sentences_in_either_language(asked: list[httpx.Request]) -> None:
    english = run("list", "--from", "2026-01-01", "--filter", "payer:P", "--filter", "payer:Q")
    assert "1. Payers refuse 20% of E0601." in english
    assert "at stake $7,551.53" in english
    assert "recours root-causes rule WyJ --from 2026-03-31" in english
    assert asked[0].url.params.multi_items()[:3] == [("from", "2026-01-01"), ("filter", "payer:P"), ("filter", "payer:Q")]
    assert "1. Les payeurs refusent 20 % des lignes E0601." in run("list", "--french")
    told: dict[str, Any] = json.loads(run("list", "--json"))
    assert told == FOUND


def test_an_effect_is_said_in_points_with_its_interval_and_its_doubt(asked: list[httpx.Request]) -> None:
    told = run("effect", ACTION)
    assert "made it worse" in told
    assert "+10.0 points (+5.0 to +15.0)" in told
    assert "60.0% of 100 before, no claims after" in told
    assert "doubt the comparison" in told
    assert asked[0].url.params["days"] == "90"


def test_a_rule_is_tried_unless_it_is_told_to_go_live(asked: list[httpx.Request]) -> None:
    told = run("rule", "WyJ", "--from", "2026-03-01")
    assert "P: tried, version 3" in told
    assert "of the payer's last 100 claims it would have warned of 7; its rules now warn of 2" in told
    assert json.loads(asked[0].content) == {"effective_from": "2026-03-01", "dry_run": True}
    run("rule", "WyJ", "--from", "2026-03-01", "--live", "--version", "3")
    assert json.loads(asked[1].content) == {"effective_from": "2026-03-01", "dry_run": False, "version": 3}
