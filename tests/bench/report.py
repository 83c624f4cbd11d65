"""`make bench`: every part of the suite, and one report of what they found.

`python -m tests.bench report [--run] [--quick] [PART...]`

Without `--run` it gathers the newest result of each part, whenever it was measured (`.local/bench`; a part that was not
measured here stays as the report has it), and writes docs/performance.md, docs/performance.json and the plots in
docs/performance; with it the parts are measured first, all of them or those that are named.
`--quick` measures less of each, to see that it works. A part that was never measured is said to be missing.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from deploy.local.layout import ROOT, SERVICES
from tests.bench import bill
from tests.bench.meter import REPORTS
from tests.bench.plot import bars, told

Found = Mapping[str, Any]

DOCS: Final = ROOT / "docs"
# What each part is told when the suite runs it, in full and quickly.
SUITE: Final[dict[str, tuple[list[str], list[str]]]] = {
    "reader": (["--rounds", "7"], ["--rounds", "2", "--claims", "4000", "--sizes", "2"]),
    "classify": (["--rounds", "7"], ["--rounds", "2", "--claims", "5000"]),
    "intake": (["--rounds", "5"], ["--rounds", "1", "--claims", "2000"]),
    "pipeline": (["--rounds", "5"], ["--rounds", "1", "--claims", "4000"]),
    "latency": ([], ["--seconds", "5"]),
    "backlog": (["--events", "1000000"], ["--events", "5000"]),
    "standing": ([], ["--rounds", "1", "--seconds", "5"]),
    "trust": (["--rounds", "6"], ["--rounds", "1", "--claims", "2000", "--seconds", "5"]),
    "growth": (["--rows", "1000000,10000000,25000000"], ["--rows", "10000,100000"]),  # 25 million are 55 GB
    "workers": ([], ["--rounds", "1", "--claims", "2000"]),
    "shapes": ([], ["--rounds", "1", "--claims", "2000"]),
    "distance": ([], ["--rounds", "1", "--claims", "2000"]),
    "profiles": ([], ["--claims", "2000"]),
}


class Row(NamedTuple):
    """One figure beside its aim. `met` is None where nothing is aimed at or it cannot be said."""

    what: str
    figure: str
    aim: str = ""
    met: bool | None = None


def spread(values: Sequence[float], unit: str = "") -> str:
    """Return the median, with the least and the most of so many runs."""
    middle = told(statistics.median(values))
    after = f" {unit}" if unit else ""
    return f"{middle}{after} ({told(min(values))} to {told(max(values))}, {len(values)} runs)"


def at_least(what: str, values: Sequence[float], aim: float, unit: str = "") -> Row:
    return Row(what, spread(values, unit), f"at least {told(aim)}", statistics.median(values) >= aim)


def at_most(what: str, values: Sequence[float], aim: float, unit: str = "") -> Row:
    return Row(what, spread(values, unit), f"at most {told(aim)}", statistics.median(values) <= aim)


def _reader(found: Found) -> list[Row]:
    rates, ratios = found["claims_per_second"], found["of_the_floor"]
    return [
        Row("835 reader, claims/s on one core", told(rates["ours"])),
        Row("of the bare floor (split, integer cents, nothing checked)", told(ratios["ours"])),
        *(
            Row(f"peak memory of a file of {size.removesuffix('_mb')} MB, MiB", told(mib))
            for size, mib in found["peak_mib"].items()
        ),
    ]


def _classify(found: Found) -> list[Row]:
    return [
        Row(f"decision, {name.partition('_')[0]} claims, claims/s on one core", told(found[name]))
        for name in found
        if "claims" in name
    ]


def _intake(found: Found) -> list[Row]:
    return [
        Row(f"{side}: CPU of Python and of PostgreSQL, us a claim", f"{told(cpu['python'])} + {told(cpu['postgres'])}")
        for side, cpu in found["cpu_us_a_claim"].items()
        if side in ("835", "835_answering", "837")
    ]


def _pipeline(found: Found) -> list[Row]:
    ours, bare = found["ours"], found["bare"]
    claims = found["claims_a_round"]
    names = [f"{service}-{role}" for service in SERVICES for role in ("api", "worker")]
    python = [sum(each["processes"][name]["cpu_seconds"] for name in names) * 1000 / claims for each in ours]
    rows = [
        Row("everything on, claims/s", spread([each["claims_per_second"] for each in ours]), "8,000 on a quiet machine"),
        Row("the bare pipeline in the same run, claims/s", spread([each["claims_per_second"] for each in bare])),
        at_least("of the bare pipeline", found["ratios"], 0.6),
        at_most("Python CPU a claim, all processes, ms", python, 0.25),
        Row("CPU a claim with PostgreSQL and Kafka, ms", spread([each["cpu_ms_per_claim"] for each in ours])),
        Row("the same of the bare pipeline, ms", spread([each["cpu_ms_per_claim"] for each in bare])),
    ]
    for name in names:
        limit = 120 if name.endswith("worker") else 150
        rows.append(at_most(f"peak memory of {name}, MiB", [each["processes"][name]["peak_mib"] for each in ours], limit))
    if "bytes_a_claim" in ours[0]:
        rows += [_bytes(kind, ours, bare) for kind in ("wal", "kafka", "tables")]
        both = [_written(own) / _written(base) for own, base in zip(ours, bare, strict=True)]
        rows.append(at_most("WAL and Kafka, of the bare pipeline's", both, 1.5))
    return rows


def _bytes(kind: str, ours: Sequence[Found], bare: Sequence[Found]) -> Row:
    figures = (spread([each["bytes_a_claim"][kind] for each in side]) for side in (ours, bare))
    return Row(f"bytes a claim, {kind}", "; bare ".join(figures))


def _written(told_: Found) -> float:
    written: Mapping[str, int] = told_["bytes_a_claim"]
    return written["wal"] + written["kafka"]


def _backlog(found: Found) -> list[Row]:
    rows = [Row(f"{name}, claims/s", spread(rates)) for name, rates in found["claims_per_second"].items()]
    rows.append(
        Row(
            f"a backlog of {found['events']:,} events of remits, of the live rate",
            spread(found["of_the_live_rate"]),
            f"at least {found['limit_of_the_live_rate']}, of 1,000,000 events",
            found["of_the_live_rate_median"] >= found["limit_of_the_live_rate"],
        )
    )
    for name, process in found["rounds"][-1]["together"]["processes"].items():
        if "growth_mib" in process:
            growth = process["growth_mib"]
            rows.append(
                Row(
                    f"memory of {name}, the second half above the first, MiB",
                    told(growth),
                    f"at most {found['limit_growth_mib']}",
                    growth <= found["limit_growth_mib"],
                )
            )
    return rows


def _standing(found: Found) -> list[Row]:
    rows = [
        at_most(f"{name} is ready, s", seconds, found["limit_ready_seconds"]) for name, seconds in found["ready_seconds"].items()
    ]
    idle, limit = found["idle_share_of_a_core"], found["limit_idle_share"]
    rows.append(Row("the eight processes without work, share of a core", f"{idle:.1%}", f"under {limit:.0%}", idle < limit))
    for name, share in found["idle_share_of_a_core_servers"].items():
        rows.append(Row(f"{name} without work, share of a core", f"{share:.1%}"))
    return rows


def _trust(found: Found) -> list[Row]:
    """Return the two aims, by rounds in which both sides ran, and beside them what still tells something on a busy machine."""
    checked, unchecked = (found["rounds"][side] for side in ("checked", "unchecked"))
    pairs = list(zip(checked, unchecked, strict=True))
    more = [own["latency"]["p50_ms"] - base["latency"]["p50_ms"] for own, base in pairs]
    rows = [
        at_least("claims/s with all checks, of those without", found["throughputs"], 0.85),
        Row(
            "more p99 from the POST to the denial at 200 claims/s in posts of ten, all rounds as one",
            f"{told(found['p99_ms_more'])} ms (sure to 90 %: {' to '.join(map(told, found['p99_ms_more_between']))})",
            "at most 3",
            found["p99_ms_more"] <= 3,
        ),
        Row("more p50, ms", spread(more)),
        Row("CPU a claim, of that without", spread([own["cpu_ms_per_claim"] / base["cpu_ms_per_claim"] for own, base in pairs])),
    ]
    for name, side in (("with", "checked"), ("without", "unchecked")):
        each_round = found["rounds"][side]
        rows.append(Row(f"claims/s {name}", spread([each["claims_per_second"] for each in each_round])))
        rows.append(Row(f"p50 and p99 {name}, ms", f"{told(found['p50_ms'][side])}, {told(found['p99_ms'][side])}"))
    return rows


def _growth(found: Found) -> list[Row]:
    rows = []
    for (rows_there, each), share in zip(found["sizes"].items(), found["rate_by_cpu_of_the_smallest"], strict=True):
        what = f"{rows_there} rows a table ({each['gigabytes']} GB)"
        rows += [
            Row(f"{what}: remits/s", spread(each["remits_per_second"])),
            Row(f"{what}: CPU of Python, us a remit", spread(each["python_us_a_remit"])),
            Row(f"{what}: CPU of PostgreSQL, us a remit", spread(each["postgres_us_a_remit"])),
            Row(f"{what}: rate by CPU, of the smallest's", told(share), "at least 0.8 at 100,000,000", share >= 0.8),
            Row(
                f"{what}: a page of a list, p50 and p99, ms",
                f"{told(each['list_ms']['p50'])} and {told(each['list_ms']['p99'])}",
                "p99 under 50 at 100,000,000",
                each["list_ms"]["p99"] < 50,
            ),
        ]
    return rows


def _workers(found: Found) -> list[Row]:
    rows = []
    for name, each in found["workers"].items():
        rows.append(Row(f"{name}, claims/s", spread(each["claims_per_second"])))
        rows.append(Row(f"{name}, CPU a claim with PostgreSQL and Kafka, ms", spread(each["cpu_ms_per_claim"])))
    return rows


# What each load may take, in milliseconds, at half and at 99 % of its claims.
_LATENCY_AIMS: Final[dict[str, dict[str, int]]] = {
    "alone": {"p99": 50},
    "200_in_single_posts": {"p50": 40, "p99": 100},
    "200_in_posts_of_ten": {"p50": 40, "p99": 100},
    "share_0.8": {"p99": 500},
}


def _latency(found: Found) -> list[Row]:
    rows = []
    if "capacity_claims_per_second" in found:
        rows.append(Row("capacity in posts of a hundred claims, claims/s", told(found["capacity_claims_per_second"])))
    for name, each in found.items():
        if not isinstance(each, dict) or "p50_ms" not in each:
            continue
        what = name.replace("_", " ")
        for centile in ("p50", "p99"):
            took = each[f"{centile}_ms"]
            bare = f"; bare {told(each['bare'][f'{centile}_ms'])}" if "bare" in each else ""
            aim = _LATENCY_AIMS.get(name, {}).get(centile)
            rows.append(
                Row(
                    f"{what}: {centile} from the POST to `denial.classified`, ms",
                    f"{told(took)}{bare}",
                    f"under {aim}" if aim else "",
                    took < aim if aim else None,
                )
            )
        if each["refused"]:
            rows.append(Row(f"{what}: posts that were refused with 429 or 503", told(each["refused"]), "none", met=False))
    return rows


def _shapes(found: Found) -> list[Row]:
    rows = []
    for kind in ("partitions", "lines"):
        for count, each in found[kind].items():
            what = f"{count} partitions a topic" if kind == "partitions" else f"claims of {count} lines"
            rows += [
                Row(f"{what}: claims/s", spread(each["claims_per_second"])),
                Row(f"{what}: CPU a claim with PostgreSQL and Kafka, ms", spread(each["cpu_ms_per_claim"])),
                Row(f"{what}: bytes a claim, Kafka and WAL", f"{spread(each['kafka_bytes'])}; {spread(each['wal_bytes'])}"),
            ]
    return rows


def _distance(found: Found) -> list[Row]:
    rows = []
    for milliseconds, rates in found["claims_per_second"].items():
        kept = found["of_the_nearest"][milliseconds]
        rows.append(Row(f"{milliseconds} ms each way: claims/s, and of the nearest", f"{spread(rates)}; {told(kept)}"))
    return rows


def _profiles(found: Found) -> list[Row]:
    return [
        Row(f"{name}: samples of 200 a second in which it worked", told(each["samples"]))
        for name, each in found["processes"].items()
    ]


def _write_profiles(found: Found, path: Path) -> None:
    """Write a page of where each process spends its time."""
    lines = [
        "# Where the time goes",
        "",
        "Written by `make bench-report` from `make bench profiles`; change nothing by hand. What py-spy saw of each process",
        f"while {found['claims']:,} claims went through all of them as fast as they could: the share of samples that fell in a",
        "function itself, and in it and all that it called. Whole stacks, for a viewer of flame graphs, are in",
        "`.local/bench/profiles`.",
    ]
    for name, each in found["processes"].items():
        lines += ["", f"## {name}", "", f"{each['samples']:,} samples."]
        for kind, title in (("own", "by itself"), ("all", "with what it calls")):
            if each.get(kind):
                lines += ["", f"| function, {title} | share |", "|---|---|"]
                lines += [f"| `{function}` | {share:.1%} |" for function, share in each[kind].items()]
    path.write_text("\n".join(lines) + "\n")


ROWS: Final[dict[str, tuple[str, Callable[[Found], list[Row]]]]] = {
    "reader": ("Reading an 835", _reader),
    "classify": ("The decision alone", _classify),
    "intake": ("Intake: from bytes in the database to rows and events", _intake),
    "pipeline": ("End to end, beside the bare pipeline", _pipeline),
    "latency": ("Latency under steady load", _latency),
    "backlog": ("Each service alone, and a backlog", _backlog),
    "standing": ("Standing still: cold start, no work", _standing),
    "trust": ("What all checks cost: tokens, shares, audit log, sealing, row-level security", _trust),
    "growth": ("Growth: the classifier with more and more behind it", _growth),
    "workers": ("Several workers of each service", _workers),
    "shapes": ("Partitions, and sizes of messages", _shapes),
    "distance": ("Hosts apart: PostgreSQL and Kafka so far from the services", _distance),
    "profiles": ("Where the time goes, function by function: [profiles.md](performance/profiles.md)", _profiles),
}
_MET: Final = {True: "yes", False: "**no**", None: ""}


def newest(part: str) -> Found | None:
    """Return what was measured last: here, or what the report has already; its section says when that was."""
    kept = sorted(REPORTS.glob(f"{part}-[0-9]*T*.json"))
    found: Found | None
    if kept:
        found = json.loads(kept[-1].read_text())
    else:
        told = DOCS / "performance.json"
        found = json.loads(told.read_text()).get(part) if told.exists() else None
    return found


def _plots(found: Mapping[str, Found]) -> dict[str, str]:
    drawn = {}
    if "pipeline" in found:
        rates = {
            "bare pipeline": found["pipeline"]["bare_claims_per_second"],
            "everything on": found["pipeline"]["claims_per_second"],
        }
        if "backlog" in found:
            rates |= {f"{name} alone": statistics.median(each) for name, each in found["backlog"]["claims_per_second"].items()}
            rates["backlog, all consumers"] = rates.pop("together alone")
            rates["live, in that run"] = rates.pop("live alone")
        drawn["rates"] = bars("Claims a second", "two cores, with PostgreSQL and Kafka on them", rates)
        ours = found["pipeline"]["ours"]
        memory = {name: statistics.median(each["processes"][name]["peak_mib"] for each in ours) for name in ours[0]["processes"]}
        drawn["memory"] = bars(
            "Peak memory", "MiB", {name: mib for name, mib in memory.items() if name not in ("kafka", "postgres")}, aim=120
        )
        cpu = {
            name: statistics.median(each["processes"][name]["cpu_seconds"] for each in ours)
            * 1e6
            / found["pipeline"]["claims_a_round"]
            for name in ours[0]["processes"]
        }
        drawn["cpu"] = bars("CPU a claim", "us, everything on", cpu)
    if "standing" in found:
        drawn["ready"] = bars("From start to ready", "s", found["standing"]["ready_seconds_median"], aim=2.0)
    return drawn


def _section(part: str, found: Found | None) -> list[str]:
    title, rows_of = ROWS[part]
    lines = ["", f"## {title}", ""]
    if found is None:
        return [*lines, f"Not measured yet: `make bench {part}`."]
    run = found.get("run")
    if run:
        lines += [f"`make bench {part}`, {run['at']}, commit {run['commit']}, {_load(run)}.", ""]
    lines += ["| what | figure | aim | met |", "|---|---|---|---|"]
    return lines + [f"| {row.what} | {row.figure} | {row.aim} | {_MET[row.met]} |" for row in rows_of(_without_run(found))]


def _without_run(found: Found) -> Found:
    return {name: value for name, value in found.items() if name != "run"}


def _scaling_tables(found: Mapping[str, Found]) -> Iterator[tuple[str, list[str]]]:
    """Yield what docs/scaling.md shows of parts, those that were measured."""
    if "pipeline" in found and "bytes_a_claim" in found["pipeline"]["ours"][0]:
        yield "pipeline", bill.tables(found["pipeline"])
    for part in ("workers", "shapes", "distance"):
        if part in found:
            told_of = [f"| {row.what} | {row.figure} |" for row in ROWS[part][1](_without_run(found[part]))]
            yield part, [f"| {_load(found[part]['run'])} | figure |", "|---|---|", *told_of]


def _load(run: Mapping[str, Any]) -> str:
    """Say how loaded the machine was and, where that was measured, how fast a core."""
    pace = f", {told(run['loop_ms'])} ms a loop" if "loop_ms" in run else ""
    return f"load {run['load_before']} to {run['load_after']}{pace}"


def write(found: Mapping[str, Found], folder: Path) -> None:
    """Write the page, its figures and its plots. `found` is by part; those that were never measured are said to be missing."""
    plots = _plots(found)
    (folder / "performance").mkdir(exist_ok=True)
    for name, drawn in plots.items():
        (folder / "performance" / f"{name}.svg").write_text(drawn)
    (folder / "performance.json").write_text(json.dumps(found, indent=1) + "\n")
    lines = [_HEAD]
    run = next((each["run"] for each in reversed(list(found.values())) if "run" in each), None)
    if run:
        packages = ", ".join(f"{name} {version}" for name, version in run["packages"].items())
        lines += ["", f"{run['processor']}, {run['memory_gib']} GiB, {run['system']}, Python {run['python']}; {packages}."]
    for name in plots:
        lines += ["", f"![{name}](performance/{name}.svg)"]
    for part in ROWS:
        lines += _section(part, found.get(part))
    (folder / "performance.md").write_text("\n".join(lines) + "\n")
    if "profiles" in found:
        _write_profiles(found["profiles"], folder / "performance" / "profiles.md")
    scaling = folder / "scaling.md"
    if scaling.exists():
        page = scaling.read_text()
        for part, table in _scaling_tables(found):
            page = bill.inserted(page, part, table)
        scaling.write_text(page)


_HEAD: Final = """# How fast it is

Written by `make bench`, which measures every part, or `make bench-report`, which gathers what was measured last; change nothing
here by hand. Figures are medians with the least and the most of their runs. The machine's load is told since it matters: on a busy
machine rates are low and ratios, CPU and bytes still say something. So is how long a core takes for a loop of a million additions:
the same kind of machine is three times slower on some days, so of sections with other loops, or without, only ratios compare. What
is missed is said to be missed; why, and what the floor is, stands in [scaling.md](scaling.md). Analytics at ten million facts is
measured apart: [speed.md](speed.md)."""


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench report")
    parser.add_argument("--run", action="store_true", help="measure first")
    parser.add_argument("--quick", action="store_true", help="measure less of each, to see that it works")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"measure these alone: {', '.join(SUITE)}")
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(SUITE):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if options.run:
        for part in options.parts or SUITE:
            print(f"-- {part}", flush=True)
            # In a process of its own: what a part tells the environment, and what it holds in memory, is no other's business.
            subprocess.run([sys.executable, "-m", "tests.bench", part, *SUITE[part][options.quick]], cwd=ROOT, check=True)
    write({part: found for part in SUITE if (found := newest(part)) is not None}, DOCS)
    print(f"written: {DOCS / 'performance.md'}")
