"""`recours rules`: a tenant's rules in a YAML or JSON file, checked, drafted, put in force and shown."""

import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from libs.client import services
from libs.client.errors import ClientError
from libs.client.shapes import Conflict, RulesVersion
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Body, Service, json_body

_COLUMNS: Final = (
    Column("version", "right"),
    Column("state"),
    Column("rules", "right"),
    Column("drafted"),
    Column("note", min_width=20),
)
_CONFLICTS: Final = (Column("rule"), Column("and"), Column("about"), Column("followed"), Column("because"))


def read(name: str) -> Body:
    """Read rules from a file (- is standard input): a list of rules, or `rules` with a `note`; YAML, of which JSON is a part."""
    text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    try:
        told: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ClientError(f"{name} is not YAML{f': line {mark.line + 1}' if mark else ''}.") from error
    whole = {"rules": told} if isinstance(told, list) else told
    if not isinstance(whole, dict):
        raise ClientError(f"{name} holds no rules: a list of them, or `rules:` and a list, is expected.")
    return json_body(whole)


def check(name: str, *, as_json: bool) -> None:
    """Check a file; whatever is wrong with it is an error of the service."""
    with Service("classifier") as classifier:
        answer = services.check_rules(classifier, read(name))
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    found = answer.value
    output().print(f"{found.rules} rules, fit to judge by.")
    _print_conflicts(found.conflicts)


def draft(name: str, *, as_json: bool) -> None:
    """Draft the next version from a file."""
    with Service("classifier") as classifier:
        answer = services.draft_rules(classifier, read(name))
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    known = " holds these rules already" if answer.status == HTTPStatus.OK else ""
    output().print(f"Version {answer.value.version}{known}; `recours rules publish {answer.value.version}` puts it in force.")
    _print_conflicts(answer.value.conflicts)


def publish(version: int, *, as_json: bool) -> None:
    """Put a version in force."""
    with Service("classifier") as classifier:
        answer = services.publish_rules(classifier, version)
    if as_json:
        print_json(msgspec.Raw(answer.raw))
    else:
        _print([answer.value])


def show_list(limit: int, *, as_lines: bool) -> None:
    """Show versions, newest first."""
    with Service("classifier") as classifier:
        found = list(services.list_rules(classifier, limit))
    if as_lines:
        for _, raw in found:
            print_json(raw)
    else:
        _print([version for version, _ in found])


def show(version: int, *, as_json: bool) -> None:
    """Show a version as the file that would draft it."""
    with Service("classifier") as classifier:
        answer = services.get_rules(classifier, version)
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    told = {"note": answer.value.note, "rules": _written(answer.value.rules)}
    output().print(plain_lines(yaml.safe_dump(told, sort_keys=False, allow_unicode=True)), soft_wrap=True, end="")
    _print_conflicts(answer.value.conflicts)


def _written(value: Any) -> Any:
    """Leave out what a rule does not say."""
    if isinstance(value, dict):
        return {name: _written(each) for name, each in value.items() if each is not None}
    return [_written(each) for each in value] if isinstance(value, list) else value


def plain_lines(text: str) -> str:
    return "".join(f"{plain(line)}\n" for line in text.splitlines())


def _print(versions: list[RulesVersion]) -> None:
    rows = [
        (str(each.version), _state(each), str(each.rule_count), f"{each.created_at:%Y-%m-%d %H:%M}", plain(each.note))
        for each in versions
    ]
    print_rows(output(), _COLUMNS, rows)


def _state(version: RulesVersion) -> str:
    if version.in_force_since is not None:
        return f"in force since {version.in_force_since:%Y-%m-%d %H:%M}"
    return "draft" if version.published_at is None else "was in force"


def _print_conflicts(conflicts: list[Conflict]) -> None:
    if conflicts:
        output(errors=True).print(f"{len(conflicts)} pairs of rules can meet and differ:")
        rows = [(*each.rules, each.about, each.wins, each.because) for each in conflicts]
        print_rows(output(errors=True), _CONFLICTS, rows)
