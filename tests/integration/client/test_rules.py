"""`recours rules` against the classifier as its process serves it, over a real database."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from libs.common.clock import SystemClock
from services.classifier.replays.running import Replayer
from tests.integration.client.conftest import Run, working
from tests.integration.http.test_contract import served
from tests.support import ServiceDatabase

RULES = """\
note: bulletin of March
rules:
- name: n290-is-enrollment
  why: their bulletin
  when: {payer_id: "1999999999", group_code: CO, carc: "16", rarc: N290}
  then: {category: provider_enrollment, action: contact_payer}
  effective_from: 2026-01-01
"""


@pytest.fixture
def database(service_database: Any) -> ServiceDatabase:
    return cast("ServiceDatabase", service_database("classifier"))


@pytest.fixture
def replayer(database: ServiceDatabase) -> Iterator[None]:
    """The worker's job of replays, in a thread, until the test is over."""
    with working(database.worker_url, lambda worker: Replayer(worker, SystemClock()).run()):
        yield


@pytest.fixture
def run(database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch, recours: Run) -> Iterator[Run]:
    with served("classifier", database) as url:
        monkeypatch.setenv("RECOURS_CLASSIFIER_URL", url)
        yield recours


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


def test_rules_are_drafted_put_in_force_and_shown_as_their_file(run: Run, file: Path) -> None:
    assert "fit to judge by" in run("rules", "check", file)[1]
    drafted = json.loads(run("rules", "draft", file, "--json")[1])
    assert "draft" in run("rules", "list")[1]
    published = json.loads(run("rules", "publish", 1, "--json")[1])
    assert "in force since" in run("rules", "publish", 1)[1]
    assert json.loads(run("rules", "check", file, "--json")[1]) == {"rules": 1, "conflicts": []}
    listed = json.loads(run("rules", "list", "--json")[1])
    assert (listed["version"], listed["created_at"]) == (1, drafted["created_at"]), "what is answered is what is kept"
    assert (listed["published_at"], listed["in_force_since"]) == (published["published_at"], published["in_force_since"])
    shown = run("rules", "show", 1)[1]
    file.write_text(shown)
    assert "Version 1 holds these rules already" in run("rules", "draft", file)[1]


def test_what_is_wrong_with_a_file_is_one_sentence(run: Run, file: Path) -> None:
    file.write_text(RULES.replace(', carc: "16", rarc: N290', ""))
    code, _, told = run("rules", "check", file)
    assert (code, told.count("\n")) == (2, 1)
    assert "rules 0 without a code it would swallow everything" in told
    file.write_text("rules: [")
    assert "not YAML: line" in run("rules", "check", file)[2]
    assert run("rules", "publish", 7)[0] == 2


def test_a_version_is_tried_over_the_past_while_its_progress_is_shown(run: Run, file: Path, replayer: None) -> None:
    run("rules", "draft", file)
    code, _, told = run("rules", "replay", 1, "--from", "2026-01-01", "--to", "2026-12-31")
    assert code == 0
    assert "0 denials compared, 0 change by version 1." in told
    assert run("rules", "replay", 7, "--from", "2026-01-01", "--to", "2026-12-31")[0] == 2


def test_an_evaluation_without_labels_says_how_to_give_them(run: Run) -> None:
    assert "Nothing is labelled yet" in run("rules", "evaluate")[2]


def test_an_own_list_of_codes_is_held_against_what_is_known(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("code,status\n1,active\n45,retired\n999,active\n")
    code, out, told = run("reference", "diff", path)
    assert code == 1
    assert [line.split() for line in out.splitlines() if " 999 " in line] == [["CARC", "999", "new", "to", "us"]]
    assert "3 codes in the file: 1 new to us, 1 in force here, retired in the file, 295 in force here, not in the file." in told
