"""Analytics at ten million facts, part by part; limits stand beside what was measured.

`python -m tests.bench analytics [PART...] [--facts N] [--quick] [--keep FOLDER]`, each part by itself in a few minutes:

- `kpis`: every key figure over HTTP (analytics_questions.py);
- `overview`: the dashboard's first page in a real Chromium (analytics_overview.py);
- `intake`: what a claim costs on its way into these sums (analytics_intake.py);
- `causes`: the search of root causes (analytics_causes.py).

All but the last share one stack (PostgreSQL, Kafka, and analytics' two processes) whose sums are drawn (analytics_years.py);
`--keep` keeps it in a folder for the next run, which finds it filled. `--quick` draws 200,000 facts and asks less.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from deploy.local.layout import Ports
from deploy.local.provision import database_name
from deploy.local.stack import Stack
from tests.bench import analytics_causes, analytics_intake, analytics_questions, analytics_years
from tests.bench.meter import tell
from tests.bench.servers import own_database

PARTS = ("kpis", "intake", "causes")
_FACTS, _FACTS_QUICK = 10_000_000, 200_000


@contextmanager
def years(facts: int, keep: Path | None) -> Iterator[Stack]:
    """Yield a stack whose analytics has the sums of so many facts."""
    with tempfile.TemporaryDirectory(prefix="recours-bench-") as folder:
        where = keep or Path(folder)
        is_filled = (where / "filled").exists()
        stack = Stack(where, None if is_filled else Ports.free(), services=("analytics",))
        stack.start()
        try:
            if not is_filled:
                admin_url = urlunsplit(urlsplit(stack.admin_url)._replace(path=f"/{database_name('analytics')}"))
                asyncio.run(analytics_years.fill(admin_url, facts, date.today() - timedelta(days=1)))  # noqa: DTZ011 - as the server does
                (where / "filled").touch()
            yield stack
        finally:
            stack.stop() if keep else stack.discard()


def _of_years(parts: Sequence[str], stack: Stack, *, quick: bool) -> dict[str, float]:
    pids = {name: pid for name in ("analytics-api", "postgres") if (pid := stack.pid(name)) is not None}
    found: dict[str, float] = {}
    if "kpis" in parts:
        today = date.today()  # noqa: DTZ011 - as the server does
        found |= analytics_questions.ask(stack.url("analytics"), stack.token(), pids, today, quick=quick)
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
    if not set(parts) <= set(PARTS):
        parser.error(f"parts are {', '.join(PARTS)}")
    facts = chosen.facts or (_FACTS_QUICK if chosen.quick else _FACTS)
    found: dict[str, float] = {"facts": facts}
    if set(parts) - {"causes"}:
        with years(facts, chosen.keep) as stack:
            found |= _of_years(parts, stack, quick=chosen.quick)
    if "causes" in parts:
        with own_database("analytics") as (_, url):
            asyncio.run(analytics_causes.fill(url, facts))
            found |= asyncio.run(analytics_causes.search(url))
    tell("analytics", found)
