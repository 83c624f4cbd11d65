"""What is measured: how late work is, how long it stood still, what drifts; and the page that is written of it."""

import random
import time
from pathlib import Path
from typing import cast

import pytest

from tests.chaos import faults
from tests.chaos.overload import Overload
from tests.chaos.run import IN_TIME_FOR_SECONDS, Outcome, await_recovery
from tests.chaos.site import Site
from tests.chaos.soak import drift
from tests.chaos.table import BEGIN, END, write
from tests.chaos.watch import IN_TIME_SECONDS, Look, Watch

DUE = [(float(second), 10) for second in range(20)]


def watched(booked: dict[float, int]) -> Watch:
    """Return what would have seen so many booked claims at those moments."""
    watch = Watch(cast("Site", None), 2040)
    watch.looks = [Look(at, count) for at, count in booked.items()]
    return watch


def test_work_is_late_from_the_moment_it_is_overdue_until_it_is_caught_up_with() -> None:
    seconds = range(20)
    in_time = watched({at + 0.5: 10 * (at + 1) for at in seconds})
    assert in_time.late(DUE) == []
    stood_still = watched({at + 0.5: 10 * (at + 1) if at < 5 or at >= 12 else 50 for at in seconds})
    assert stood_still.late(DUE) == [at + 0.5 for at in range(int(5 + IN_TIME_SECONDS), 12)]
    assert stood_still.late(DUE, since=10.0) == [10.5, 11.5]


def test_the_longest_stall_is_the_longest_time_in_which_nothing_came_through() -> None:
    looks = {0.0: 0, 1.0: 10, 2.0: 20, 3.0: 20, 7.0: 20, 8.0: 30, 9.0: 30}
    assert watched(looks).longest_stall(0.0) == 6.0
    assert watched(looks).longest_stall(8.0) == 1.0


def test_what_grows_is_told_from_noise_and_from_a_spike() -> None:
    draw = random.Random(7)
    times = [float(at) for at in range(100)]
    flat = [(at, 100 + draw.uniform(-10, 10)) for at in times]
    assert not drift("memory", flat).is_there
    assert not drift("memory", [(at, value * (5 if at == 80 else 1)) for at, value in flat]).is_there
    assert drift("memory", [(at, value + at) for at, value in flat]).is_there
    assert not drift("memory", [(at, value + 80 * min(at, 20)) for at, value in flat]).is_there, "it warms up"
    assert not drift("memory", [(at, value - at / 2) for at, value in flat]).is_there


def test_a_fault_is_made_up_for_once_nothing_was_late_for_a_while_or_should_have_been_by_then() -> None:
    now = time.monotonic()
    in_time = watched({now: 10})
    await_recovery(in_time, [(now - 9, 10)], now, over_seconds=60)
    assert IN_TIME_FOR_SECONDS <= time.monotonic() - now < 60
    now = time.monotonic()
    in_time.looks += [Look(now + at, 10) for at in (0.1, 1, 2, 3)]
    await_recovery(in_time, [(now - 9, 20)], now, over_seconds=0.5)
    assert 0.5 <= time.monotonic() - now < IN_TIME_FOR_SECONDS


def struck(fault: faults.Fault, *problems: str) -> Outcome:
    return Outcome(fault, list(problems), 12.3, 4.5, 10, 1_000, 3, 0.5)


@pytest.mark.parametrize("before", ["", "an older table\n", "| of another make | 3.2 s |\n"])
def test_the_table_is_written_between_its_marks_and_the_rest_stays(tmp_path: Path, before: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{BEGIN}\n{before}{END}\nThe end.\n")
    outcome = struck(faults.FAULTS[0], "one lost")
    assert not outcome.is_in_time
    write(page, 7, [outcome], [], None)
    text = page.read_text()
    assert text.startswith(f"# Title\n\n{BEGIN}\n")
    assert text.endswith(f"{END}\nThe end.\n")
    assert f"| {faults.FAULTS[0].name} | 12.3 s | 10 s | 4.5 s | 1,000 | 3 | 0.5 | " in text
    assert "seed 7 | **1 problems** |" in text
    assert "an older table" not in text
    assert "of another make" not in text


def test_what_was_not_struck_this_time_stays_in_the_table_with_its_day_and_seed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}\n")
    storm = Overload(100.0, 1000.0, 90.0, 910, 0.01, 0.02, 100, 110, [], 0.5)
    write(page, 7, [struck(each) for each in faults.FAULTS[:2]], [], storm)
    write(page, 8, [struck(each) for each in faults.FAULTS[1:3]], [], None)
    rows = {line.split(" | ")[0][2:]: line for line in page.read_text().splitlines() if "seed" in line and line.startswith("|")}
    assert {name: line.split("seed ")[1][0] for name, line in rows.items()} == dict(
        zip([fault.name for fault in faults.FAULTS[:3]], "788", strict=True)
    )
    assert page.read_text().count("capacity 100/s") == 1
    again = page.read_text()
    write(page, 8, [struck(each) for each in faults.FAULTS[1:3]], [], None)
    assert page.read_text() == again
