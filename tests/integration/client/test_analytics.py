"""`recours scorecards`, `reports`, `audits schedule` and `webhooks` against analytics as its process serves it."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest

from libs.common.clock import FixedClock, SystemClock
from libs.common.database import Database
from libs.common.ids import uuid7
from services.analytics import store
from services.analytics.alerts import telling
from services.analytics.alerts.lifecycle import Alert, Step
from services.analytics.audits.running import Drawer
from services.analytics.facts import Fact
from services.analytics.handlers import record
from services.analytics.reports.making import ReportMaker
from tests.integration.client.conftest import Run, working
from tests.integration.http.test_contract import served
from tests.support import ServiceDatabase, run_apart
from tests.support.webhooks import queue_all
from tests.unit.analytics.facts import claim, denial, remit

NOW = datetime.now(UTC)
ON = date(2026, 3, 2)


@pytest.fixture
def database(service_database: Any, request: pytest.FixtureRequest) -> ServiceDatabase:
    """One database for the module."""
    kept = request.module.__dict__
    kept["_database"] = kept.get("_database") or service_database("analytics")
    return cast("ServiceDatabase", kept["_database"])


@pytest.fixture
def run(database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch, recours: Run) -> Iterator[Run]:
    with served("analytics", database) as url:
        monkeypatch.setenv("RECOURS_ANALYTICS_URL", url)
        yield recours


def lines(told: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told.splitlines()]


async def tell(made: ServiceDatabase) -> None:
    """Tell of a refused claim of F1 and a paid one of F2."""
    worker = Database(made.worker_url)
    accounts: list[list[Fact]] = [
        [claim(), remit(), denial()],
        [claim(2, facility="F2"), remit(2, paid=9_000, claim_number=2)],
    ]
    async with worker.begin() as tx:
        await record(tx, [(("local", UUID(int=number)), fact) for number, some in enumerate(accounts, 1) for fact in some])
    await worker.close()


def test_scorecards_are_shown_beside_the_mean(run: Run, database: ServiceDatabase) -> None:
    run_apart(tell(database))
    asked = ("--from", "2026-01-01", "--to", "2026-01-31")
    code, out, _ = run("scorecards", "facility", *asked)
    rows = [line.split() for line in out.splitlines()]
    assert code == 0
    assert ["F1", "initial-denial-rate", "100.0%", "-", "50.0%", "1", "1"] in rows
    assert ["F2", "initial-denial-rate", "0.0%", "-", "50.0%", "0", "1"] in rows
    shared = [line.split() for line in run("scorecards", "facility", *asked, "--shared")[1].splitlines()]
    assert ["F1", "initial-denial-rate", "too", "few", "-"] in shared
    (told,) = lines(run("scorecards", "facility", *asked, "--json")[1])
    assert {card["key"] for card in told["items"]} == {"F1", "F2"}
    code, out, err = run("scorecards", "category", *asked)
    assert (code, out) == (2, "")
    assert "Traceback" not in err


async def make(made: ServiceDatabase) -> None:
    worker = Database(made.worker_url)
    await ReportMaker(worker, FixedClock(NOW + timedelta(days=8))).make_one()
    await worker.close()


def test_a_report_is_scheduled_made_and_fetched(run: Run, database: ServiceDatabase, tmp_path: Path) -> None:
    (schedule,) = lines(run("reports", "schedule", "denials", "--cadence", "weekly", "--json")[1])
    assert schedule["schedule_id"] in run("reports", "schedules")[1]
    run_apart(make(database))
    (report,) = lines(run("reports", "list", "--json")[1])
    assert report["report_id"] in run("reports", "list")[1]
    file = tmp_path / "report.csv"
    assert run("reports", "get", report["report_id"], "-o", file)[0] == 0
    assert file.read_text().startswith("denial_id,")
    assert file.stat().st_size == report["size_bytes"]
    assert run("reports", "unschedule", schedule["schedule_id"])[0] == 0
    assert run("reports", "unschedule", schedule["schedule_id"])[0] == 2
    assert run("reports", "list", "--json")[1] == ""


def test_an_audit_is_scheduled_and_the_schedule_ended(run: Run) -> None:
    told = ("--reviewer", "dana", "--reviewer", "lee", "--cadence", "quarterly", "--precision", "0.1")
    (schedule,) = lines(run("audits", "schedule", *told, "--json")[1])
    assert (schedule["cadence"], schedule["plan"]["reviewers"]) == ("quarterly", ["dana", "lee"])
    assert [each["schedule_id"] for each in lines(run("audits", "schedules", "--json")[1])] == [schedule["schedule_id"]]
    assert "quarterly" in run("audits", "schedules")[1]
    assert json.loads(run("audits", "unschedule", schedule["schedule_id"], "--json")[1])["ended"] is True
    assert run("audits", "schedules", "--json")[1] == ""
    assert run("audits", "schedule", "--reviewer", "dana")[0] == 2


def test_an_audit_is_of_a_filtered_population_is_reassigned_and_cancelled(run: Run, database: ServiceDatabase) -> None:
    run_apart(tell(database))
    told = ("--reviewer", "dana", "--reviewer", "lee", "--filter", "payer:P1", "--filter", "payer:A:B", "--filter", "facility:F1")
    wanted = {"payer": ["P1", "A:B"], "facility": ["F1"]}
    with working(database.worker_url, lambda worker: Drawer(worker, SystemClock()).run()):
        (audit,) = lines(run("audits", "plan", *told, "--json")[1])
        assert (audit["plan"]["filter"], audit["denials"]) == (wanted, 1)
        code, out, err = run("audits", "plan", *told[:4], "--filter", "facility:F2")
        assert (code, "failed" in out, "population_empty" in err) == (1, True, True)
        (other,) = lines(run("audits", "plan", *told[:4], "--json")[1])
    names = ("--reviewer", "lee", "--successor", "kim")
    assert "is reviewing; reviewers: dana, kim." in run("audits", "reassign", other["audit_id"], *names)[1]
    assert json.loads(run("audits", "cancel", other["audit_id"], "--json")[1])["state"] == "cancelled"
    assert run("audits", "reassign", other["audit_id"], "--reviewer", "kim", "--successor", "max")[0] == 2
    (schedule,) = lines(run("audits", "schedule", *told, "--json")[1])
    assert schedule["plan"]["filter"] == wanted
    for wrong in ("payer", "birthday:1"):
        code, out, err = run("audits", "plan", *told[:4], "--filter", wrong)
        assert (code, out, "Traceback" in err) == (2, "", False)


async def charted(made: ServiceDatabase) -> None:
    """Tell of a claim that was paid yesterday, and let that day end."""
    worker, yesterday = Database(made.worker_url), NOW.date() - timedelta(days=1)
    paid = remit(9, paid=9_000, claim_number=None, payer_id="CHARTED", payment_on=yesterday, known_on=yesterday)
    async with worker.begin() as tx:
        await record(tx, [(("local", UUID(int=9)), paid)])
    async with worker.begin() as tx:
        await store.end_days(tx, yesterday)
    await worker.close()


def test_a_chart_is_shown_without_an_alert(run: Run, database: ServiceDatabase) -> None:
    run_apart(charted(database))
    code, out, _ = run("alerts", "chart", "CHARTED")
    assert (code, out.splitlines()[0]) == (0, "CHARTED, all refusals: learning")
    (told,) = lines(run("alerts", "chart", "CHARTED", "--json")[1])
    assert [(each["claims"], each["denied"]) for each in told["points"]] == [(1, 0)]
    assert run("alerts", "chart", "CHARTED", "--category", "authorization")[0] == 2


async def open_alert(made: ServiceDatabase) -> None:
    worker = Database(made.worker_url)
    alert = Alert(
        tenant_id="local", alert_id=uuid7(), payer_id="P1", category="authorization", began_on=ON, signalled_on=ON, last_on=ON,
        usual_rate=0.1, claims=100, denied=30, expected_milli=10_000, refused_cents=300_000, opened_at=NOW,
    )  # fmt: skip
    async with worker.begin() as tx:
        await telling.write(tx, [Step("opened", "recours", SystemClock().now(), alert)])
    await queue_all(worker, SystemClock())
    await worker.close()


def test_a_webhook_is_added_followed_and_removed(run: Run, database: ServiceDatabase) -> None:
    (added,) = lines(run("webhooks", "create", "https://hooks.example/alerts", "--json")[1])
    assert added["secret"].startswith("whsec_")
    (listed,) = lines(run("webhooks", "list", "--json")[1])
    assert (listed["webhook_id"], listed["url"], "secret" in listed) == (added["webhook_id"], "https://hooks.example/alerts", False)
    assert "https://hooks.example/alerts" in run("webhooks", "list")[1]
    run_apart(open_alert(database))
    (delivery,) = lines(run("webhooks", "deliveries", added["webhook_id"], "--state", "waiting", "--json")[1])
    assert delivery["delivery_id"] in run("webhooks", "deliveries", added["webhook_id"])[1]
    again = run("webhooks", "retry", added["webhook_id"], delivery["delivery_id"])
    assert (again[0], again[1].split()[-1]) == (0, "waiting.")
    assert run("webhooks", "delete", added["webhook_id"])[0] == 0
    assert run("webhooks", "deliveries", added["webhook_id"])[0] == 2
    refused = run("webhooks", "create", "http://hooks.example/")
    assert (refused[0], refused[1]) == (2, "")
