"""Nothing that comes from outside is turned into code or objects of its choosing: the ways to do that are used nowhere."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MODULES = [path for folder in ("libs", "services", "deploy") for path in sorted((ROOT / folder).rglob("*.py"))]
# What unpickles, or expands entities, or evaluates; expat itself is used by the inspector, which refuses every DOCTYPE.
IMPORTS = frozenset(
    {"pickle", "cPickle", "dill", "shelve", "marshal", "joblib", "cloudpickle", "jsonpickle", "telnetlib", "ftplib"}
)
XML = frozenset({"xml.etree", "xml.dom", "xml.sax", "lxml", "xmlrpc"})
BUILTINS = frozenset({"eval", "exec", "compile", "__import__"})
METHODS = frozenset(
    [
        "os.system",
        "os.popen",
        "yaml.load",
        "yaml.load_all",
        "yaml.full_load",
        "yaml.unsafe_load",
        "numpy.load",
        "np.load",
        "tempfile.mktemp",
        "subprocess.getoutput",
        "asyncio.create_subprocess_shell",
        "ssl._create_unverified_context",
    ]
)


def harmful(text: str) -> Iterator[str]:
    """Yield what a module does that no module may."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
            yield from (name for name in names if name.partition(".")[0] in IMPORTS or name.startswith(tuple(XML)))
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in BUILTINS or called in METHODS or called.endswith((".extractall", ".create_subprocess_shell")):
                yield called
            for told in node.keywords:
                shut = isinstance(told.value, ast.Constant) and told.value.value
                if (told.arg == "shell" and shut) or (told.arg == "allow_pickle" and shut):
                    yield f"{called}({told.arg}=True)"
                if (
                    told.arg in ("verify", "verify_signature")
                    and isinstance(told.value, ast.Constant)
                    and told.value.value is False
                ):
                    yield f"{called}({told.arg}=False)"


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from xml.etree import ElementTree",
        "eval(told)",
        "yaml.load(told)",
        "subprocess.run(told, shell=True)",
        "httpx.get(url, verify=False)",
        "archive.extractall(folder)",
        "np.load(path, allow_pickle=True)",
    ],
)
def test_what_is_harmful_is_noticed(line: str) -> None:
    assert list(harmful(line))


def test_nothing_that_comes_from_outside_becomes_code() -> None:
    found = {path.relative_to(ROOT).as_posix(): told for path in MODULES if (told := list(harmful(path.read_text())))}
    assert found == {}


def test_the_linter_looks_for_the_same_and_is_silenced_nowhere() -> None:
    ignored = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]["ignore"]
    assert not [rule for rule in ignored if rule.startswith("S")]
    # Unpickling, eval, mark_safe, XML, weak TLS, yaml.load, shells, templates without escaping.
    silenced = re.compile(r"noqa:.*\bS(30[1-8]|31[1-9]|32[0-3]|50[0-9]|60[245]|70[12])\b")
    assert [path.name for path in MODULES if silenced.search(path.read_text())] == []
