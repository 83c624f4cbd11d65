"""Analytics' pages over a filled database, served by uvicorn from a thread of the test process."""

import asyncio
import secrets
import socket
import threading
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import uvicorn

from libs.common import ledger
from libs.common.access.scopes import SCOPES
from libs.common.clock import FixedClock
from libs.common.database import Database
from libs.common.ledger import Entry
from services.analytics.api import make_app
from services.analytics.facts import Fact
from services.analytics.handlers import record
from services.analytics.pages import sessions
from services.analytics.pages.gate import Gate
from services.analytics.pages.neighbours import NAMES as NEIGHBOURS
from services.analytics.pages.neighbours import Neighbours
from tests.support import ServiceDatabase, eventually
from tests.support.access import VERIFIER, token
from tests.unit.analytics.facts import claim, decision, denial, filing, remit

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
TENANT = "clinic"
NAMES = {"P1": "Northwind Health Plan", "P2": "Lakeshore Mutual", "P3": 'A payer <b>"with" marks</b>'}
_CATEGORIES = ("authorization", "timely_filing", "coding_bundling", "medical_necessity")
CLAIMS = 60


def accounts() -> Iterator[tuple[UUID, list[Fact]]]:
    """Yield invented accounts: every third claim is denied, every second denial contested, every second of these won."""
    for number in range(1, CLAIMS + 1):
        payer = f"P{number // 3 % 3 + 1}"
        sent_on = date(2026, 1, 5) + timedelta(days=number % 60)
        paid_on = sent_on + timedelta(days=14 + number % 9)
        charge_cents = 10_000 + 731 * number
        about: dict[str, Any] = {"payer_id": payer, "charge_cents": charge_cents, "known_on": sent_on, "facility": f"F{number % 2}"}
        facts: list[Fact] = [claim(number, **about)]
        told: dict[str, Any] = {"payer_id": payer, "charge_cents": charge_cents, "known_on": paid_on, "payment_on": paid_on}
        is_denied = number % 3 == 0
        facts.append(remit(number, paid=0 if is_denied else charge_cents // 2, claim_number=number, **told))
        if is_denied:
            category = _CATEGORIES[number // 3 % 4]
            about = {"payer_id": payer, "category": category}
            facts.append(
                denial(number, cents=charge_cents, known_on=paid_on, payment_on=paid_on, preventable=number % 2 == 0, **about)
            )
            if number % 2 == 0:
                filed_on = paid_on + timedelta(days=3)
                facts.append(filing(number, number, filed_on=filed_on, known_on=filed_on, due_on=filed_on, **about))
                won = charge_cents if number % 4 == 0 else 0
                decided_on = filed_on + timedelta(days=6)
                times: dict[str, Any] = {"decided_on": decided_on, "known_on": decided_on, "filed_on": filed_on}
                facts.append(decision(number, number, recovered=won, **times, **about))
        yield UUID(int=number), facts


async def fill(database: ServiceDatabase) -> None:
    worker = Database(database.worker_url)
    async with worker.begin() as tx:
        told = [((TENANT, key), fact) for key, facts in accounts() for fact in facts]
        await record(tx, told, {(TENANT, payer): name for payer, name in NAMES.items()})
        await ledger.book(tx, [_entry(fact) for _, fact in told if fact.identity()[0] == "remit"])
    await worker.close()


def _entry(fact: Any) -> Entry:
    adjusted = {"CO": fact.charge_cents - fact.paid_cents}
    return Entry(TENANT, fact.payment_on, fact.charge_cents, fact.paid_cents, adjusted, 0)


class Site:
    """A running server; `url` is where it listens. `neighbours` answer for the other services."""

    def __init__(self, database_url: str, tenant: str = TENANT, neighbours: httpx.AsyncBaseTransport | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.tenant = tenant
        self._database_url, self._neighbours = database_url, neighbours
        self._gate = Gate(secrets.token_bytes(32), VERIFIER.caller_of)
        self._server: uvicorn.Server | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self) -> None:
        urls = {name: f"http://{name}.test" for name in NEIGHBOURS} if self._neighbours else {}
        neighbours = Neighbours(urls, None, self._neighbours)
        app = make_app(Database(self._database_url), FixedClock(NOW), VERIFIER, neighbours=neighbours, gate=self._gate)
        self._server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=self.port, log_config=None))
        await self._server.serve()

    def cookie(self, scopes: Collection[str] = frozenset(SCOPES), name: str = "Ann") -> tuple[str, str]:
        """Return what the browser of somebody who signed in carries: with all scopes, if not told otherwise."""
        session = sessions.begin(self.tenant, name.lower(), name, scopes, "token", NOW)
        return "recours_session", self._gate.sealer.seal("session", session)

    def token(self) -> str:
        """Return what a person signs in with."""
        return token(self.tenant)

    def start(self) -> None:
        self._thread.start()
        eventually(lambda: self._server is not None and self._server.started)

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join(30)
