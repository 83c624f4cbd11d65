"""What deploy/Dockerfile installs for a service, without building it: all that its modules import, at the versions of all tests."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from deploy.local.layout import ROOT, SERVICES

_SHARED = ("libs/common", "libs/x12", "libs/synthetic")  # libs/client is in no image
_DISTRIBUTIONS = packages_distributions()


def imported(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (each.name for each in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield node.module


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    return {plain(name): version for name, version in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]+\])?==(\S+)", text, re.MULTILINE)}


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_has_what_its_modules_import(service: str) -> None:
    found = {name.partition(".")[0] for folder in (*_SHARED, f"services/{service}") for name in imported(ROOT / folder)}
    foreign = found - set(sys.stdlib_module_names) - {"libs", "services"}
    if service not in ("appeals", "analytics"):
        foreign -= {"typst"}  # libs/common/typesetting.py, which the two import
    if service not in ("ingest", "analytics"):
        foreign -= {"pyarrow"}  # libs/common/table_files.py, likewise
    lacking = {name for name in foreign if not {plain(each) for each in _DISTRIBUTIONS[name]} & set(pins(service))}
    assert lacking == set()


@pytest.mark.parametrize("lock", [*SERVICES, "service", "provision"])
def test_images_hold_the_versions_that_everything_is_tested_with(lock: str) -> None:
    assert pins(lock).items() <= pins("run").items()
