"""Every text that a page shows is text: all that others named, wrote or asked for is markup here, and no page has any of it."""

import re
import secrets
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import httpx
import pytest

from libs.common.access.scopes import SCOPES
from libs.common.clock import FixedClock
from services.analytics.alerts import store
from services.analytics.alerts.lifecycle import Step
from services.analytics.api import make_app
from services.analytics.audits.running import Drawer
from services.analytics.facts import Fact, Refused
from services.analytics.handlers import record
from services.analytics.pages import sessions
from services.analytics.pages.gate import Gate
from services.analytics.pages.neighbours import NAMES, Neighbours
from tests.browser import answers, shifts
from tests.integration.analytics.conftest import NOW, Analytics
from tests.support.access import VERIFIER
from tests.unit.analytics.facts import claim, denial, remit

MARK = """"'><img src=x onerror=alert(1)>{{7*7}}</script><svg onload=alert(1)>"""
# Words of ours, ids, days and amounts are read by pages; whoever sends other words than these can send anything.
_OURS = re.compile(r"[a-z_0-9.]*|[0-9a-f-]{36}|\d{4}-\d\d-\d\d.*|[A-Z]{2}|N?\d+", re.ASCII)
PATHS = ("/", "/denials", "/payers", "/prevention", "/root-causes", "/appeals", "/alerts", "/audits", "/system", "/sign-in")


