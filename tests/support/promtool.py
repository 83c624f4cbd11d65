"""Where Prometheus and its promtool are. As a program it says in one sentence what is missing; with `--install` it has Debian's
package installed first.
"""

import os
import shutil
import subprocess
import sys

import pytest

_INSTALL_SECONDS = 240  # then it is not to be had, and nobody waits
MISSING = "No promtool or no Prometheus was found: install Debian's package prometheus (make promtool does, as root)."

needs_prometheus = pytest.mark.skipif(not (shutil.which("promtool") and shutil.which("prometheus")), reason=MISSING)


def install() -> None:
    """Install the system's package where that can be done without asking anybody: on Debian and its like, as root.

    Its server is not started: ours are, by the tests, with configurations of their own.
    """
    if not shutil.which("promtool") and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "prometheus"]):
            subprocess.run(["apt-get", *command], env=quiet, check=False, stdout=subprocess.DEVNULL, timeout=_INSTALL_SECONDS)


if __name__ == "__main__":
    if sys.argv[1:] == ["--install"]:
        install()
    if not (shutil.which("promtool") and shutil.which("prometheus")):
        sys.exit(MISSING)
