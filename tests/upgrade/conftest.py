"""PostgreSQL and Kafka of their own for processes of several releases."""

from collections.abc import Iterator

import pytest

from deploy.local.layout import Ports
from deploy.local.stack import Stack
from tests.support.fleet import DRAIN_SECONDS


@pytest.fixture
def infra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack without services, anew for each test."""
    assert DRAIN_SECONDS > 0
    stack = Stack(tmp_path_factory.mktemp("upgrade"), Ports.free(), services=())
    stack.start()
    yield stack
    stack.discard()
