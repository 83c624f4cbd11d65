"""Every page in both languages: read by axe-core, on a wide and a narrow screen, by keyboard, and when there is nothing to show."""

from collections.abc import Callable
from html import unescape

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from services.analytics.pages import api as pages
from tests.browser.answers import CORRECTED_TRACE, DENIAL_ID, REMIT_ID, SECOND_DENIAL_ID, TRACE, answer
from tests.browser.site import TENANT, Site
from tests.support import ServiceDatabase
from tests.support.access import bearer

OpenPage = Callable[..., Page]
PATHS = ("/", "/denials?payer=P1", f"/denials/{DENIAL_ID}", "/payers", "/prevention", "/appeals", "/system")
_RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    "resultTypes": ["violations"],
}


def findings(page: Page) -> list[str]:
    """Return what axe-core finds wrong."""
    found = Axe().run(page, options=_RULES).response["violations"]
    return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_clean_in_english_and_light_and_in_french_and_dark(open_page: OpenPage, path: str) -> None:
    for language, dark, width in (("en", False, 1440), ("fr", True, 360)):
        page = open_page(path, language=language, dark=dark, width=width)
        page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        assert findings(page) == []
        assert page.locator("html").get_attribute("lang") == language
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "it scrolls sideways"


def test_the_overview_shows_figures_as_each_language_writes_them(open_page: OpenPage) -> None:
    page = open_page("/")
    tile = page.locator("section.tile", has=page.get_by_role("heading", name="Initial denial rate, by claims"))
    assert "33.3%" in tile.inner_text()
    assert "(20 of 60)" in tile.inner_text()
    assert page.get_by_role("row", name="Charged").first.inner_text().split("\t")[1] == "$19,377.30"
    page.get_by_role("link", name="Français").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Vue d'ensemble"
    assert "33,3\u00a0%" in page.locator("section.tile").first.inner_text()
    assert "19\u00a0377,30\u00a0$" in page.get_by_role("row", name="Facturé").first.inner_text()
    page.goto("/")
    assert page.locator("html").get_attribute("lang") == "fr", "what was chosen is kept"


def test_the_parts_of_the_money_add_up_to_the_cent(open_page: OpenPage) -> None:
    page = open_page("/")
    told = (
        page.locator("section[aria-labelledby=money] table").first.locator("tbody tr:not(.part) td:nth-child(2)").all_inner_texts()
    )
    charged, *parts = (int(each.replace("$", "").replace(",", "").replace(".", "")) for each in told)
    assert charged == sum(parts)
    assert len(parts) == 3


def test_a_name_with_marks_is_shown_as_it_is(open_page: OpenPage) -> None:
    page = open_page("/")
    assert page.get_by_role("rowheader", name='A payer <b>"with" marks</b>').count() == 1


def test_the_first_key_leads_past_the_frame(open_page: OpenPage) -> None:
    page = open_page("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=2026-05-01&to=2026-01-01", "The first day is after the last"),
        ("from=yesterday", "A day in the address is not a day"),
        ("from=1826-01-01&to=2026-01-01", "at most ten years"),
    ],
)
def test_days_that_make_no_period_are_said_and_the_usual_ones_shown(open_page: OpenPage, query: str, said: str) -> None:
    page = open_page(f"/?lang=en&{query}")
    assert said in page.get_by_role("alert").inner_text()
    assert page.get_by_label("From").input_value() == "2026-01-01"


def test_a_period_without_anything_leads_to_the_last_day_with_something(open_page: OpenPage) -> None:
    page = open_page("/?from=2020-01-01&to=2020-03-30")
    page.get_by_role("link", name="Show the 90 days up to it").click()
    assert page.get_by_role("row", name="Charged").count() > 0


def test_a_value_chosen_in_one_list_filters_the_others_and_leads_to_a_claim_and_back(open_page: OpenPage) -> None:
    page = open_page("/denials")
    denied = page.locator("#denied")
    whole = denied.inner_text()
    page.get_by_role("region", name="Category").get_by_role("link", name="Timely filing").click()
    assert denied.inner_text() != whole
    assert page.get_by_role("region", name="Category").get_by_role("row").count() > 2, "its own list is not cut by it"
    assert page.url.endswith("category=timely_filing")
    page.get_by_role("link", name="Remove the filter: Category: Timely filing").click()
    assert denied.inner_text() == whole
    page.get_by_role("link", name="ACCOUNT-1").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Denial of ACCOUNT-1"


