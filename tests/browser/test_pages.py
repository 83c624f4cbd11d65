"""Every page in both languages: read by axe-core, on a wide and a narrow screen, by keyboard, and when there is nothing to show."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

OpenPage = Callable[..., Page]
PATHS = ("/",)
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
