"""What people do on the pages, without scripts and by the keyboard: alerts are taken up and ended, causes acted on."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from services.analytics.causes import naming
from services.analytics.causes.naming import Named
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


def is_clean(page: Page, width: int) -> None:
    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "it scrolls sideways"


def sent(page: Page, button: str) -> dict[str, str | float | bool]:
    """Return the form of a button as it stands now."""
    fields = page.locator("form", has=page.get_by_role("button", name=button)).locator("input, textarea, select")
    return {str(each.get_attribute("name")): each.input_value() for each in fields.all()}


def again(page: Page, site: Site, path: str, form: dict[str, str | float | bool]) -> str:
    """Send a form once more, as a second click does; return where it leads."""
    answer = page.request.post(path, form=form, headers={"Origin": site.url}, max_redirects=0)
    assert answer.status == 303, answer.text()
    return answer.headers["location"]


def test_an_alert_is_taken_up_and_ended_by_the_keyboard_and_a_wrong_form_says_what_is_wrong(
    open_page: OpenPage, site: Site
) -> None:
    opened = open_page("/alerts")
    opened.get_by_text("Act on it").first.click()
    is_clean(opened, 1440)
    page = open_page("/alerts", scripts=False)
    page.get_by_text("Act on it").first.focus()
    page.keyboard.press("Enter")
    page.get_by_label("Note").first.fill("<b>Called</b> the payer")
    form, path = sent(page, "Take it up"), str(page.locator("form[action$=acknowledge]").get_attribute("action"))
    page.get_by_role("button", name="Take it up").press("Enter")
    assert page.get_by_role("status").first.inner_text() == "The alert was taken up."
    assert page.get_by_text("Taken up by ann").count() == 1
    assert again(page, site, path, form) == "/alerts?done=acknowledged", "sent twice, done once"
    page.get_by_text("Act on it").first.click()
    page.get_by_role("button", name="Resolve").click()
    field = page.get_by_label("What it was")
    assert field.get_attribute("aria-invalid") == "true"
    assert "Choose what it was." in str(
        field.evaluate("each => document.getElementById(each.getAttribute('aria-describedby')).textContent")
    )
    assert "some fields need another look" in page.get_by_role("alert").inner_text()
    field.select_option("false_alarm")
    page.get_by_role("button", name="Resolve").click()
    assert page.get_by_role("status").first.inner_text() == "The alert was resolved."
    assert page.get_by_text("A false alarm").count() == 1


def test_a_finding_becomes_an_action_that_is_moved_on_and_measured_in_french_on_a_narrow_screen(
    open_page: OpenPage, site: Site
) -> None:
    page = open_page("/root-causes", language="fr", dark=True, width=360)
    page.get_by_role("link", name="Agir").first.click()
    is_clean(page, 360)
    page.get_by_label("Taux attendu").fill("140")
    page.get_by_role("button", name="Prévoir").click()
    wrong = page.locator(".wrong").all_inner_texts()
    assert len(wrong) == 4
    assert page.get_by_label("Taux attendu").input_value() == "140", "what was entered stays"
    is_clean(page, 360)
    page.get_by_label("Ce qui change").fill('59 seulement avec note <img src=x onerror="alert(1)">')
    page.get_by_label("Responsable").fill("Chef du codage")
    page.get_by_label("Échéance").fill("2026-05-01")
    page.get_by_label("Taux attendu").fill("5,5")
    form, path = sent(page, "Prévoir"), str(page.locator("form[action$=actions]").get_attribute("action"))
    page.get_by_role("button", name="Prévoir").click()
    assert page.get_by_role("status").inner_text() == "L'action a été prévue."
    assert page.get_by_text('59 seulement avec note <img src=x onerror="alert(1)">').count() == 1
    facts = page.locator(".facts").inner_text()
    assert "5,5\u00a0%" in facts
    assert f"{site.url}{again(page, site, path, form)}" == page.url, "sent twice, planned once"
    is_clean(page, 360)
    page.get_by_label("En vigueur depuis").fill("2026-02-20")
    page.get_by_role("button", name="Terminer").click()
    assert "son effet se mesure" in page.get_by_role("status").inner_text()
    effect = page.get_by_role("region", name="Si elle a réussi", exact=True)
    assert re.search(r"Ce que vise la cause\t\d+,\d\u00a0% \(\d+ / \d+\)", effect.inner_text())
    is_clean(page, 360)
    page.get_by_role("link", name="La cause").click()
    page.get_by_role("link", name="59 seulement").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Action du")


def test_a_cause_that_no_rule_says_is_told(open_page: OpenPage) -> None:
    page = open_page("/root-causes")
    page.get_by_role("link", name="Act on it").first.click()
    assert page.get_by_role("button", name="Try it").count() == 1
    coded = naming.write(Named("coding_bundling", (("payer", "P1"), ("coder", "C1"))))
    for language, said in (("en", "it cannot tell coders apart"), ("fr", "elle ne distingue pas les codeurs")):
        told = open_page(f"/root-causes/{coded}", language=language)
        assert said in told.locator("main").inner_text()
        assert told.get_by_role("button", name="Try it").count() == 0


def test_who_signs_in_with_a_token_stays_on_the_page_that_they_asked_for(open_page: OpenPage, site: Site) -> None:
    page = open_page("/payers?from=2026-01-01", signed_in=False)
    assert page.get_by_role("heading", level=1).inner_text() == "Sign in to Recours"
    is_clean(page, 1440)
    page.get_by_label("Token").fill("nothing")
    page.get_by_label("Token").press("Enter")
    assert page.get_by_label("Token").get_attribute("aria-invalid") == "true"
    is_clean(page, 1440)
    page.get_by_label("Token").fill(site.token())
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{site.url}/payers?from=2026-01-01")
    page.get_by_role("button", name="Sign out").click()
    assert page.get_by_role("status").inner_text() == "You are signed out."
    page.goto("/payers")
    assert page.get_by_role("heading", level=1).inner_text() == "Sign in to Recours"