def test_a_claims_way_is_told_in_order_by_all_services_with_all_answers_cases_and_traces(open_page: OpenPage) -> None:
    page = open_page(f"/denials/{DENIAL_ID}")
    steps = page.locator(".timeline li > p:first-of-type").all_inner_texts()
    assert steps == [
        "Service",
        "Claim submitted, charged $200.00",
        "Answered by the payer, payment day 5 Feb 2026, paid $76.55",
        "Judged a denial: Authorization, refused $123.45",
        "Case: Open, refused $123.45",
        "Case: Filed, refused $123.45",
        "Taken back by the payer, payment day 4 Mar 2026, paid -$76.55",
        "Answered by the payer, payment day 4 Mar 2026, paid $150.00",
        "Judged a denial: Coding and bundling, refused $50.00",
        "Case: Open, refused $50.00",
    ]
    timeline = page.get_by_role("region", name="What happened")
    assert (timeline.get_by_text(TRACE, exact=True).count(), timeline.get_by_text(CORRECTED_TRACE, exact=True).count()) == (4, 4)
    page.get_by_role("link", name="Coding and bundling, $50.00").click()
    page.wait_for_url(f"**/{SECOND_DENIAL_ID}")
    assert page.locator(".timeline li > p:first-of-type").all_inner_texts() == steps, "it is the same claim's way"


def test_the_system_page_tells_ledgers_that_differ_and_what_waits(open_page: OpenPage) -> None:
    page = open_page("/system")
    assert "They differ" in page.get_by_role("region", name="Ledgers", exact=True).inner_text()
    row = page.get_by_role("row", name="classifier").first.inner_text()
    assert "2" in row
    assert "2\u00a0min" in row
    assert "The broker does not answer" in page.get_by_role("alert").inner_text()


def test_the_system_page_tells_how_far_services_are_behind_and_that_ledgers_agree(
    open_page: OpenPage, site: Site, database: ServiceDatabase, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def behind(*_: object) -> dict[str, dict[str, int]]:
        return {"classifier": {"remit.received": 1_200, "claim.submitted": 34}, "appeals": {"denial.classified": 0}}

    def agreeing(asked: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=booked) if asked.url.path == "/v1/ledger" else answer(asked)

    monkeypatch.setattr(pages, "lags", behind)
    booked = httpx.get(f"{site.url}/v1/ledger", headers=bearer(TENANT)).json()
    whole = Site(database.api_url, neighbours=httpx.MockTransport(agreeing))
    whole.start()
    request.addfinalizer(whole.stop)
    for language, dark, width, behind_by, said in (
        ("en", False, 1440, "1,234", "All four agree, to the cent."),
        ("fr", True, 360, "1\u00a0234", "Tous les quatre concordent, au cent près."),
    ):
        page = open_page("/system", at=whole, language=language, dark=dark, width=width)
        rows = page.locator("[data-part=services] tbody tr")
        lag = {row.split("\t")[0]: row.split("\t")[2] for row in rows.all_inner_texts()}
        assert lag == {"ingest": "\u2013", "classifier": behind_by, "appeals": "0", "analytics": "\u2013"}
        assert said in page.locator("[data-part=ledgers]").inner_text()
        assert page.get_by_role("alert").count() == 0
        assert findings(page) == []
        page.close()  # it follows, and a server that ends waits for its followers


@pytest.mark.parametrize(
    "path", ["/denials/b3f02fe7", f"/denials/{REMIT_ID}", f"/audits/{REMIT_ID}", "/audits?cursor=of-nothing", "/nowhere"]
)
def test_what_is_not_there_is_said_on_a_page(open_page: OpenPage, path: str) -> None:
    page = open_page(path)
    assert page.get_by_role("heading", level=1).inner_text() == "There is no such page"


def test_an_unknown_address_is_a_page_for_people_and_a_problem_for_programs(site: Site) -> None:
    people = {"Accept": "text/html,application/xhtml+xml;q=0.9", "Accept-Language": "fr-CA,fr"}
    with httpx.Client(headers=bearer(), base_url=site.url) as client:
        page = client.get("/%5Cother.test/%3F%22%3E", headers=people)
        assert (page.status_code, page.headers["content-language"]) == (404, "fr")
        assert "Cette page n'existe pas" in unescape(page.text)
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert 'href="/%5Cother.test/%3F%22%3E?lang=en"' in page.text, "its links stay on this host"
        assert 'href="/other.test?lang=en"' in client.get(f"{site.url}//other.test", headers=people).text
        for path, headers in (("/nowhere", {}), ("/v1/nowhere", people), ("/v1", people)):
            problem = client.get(path, headers=headers)
            assert problem.headers["content-type"] == "application/problem+json", path
            assert problem.json()["type"] == "urn:recours:problem:not-found", path
        assert client.post("/system", headers=people).json()["type"] == "urn:recours:problem:method-not-allowed"


def test_without_its_neighbours_and_without_any_facts_every_page_says_so(
    open_page: OpenPage, database: ServiceDatabase, request: pytest.FixtureRequest
) -> None:
    bare = Site(database.api_url, "nobody")
    bare.start()
    request.addfinalizer(bare.stop)
    for path, said in (
        ("/", "Nothing has come in yet"),
        ("/payers", "Nothing has come in yet"),
        ("/denials", "classifier does not answer"),
        (f"/denials/{DENIAL_ID}", "classifier does not answer"),
        ("/appeals", "appeals does not answer"),
        ("/system", "nobody can say whether they agree"),
    ):
        page = open_page(path, at=bare)
        assert said in page.locator("main").inner_text(), path
        page.close()  # it follows, and a server that ends waits for its followers
