"""Signing in at a real provider, and every way in which it must not work; sessions, their end, and forms of others."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from libs.common.access.directory import KeyDirectory, Wish
from libs.common.access.signing import AUDIENCE, LOCAL_ISSUER, sign
from libs.common.access.sources import FileKeys, WatchedFile, read_revoked
from libs.common.access.verifier import Verifier
from libs.common.clock import Clock
from libs.common.database import Database
from services.analytics.api import make_app
from services.analytics.pages.gate import Gate
from services.analytics.pages.id_tokens import Claims
from services.analytics.pages.oidc import Client
from services.analytics.pages.oidc import Provider as AtProvider
from tests.integration.analytics.conftest import Analytics
from tests.support.access import KEY, VERIFIER, claims
from tests.support.provider import Provider, provider

HOST = "https://recours.test"
COOKIE = "__Host-recours_session"
SECRET = b"a secret of the tests, 32 bytes long"
HTML = {"Accept": "text/html", "Accept-Language": "en"}


class Now(Clock):
    """The time that it is, and as much later as a test says: the provider's clock is the machine's."""

    def __init__(self) -> None:
        self.later = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.later


class Pages:
    """Analytics as browsers reach it over TLS."""

    def __init__(self, database: Database, at: Provider, **changed: Any) -> None:
        self.clock = Now()
        self.database = database
        self._at = at
        told: dict[str, Any] = {
            "issuer": at.issuer,
            "client_id": at.client_id,
            "secret": at.secret,
            "claims": Claims("tenant", "roles"),
        }
        oidc = AtProvider(Client(**(told | changed)), self.clock)
        self._app = make_app(database, self.clock, VERIFIER, gate=Gate(SECRET, _unknown, HOST, oidc))
        self.browser = self.open()

    def open(self) -> httpx.AsyncClient:
        """Open another browser."""
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=HOST, headers=HTML)

    async def leave(self, next_: str = "/payers", browser: httpx.AsyncClient | None = None) -> str:
        """Begin to sign in; return the provider's address."""
        answer = await (browser or self.browser).get("/sign-in/start", params={"next": next_})
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    async def sign_in(self, subject: str = "ann", browser: httpx.AsyncClient | None = None) -> httpx.Response:
        address = await self.leave(browser=browser)
        return await (browser or self.browser).get(self._at.confirm(address, subject))

    async def mark(self) -> str:
        """Return what the forms of the session carry."""
        page = await self.browser.get("/payers", headers={"Sec-Fetch-Dest": "empty"})
        return page.text.partition('name="csrf" value="')[2].partition('"')[0]

    async def sign_out(self, mark: str, origin: str | None = HOST) -> httpx.Response:
        headers = {} if origin is None else {"Origin": origin}
        return await self.browser.post("/sign-out", data={"csrf": mark}, headers=headers)


async def _unknown(_: str) -> Any:
    raise AssertionError("nobody comes by a token where there is a provider")


@pytest.fixture(scope="module")
def at() -> Iterator[Provider]:
    with provider(f"{HOST}/sign-in/return") as made:
        made.knows("ann", name="Ann <b>Lee</b>", tenant="clinic", roles=["manager", "unheard of"])
        made.knows("roleless", tenant="clinic", roles=[])
        made.knows("nowhere", roles=["manager"])
        made.knows("op", tenant="clinic", roles="operator")
        yield made


@pytest.fixture
def database(analytics: Analytics) -> Database:
    return analytics.api


@pytest.fixture
def pages(database: Database, at: Provider) -> Pages:
    return Pages(database, at)


def flow_of(browser: httpx.AsyncClient) -> tuple[str, str]:
    """Return the cookie of the sign-in that a browser has begun."""
    [found] = [(name, told) for name, told in browser.cookies.items() if name.startswith("__Host-recours_flow_")]
    return found


def altered(address: str, **changed: str) -> str:
    told = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    return address.partition("?")[0] + "?" + urlencode(told | changed)


