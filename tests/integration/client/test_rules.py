"""`recours rules` against the classifier as its process serves it, over a real database."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from libs.client import cli
from tests.integration.http.test_contract import served

RULES = """\
note: bulletin of March
rules:
- name: n290-is-enrollment
  why: their bulletin
  when: {payer_id: "1999999999", group_code: CO, carc: "16", rarc: N290}
  then: {category: provider_enrollment, action: contact_payer}
  effective_from: 2026-01-01
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(service_database: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run one command in this process."""
    with served("classifier", service_database("classifier")) as url:
        monkeypatch.setenv("RECOURS_CLASSIFIER_URL", url)

        def run(*arguments: object) -> tuple[int, str, str]:
            monkeypatch.setattr(sys, "argv", ["recours", *map(str, arguments)])
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                cli.main()
            captured = capsys.readouterr()
            return int(str(ended.value.code or 0)), captured.out, captured.err

        yield run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


def test_rules_are_drafted_put_in_force_and_shown_as_their_file(run: Run, file: Path) -> None:
    assert "fit to judge by" in run("rules", "check", file)[1]
    assert "Version 1;" in run("rules", "draft", file)[1]
    assert "draft" in run("rules", "list")[1]
    assert "in force since" in run("rules", "publish", 1)[1]
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
