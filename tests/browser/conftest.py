"""One filled database, one server and one browser for all pages."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from deploy.local import provision
from deploy.local.layout import Secrets
from deploy.local.stack import Stack
from tests.browser.answers import answer
from tests.browser.chromium import ARGUMENTS, MISSING, find
from tests.browser.site import Site, fill
from tests.support import ServiceDatabase, run_apart


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A module's own: what drives it holds the thread's loop, which tests elsewhere need."""
    program = find()
    if program is None:
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def database(servers: Stack, templates: Callable[[str], str]) -> ServiceDatabase:
    name = f"test_pages_{uuid4().hex[:10]}"
    secrets = Secrets(servers.folder / "secrets.json")
    run_apart(provision.make_database(servers.admin_url, "analytics", name=name, template=templates("analytics")))
    urls = [provision.role_url(servers.admin_url, "analytics", role, secrets, name) for role in ("owner", "api", "worker")]
    made = ServiceDatabase(*urls)
    run_apart(fill(made))
    return made


@pytest.fixture(scope="module")
def site(database: ServiceDatabase) -> Iterator[Site]:
    site = Site(database.api_url, neighbours=httpx.MockTransport(answer))
    site.start()
    yield site
    site.stop()


def is_complaint(message: ConsoleMessage) -> bool:
    """Say whether the browser complains; that a page answers with an error is what some tests are about."""
    return message.type in ("error", "warning") and not message.text.startswith("Failed to load resource: the server responded")


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """Open a page; every complaint of the browser, a breach of the policy among them, fails the test."""
    opened = []
    complaints: list[str] = []

    def open_page(
        path: str,
        *,
        language: str = "en",
        width: int = 1440,
        dark: bool = False,
        at: Site = site,
        signed_in: bool = True,
        person: str = "Ann",
        scripts: bool = True,
    ) -> Page:
        context = browser.new_context(
            base_url=at.url,
            locale=language,
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
        )
        opened.append(context)
        if signed_in:
            name, value = at.cookie(name=person)
            context.add_cookies([{"name": name, "value": value, "url": at.url, "httpOnly": True, "sameSite": "Lax"}])
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if is_complaint(message) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(at.url) else complaints.append(request.url))
        page.goto(path)
        return page

    yield open_page
    for context in opened:
        context.close()
    assert complaints == []
