"""What people read names everything that the code can say: the glossary its values, the guide to HTTP its problems."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from deploy.docs.documents import DOCS
from deploy.local.layout import ROOT
from libs.common.contracts.words import Action, Category
from libs.common.http.problems import _TITLES
from services.appeals.deadlines.levels import PLACES
from services.appeals.documents.kinds import DocumentKind
from services.appeals.outcomes.attribution import Outcome
from services.appeals.payers.views import Channel
from services.appeals.workflow import CaseState, Command
from services.classifier.knowledge import ACTIONS, CATEGORIES
from services.classifier.views import DenialView, Kind
from services.ingest.claims.views import State
from services.ingest.upload import _REFUSALS
from services.ingest.views import Status

VALUES = {
    "document": set(DocumentKind),
    "category": {*get_args(Category), *CATEGORIES},
    "kind": set(get_args(Kind)),
    "action": {*get_args(Action), *ACTIONS},
    "state": set(get_args(State)),
    "case": set(CaseState),
    "channel": set(get_args(Channel)),
    "outcome": set(get_args(Outcome)),
    "step": set(Command),
    "level": set(PLACES),
    "status": {*get_args(Status), *get_args(DenialView.model_fields["status"].annotation)},
}
ROW = re.compile(r"^\| `([a-z_]+)` \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def glossary() -> dict[str, dict[str, tuple[str, str]]]:
    """Return value -> (French, meaning) of each closed list, by the first word of its heading."""
    lists = {}
    for part in (DOCS / "glossary.md").read_text().split("\n### ")[1:]:
        heading = part.split()[0].lower()
        lists[heading] = {value: (french.strip(), meaning.strip()) for value, french, meaning in ROW.findall(part)}
    return lists


@pytest.mark.parametrize("name", VALUES)
def test_the_glossary_explains_each_value_in_both_languages_and_no_other(name: str) -> None:
    told = glossary()[name]
    assert set(told) == VALUES[name]
    assert all(french and meaning for french, meaning in told.values())


def test_the_categories_and_actions_of_the_interface_are_those_of_the_rules() -> None:
    assert set(get_args(Category)) == set(CATEGORIES)
    assert set(get_args(Action)) == set(ACTIONS)


def problems_of(path: Path) -> set[str]:
    """Return the names of the problems that a module raises."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem" and len(node.args) > 1:
            names |= {str(each.value) for each in [node.args[1]] if isinstance(each, ast.Constant)}
    return names


def test_the_guide_lists_every_type_of_problem_and_no_other() -> None:
    raised = {name for folder in ("libs", "services") for path in (ROOT / folder).rglob("*.py") for name in problems_of(path)}
    raised |= {code.replace("_", "-") for code in _REFUSALS}
    raised |= {_TITLES[status].lower().replace(" ", "-") for status in (400, 404, 405)}  # the framework's own
    assert set(re.findall(r"^\| `([a-z0-9-]+)` \| \d", (DOCS / "api" / "README.md").read_text(), re.MULTILINE)) == raised


def test_the_example_of_a_subscriber_is_python() -> None:
    [code] = re.findall(r"```python\n(.*?)```", (DOCS / "events" / "README.md").read_text(), re.DOTALL)
    compile(code, "README.md", "exec")
