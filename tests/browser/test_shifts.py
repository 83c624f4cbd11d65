"""What stands out: root causes, alerts and audits, and the way from them to the denials."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, Route, expect

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
    shifts.audit(site.url, database)
    yield site
    site.stop()


@pytest.mark.parametrize(
    ("path", "said", "said_in_french", "leads"),
    [
        ("/root-causes", "Since February 14, 2026", "Depuis le 14 février 2026", "Its claims"),
        (
            "/alerts",
            "Northwind Health Plan refuses more than usual: Coding and bundling",
            "plus que d'habitude : Codage",
            "Its denials",
        ),
    ],
)
def test_what_stands_out_is_told_in_both_languages_and_leads_to_what_is_behind_it(
    open_page: OpenPage, path: str, said: str, said_in_french: str, leads: str
) -> None:
    french = open_page(path, language="fr", dark=True, width=360)
    assert said_in_french in french.locator(".findings").inner_text()
    assert french.evaluate("document.documentElement.scrollWidth") <= 360
    assert findings(french) == []
    page = open_page(path)
    assert said in page.locator(".findings").inner_text()
    assert findings(page) == []
    page.get_by_role("link", name=leads).first.click()
    if path == "/root-causes":
        assert page.locator("main tbody tr").count() == 24, "as many as the sentence says"
        return
    assert "category=coding_bundling" in page.url
    assert "payer=P1" in page.url
    assert page.locator("#denied").inner_text() == "24 denials, $2,400 refused"


def test_the_claims_of_a_cause_are_its_own_in_its_own_days_and_lead_to_their_way(open_page: OpenPage) -> None:
    french = open_page("/root-causes?category=coding_bundling", language="fr", dark=True, width=360)
    french.get_by_role("link", name="Ses demandes").first.click()
    assert findings(french) == []
    assert french.evaluate("document.documentElement.scrollWidth") <= 360
    page = open_page("/root-causes?category=coding_bundling&payer=P2")
    assert "24 claims, $2,400" in page.locator(".findings").inner_text()
    page.get_by_role("link", name="Its claims").first.click()
    assert findings(page) == []
    assert page.get_by_label("From").input_value() == "2026-02-14"
    rows = page.locator("main tbody tr").all_inner_texts()
    assert len(rows) == 24
    assert all("G0283 59" in each and "$100.00" in each for each in rows)
    page.locator("main tbody a").first.click()
    assert "/denials/00000000-" in page.url


def test_an_audit_is_told_with_its_plan_its_intervals_and_its_reports_in_both_languages(open_page: OpenPage) -> None:
    french = open_page("/audits", language="fr", dark=True, width=360)
    assert findings(french) == []
    french.get_by_role("link", name="Audit du").first.click()
    assert "24 refus d'après 4 relus" in french.get_by_role("region", name="Ce qu'il a trouvé", exact=True).inner_text()
    assert french.evaluate("document.documentElement.scrollWidth") <= 360
    assert findings(french) == []
    page = open_page("/audits")
    assert page.get_by_role("row", name="Done").get_by_role("cell", name="100.0%").count() == 1
    page.get_by_role("link", name="Audit of").first.click()
    assert findings(page) == []
    errors = page.get_by_role("row", name="Classification or code").inner_text()
    assert re.search(r"1 \(\$100\)\t25\.0% \(\d+\.\d% to \d+\.\d%\)", errors), errors
    agreed = page.get_by_role("region", name="How the reviewers agree").get_by_role("row", name="Classification")
    assert agreed.inner_text() == "Classification\t4 of 4\t1.00"
    for name in ("Report (PDF)", "Report with every item (XLSX)"):
        address = page.get_by_role("link", name=name).get_attribute("href")
        assert page.request.get(str(address)).ok
    assert page.get_by_role("region", name="Plan").get_by_text("dana, lee").count() == 1


def test_a_new_alert_shows_by_itself_after_a_refused_connection_too_and_moves_no_focus(
    open_page: OpenPage, database: ServiceDatabase
) -> None:
    page = open_page("/alerts", language="fr")
    refused: list[str] = []

    def refuse_once(route: Route) -> None:
        if refused:
            route.continue_()
        else:
            refused.append(route.request.url)
            route.fulfill(status=503)

    page.route("**/v1/stream**", refuse_once)
    page.clock.install()
    page.reload()
    mark = page.get_by_text("En direct")
    expect(mark).to_be_hidden()
    page.wait_for_function("() => document.readyState === 'complete'")
    page.clock.fast_forward(16_000)
    expect(mark).to_be_visible()
    link = page.get_by_role("link", name="Ses refus")
    link.focus()
    run_apart(shifts.open_alert(database, 2, "P2"))
    teller = page.locator("[data-teller]")
    expect(teller).to_have_text(
        "Alertes en cours : 2. Lakeshore Mutual refuse plus que d'habitude : Codage et regroupement (Ouverte)"
    )
    assert page.evaluate("document.activeElement.tagName") == "A"
    assert link.count() == 1, "nothing is exchanged under the focus"
    page.evaluate("document.activeElement.blur()")
    expect(link).to_have_count(2)
    assert findings(page) == []
    overview = open_page("/")
    expect(overview.get_by_role("link", name="Alerts that stand: 2")).to_be_visible()
    run_apart(shifts.open_alert(database, 3, "P3"))
    expect(overview.get_by_role("link", name="Alerts that stand: 3")).to_be_visible()
    asked = "performance.getEntriesByType('resource').filter((each) => each.initiatorType === 'xmlhttprequest').length"
    assert overview.evaluate(asked) == 1, "a page is asked for again when something was told, and not because it was opened"
