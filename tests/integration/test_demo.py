"""The demonstration over a whole stack of its own: everything agrees, and a second time nothing changes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from deploy.local import demo
from deploy.local.layout import Ports
from deploy.local.stack import Stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder: Path = tmp_path_factory.mktemp("demo")
    stack = Stack(folder, Ports.free())
    with pytest.MonkeyPatch.context() as own:  # the demonstration is let in by the stack's own keys, and not by the tests'
        for name in ("RECOURS_JWKS", "RECOURS_TOKEN"):
            own.delenv(name)
        stack.start()
        yield stack
        stack.stop()


def test_a_month_goes_through_and_sent_again_changes_nothing(stack: Stack) -> None:
    first, again = (Console(width=80, record=True, force_terminal=False) for _ in range(2))
    assert demo.run(stack, first)
    told = first.export_text()
    assert "✗" not in told
    assert "received before" not in told
    assert "the denial is retracted, its case closed" in " ".join(told.split())
    assert "paid 18.75 less than its claims add up to" in " ".join(told.split())
    assert demo.run(stack, again)
    told = again.export_text()
    assert "All files were received before." in told
    assert "Sent again, the files changed nothing." in told
