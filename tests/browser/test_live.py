"""Figures of pages that are open follow what comes in: under nobody's focus, without a jump, and not where nobody looks."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from playwright.sync_api import Page, expect

from libs.common.database import Database
from services.analytics.facts import Fact
from services.analytics.handlers import record
from tests.browser.site import TENANT
from tests.browser.test_pages import findings
from tests.support import ServiceDatabase, run_apart
from tests.unit.analytics.facts import claim, denial, remit

OpenPage = Callable[..., Page]
FETCHED = "performance.getEntriesByType('resource').filter((each) => each.initiatorType === 'xmlhttprequest').length"
PATIENCE_MS = 30_000
SEE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


async def come_in(database: ServiceDatabase, number: int) -> None:
    """Let one more claim be answered and refused."""
    about: dict[str, Any] = {"payer_id": "P1", "charge_cents": 5_000}
    facts: list[Fact] = [
        claim(number, **about),
        remit(number, 40, 0, claim_number=number, **about),
        denial(number, 40, payer_id="P1", category="coding_bundling", cents=5_000),
    ]
    worker = Database(database.worker_url)
    async with worker.begin() as tx:
        await record(tx, [((TENANT, UUID(int=number)), fact) for fact in facts], {})
    await worker.close()


def test_figures_follow_without_moving_focus_scroll_or_what_is_open(open_page: OpenPage, database: ServiceDatabase) -> None:
    page = open_page("/")
    expect(page.get_by_text("Live: figures and alerts follow by themselves")).to_be_visible()
    tile = page.locator("section.tile").first
    parts = page.locator("[data-part=parts]")
    expect(tile).to_contain_text("(20 of 60)")
    tile.locator("summary").click()
    link = parts.get_by_role("link", name="Coding and bundling")
    link.focus()
    link.evaluate("(each) => { window.held = each; scrollBy(0, 37); }")
    held, at = parts.inner_text(), page.evaluate("scrollY")
    run_apart(come_in(database, 901))
    expect(tile).to_contain_text("(21 of 61)", timeout=PATIENCE_MS)
    assert tile.locator("details").get_attribute("open") is not None, "what was unfolded stays so"
    assert page.evaluate("document.activeElement === window.held && window.held.isConnected")
    assert page.evaluate("scrollY") == at
    assert parts.inner_text() == held, "nothing is exchanged under the focus"
    page.evaluate("document.activeElement.blur()")
    page.wait_for_function("(held) => document.querySelector('[data-part=parts]').innerText !== held", arg=held)
    assert page.locator("[data-teller]").inner_text() == "", "figures are not read out each time"
    assert findings(page) == []


def test_a_page_that_nobody_sees_asks_for_nothing_and_is_right_when_it_is_seen_again(
    open_page: OpenPage, database: ServiceDatabase
) -> None:
    page = open_page("/", language="fr", width=360)
    mark = page.get_by_text("En direct")
    expect(mark).to_be_visible()
    tile = page.locator("section.tile").first
    before = tile.inner_text()
    page.evaluate(SEE, True)
    expect(mark).to_be_hidden()
    run_apart(come_in(database, 902))
    page.wait_for_timeout(7_000)  # longer than sums wait to be looked at
    assert page.evaluate(FETCHED) == 0
    assert tile.inner_text() == before
    page.evaluate(SEE, False)
    page.wait_for_function("(before) => document.querySelector('section.tile').innerText !== before", arg=before)
    assert page.evaluate(FETCHED) == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_system_page_looks_again_by_itself(open_page: OpenPage) -> None:
    page = open_page("/system")
    page.clock.install()
    page.reload()
    expect(page.get_by_text("Live: this page follows by itself")).to_be_visible()
    page.evaluate("document.querySelector('[data-part=services] tbody').remove()")
    page.clock.fast_forward(16_000)
    expect(page.locator("[data-part=services]").get_by_role("row", name="classifier")).to_have_count(1)
    assert findings(page) == []
