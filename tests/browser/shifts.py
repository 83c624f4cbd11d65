"""A tenant with a root cause to find, an alert that stands, and an audit that is done."""

from datetime import date
from uuid import UUID

import httpx

from libs.common.clock import FixedClock
from libs.common.database import Database
from services.analytics.alerts import store
from services.analytics.alerts.lifecycle import Alert, Step
from services.analytics.audits.running import Drawer
from services.analytics.facts import Fact, Refused
from services.analytics.handlers import record
from tests.browser.site import NAMES, NOW
from tests.support import ServiceDatabase, run_apart
from tests.support.access import bearer
from tests.unit.analytics.facts import claim, denial, on, remit

TENANT = "shifts"
_SERVICES = ("G0283:59", "A4550", "E0601")


def _account(number: int) -> list[Fact]:
    """Make one of 300 claims; from day 40 on P1 refuses every G0283 with modifier 59."""
    service, days, payer_id = _SERVICES[number % 3], number // 4, ("P1", "P2")[number // 3 % 2]
    refused = (service, payer_id) == ("G0283:59", "P1") and days >= 40
    told: list[Fact] = [
        claim(number, payer_id=payer_id, place="11", services=(service,), known_on=on(days)),
        remit(number, days, 0 if refused else 8_000, claim_number=number, payer_id=payer_id, services=(service,)),
    ]
    if refused:
        reason = Refused(1, "coding_bundling", "4", 10_000)
        told.append(denial(number, days, payer_id=payer_id, category="coding_bundling", reasons=(reason,)))
    return told


def alert_of(number: int, payer_id: str) -> Alert:
    return Alert(
        tenant_id=TENANT,
        alert_id=UUID(int=number),
        payer_id=payer_id,
        category="coding_bundling",
        began_on=date(2026, 2, 14),
        signalled_on=date(2026, 2, 18),
        last_on=date(2026, 3, 20),
        usual_rate=0.04,
        claims=70,
        denied=24,
        expected_milli=2_800,
        refused_cents=240_000,
        opened_at=NOW,
    )


async def open_alert(database: ServiceDatabase, number: int, payer_id: str) -> None:
    worker = Database(database.worker_url)
    async with worker.begin() as tx:
        await store.write(tx, [Step("opened", "recours", NOW, alert_of(number, payer_id))])
    await worker.close()


async def fill(database: ServiceDatabase) -> None:
    worker = Database(database.worker_url)
    async with worker.begin() as tx:
        told = [((TENANT, UUID(int=number)), fact) for number in range(1, 301) for fact in _account(number)]
        await record(tx, told, {(TENANT, payer): name for payer, name in NAMES.items()})
        await store.write(tx, [Step("opened", "recours", NOW, alert_of(1, "P1"))])
    await worker.close()


def audit(url: str, database: ServiceDatabase) -> None:
    """Plan an audit over HTTP, draw it, and review its four items."""
    right = {"classification_right": True, "code_right": True, "documentation_sufficient": True}
    wrong = {**right, "classification_right": False, "category": "duplicate", "action": "none"}
    reviewers = ("dana", "lee")
    plan = {"reviewers": reviewers, "precision": 0.3, "confidence": 0.8, "as_of": "2026-03-30"}
    with httpx.Client(headers=bearer(TENANT), base_url=url) as client:
        planned = client.post("/v1/audits", json=plan, headers={"Idempotency-Key": "audit"}).raise_for_status()
        run_apart(draw(database))
        for item in range(1, 5):
            for name in reviewers:
                path, form = f"{planned.headers['location']}/items/{item}/review", wrong if item == 1 else right
                client.put(path, json=form, headers=bearer(TENANT, sub=name)).raise_for_status()


async def draw(database: ServiceDatabase) -> None:
    worker = Database(database.worker_url)
    await Drawer(worker, FixedClock(NOW)).step()
    await worker.close()
