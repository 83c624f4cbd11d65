"""A stack of its own for chaos, once a session, and ways to break a worker of it."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from deploy.local.layout import ROOT, Ports
from deploy.local.stack import Stack
from tests.support import eventually
from tests.support.system import System

SABOTAGE = Path(__file__).parent / "sabotage"
Breaking = Callable[[str, str], AbstractContextManager[None]]


@pytest.fixture(scope="session")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("victim")
    told = {
        "RECOURS_INFRA": "embedded",
        "PYTHONPATH": os.pathsep.join((str(SABOTAGE), str(ROOT))),
        "CHAOS_SABOTAGE": str(folder),
    }
    stack = Stack(folder / "stack", Ports.free(), environment=told)
    stack.start()
    system = System(stack)
    yield system
    system.close()
    stack.discard()


@pytest.fixture
def broken(victim: System) -> Breaking:
    """Return a context that runs a service's worker broken, and whole again afterwards."""

    def again(worker: str) -> None:
        before = victim.stack.pid(worker)
        eventually(lambda: victim.stack.kill(worker))
        eventually(lambda: victim.stack.pid(worker) not in (None, before))

    @contextmanager
    def breaking(service: str, what: str) -> Iterator[None]:
        order = victim.stack.folder.parent / f"{service}.{what}"
        order.touch()
        again(f"{service}-worker")
        try:
            yield
        finally:
            order.unlink()
            again(f"{service}-worker")

    return breaking
