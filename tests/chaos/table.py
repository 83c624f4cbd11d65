"""The table in docs/reliability.md: what was struck, and what became of it.

A part of the faults may be struck alone (`--only`): the rows of the others stay as they are, so each says when it was seen.
"""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil

from tests.chaos.faults import FAULTS, Fault
from tests.chaos.overload import Overload
from tests.chaos.run import Outcome

BEGIN, END = "<!-- written by `make chaos` -->", "<!-- end of what `make chaos` writes -->"
_HEADS = (
    "fault", "recovered after", "promised", "longest stall", "claims", "retries by clients", "load", "seen",
    "lost, doubled or out of order",
)  # fmt: skip
_OVERLOAD = "Overload, single claims at ten times the capacity"
_NOT_DONE = "Not done here: "


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _row_of(outcome: Outcome, seen: str) -> str:
    return _row(
        outcome.fault.name,
        f"{outcome.recovered_seconds:.1f} s",
        "" if outcome.fault.within_seconds is None else f"{outcome.fault.within_seconds:g} s",
        f"{outcome.stalled_seconds:.1f} s",
        f"{outcome.claims:,}",
        f"{outcome.retries:,}",
        f"{outcome.load_average:.1f}",
        seen,
        "nothing" if not outcome.problems else f"**{len(outcome.problems)} problems**",
    )


def _kept(held: Sequence[str]) -> dict[str, str]:
    """Return the rows of an earlier run by their faults, but for those of a table of another make, or of no fault of ours."""
    names = {fault.name for fault in FAULTS}
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in held if line.count(" | ") == len(_HEADS) - 1}
    return {name: line for name, line in rows.items() if name in names}


def write(page: Path, seed: int, outcomes: Sequence[Outcome], not_done: Sequence[Fault], storm: Overload | None) -> None:
    """Put what was seen between the page's two marks."""
    before, _, rest = page.read_text().partition(BEGIN)
    told, _, after = rest.partition(END)
    held, now = told.splitlines(), datetime.now(UTC)
    seen = f"{now.day} {now:%B %Y}, seed {seed}"
    rows = _kept(held) | {outcome.fault.name: _row_of(outcome, seen) for outcome in outcomes}
    stormy = [f"{_OVERLOAD} ({seen}): {storm}."] if storm else [line for line in held if line.startswith(_OVERLOAD)]
    missing = {fault.name: f"{_NOT_DONE}{fault.name} ({fault.why_not()})." for fault in not_done}
    machine = f"{os.cpu_count()} cores, {round(psutil.virtual_memory().total / 1024**3)} GiB, {platform.system()}"
    lines = [
        f"{machine}; `load` is its average when all was at rest again.",
        "",
        _row(*_HEADS),
        _row(*["---"] * len(_HEADS)),
        *(rows[name] for name in sorted(rows)),
        *(each for line in [*stormy, *(missing[name] for name in sorted(missing.keys() - rows.keys()))] for each in ("", line)),
    ]
    page.write_text("\n".join([f"{before}{BEGIN}", "", *lines, "", f"{END}{after}"]))
