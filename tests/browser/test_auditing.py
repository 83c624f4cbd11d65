"""An audit from its plan to its results on pages alone: two people review, a third settles, and what is stuck is ended."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import answers, shifts
from tests.browser.site import Site
from tests.browser.test_doing import again, is_clean, sent
from tests.support import ServiceDatabase, run_apart

OpenPage = Callable[..., Page]
_DENIALS = "/v1/denials/"


def answer(request: httpx.Request) -> httpx.Response:
    """Answer as the other services do, of whichever denial was drawn."""
    named = request.url.path.removeprefix(_DENIALS)
    if named != request.url.path:
        return httpx.Response(200, json={**answers.DENIAL, "denial_id": named})
    return answers.answer(request)


@pytest.fixture(scope="module")
def site(database: ServiceDatabase) -> Iterator[Site]:
    run_apart(shifts.fill(database))
    site = Site(database.api_url, shifts.TENANT, neighbours=httpx.MockTransport(answer))
    site.start()
    yield site
    site.stop()


def wrong(page: Page) -> list[str]:
    return page.locator(".wrong").all_inner_texts()


def plan(page: Page, *reviewers: str, **chosen: str) -> None:
    """Fill a plan in that draws four items."""
    page.get_by_label("First reviewer").fill(reviewers[0])
    page.get_by_label("Second reviewer").fill(reviewers[1])
    page.get_by_label("Confidence").fill("80")
    page.get_by_label("Precision wanted").fill("30")
    for label, option in chosen.items():
        page.get_by_label(label.replace("_", " ")).select_option(option)
    page.get_by_role("button", name="Plan it").press("Enter")


def said(page: Page, question: str, answered: str) -> Locator:
    return page.get_by_role("radiogroup", name=question).get_by_label(answered)


def test_two_people_review_a_sample_and_a_third_settles_what_they_differ_in(
    open_page: OpenPage, site: Site, database: ServiceDatabase
) -> None:
    page = open_page("/denials?payer=P1&category=coding_bundling", scripts=False)
    page.get_by_role("link", name="Plan an audit of these").click()
    assert page.get_by_label("Payers").input_value() == "Northwind Health Plan"
    assert page.get_by_label("First payment day").input_value() == "2026-01-01"
    assert page.get_by_label("Coding and bundling").is_checked()
    plan(page, "ann", "ann", Method="stratified")
    assert wrong(page) == ["A stratified sample needs it, and no other has it."]
    assert page.get_by_label("Coding and bundling").is_checked(), "what was entered stays"
    plan(page, "ann", "ann", Method="simple")
    assert wrong(page) == ["Name another person, in 200 characters at most."]
    plan(page, "ann", "lee", Method="stratified", Drawn_apart_by="payer")
    assert page.get_by_role("status").inner_text() == "The audit was planned."
    assert "is being drawn" in page.locator("main").inner_text()
    run_apart(shifts.draw(database))
    page.get_by_role("link", name="Look again").click()
    assert page.get_by_text("Northwind Health Plan").count() == 0, "strata are told by id"
    page.get_by_role("link", name="Audits", exact=True).click()
    page.get_by_role("link", name="4 to review").click()
    assert page.get_by_role("heading", name="Yours to review").count() == 1
    page.get_by_role("rowheader").get_by_role("link", name="1", exact=True).click()
    _review(page, site)
    _review_in_french(open_page("/audits", language="fr", dark=True, width=360, person="Lee"))
    page.goto("/audits")
    page.get_by_role("row", name="Under review").get_by_role("link").click()
    page.get_by_role("link", name="Disagreements (1)").click()
    page.get_by_role("rowheader").get_by_role("link", name="1", exact=True).click()
    assert "A third person settles it" in page.locator("main").inner_text()
    assert page.get_by_role("button", name="Save").count() == 0, "nobody settles their own dispute"
    third = open_page("/audits", person="Sam")
    third.get_by_role("link", name="1 disagreements to settle").click()
    third.get_by_role("rowheader").get_by_role("link", name="1", exact=True).click()
    is_clean(third, 1440)
    dispute = third.get_by_role("region", name="The two reviews differ").inner_text()
    assert "No → Duplicate, Nothing to do" in dispute
    assert "<b>seen</b>" in dispute, "a note is text"
    for question in ("classification", "code", "documents"):
        said(third, f"{question}", "Yes").check()
    third.get_by_role("button", name="Save").click()
    assert third.get_by_role("status").inner_text() == "The disagreement was settled; no other waits here."
    assert "What it found" in third.locator("main").inner_text()
    third.get_by_role("rowheader").get_by_role("link", name="1", exact=True).click()
    assert "Settled by sam" in third.get_by_role("region", name="What is held to be so").inner_text()
    is_clean(third, 1440)


def _review(page: Page, site: Site) -> None:
    """Review all items, the first one by the keyboard and not as it was judged."""
    billed = page.get_by_role("region", name="What was billed", exact=True).inner_text()
    assert "A000, B1990" in billed
    assert "1\tG0283\t59\tB1990\tJan 6, 2026\t1\t$200.00" in billed.replace("6 Jan 2026", "Jan 6, 2026")
    answered = page.get_by_role("region", name="What the payer answered", exact=True).inner_text()
    assert "G0283 → A4550\t59\t$200.00\t$76.55\tCO-197 $123.45 N54" in answered
    assert "CO-197 N54" in page.get_by_role("region", name="Reasons").inner_text()
    assert "judged otherwise now: Authorization, Appeal" in page.get_by_role("status").inner_text()
    page.get_by_role("button", name="Save").press("Enter")
    assert wrong(page) == ["Say yes or no."] * 3
    for question, answered in (("classification", "No"), ("code", "Yes"), ("documents", "Yes")):
        said(page, question, answered).focus()
        page.keyboard.press("Space")
    page.get_by_role("button", name="Save").press("Enter")
    assert wrong(page) == ["Choose one exactly where the classification is wrong."] * 2
    page.get_by_label("Category instead").select_option("duplicate")
    page.get_by_label("What is to be done instead").select_option("none")
    page.get_by_label("Note").fill("<b>seen</b>")
    form, path = sent(page, "Save and go on"), str(page.locator("form[action$=review]").get_attribute("action"))
    form |= {"classification_right": "no", "code_right": "yes", "documentation_sufficient": "yes"}
    page.get_by_role("button", name="Save and go on").press("Enter")
    assert page.get_by_role("status").first.inner_text() == "The review was saved. This is the next one."
    assert page.get_by_role("heading", level=1).inner_text() == "Item 2 of 4"
    assert again(page, site, path, form).endswith("/items/2?done=reviewed"), "sent twice, done once"
    for _ in range(3):
        for question in ("classification", "code", "documents"):
            said(page, question, "Yes").check()
        page.get_by_role("button", name="Save").click()
    assert page.get_by_role("status").inner_text() == "The review was saved; nothing more waits for you here."


def _review_in_french(page: Page) -> None:
    is_clean(page, 360)
    page.get_by_role("link", name="4 à relire").click()
    is_clean(page, 360)
    page.get_by_role("rowheader").get_by_role("link", name="1", exact=True).click()
    assert "seen" not in page.locator("main").inner_text(), "each reviews alone"
    page.get_by_role("button", name="Enregistrer").click()
    is_clean(page, 360)
    for _ in range(4):
        for question in ("classement", "code", "pièces"):
            said(page, question, "Oui").check()
        page.get_by_role("button", name="Enregistrer").click()
    assert "plus rien ne vous attend ici" in page.get_by_role("status").inner_text()


def test_a_form_that_came_too_late_says_so(open_page: OpenPage, site: Site, database: ServiceDatabase) -> None:
    page = open_page("/audits/new")
    plan(page, "ann", "lee")
    audit = page.url.partition("?")[0]
    run_apart(shifts.draw(database))
    page.goto(f"{audit}/items/1")
    other = open_page(f"{audit}", person="Max")
    other.get_by_role("button", name="Cancel the audit").click()
    assert other.get_by_role("status").inner_text() == "The audit was cancelled."
    for question in ("classification", "code", "documents"):
        said(page, question, "Yes").check()
    page.get_by_role("button", name="Save").click()
    assert "It was changed meanwhile" in page.get_by_role("alert").inner_text()
    assert "reviewed no further" in page.locator("main").inner_text()
    is_clean(page, 1440)
    for nowhere in ("items/0", "items/99", "items/x", "items/2147483648"):
        page.goto(f"{audit}/{nowhere}")
        assert page.get_by_role("heading", level=1).inner_text() == "There is no such page"


def test_a_reviewer_is_changed_on_the_page_and_reviews_what_is_left(
    open_page: OpenPage, site: Site, database: ServiceDatabase
) -> None:
    page = open_page("/audits/new", scripts=False)
    plan(page, "dana", "lee")
    audit = page.url.partition("?")[0]
    run_apart(shifts.draw(database))
    page.goto(audit)
    assert page.get_by_role("link", name="Yours to review").count() == 0
    page.get_by_role("button", name="Change a reviewer").click()
    assert wrong(page) == ["Choose one of the two.", "Name a person, in 200 characters at most."]
    page.get_by_label("Who reviews no more").select_option("lee")
    page.get_by_label("Who reviews instead").fill("dana")
    page.get_by_role("button", name="Change a reviewer").click()
    assert "nothing was changed" in page.get_by_role("alert").inner_text()
    page.get_by_label("Who reviews instead").fill("ann")
    page.get_by_role("button", name="Change a reviewer").click()
    assert page.get_by_role("status").inner_text() == "The reviewer was changed."
    assert page.get_by_text("before them: lee").count() == 1
    expect(page.get_by_role("link", name="Yours to review (4)")).to_have_count(1)


def test_an_audit_is_scheduled_and_the_schedule_ended_on_pages(open_page: OpenPage, site: Site) -> None:
    page = open_page("/audits/new", language="fr", dark=True, width=360)
    is_clean(page, 360)
    page.get_by_label("Fréquence").select_option("monthly")
    page.get_by_label("Premier jour de paiement").fill("2026-01-01")
    page.get_by_label("Premier relecteur").fill("dana")
    page.get_by_label("Second relecteur").fill("lee")
    page.get_by_label("Établissements").fill("F1\n  F2  \n")
    page.get_by_role("button", name="Prévoir").click()
    assert wrong(page) == ["Indiquez un jour ; un audit répété n'en a pas."]
    is_clean(page, 360)
    page.get_by_label("Premier jour de paiement").fill("")
    page.get_by_role("button", name="Prévoir").click()
    assert page.get_by_role("status").inner_text() == "Le calendrier a été créé."
    row = page.get_by_role("row", name="Chaque mois")
    assert "Établissement\u00a0: F1, F2" in row.inner_text()
    is_clean(page, 360)
    row.get_by_role("button", name="Arrêter").click()
    assert "ses audits restent" in page.get_by_role("status").inner_text()
    assert page.get_by_role("row", name="Chaque mois").count() == 0


def test_who_may_only_look_sees_no_forms(open_page: OpenPage, site: Site, database: ServiceDatabase) -> None:
    page = open_page("/audits/new")
    plan(page, "ann", "lee")
    audit = page.url.partition("?")[0]
    run_apart(shifts.draw(database))
    name, value = site.cookie({"audits:read"})
    page.context.add_cookies([{"name": name, "value": value, "url": site.url, "httpOnly": True, "sameSite": "Lax"}])
    page.goto(f"{audit}/items/1")
    text = page.locator("main").inner_text()
    assert "What was billed" not in text, "what was billed is no part of audits:read"
    assert page.locator("main form").count() == 0
    page.goto(audit)
    assert page.locator("main form").count() == 0
    page.goto("/audits/new")
    assert "audits:write" in page.locator("main").inner_text()
