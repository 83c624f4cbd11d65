"""Takes matching out of ingest's worker, from outside, where BENCH_UNMATCHED is set. Python runs this as each process starts."""

import importlib
import os
import sys
from typing import Any


def leave_out() -> None:
    """Book every remit as one that answers no claim, and look for none."""
    verdict = importlib.import_module("services.ingest.matching").Verdict("unmatched")

    async def unmatched(_: Any, __: str, answers: Any, ___: Any, **____: Any) -> dict[Any, Any]:
        return dict.fromkeys(answers, verdict)

    async def nothing_to_follow_up(_: Any, __: str) -> bool:
        return False

    reading: Any = importlib.import_module("services.ingest.reading")
    reading.match = unmatched
    reading.has_claims = nothing_to_follow_up  # and so no watch is opened for remits that wait for their claims


if os.environ.get("BENCH_UNMATCHED") and sys.orig_argv[-2:] == ["services.ingest", "worker"]:
    leave_out()
