"""The dashboard's overview in a real Chromium over the sums of ten million facts: when a person can use it.

A part of `python -m tests.bench analytics`. Usable: from the start of the navigation until its document, style and scripts are
in, the chart of the denial rate has a size on the screen, and two frames were drawn after the load event, so that the thread is
free. Each look is a new browser context: nothing is kept from before, no connection and no asset. Looks are at 90 days (as it
opens), at a year, at 90 days through one payer, and through a payer and a facility together. The server's part of it
(`first_byte`), and CPU of the server and of PostgreSQL together, stand beside it.
"""

import statistics
from datetime import date
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from playwright.sync_api import Browser, sync_playwright

from tests.bench.analytics_questions import periods
from tests.bench.meter import Meter
from tests.browser.chromium import ARGUMENTS, MISSING, find

LIMIT_MS: Final = 1_000
_LOOKS, _LOOKS_QUICK = 10, 3
_TIMES: Final = """() => new Promise((done, fail) => {
  const told = () => requestAnimationFrame(() => requestAnimationFrame(() => {
    const [page] = performance.getEntriesByType("navigation");
    const drawn = document.querySelector(".chart svg")?.getBoundingClientRect();
    if (drawn?.width * drawn?.height > 0) done({ first_byte: page.responseStart, usable: performance.now() });
    else fail(new Error("There is no chart on the screen."));
  }));
  if (document.readyState === "complete") told();
  else addEventListener("load", () => setTimeout(told));
})"""


def look(url: str, token: str, pids: dict[str, int], today: date, *, quick: bool) -> dict[str, float]:
    """Look at the page several times; return medians and the slowest. Errors: RuntimeError where there is no Chromium."""
    program = find()
    if program is None:
        raise RuntimeError(MISSING)
    year = periods(today)["year"]
    of_both = {"payer": "P3", "facility": "F1"}
    wanted = {"": {}, "year": year, "of_payer": {"payer": "P3"}, "of_payer_facility": of_both}
    found: dict[str, float] = {"overview_limit_ms": LIMIT_MS}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        _times(browser, url, token, {})
        for name, query in wanted.items():
            meter = Meter(pids)
            looks = [_times(browser, url, token, query) for _ in range(_LOOKS_QUICK if quick else _LOOKS)]
            cpu = sum(each["cpu_seconds"] for each in meter.end().values()) * 1000 / len(looks)
            of = f"overview_{name}_" if name else "overview_"
            found |= {f"{of}{kind}_ms": round(statistics.median(each[kind] for each in looks)) for kind in ("usable", "first_byte")}
            found |= {f"{of}usable_ms_slowest": round(max(each["usable"] for each in looks)), f"{of}server_cpu_ms": round(cpu)}
        browser.close()
    return found


def _times(browser: Browser, url: str, token: str, query: dict[str, str]) -> dict[str, Any]:
    """Open the page in a context of its own, signed in before the clock starts; return what the browser measured."""
    context = browser.new_context(base_url=url, locale="en", viewport={"width": 1440, "height": 900})
    context.set_extra_http_headers({"Authorization": f"Bearer {token}"})
    page = context.new_page()
    answer = page.goto(f"/?{urlencode(query)}", wait_until="commit")
    if answer is None or answer.status != HTTPStatus.OK:
        raise RuntimeError(f"The overview is not there: {answer and answer.status}.")
    times: dict[str, Any] = page.evaluate(_TIMES)
    context.close()
    return times
