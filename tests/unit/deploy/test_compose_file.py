"""deploy/compose.yaml, without an engine: what it names is there. tests/docker runs it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import provision
from deploy.local.layout import ROOT, SERVICES

_SECRETS = "${RECOURS_SECRETS:-./secrets}/"
_DEPLOY = ROOT / "deploy"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return dict(yaml.safe_load((_DEPLOY / "compose.yaml").read_text())["services"])


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Return what is mounted: path inside -> what it is outside."""
    parted = [each.replace(":-", "~").split(":") for each in service.get("volumes", [])]
    return {each[1]: each[0].replace("~", ":-") for each in parted}


def test_every_file_that_a_container_is_told_of_is_in_a_folder_that_it_mounts(services: dict[str, Any], tmp_path: Path) -> None:
    provision.make_secrets(tmp_path, "postgres:5432", "")
    for name, service in services.items():
        held = {
            f"{inside}/{file.name}"
            for inside, outside in mounts(service).items()
            if outside.startswith(_SECRETS)
            for file in (tmp_path / outside.removeprefix(_SECRETS)).iterdir()
        }
        told = service.get("environment", {}).values()
        assert {each for each in told if str(each).startswith("/run/")} <= held, name


def test_a_container_mounts_no_secrets_but_its_own(services: dict[str, Any]) -> None:
    for name, service in services.items():
        folders = {each.removeprefix(_SECRETS) for each in mounts(service).values() if each.startswith(_SECRETS)}
        own = {"databases": {"provision"}, "secrets": set()}.get(name, {name})
        assert folders - {"keys"} <= own, name


def test_files_beside_it_are_there(services: dict[str, Any]) -> None:
    named = [outside for service in services.values() for outside in mounts(service).values() if outside.startswith("./")]
    assert [each for each in named if not (_DEPLOY / each).exists()] == []


def test_prometheus_looks_at_every_process(services: dict[str, Any]) -> None:
    told = yaml.safe_load((_DEPLOY / "observability" / "prometheus-compose.yaml").read_text())
    found = {target.partition(":")[0] for group in told["scrape_configs"][0]["static_configs"] for target in group["targets"]}
    assert found == {f"{service}-{role}" for service in SERVICES for role in ("api", "worker")} <= set(services)
