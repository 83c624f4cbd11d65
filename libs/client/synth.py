"""`recours synth`: invented claims and their answers as files, with the truth about each beside them."""

from collections import Counter
from pathlib import Path
from typing import Final

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from libs.client.errors import ClientError
from libs.client.show import output
from libs.synthetic import rules, traffic

_TRUTH, _RULES = "truth.jsonl", "rules.json"
_KINDS: Final = ("837", "999", "277CA", "835")


def write(claims: int, seed: int, out: Path) -> int:
    """Write so many claims' traffic into a folder; return the exit status. Errors: ClientError when it is not empty."""
    if out.exists() and any(out.iterdir()):
        raise ClientError(f"{out} is not empty.")
    for kind in _KINDS:
        (out / kind).mkdir(parents=True)
    (out / _RULES).write_bytes(msgspec.json.format(msgspec.json.encode(rules()), indent=1))
    files: Counter[str] = Counter()
    sent = first_sent = 0
    encoder = msgspec.json.Encoder()
    errors = output(errors=True)
    parts = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with (out / _TRUTH).open("wb") as truths, Progress(*parts, console=errors, disable=not errors.is_terminal) as bars:
        task = bars.add_task("claims", total=claims)
        for day in traffic(seed, claims):
            for file in day.files:
                (out / file.kind / file.name).write_bytes(file.body)
                files[file.kind] += 1
            for truth in day.truths:
                truths.write(encoder.encode(truth) + b"\n")
                first_sent += truth.follows is None
            sent += len(day.truths)
            bars.update(task, completed=first_sent)
    told = ", ".join(f"{files[kind]} {kind}" for kind in _KINDS)
    output().print(f"{sent} claims in {out}: {told}; {_TRUTH}, {_RULES}.")
    return 0
