"""The rules: promtool reads them; each alert fires when it should and not before, has a page, and asks for what exists."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.core import TyperGroup
from typer.main import get_command

from deploy.docs import metrics as _every_definition  # noqa: F401 - what is imported is defined
from deploy.local.layout import ROOT
from libs.client.cli import app
from libs.common.metrics import DEFINITIONS
from tests.support.promtool import needs_prometheus
from tests.test_tidy import modules
from tests.unit.observability.cases import CASES

HERE = ROOT / "deploy" / "observability"
RUNBOOKS = ROOT / "docs" / "runbooks"
RULES = [rule for group in yaml.safe_load((HERE / "rules.yaml").read_text())["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
SECTIONS = ("## What it means", "## How to look", "## What to do", "## When it is over")
_OTHERS = {
    "up", "ALERTS", "process_start_time_seconds", "process_open_fds", "process_max_fds", "process_resident_memory_bytes",
    "process_cpu_seconds_total",
}  # fmt: skip


def known() -> set[str]:
    """Return the names that a query may ask for: what processes tell, and what is recorded."""
    names = set(_OTHERS) | {rule["record"] for rule in RULES if "record" in rule}
    for each in DEFINITIONS.values():
        name = each.at_prometheus()
        names |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} if each.kind == "histogram" else {name}
    return names


def labels_of() -> set[str]:
    found = {name.replace(".", "_") for each in DEFINITIONS.values() for name in each.attributes}
    return found | {"service_name", "recours_role", "le", "job", "instance", "alertname", "alertstate", "severity"}


def asked(query: str) -> Iterator[str]:
    """Yield the names of metrics in a query: words outside of quotes, braces and brackets that no bracket follows as a call."""
    bare = re.sub(r'"(\\.|[^"])*"', '""', query)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\boffset \w+", " ", bare)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    for word in re.finditer(r"[A-Za-z_:][A-Za-z0-9_:]*(?!\w*\s*\()", bare):
        if word[0] not in {"and", "or", "unless"}:
            yield word[0]


def matched(query: str) -> set[str]:
    """Return the labels that a query matches or groups by."""
    bare = re.sub(r'"(\\.|[^"])*"', '""', query)
    lists = re.findall(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)", bare)
    matchers = [each.split("=")[0].rstrip("!~ ") for braces in re.findall(r"\{([^}]*)\}", bare) for each in braces.split(",")]
    return {word.strip() for each in lists for word in each.split(",") if word.strip()} | {
        each.strip() for each in matchers if each
    }


def dashboards() -> dict[str, dict[str, Any]]:
    return {path.name: json.loads(path.read_text()) for path in sorted((HERE / "dashboards").glob("*.json"))}


def queries() -> Iterator[tuple[str, str]]:
    yield from ((rule.get("alert") or rule["record"], rule["expr"]) for rule in RULES)
    for name, board in dashboards().items():
        for panel in board["panels"]:
            yield from ((f"{name}: {panel['title']}", target["expr"]) for target in panel.get("targets", ()))


@pytest.mark.parametrize(("where", "query"), list(queries()), ids=lambda each: each[:60])
def test_a_query_asks_for_what_processes_tell(where: str, query: str) -> None:
    names = set(asked(query))
    assert names, where
    assert names <= known(), where
    assert matched(query) <= labels_of(), where


def test_a_query_for_what_does_not_exist_is_noticed() -> None:
    assert set(asked('sum by (le) (rate(recours_gone_total{a="b"}[5m])) > 0.5')) == {"recours_gone_total"}
    assert matched('sum by (le) (rate(recours_gone_total{a=~"b,c", d!="e"}[5m]))') == {"le", "a", "d"}


@needs_prometheus
@pytest.mark.parametrize("command", [["check", "rules", "rules.yaml"], ["check", "config", "prometheus.yaml"]], ids="-".join)
def test_promtool_reads_it(command: list[str]) -> None:
    subprocess.run(["promtool", *command], cwd=HERE, check=True, capture_output=True)


def _step(minutes: int) -> int:
    """Return the minutes between two points: a day of them would take promtool long."""
    return 5 if minutes > 600 else 1


def _test(alert: str, series: dict[str, str], minutes: int, count: int) -> dict[str, Any]:
    return {
        "interval": f"{_step(minutes)}m",
        "name": f"{alert} {'fires' if count else 'is silent'}",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)',
                "eval_time": f"{minutes}m",
                "exp_samples": [{"labels": "{}", "value": count}],
            }
        ],
    }


def promtool(tmp_path: Path, tests: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    file, step = tmp_path / "test.yaml", tests[0]["interval"]
    file.write_text(json.dumps({"rule_files": [str(HERE / "rules.yaml")], "evaluation_interval": step, "tests": tests}))
    return subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, check=False)


@needs_prometheus
@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_an_alert_fires_when_it_should_and_not_before(alert: str, tmp_path: Path) -> None:
    case = CASES[alert]
    told = promtool(tmp_path, [_test(alert, case.fires, case.minutes, 1), _test(alert, case.quiet, case.minutes, 0)])
    assert told.returncode == 0, told.stdout + told.stderr


@needs_prometheus
def test_an_alert_that_does_not_fire_is_noticed(tmp_path: Path) -> None:
    case = CASES["RecoursOutboxOld"]
    assert promtool(tmp_path, [_test("RecoursOutboxOld", case.quiet, case.minutes, 1)]).returncode != 0


def test_each_case_is_of_an_alert_that_exists() -> None:
    assert set(CASES) == set(ALERTS)


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_an_alert_has_its_page_which_says_what_to_do(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("page", "ticket")
    page = ROOT / rule["annotations"]["runbook_url"]
    assert page == RUNBOOKS / f"{alert}.md"
    told = page.read_text()
    assert told.startswith(f"# {alert}\n")
    assert [each for each in SECTIONS if f"\n{each}\n" not in told] == []
    assert f"]({alert}.md)" in (RUNBOOKS / "README.md").read_text()


def test_each_page_is_of_an_alert_that_exists() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {*ALERTS, "README"}


def pages() -> dict[str, str]:
    return {path.stem: path.read_text() for path in sorted(RUNBOOKS.glob("*.md"))}


def test_pages_tell_of_commands_that_exist() -> None:
    tree = get_command(app)
    assert isinstance(tree, TyperGroup)
    for page, told in pages().items():
        for name, sub, options in re.findall(r"(?:^|`)recours ([a-z-]+)(?: ([a-z][a-z-]*))?((?: --[a-z]+)*)", told, re.MULTILINE):
            command = tree.commands[name]
            if isinstance(command, TyperGroup):
                command = command.commands[sub]
            known = {option for each in command.params for option in each.opts}
            assert set(options.split()) <= known, (page, name, sub)


def test_pages_tell_of_log_lines_that_are_written() -> None:
    source = "".join(text for _, text in modules("libs", "services"))
    words = {word for told in pages().values() for word in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", told)}
    lines = {
        word for word in words if not word.startswith(("recours_", "messaging_", "process_", "db_", "trace_", "error_", "pg_"))
    }
    assert "batch_failed" in lines
    assert {word for word in lines if f'"{word}' not in source} == set()
