"""Attacks on how texts are taken: expressions that never end, fields that nobody may set, secrets compared letter by letter."""

import ast
import json
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from deploy.local.layout import SERVICES

ROOT = Path(__file__).resolve().parents[3]
MODULES = [path for folder in ("libs", "services") for path in sorted((ROOT / folder).rglob("*.py"))]
CPU_SECONDS = 60  # a limit against hanging: all expressions together take a fraction of it, one that is broken takes years
# Tries every expression on texts that lead astray those that can go several ways: what it repeats, many times, and then a stop.
PROGRAM = """
import re, sys
for line in sys.stdin:
    told = eval(line)
    told = re.compile(told.decode("latin-1") if isinstance(told, bytes) else told)
    alike = set("a0A_- .:/*~'\\"<>=@,()[]{}") | set(c for c in told.pattern if c.isprintable())
    for c in sorted(alike):
        for text in (c * 3000 + "\\x01", "\\x01" + c * 3000 + "\\x01"):
            told.search(text), told.match(text), told.fullmatch(text)
    for pair in ("a0", "a ", "a.", "a-", "0.", "0,", "<a", '"a', "a,"):
        told.search(pair * 2500 + "\\x01"), told.fullmatch(pair * 2500 + "\\x01")
"""
# What only the service itself may say of a row.
OWN = frozenset(
    [
        "tenant",
        "tenant_id",
        "created_at",
        "changed_at",
        "created_by",
        "changed_by",
        "added_by",
        "added_at",
        "decided_by",
        "decided_at",
        "sha256",
        "scopes",
        "roles",
    ]
)


def expressions() -> Iterator[str]:
    """Yield every regular expression of ours that Python's engine runs: what is given to `re`, as literals."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {f"re.{name}" for name in _FUNCTIONS} and node.args:
                told = node.args[0]
                if isinstance(told, ast.Constant):
                    yield repr(told.value)
        module = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        if "re.compile(" in path.read_text() and not module.endswith(("__main__", "inspector", "logo_drawing")):
            for held in vars(import_module(module)).values():
                if isinstance(held, re.Pattern):
                    yield repr(held.pattern)


_FUNCTIONS = ("compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer")


def try_out(lines: list[str], seconds: int) -> int:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))

    return subprocess.run(
        [sys.executable, "-c", PROGRAM], input="\n".join(lines), text=True, check=False, preexec_fn=limited
    ).returncode


def test_no_expression_can_be_kept_busy() -> None:
    found = sorted(set(expressions()))
    assert len(found) > 40
    assert try_out(found, CPU_SECONDS) == 0


@pytest.mark.parametrize("broken", [r"'(a+)+$'", r"'(a|a)*b'"])
def test_an_expression_that_can_be_kept_busy_is_noticed(broken: str) -> None:
    assert try_out([broken], 1) != 0


def bodies(service: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each operation that takes JSON with the names of all fields that it takes, at any depth."""
    document = json.loads((ROOT / "docs" / "api" / f"{service}.json").read_text())

    def names(schema: Any, seen: frozenset[str] = frozenset()) -> set[str]:
        if isinstance(schema, list):
            return set[str]().union(*(names(each, seen) for each in schema))
        if not isinstance(schema, dict):
            return set()
        reference = schema.get("$ref")
        if reference is not None:
            key = reference.rpartition("/")[2]
            return set() if key in seen else names(document["components"]["schemas"][key], seen | {key})
        own = set(schema.get("properties", {}))
        return own.union(*(names(each, seen) for each in schema.values()))

    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                yield f"{method.upper()} {path}", names(content["application/json"]["schema"])


@pytest.mark.parametrize("service", SERVICES)
def test_nobody_sets_by_a_body_what_the_service_says_itself(service: str) -> None:
    asked = dict(bodies(service))
    assert asked
    assert {operation: fields & OWN for operation, fields in asked.items() if fields & OWN} == {}


def letter_by_letter(text: str) -> Iterator[str]:
    """Yield comparisons of what sounds like a secret, which end the sooner the less of it was guessed."""
    sounds = re.compile(r"(secret|signature|token|csrf|password|hmac)$")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
            sides = (node.left, *node.comparators)
            names = (str(getattr(side, "attr", getattr(side, "id", ""))) for side in sides)
            if any(map(sounds.search, names)) and not any(isinstance(side, ast.Constant) for side in sides):
                yield ast.unparse(node)


def test_no_secret_is_compared_letter_by_letter() -> None:
    assert list(letter_by_letter("if sent.token == row.token: pass")) == ["sent.token == row.token"]
    found = {path.relative_to(ROOT).as_posix(): told for path in MODULES if (told := list(letter_by_letter(path.read_text())))}
    assert found == {}