async def test_who_is_signed_in_by_the_provider_sees_the_page_they_asked_for_until_they_sign_out(
    pages: Pages, at: Provider
) -> None:
    away = await pages.browser.get("/payers?from=2026-01-01")
    assert (away.status_code, away.headers["location"]) == (303, "/sign-in?next=%2Fpayers%3Ffrom%3D2026-01-01")
    assert "Sign in" in (await pages.browser.get(away.headers["location"])).text
    answer = await pages.sign_in()
    assert (answer.status_code, answer.headers["location"]) == (303, "/payers")
    told = next(each for each in answer.headers.get_list("set-cookie") if each.startswith(COOKIE + "="))
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(told.split("; "))
    assert "Domain" not in told
    page = await pages.browser.get("/payers")
    assert page.status_code == 200
    assert "Ann &lt;b&gt;Lee&lt;/b&gt;" in page.text, "a name is shown as it is"
    assert (await pages.browser.get("/sign-in?next=/alerts")).headers["location"] == "/alerts"
    assert (await pages.browser.get("/v1/alerts")).status_code == 200, "what a page reads by itself"
    assert (await pages.browser.post("/v1/recounts", json={}, headers={"Origin": HOST})).status_code == 401, "but changes nothing"
    kept = pages.browser.cookies[COOKIE]
    out = await pages.sign_out(await pages.mark())
    address, _, told_back = out.headers["refresh"].removeprefix("0; url=").partition("?")
    assert (out.status_code, address, f'href="{address}?' in out.text) == (200, f"{at.issuer}/oauth2/end_session", True)
    sent = parse_qs(told_back)
    assert (sent["client_id"], sent["post_logout_redirect_uri"]) == ([at.client_id], [f"{HOST}/sign-out"])
    assert "id_token_hint" not in sent, "no name stands in the browser's history"
    back = await pages.browser.get(at.end(f"{address}?{told_back}"))
    assert (back.status_code, back.headers["location"]) == (303, "/sign-in?out=1")
    assert "You are signed out." in (await pages.browser.get("/sign-in?out=1")).text
    assert (await pages.browser.get("/payers")).status_code == 303
    pages.browser.cookies.set(COOKIE, kept, domain="recours.test")
    assert (await pages.browser.get("/payers")).status_code == 303, "a copy of the cookie opens nothing after it"


@pytest.mark.parametrize(
    "changed",
    [{"state": "guessed"}, {"state": ""}, {"code": "guessed"}, {"code": ""}, {"iss": "https://other.test"}, {"error": "denied"}],
    ids=str,
)
async def test_an_answer_that_is_not_the_providers_to_this_browser_signs_nobody_in(
    pages: Pages, at: Provider, changed: dict[str, str]
) -> None:
    back = at.confirm(await pages.leave(), "ann")
    answer = await pages.browser.get(altered(back, **changed))
    assert answer.status_code == 403
    assert 'role="alert"' in answer.text
    assert COOKIE not in pages.browser.cookies


async def test_a_code_is_taken_once_and_by_the_browser_that_asked_for_it(pages: Pages, at: Provider) -> None:
    back = at.confirm(await pages.leave(), "ann")
    assert (await pages.open().get(back)).status_code == 403, "another browser's answer"
    name, flow = flow_of(pages.browser)
    assert (await pages.browser.get(back)).status_code == 303
    assert (await pages.browser.get(back)).status_code == 403, "its state is used up"
    copy = pages.open()
    copy.cookies.set(name, flow, domain="recours.test")
    again = await copy.get(back)
    assert (again.status_code, COOKIE in copy.cookies) == (403, False), "and its code"


async def test_an_answer_made_for_another_nonce_or_verifier_signs_nobody_in(pages: Pages, at: Provider) -> None:
    for name in ("nonce", "code_challenge"):
        back = at.confirm(altered(await pages.leave(), **{name: "another-" + "x" * 40}), "ann")
        assert (await pages.browser.get(back)).status_code == 403, name
        assert COOKIE not in pages.browser.cookies


@pytest.mark.parametrize(
    ("subject", "said"),
    [("roleless", "has no role in Recours"), ("nowhere", "names no tenant"), ("", "Please try again")],
    ids=["no role", "no tenant", "refused by the person"],
)
async def test_who_may_not_come_in_is_told_why(pages: Pages, subject: str, said: str) -> None:
    answer = await pages.sign_in(subject)
    assert answer.status_code == 403
    assert said in answer.text


async def test_a_sign_in_that_took_too_long_begins_anew(pages: Pages, at: Provider) -> None:
    back = at.confirm(await pages.leave(), "ann")
    pages.clock.later = timedelta(minutes=11)
    assert (await pages.browser.get(back)).status_code == 403


