"""What processes cost: CPU seconds and peak memory, by name; and where reports are kept."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from deploy.local.layout import ROOT
from tests.bench.machine import machine

REPORTS = ROOT / ".local" / "bench"


def peak_mib(pid: int) -> float:
    """Return how much memory a process held at most (the kernel's VmHWM)."""
    told = Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()
    return int(told[0]) / 1024


def cpu_seconds(process: psutil.Process) -> float:
    """Return the CPU seconds of a process and of all that it ever started: PostgreSQL is one process a connection."""
    own = process.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in process.children():
        try:
            total += cpu_seconds(child)
        except psutil.NoSuchProcess:
            continue
    return float(total)


class Meter:
    """Measures named processes from `begin` to `end`."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._before = {name: cpu_seconds(process) for name, process in self._processes.items()}

    def end(self) -> dict[str, dict[str, float]]:
        """Return CPU seconds since the start and the peak memory of each process (of PostgreSQL, its first one's)."""
        return {
            name: {
                "cpu_seconds": round(cpu_seconds(process) - self._before[name], 2),
                "peak_mib": round(peak_mib(process.pid), 1),
            }
            for name, process in self._processes.items()
        }


def tell(what: str, figures: Mapping[str, float]) -> None:
    """Print figures, one a line, and keep them."""
    for name, value in figures.items():
        print(f"{name:32} {value:>12,}")
    print(f"kept as {keep(what, dict(figures))}")


def keep(what: str, report: dict[str, Any]) -> Path:
    """Write a report, with the machine that it is of, where the last ones lie, and return its path."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    path = REPORTS / f"{what}-{time.strftime('%Y%m%dT%H%M%S')}.json"
    path.write_text(json.dumps(report | {"run": machine()}, indent=2))
    return path
