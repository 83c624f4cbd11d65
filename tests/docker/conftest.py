"""Images and a whole stack, built and started once a session."""

from collections.abc import Iterator

import pytest

from deploy.local.layout import SERVICES, Ports
from tests.docker.composed import Composed
from tests.docker.images import build


@pytest.fixture(scope="session")
def images() -> dict[str, str]:
    """Every image of deploy/Dockerfile: service -> name."""
    return {service: build(service) for service in (*SERVICES, "provision")}


@pytest.fixture(scope="session")
def composed(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """deploy/compose.yaml, running."""
    stack = Composed(tmp_path_factory.mktemp("composed"), Ports.free())
    try:
        stack.start()
        yield stack
    finally:
        stack.remove()
