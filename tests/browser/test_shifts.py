"""What stands out: root causes and alerts, and the way from them to the denials."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from tests.browser import shifts
from tests.browser.site import Site
from tests.browser.test_pages import findings
from tests.support import ServiceDatabase, run_apart

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def site(database: ServiceDatabase) -> Iterator[Site]:
    run_apart(shifts.fill(database))
    site = Site(database.api_url, shifts.TENANT)
    site.start()
    yield site
    site.stop()


@pytest.mark.parametrize(
    ("path", "said", "said_in_french"),
    [
        ("/root-causes", "Since February 14, 2026", "Depuis le 14 février 2026"),
        ("/alerts", "Northwind Health Plan refuses more than usual: Coding and bundling", "plus que d'habitude : Codage"),
    ],
)
def test_what_stands_out_is_told_in_both_languages_and_leads_to_its_denials(
    open_page: OpenPage, path: str, said: str, said_in_french: str
) -> None:
    french = open_page(path, language="fr", dark=True, width=360)
    assert said_in_french in french.locator(".findings").inner_text()
    assert french.evaluate("document.documentElement.scrollWidth") <= 360
    assert findings(french) == []
    page = open_page(path)
    assert said in page.locator(".findings").inner_text()
    assert findings(page) == []
    page.get_by_role("link", name="Its denials").first.click()
    assert "category=coding_bundling" in page.url
    assert "payer=P1" in page.url
    assert page.locator("#denied").inner_text() == "24 denials, $2,400 refused"