async def test_a_token_for_another_client_or_issuer_and_a_wrong_secret_are_refused(database: Database, at: Provider) -> None:
    wrong = Pages(database, at, secret="guessed")  # noqa: S106 - a wrong one
    assert (await wrong.sign_in()).status_code == 403
    other = Pages(database, at, issuer=f"{at.issuer}/")
    answer = await other.browser.get("/sign-in/start")
    assert (answer.status_code, "does not answer" in answer.text) == (503, True), "it calls itself otherwise"
    gone = Pages(database, at, issuer="http://localhost:9")
    assert (await gone.browser.get("/sign-in/start")).status_code == 503


async def test_a_session_ends_when_nobody_looks_and_after_twelve_hours_at_the_latest(pages: Pages, at: Provider) -> None:
    await pages.sign_in()
    pages.clock.later = timedelta(minutes=29)
    assert (await confirm(pages, at, "/payers")).status_code == 303
    pages.clock.later = timedelta(minutes=58)
    fetched = await pages.browser.get("/payers", headers={"Sec-Fetch-Dest": "empty"})
    assert (fetched.status_code, fetched.headers.get_list("set-cookie")[1:]) == (200, []), "what a script fetches is no look"
    pages.clock.later = timedelta(minutes=60)
    assert (await pages.browser.get("/payers")).status_code == 303
    pages.clock.later = timedelta(0)
    await pages.sign_in()
    for minutes in range(25, 12 * 60, 25):
        pages.clock.later = timedelta(minutes=minutes)
        assert (await confirm(pages, at, "/payers")).headers["location"] == "/payers"
        assert (await pages.browser.get("/payers")).status_code == 200
    pages.clock.later = timedelta(hours=12, minutes=1)
    assert (await pages.browser.get("/payers")).status_code == 303


async def test_while_the_database_is_away_who_is_signed_in_is_told_so_and_stays_signed_in(pages: Pages, at: Provider) -> None:
    await pages.sign_in()
    away = Database("postgresql://nobody:nothing@127.0.0.1:1/none", application_name="away")
    cookie = {"Cookie": f"{COOKIE}={pages.browser.cookies[COOKIE]}"}
    browser = Pages(away, at).open()
    page = await browser.get("/payers", headers=cookie)
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (503, "text/html")
    told = await browser.get("/v1/alerts", headers=cookie)
    assert (told.status_code, told.json()["type"]) == (503, "urn:recours:problem:unavailable")
    assert (await pages.browser.get("/payers")).status_code == 200


def quietly(at: Provider, address: str, subject: str | None) -> str:
    """Return where a provider sends a browser that is to be asked nothing. Ours keeps no sessions and so refuses each (None); for
    somebody who is signed in there the word that makes it refuse is left out.
    """
    assert parse_qs(urlsplit(address).query)["prompt"] == ["none"]
    return at.confirm(address.replace("&prompt=none", ""), subject) if subject else at.confirm(address, "anybody")


async def confirm(pages: Pages, at: Provider, path: str, subject: str | None = "ann") -> httpx.Response:
    """Open a page minutes later; go round by the provider as a browser does, and come back."""
    away = await pages.browser.get(path)
    assert away.headers["location"] == f"/sign-in/start?{urlencode({'quiet': '1', 'next': path})}"
    there = (await pages.browser.get(away.headers["location"])).headers["location"]
    return await pages.browser.get(quietly(at, there, subject))


async def test_roles_that_change_at_the_provider_count_minutes_later_and_forms_that_stand_open_still_hold(
    pages: Pages, at: Provider
) -> None:
    at.knows("lea", tenant="clinic", roles=["manager"])
    await pages.sign_in("lea")
    mark = await pages.mark()
    at.knows("lea", tenant="clinic", roles=["operator"])
    pages.clock.later = timedelta(minutes=4)
    assert (await pages.browser.get("/payers")).status_code == 200
    pages.clock.later = timedelta(minutes=6)
    for headers in ({"Sec-Fetch-Dest": "empty"}, {"Accept": "*/*", "Sec-Fetch-Dest": "empty"}):
        assert (await pages.browser.get("/payers", headers=headers)).status_code == 200, "what a script fetches goes nowhere else"
    assert (await pages.browser.get("/v1/alerts")).status_code == 200
    before = {"Cookie": f"{COOKIE}={pages.browser.cookies[COOKIE]}"}
    back = await confirm(pages, at, "/payers?from=2026-01-01", "lea")
    assert (back.status_code, back.headers["location"]) == (303, "/payers?from=2026-01-01")
    assert (await pages.browser.get("/payers")).status_code == 403, "a manager no more"
    assert (await pages.browser.get("/v1/alerts")).status_code == 403
    assert (await pages.browser.get("/system")).status_code == 200
    assert (await pages.open().get("/v1/alerts", headers=before)).status_code == 401, "a copy of the cookie has no more rights"
    assert (await pages.sign_out(mark)).status_code == 200, "the session is the same, and so is the mark of its forms"


