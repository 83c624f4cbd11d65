"""One target under the fuzzer, in a process of its own: `python -m tests.fuzz.run TARGET INPUTS SECONDS SEED FOLDER`."""

import resource
import sys
from pathlib import Path

import atheris

MEMORY_MIB = 1536  # the fuzzer ends a target that holds more, and calls it a failure
INPUT_SECONDS = 30
INPUT_BYTES = 4096

with atheris.instrument_imports(include=["libs.x12", "libs.common", "services.ingest", "services.appeals.documents"]):
    from tests.fuzz.seeds import seeds
    from tests.fuzz.targets import TARGETS

KEPT = Path(__file__).parent / "corpus"


def main() -> None:
    target, inputs, seconds, seed, folder = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], Path(sys.argv[5])
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    begun = folder / target / "seeds"
    begun.mkdir(parents=True, exist_ok=True)
    (found := folder / target / "found").mkdir(exist_ok=True)
    for number, each in enumerate(seeds()[target]):
        (begun / str(number)).write_bytes(each)
    options = {
        "runs": inputs,
        "max_total_time": seconds,
        "seed": seed,
        "max_len": INPUT_BYTES,
        "timeout": INPUT_SECONDS,
        "rss_limit_mb": MEMORY_MIB,
        "artifact_prefix": f"{folder / target}/crash-",
        "print_final_stats": 1,
        "verbosity": 0,
    }
    (KEPT / target).mkdir(parents=True, exist_ok=True)
    flags = [f"-{name}={value}" for name, value in options.items()]
    atheris.Setup([sys.argv[0], *flags, str(found), str(begun), str(KEPT / target)], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
