"""Where a Chromium is. As a program it says in one sentence what is missing; with `--install` it has Debian's installed first."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

_INSTALL_SECONDS = 240  # then it is not to be had, and nobody waits
MISSING = "No Chromium was found: install one (Debian's package chromium) or name it with RECOURS_CHROMIUM."
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def find() -> str | None:
    """Return the program's path; None when there is none."""
    named = os.environ.get("RECOURS_CHROMIUM")
    if named:
        return named if Path(named).is_file() else None
    found = (shutil.which(each) for each in ("chromium", "chromium-browser", "google-chrome"))
    return next((each for each in found if each), None)


def install() -> None:
    """Install the system's package where that can be done without asking anybody: on Debian and its like, as root."""
    if find() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], env=quiet, check=False, stdout=subprocess.DEVNULL, timeout=_INSTALL_SECONDS)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        subprocess.run(command, env=quiet, check=False, stdout=subprocess.DEVNULL, timeout=_INSTALL_SECONDS)


if __name__ == "__main__":
    if sys.argv[1:] == ["--install"]:
        install()
    if find() is None:
        sys.exit(MISSING)
