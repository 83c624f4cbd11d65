"""The server of the wheel, where it is not in its wheel."""

import subprocess
from pathlib import Path

from deploy.local.postgres import copy_server


def test_a_server_that_was_copied_to_where_another_user_reaches_it_finds_its_libraries(tmp_path: Path) -> None:
    server = copy_server(tmp_path / "server")
    done = subprocess.run([server / "bin" / "initdb", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("initdb (PostgreSQL) 18")
