"""What is in an image and what is not."""

import json

import pytest

from deploy.local.layout import SERVICES
from tests.docker.images import mebibytes
from tests.docker.standins import PYTHON, docker

# MiB on top of the base image; docs/deploy.md says what they are today. A package too many is a failure here, not a surprise later.
_OWN_MEBIBYTES_MAX = {"ingest": 340, "classifier": 450, "appeals": 400, "analytics": 650, "provision": 200}
_IMPORT_ALL = """
import importlib, pkgutil, services
skipped = ("migrations", "__main__")
def walk(package):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not any(part in found.name.split(".") for part in skipped):
            importlib.import_module(found.name)
            yield found.name
print(len([*walk(services)]))
"""


def run(image: str, *command: str) -> str:
    confined = ("--read-only", "--tmpfs", "/tmp", "--network", "none")  # noqa: S108 - the container's
    return docker("run", "--rm", *confined, image, *command, seconds=180)


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_holds_its_own_service_and_libs_alone(images: dict[str, str], service: str) -> None:
    found = run(images[service], "sh", "-c", "ls /app; ls /app/services; ls /app/libs").split()
    assert found == [
        "libs",
        "services",
        "__init__.py",
        "__pycache__",
        service,
        "__init__.py",
        "__pycache__",
        "common",
        "synthetic",
        "x12",
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_has_every_package_that_its_modules_import(images: dict[str, str], service: str) -> None:
    assert int(run(images[service], "python", "-c", _IMPORT_ALL)) > 30


@pytest.mark.parametrize("name", [*SERVICES, "provision"])
def test_an_image_runs_as_nobody_and_is_as_small_as_said(images: dict[str, str], name: str) -> None:
    config = json.loads(docker("image", "inspect", "--format", "{{json .Config}}", images[name]))
    own = mebibytes(images[name]) - mebibytes(PYTHON)
    print(f"{name}: {own} MiB on top of the base's {mebibytes(PYTHON)}")
    assert config["User"] == "10001:10001"
    assert own <= _OWN_MEBIBYTES_MAX[name]


def test_a_container_without_its_settings_says_what_is_missing(images: dict[str, str]) -> None:
    with pytest.raises(RuntimeError, match="RECOURS_DATABASE_URL: Field required"):
        run(images["ingest"])
