"""The drill can fail: what is wrong after a restore is told, and its exit status says so."""

import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import provision
from deploy.local.layout import Secrets
from deploy.local.stack import Stack
from tests.drill import __main__ as command
from tests.drill.backup import ask, rewind_all
from tests.drill.run import Drill
from tests.support import access


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="recours-drill-", dir="/var/tmp") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.mark.parametrize(("problems", "status"), [([], 0), (["newest: the ledgers of the services differ"], 1)])
def test_its_exit_status_says_whether_something_is_wrong(problems: list[str], status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "trust", lambda: None)
    monkeypatch.setattr(sys, "argv", ["drill"])
    monkeypatch.setattr(Drill, "run", lambda drill, _: drill.problems.extend(problems))
    assert command.main() == status


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_a_cent_that_differs_after_a_restore_is_told(folder: Path) -> None:
    def rewind_and_spoil(stack: Stack) -> int:
        url = provision.role_url(stack.admin_url, "appeals", "worker", Secrets(stack.folder / "secrets.json"))
        ask(url, "UPDATE ledger_days SET paid_cents = paid_cents + 1 WHERE day = (SELECT max(day) FROM ledger_days)")
        return rewind_all(stack)

    drill = Drill(folder, secrets.randbelow(1_000_000))
    drill.run(3.0, to=("newest",), rewind=rewind_and_spoil)
    assert "newest: the ledgers of the services differ" in drill.problems
    assert all("ledger" in problem for problem in drill.problems), drill.problems
