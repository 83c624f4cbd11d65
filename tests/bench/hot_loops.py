"""The pure hot loops, each over the same input every time; counted by `tests.bench.guard`.

`python -m tests.bench.hot_loops FOLDER` is run under valgrind: each loop runs in a process forked from this one, whose imports are
then paid once, and FOLDER/names.json says which process did what. With `--bytecode` the instructions of Python's own machine are
counted here instead, which needs no valgrind and sees nothing of what C does, and printed as JSON.
"""

import gc
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any, Final
from uuid import UUID

import msgspec

from deploy.local.layout import ROOT
from libs.common.contracts.envelope import encode, first_event
from libs.common.contracts.remit_received import TOPIC, TYPE, RemitReceivedV1
from libs.common.messaging.cloudevents import read_attributes, receive, write_headers
from libs.x12 import Claim, InterchangeReader
from services.classifier.decision import classify
from services.ingest.checks.engine import check
from services.ingest.checks.reference import Reference
from tests.bench.claims import write_claims
from tests.bench.classify import denied, paid
from tests.bench.files import write_file

Loop = Callable[[], object]

_CLAIMS: Final = 200
_ON: Final = date(2026, 3, 1)
_ID: Final = UUID(int=1)
_SOURCE: Final = b"recours/ingest"
_KEPT: Final = (
    '{"ce_tenantid":"local","ce_correlationid":"c","ce_causationid":"c","ce_sequence":"1",'
    '"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}'
)


def reference() -> None:
    """Do plain work of Python's that no change of ours can touch: what all counts are told in."""
    held: dict[str, int] = {}
    for number in range(20_000):
        key = f"K{number % 97}*{number}".split("*")[0]
        held[key] = held.get(key, 0) + number


def loops() -> dict[str, Loop]:
    """Return the loops by name, their input made and each already run once: caches are filled as they are in a worker."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "remits"
        write_file(path, _CLAIMS)
        remits = path.read_bytes()
        write_claims(path, _CLAIMS)
        bills = path.read_bytes()
    claims = [item for item in InterchangeReader().feed(bills) if isinstance(item, Claim)]
    usual = [denied(number) if number % 10 == 0 else paid(number) for number in range(_CLAIMS)]
    refused = [denied(number) for number in range(_CLAIMS)]
    examples = sorted((ROOT / "docs/events/examples/remit.received/1").glob("*.json"))
    values = [example.read_bytes() for example in examples]
    decoder = msgspec.json.Decoder(RemitReceivedV1)
    told = [decoder.decode(value) for value in values] * (_CLAIMS // len(values))
    headers = write_headers(_ID, _SOURCE, TYPE, b"key", _KEPT)

    def encode_events() -> None:
        for data in told:
            first_event(
                TOPIC, TYPE, data, key=_ID, tenant_id="local", sequence=1, correlation_id="c", traceparent=None, event_id=_ID
            )
            write_headers(_ID, _SOURCE, TYPE, b"key", _KEPT)

    def decode_events() -> None:
        for value in values * (_CLAIMS // len(values)):
            receive(read_attributes(headers), b"key", value, decoder)

    found: dict[str, Loop] = {
        "reference": reference,
        "read_835": lambda: list(InterchangeReader().feed(remits)),
        "read_837": lambda: list(InterchangeReader().feed(bills)),
        "check_claims": lambda: [check(claim, Reference(), _ON) for claim in claims],
        "decide_usual": lambda: [classify(claim) for claim in usual],
        "decide_denied": lambda: [classify(claim) for claim in refused],
        "encode_events": encode_events,
        "decode_events": decode_events,
    }
    assert len(claims) == _CLAIMS
    assert encode(told[0])
    for loop in found.values():
        loop()
    return found


def run_in_children(named: Mapping[str, Loop], folder: Path) -> None:
    """Run every loop, and one that does nothing, in a fork of its own; the forks' counts start where this process has come to."""
    names = {}
    for name, loop in [("nothing", lambda: None), *named.items()]:
        child = os.fork()
        if not child:
            loop()
            os._exit(0)
        names[str(child)] = name
        os.waitpid(child, 0)
    (folder / "names.json").write_text(json.dumps(names))


def count_bytecodes(loop: Loop) -> int:
    """Return how many of its instructions Python's machine executes in a loop."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        count += event == "opcode"
        return trace

    sys.settrace(trace)
    try:
        loop()
    finally:
        sys.settrace(None)
    return count


def main(what: str) -> None:
    gc.disable()  # when it runs depends on all that was made before
    named = loops()
    if what == "--bytecode":
        print(json.dumps({name: count_bytecodes(loop) for name, loop in named.items()}))
    else:
        run_in_children(named, Path(what))


if __name__ == "__main__":
    main(sys.argv[1])