class Tags(HTMLParser):
    """What a page is made of. `wrong`: what came in with a text."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if (
            told.get("src") == "x"
            or any(name.startswith("on") for name in told)
            or (told.get("href") or "").startswith("javascript")
        ):
            self.wrong.append(f"<{tag} {told}>")
        if tag == "a":
            self.links.append(told.get("href") or "")


def hostile(told: Any) -> Any:
    """Return an answer of which each text that is no word of ours ends in markup."""
    if isinstance(told, dict):
        return {name: hostile(each) for name, each in told.items()}
    if isinstance(told, list):
        return [hostile(each) for each in told]
    return f"{told}{MARK}" if isinstance(told, str) and not _OURS.fullmatch(told) else told


def answer(request: httpx.Request) -> httpx.Response:
    found = answers.answer(request)
    return httpx.Response(found.status_code, json=hostile(found.json()))


def accounts() -> Iterator[tuple[UUID, list[Fact]]]:
    """Yield 300 claims, one kind of which is refused from a day on, with markup in every name."""
    for number in range(1, 301):
        service, days, payer_id = f"S{number % 3}{MARK}", number // 4, f"P{number // 3 % 2}{MARK}"
        refused = number % 6 == 0 and days >= 40
        about: dict[str, Any] = {"payer_id": payer_id, "services": (service,)}
        names = dict.fromkeys(("facility", "provider", "coder", "place", "diagnosis"), MARK)
        told: list[Fact] = [
            claim(number, **about, **names),
            remit(number, days, 0 if refused else 8_000, claim_number=number, **about),
        ]
        if refused:
            reason = Refused(1, "coding_bundling", f"4{MARK}", 10_000)
            told.append(denial(number, days, payer_id=payer_id, category="coding_bundling", reasons=(reason,)))
        yield UUID(int=number), told


@pytest.fixture
async def browser(analytics: Analytics, monkeypatch: pytest.MonkeyPatch) -> httpx.AsyncClient:
    """Return a browser of somebody whose own name is markup, of a tenant with something on every page."""
    monkeypatch.setattr(shifts, "TENANT", analytics.tenant)
    payers = {payer: f"Payer {payer}" for payer in (f"P{each}{MARK}" for each in range(2))}
    async with analytics.worker.begin() as tx:
        told = [((analytics.tenant, key), fact) for key, facts in accounts() for fact in facts]
        await record(tx, told, {(analytics.tenant, payer): name for payer, name in payers.items()})
        alerts = [shifts.alert_of(number, f"P{number}{MARK}") for number in range(2)]
        await store.write(tx, [Step("opened", "recours", NOW, each) for each in alerts])
    plan = {"reviewers": [f"dana{MARK}", "lee"], "precision": 0.3, "confidence": 0.8, "as_of": "2026-03-30"}
    planned = await analytics.http.post("/v1/audits", json=plan, headers={"Idempotency-Key": "audit"})
    assert planned.status_code in (201, 202), planned.text
    await Drawer(analytics.worker, FixedClock(NOW)).step()
    gate = Gate(secrets.token_bytes(32), VERIFIER.caller_of)
    neighbours = Neighbours({name: f"http://{name}.test" for name in NAMES}, None, httpx.MockTransport(answer))
    app = make_app(analytics.api, FixedClock(NOW), VERIFIER, neighbours=neighbours, gate=gate)
    session = sessions.begin(analytics.tenant, "ann", f"Ann{MARK}", frozenset(SCOPES), "token", NOW)
    cookies = {"recours_session": gate.sealer.seal("session", session)}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", cookies=cookies, headers={"Accept": "text/html"})


def of(answered: httpx.Response) -> Tags:
    tags = Tags()
    tags.feed(answered.text)
    assert tags.wrong == [], answered.url
    assert "49</" not in answered.text.replace(" ", ""), "nothing is a template"
    return tags


async def test_no_text_of_others_is_markup_on_any_page(browser: httpx.AsyncClient) -> None:
    seen, shown = set[str](), dict[str, int]()
    waiting = [*PATHS, f"/denials/{answers.DENIAL_ID}"]
    while waiting:
        path = waiting.pop()
        page = await browser.get(path, follow_redirects=True)
        assert page.status_code < 500, (path, page.text[-500:])
        tags = of(page)
        shown[path.partition("?")[0]] = page.text.count("&lt;img src=x")
        for link in tags.links:  # what pages lead to, one of each kind
            kind = re.sub(r"/[0-9a-f-]{36}|%[0-9A-F]{2}[^?]*|(?<=\?).*", "", link)
            if link.startswith("/") and kind not in seen and not kind.startswith(("/assets", "/sign-out", "/v1")):
                seen.add(kind)
                waiting.append(link)
    empty = {path for path in PATHS if not shown[path]}
    assert empty <= {"/sign-in", "/audits", "/system"}, "a page that shows nothing of others proves nothing"
    assert len(shown) > len(PATHS) + 1


async def test_nothing_that_an_address_says_is_markup_in_its_answer(browser: httpx.AsyncClient) -> None:
    names = ("from", "to", "payer", "category", "facility", "coder", "lang", "cursor", "next", "done", "sort", MARK)
    for path in (*PATHS, "/nothing", "/denials/x", "/alerts/x"):
        of(await browser.get(path, params=dict.fromkeys(names, MARK), follow_redirects=True))
        of(await browser.get(f"{path}/{MARK}", follow_redirects=True))
    for name in names:  # each alone: what comes first may be refused before the others are looked at
        of(await browser.get("/denials", params={name: MARK}, follow_redirects=True))


async def test_nothing_that_is_entered_is_markup_when_it_is_shown_again(browser: httpx.AsyncClient) -> None:
    mark = (await browser.get("/payers")).text.partition('name="csrf" value="')[2].partition('"')[0]
    links = of(await browser.get("/root-causes")).links
    paths = [link.partition("?")[0] for link in links if link.startswith("/root-causes/")]
    cause = next((path for path in paths if not path.endswith("/claims")), None)
    assert cause is not None, links
    form = {"csrf": mark, "change": MARK, "owner": MARK, "due_on": "2026-05-01", "expected_rate": "5", "key": "k"}
    wrong = await browser.post(f"{cause}/actions", data=form | {"due_on": MARK}, headers={"Origin": "http://127.0.0.1"})
    assert wrong.status_code in (200, 422), wrong.text
    assert "&lt;img src=x" in wrong.text
    of(wrong)
