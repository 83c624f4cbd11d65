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

    importlib.import_module("services.ingest.reading").match = unmatched  # type: ignore[attr-defined]  # a module, patched


if os.environ.get("BENCH_UNMATCHED") and sys.orig_argv[-2:] == ["services.ingest", "worker"]:
    leave_out()
