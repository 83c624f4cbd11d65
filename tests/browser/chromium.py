"""Where a Chromium is; run as a program it says in one sentence what is missing."""

import os
import shutil
import sys
from pathlib import Path

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


if __name__ == "__main__" and find() is None:
    sys.exit(MISSING)
