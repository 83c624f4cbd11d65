"""Analytics at ten million facts, part by part; limits stand beside what was measured.

`python -m tests.bench analytics [PART...] [--facts N] [--quick] [--keep FOLDER]`:

- `kpis`: every key figure over HTTP (analytics_questions.py);
- `overview`: the dashboard's first page in a real Chromium (analytics_overview.py);
- `intake`: what a claim costs on its way into these sums (analytics_intake.py);
- `exports`: a million rows in each format, and the memory that takes (analytics_exports.py);
- `causes`: the search of root causes (analytics_causes.py);
- `backlog`: whether sums keep up with the pipeline (analytics_backlog.py).

The first three share one stack (PostgreSQL, Kafka, and analytics' two processes) whose sums are drawn (analytics_years.py), which
takes most of the time: with `--keep` the first run keeps it in a folder, and the next ones find it filled. `fill` alone does
nothing else. `--quick` draws 200,000 facts and asks less.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from deploy.local.layout import Ports
from deploy.local.provision import database_name
from deploy.local.stack import Stack
from tests.bench import (
    analytics_backlog,
    analytics_causes,
    analytics_exports,
    analytics_intake,
    analytics_overview,
    analytics_questions,
    analytics_years,
)
from tests.bench.meter import tell
from tests.bench.servers import own_database
from tests.support.access import token

PARTS = ("kpis", "overview", "intake", "exports", "causes", "backlog")
OF_YEARS = ("fill", "kpis", "overview", "intake")
_FACTS, _FACTS_QUICK = 10_000_000, 200_000
_BACKLOG, _BACKLOG_QUICK = 80_000, 10_000


Fill = Callable[[str, int], Coroutine[Any, Any, int]]


@contextmanager
def filled(fill: Fill, facts: int, keep: Path | None = None) -> Iterator[Stack]:
    """Yield a stack whose analytics has so many facts, or their sums."""
    with tempfile.TemporaryDirectory(prefix="recours-bench-") as folder:
        where = keep or Path(folder) / "stack"
        is_filled = (where / "filled").exists()
        stack = Stack(where, Ports.free(), services=("analytics",))
        stack.start()
        try:
            if not is_filled:
                admin_url = urlunsplit(urlsplit(stack.admin_url)._replace(path=f"/{database_name('analytics')}"))
                print(f"{asyncio.run(fill(admin_url, facts)):,} rows written", flush=True)
                (where / "filled").touch()
            yield stack
        finally:
            if keep:
                stack.stop()
            else:
                stack.discard()


async def _years(admin_url: str, facts: int) -> int:
    return await analytics_years.fill(admin_url, facts, date.today() - timedelta(days=1))  # noqa: DTZ011 - as the server does


def _pids(stack: Stack) -> dict[str, int]:
    return {name: pid for name in ("analytics-api", "postgres") if (pid := stack.pid(name)) is not None}


def _of_years(parts: Sequence[str], stack: Stack, *, quick: bool) -> dict[str, float]:
    pids = _pids(stack)
    found: dict[str, float] = {}
    today = date.today()  # noqa: DTZ011 - as the server does
    if "kpis" in parts:
        found |= analytics_questions.ask(stack.url("analytics"), token(), pids, today, quick=quick)
    if "overview" in parts:
        found |= analytics_overview.look(stack.url("analytics"), token(), pids, today, quick=quick)
    if "intake" in parts:
        claims, server = 4_000 if quick else 40_000, {"postgres": pids["postgres"]}
        found |= asyncio.run(analytics_intake.take_in(stack.database_url("analytics", "worker"), claims, server))
    return found


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench analytics")
    parser.add_argument("parts", nargs="*", help="all of them, if none is named")
    parser.add_argument("--facts", type=int)
    parser.add_argument("--quick", action="store_true", help="200,000 facts, fewer questions")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the filled stack there, and use it again")
    chosen = parser.parse_args(arguments)
    parts = chosen.parts or PARTS
    if not set(parts) <= {*PARTS, *OF_YEARS}:
        parser.error(f"parts are fill, {', '.join(PARTS)}")
    facts = chosen.facts or (_FACTS_QUICK if chosen.quick else _FACTS)
    found: dict[str, float] = {"facts": facts}
    if set(parts) & set(OF_YEARS):
        with filled(_years, facts, chosen.keep) as stack:
            found |= _of_years(parts, stack, quick=chosen.quick)
    if "exports" in parts:
        with filled(analytics_exports.fill, facts) as stack:
            found |= analytics_exports.fetch(stack.url("analytics"), token(), _pids(stack))
    if "causes" in parts:
        with own_database("analytics") as (_, url):
            asyncio.run(analytics_causes.fill(url, facts))
            found |= asyncio.run(analytics_causes.search(url))
    if "backlog" in parts:
        found |= analytics_backlog.eat(_BACKLOG_QUICK if chosen.quick else _BACKLOG)
    tell("analytics", found)