async def test_several_pages_that_are_opened_at_once_all_come_back(pages: Pages, at: Provider) -> None:
    await pages.sign_in()
    pages.clock.later = timedelta(minutes=6)
    there = []
    for path in ("/payers", "/alerts"):
        away = await pages.browser.get(path)
        there.append((path, (await pages.browser.get(away.headers["location"])).headers["location"]))
    for path, address in there:
        assert (await pages.browser.get(quietly(at, address, "ann"))).headers["location"] == path
    assert not [name for name in pages.browser.cookies if "flow" in name]


@pytest.mark.parametrize("ended", ["signed out", "no role"])
async def test_whom_the_provider_does_not_know_any_more_is_out_minutes_later(pages: Pages, at: Provider, ended: str) -> None:
    at.knows("max", tenant="clinic", roles=["manager"])
    await pages.sign_in("max")
    kept = pages.browser.cookies[COOKIE]
    at.knows("max", tenant="clinic", roles=[])
    pages.clock.later = timedelta(minutes=6)
    back = await confirm(pages, at, "/payers", None if ended == "signed out" else "max")
    assert (back.status_code, COOKIE in pages.browser.cookies) == (403, False)
    assert ("signed you out" if ended == "signed out" else "has no role in Recours") in back.text
    fetched = {"Cookie": f"{COOKIE}={kept}", "Sec-Fetch-Dest": "empty"}
    assert (await pages.open().get("/payers", headers=fetched)).status_code == 303, "a copy of the cookie opens nothing"


async def test_somebody_else_who_comes_back_has_a_session_of_their_own(pages: Pages, at: Provider) -> None:
    await pages.sign_in("ann")
    before, mark = pages.browser.cookies[COOKIE], await pages.mark()
    pages.clock.later = timedelta(minutes=6)
    await confirm(pages, at, "/system", "op")
    assert "op" in (await pages.browser.get("/system")).text
    assert (await pages.sign_out(mark)).status_code == 403, "another session"
    old = await pages.open().get("/payers", headers={"Cookie": f"{COOKIE}={before}", "Sec-Fetch-Dest": "empty"})
    assert old.status_code == 303


async def test_without_an_answer_of_the_provider_roles_stand_no_longer_than_half_an_hour(pages: Pages, at: Provider) -> None:
    await pages.sign_in()
    pages.clock.later = timedelta(minutes=29)
    assert (await pages.browser.get("/payers", headers={"Sec-Fetch-Dest": "empty"})).status_code == 200
    gone = Pages(pages.database, at, issuer="http://localhost:9")
    gone.clock.later = timedelta(minutes=29)
    cookie = {"Cookie": f"{COOKIE}={pages.browser.cookies[COOKIE]}"}
    away = await gone.browser.get("/sign-in/start?quiet=1&next=/payers", headers=cookie)
    assert away.status_code == 503
    out = await gone.browser.post("/sign-out", data={"csrf": await pages.mark()}, headers={"Origin": HOST, **cookie})
    assert out.headers["location"] == "/sign-in?out=here", "who cannot be asked to sign them out, too"
    assert "may still have you signed in" in (await gone.browser.get("/sign-in?out=here")).text
    pages.clock.later = timedelta(minutes=31)
    assert (await pages.browser.get("/payers", headers={"Sec-Fetch-Dest": "empty"})).status_code == 303


async def sign_in_by(token: str, browser: httpx.AsyncClient) -> httpx.Response:
    form = (await browser.get("/sign-in")).text.partition('name="csrf" value="')[2].partition('"')[0]
    return await browser.post("/sign-in", data={"csrf": form, "token": token, "next": "/payers"}, headers={"Origin": HOST})


async def test_a_token_that_ends_after_all_calendars_begins_a_session_as_another_does(database: Database) -> None:
    app = make_app(database, Now(), VERIFIER, gate=Gate(SECRET, VERIFIER.caller_of, HOST))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=HOST, headers=HTML) as browser:
        answer = await sign_in_by(sign(KEY, claims("clinic", exp=10**15)), browser)
        assert (answer.status_code, answer.headers.get("location")) == (303, "/payers")
        assert (await browser.get("/payers")).status_code == 200


