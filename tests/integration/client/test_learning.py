"""`recours odds` and `recours labels` against the classifier as its process serves it, over a real database."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from libs.common.clock import FixedClock
from libs.common.database import Database
from services.classifier import store
from services.classifier.odds import store as odds_store
from services.classifier.odds.book import Book
from services.classifier.odds.making import OddsMaker
from services.classifier.odds.outcomes import Circumstances, Subject
from services.classifier.odds.store import OutcomeRow
from tests.integration.classifier.test_changes import denial
from tests.integration.client.conftest import Run
from tests.integration.client.test_rules import database, run  # noqa: F401 - fixtures
from tests.support import ServiceDatabase, eventually, run_apart


async def learned(made: ServiceDatabase) -> None:
    """Keep 400 decided appeals, of which those of one code are won, and make the table."""
    rows = []
    for place in range(400):
        won = place % 2 == 0
        carc = "197" if won else "29"
        category = "authorization" if won else "timely_filing"
        rows.append(
            OutcomeRow(
                tenant_id="local",
                outcome_id=uuid4(),
                source="appeal",
                revision=1,
                denial_id=uuid4(),
                action="appeal",
                level=None,
                ending="overturned" if won else "upheld",
                disputed_cents=10_000,
                recovered_cents=10_000 if won else 0,
                decided_on=date(2026, 1, 1) + timedelta(days=place % 100),
                subject=Subject("1999999999", "commercial", "professional", "first_level", category, carc),
                circumstances=Circumstances(),
            )
        )
    worker = Database(made.worker_url)
    async with worker.begin() as tx:
        await odds_store.note_changes(tx, {"local": len(await odds_store.save_outcomes(tx, rows))})
    await OddsMaker(worker, FixedClock(datetime(2026, 5, 1, tzinfo=UTC)), Book()).step()
    await worker.close()


def shown(run: Run) -> list[str]:  # noqa: F811 - fixtures
    return [line for line in run("odds", "show", "--category", "authorization")[1].splitlines() if "197" in line]


def test_odds_are_shown_row_by_row_and_held_against_the_newest_outcomes(run: Run, database: ServiceDatabase) -> None:  # noqa: F811 - fixtures
    assert run("odds", "evaluate")[0] == 2
    run_apart(learned(database))
    eventually(lambda: bool(shown(run)))  # the API looks for a new table every two seconds
    (row,) = shown(run)
    assert row.split()[:6] == ["1999999999", "authorization", "197", "first_level", "200", "200"]
    told = run("odds", "evaluate")[1]
    assert "table.1: 400 outcomes, 200 won" in told
    assert "2.00 times" in told
    assert "Nothing like this" in run("odds", "show", "--category", "duplicate")[2]
    assert '"policy":"always"' in run("odds", "evaluate", "--json")[1]


def test_labels_are_added_listed_and_imported(run: Run, database: ServiceDatabase, tmp_path: Path) -> None:  # noqa: F811 - fixtures
    known, other = denial(), denial()

    async def insert() -> None:
        worker = Database(database.worker_url)
        async with worker.begin() as tx:
            await store.insert_denials(tx, [("local", each) for each in (known, other)])
        await worker.close()

    run_apart(insert())
    assert "Nothing is labelled" in run("labels", "list")[2]
    assert run("labels", "add", known.denial_id, "authorization", "appeal", "--note", "asked the payer")[0] == 0
    assert run("labels", "add", uuid4(), "authorization", "appeal")[0] == 2
    file = tmp_path / "audit.csv"
    lines = [f"{other.denial_id},audit,duplicate,none,", f"{uuid4()},audit,duplicate,none,", "x,audit,duplicate,none,"]
    lines += [f"{other.denial_id},hearsay,duplicate,none,", f"{other.denial_id},audit,nonsense,none,"]
    file.write_text("\n".join(["denial_id,source,category,action,note", *lines]))
    code, out, told = run("labels", "import", file)
    assert (code, "1 labels kept, 4 lines not taken." in told) == (1, True)
    assert [line.split(":")[1] for line in out.splitlines()] == ["3", "4", "5", "6"]
    listed = run("labels", "list")[1]
    assert listed.index(str(other.denial_id)) < listed.index(str(known.denial_id))
    assert "1 of 2" in run("rules", "evaluate")[1]
    file.write_text("denial,category\n")
    assert "has no column denial_id" in run("labels", "import", file)[2]
