"""`make bench-guard`: do the pure hot loops execute more instructions than they did when the baseline was kept?

`python -m tests.bench.guard [--keep]`

Instructions are counted, by valgrind's cachegrind, and not seconds: a busy machine tells the same as an idle one. Each is told in
instructions of a reference loop in the same run, so that another build of the same Python tells nearly the same. More than a
tenth above the baseline fails; `--keep` writes the baseline anew, which a commit must explain. Without valgrind the bytecodes are
counted: as exact, but blind to what C does. A Python of which no baseline is kept is not judged, and that is said.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from deploy.local.layout import ROOT

BASELINE: Final = Path(__file__).with_name("guard.json")
LIMIT: Final = 1.10
NOTICE: Final = 0.90  # so much less that the baseline no longer guards
_MISSING: Final = "valgrind is missing (Debian's package valgrind): bytecodes are counted, what C does is not."


def _run(command: list[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command[:3])} failed:\n{done.stderr}")
    return done.stdout


def count_instructions() -> dict[str, int]:
    """Return the machine's instructions of each loop: those of its process less those of the one that did nothing."""
    with tempfile.TemporaryDirectory() as folder:
        valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={folder}/%p"]
        _run([*valgrind, sys.executable, "-m", "tests.bench.hot_loops", folder])
        names = json.loads((Path(folder) / "names.json").read_text())
        counts = {}
        for pid, name in names.items():
            _, _, told = (Path(folder) / pid).read_text().rpartition("summary:")
            counts[name] = int(told.split()[0])
    nothing = counts.pop("nothing")
    return {name: count - nothing for name, count in counts.items()}


def count_bytecodes() -> dict[str, int]:
    counts: dict[str, int] = json.loads(_run([sys.executable, "-m", "tests.bench.hot_loops", "--bytecode"]))
    return counts


def in_references(counts: dict[str, int]) -> dict[str, float]:
    """Return each count in counts of the reference loop."""
    counts = dict(counts)
    reference = counts.pop("reference")
    return {name: round(count / reference, 4) for name, count in counts.items()}


def compare(kept: dict[str, float], found: dict[str, float]) -> tuple[list[str], bool]:
    """Return a line for each loop, and whether all are within the limit; a loop that is only on one side is not."""
    lines, well = [], kept.keys() == found.keys()
    for name in sorted(kept.keys() | found.keys()):
        if name not in kept or name not in found:
            lines.append(f"{name:16} {'new: keep the baseline anew' if name in found else 'gone: keep the baseline anew'}")
            continue
        ratio = found[name] / kept[name]
        word = "SLOWER" if ratio > LIMIT else "faster: keep the baseline anew" if ratio < NOTICE else "same"
        well = well and ratio <= LIMIT
        lines.append(f"{name:16} {kept[name]:10.4f} {found[name]:10.4f} {(ratio - 1) * 100:+7.2f} %  {word}")
    return lines, well


def main(arguments: list[str]) -> None:
    version = f"{platform.python_implementation()} {sys.version_info.major}.{sys.version_info.minor}"
    baseline: dict[str, dict[str, float]] = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    has_valgrind = shutil.which("valgrind") is not None
    key = f"{version} {platform.machine()} instructions" if has_valgrind else f"{version} bytecodes"
    if not has_valgrind:
        print(_MISSING)
    if arguments == ["--keep"]:
        baseline[f"{version} bytecodes"] = in_references(count_bytecodes())
        if has_valgrind:
            baseline[key] = in_references(count_instructions())
        BASELINE.write_text(json.dumps(baseline, indent=2, sort_keys=True) + "\n")
        print(f"kept as {BASELINE.relative_to(ROOT)}")
        return
    if key not in baseline:
        print(f"NOT judged: no baseline of {key} is kept, only {', '.join(sorted(baseline))}; make bench-guard KEEP=1 keeps one.")
        return
    lines, well = compare(baseline[key], in_references(count_instructions() if has_valgrind else count_bytecodes()))
    print(f"{key}, in those of the reference loop: kept, found")
    print("\n".join(lines))
    if not well:
        sys.exit("A hot loop does more than a tenth more work. Mend it, or say in a commit why it must: make bench-guard KEEP=1.")


if __name__ == "__main__":
    main(sys.argv[1:])