async def test_a_session_that_was_begun_with_a_token_ends_when_the_token_is_revoked(database: Database, tmp_path: Path) -> None:
    folder, moment = KeyDirectory(tmp_path), [time()]
    folder.prepare()
    revoked = WatchedFile(folder.revoked, read_revoked, lambda: moment[0])
    verifier = Verifier({LOCAL_ISSUER: FileKeys(folder.jwks, lambda: moment[0])}, AUDIENCE, revoked, lambda: moment[0])
    app = make_app(database, Now(), verifier, gate=Gate(SECRET, verifier.caller_of, HOST))
    token, issued = folder.issue(Wish("ada", "clinic", roles=("manager",)), int(moment[0]))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=HOST, headers=HTML) as browser:
        assert (await sign_in_by(token, browser)).headers["location"] == "/payers"
        assert (await browser.get("/payers")).status_code == 200
        folder.revoke(issued.token_id, int(moment[0]))
        moment[0] += 1
        assert (await browser.get("/payers")).headers["location"] == "/sign-in?next=%2Fpayers"
        assert (await browser.get("/v1/alerts")).status_code == 401


async def test_a_cookie_that_was_tampered_with_or_moved_opens_nothing(pages: Pages) -> None:
    flow = await pages.leave()
    assert flow
    _, moved = flow_of(pages.browser)
    await pages.sign_in()
    good = pages.browser.cookies[COOKIE]
    flipped = good[:-8] + ("A" if good[-8] != "A" else "B") + good[-7:]
    for told in (flipped, good[:-4], good + "AAAA", good[4:], moved, "", "x" * 5_000, "{}", "%00", json.dumps({"scopes": []})):
        other = pages.open()
        answer = await other.get("/payers", headers={"Cookie": f"{COOKIE}={told}"})
        assert answer.status_code == 303, told[:20]
    unprefixed = await pages.open().get("/payers", headers={"Cookie": f"recours_session={good}"})
    assert unprefixed.status_code == 303, "over TLS only the name that no other host can set"


async def test_signing_in_again_ends_the_session_before_it_and_begins_another(pages: Pages) -> None:
    await pages.sign_in()
    before = pages.browser.cookies[COOKIE]
    mark = await pages.mark()
    await pages.sign_in()
    assert pages.browser.cookies[COOKIE] != before
    assert await pages.mark() != mark
    old = await pages.open().get("/payers", headers={"Cookie": f"{COOKIE}={before}"})
    assert old.status_code == 303


async def test_a_form_without_the_sessions_mark_or_from_another_host_changes_nothing(pages: Pages) -> None:
    await pages.sign_in()
    mark = await pages.mark()
    for told, origin in (("", HOST), ("0" * 64, HOST), (mark, "https://other.test"), (mark, "null"), (mark, None)):
        answer = await pages.sign_out(told, origin)
        assert answer.status_code == 403, (told[:4], origin)
        assert "not accepted" in answer.text
    assert (await pages.browser.get("/payers")).status_code == 200
    for headers, body, status in (
        ({"Content-Type": "application/json"}, b"{}", 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"csrf=" + b"x" * 40_000, 413),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"csrf=a&csrf=b", 400),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"csrf=%ff", 400),
    ):
        answer = await pages.browser.post("/sign-out", content=body, headers={"Origin": HOST, **headers})
        assert answer.status_code == status
    assert (await pages.browser.get("/payers")).status_code == 200


@pytest.mark.parametrize(
    "next_",
    [
        "//other.test",
        "/\\other.test",
        "https://other.test/",
        "/\t/other.test",
        "javascript:alert(1)",
        "/sign-out",
        "/v1/kpis",
        "\\\\o",
    ],
)
async def test_a_sign_in_leads_to_pages_of_this_host_alone(pages: Pages, at: Provider, next_: str) -> None:
    back = at.confirm(await pages.leave(next_), "ann")
    assert (await pages.browser.get(back)).headers["location"] == "/"


async def test_a_page_is_closed_to_whose_role_does_not_include_it_and_says_so(pages: Pages) -> None:
    await pages.sign_in("op")
    assert (await pages.browser.get("/")).headers["location"] == "/system", "the first page leads to one that is open"
    page = await pages.browser.get("/payers")
    assert page.status_code == 403
    assert "not open to you" in page.text
    assert "kpis:read" in page.text
    french = await pages.browser.get("/payers?lang=fr")
    assert "ne vous est pas ouverte" in french.text
    assert 'href="/payers' not in page.text.partition("</nav>")[0], "nor does a link lead there"
    assert (await pages.browser.get("/system")).status_code == 200
