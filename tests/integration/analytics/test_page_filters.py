"""Through each filter, every page says which is on and shows what the API answers; what a filter cannot narrow says so."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from libs.common import ledger
from libs.common.ledger import Entry
from services.analytics.facts import Remit
from services.analytics.handlers import record
from services.analytics.kpis.definitions import BY_ID, KPIS
from services.analytics.pages.formats import Formats
from services.analytics.pages.visit import FILTERED, FILTERS
from services.analytics.pages.words import LISTS
from tests.browser.site import NAMES, accounts
from tests.integration.analytics.conftest import Analytics

PERIOD = {"from": "2026-01-01", "to": "2026-03-31"}
EN = Formats("en")
PAGES = sorted(FILTERED)
VALUES = {"payer": "P1", "category": "timely_filing", "facility": "F1", "provider": "D1", "service_group": "G"}


async def fill(analytics: Analytics) -> None:
    async with analytics.worker.begin() as tx:
        told = [((analytics.tenant, key), fact) for key, facts in accounts() for fact in facts]
        await record(tx, told, {(analytics.tenant, payer): name for payer, name in NAMES.items()})
        remits = [fact for _, fact in told if isinstance(fact, Remit)]
        adjusted = [{"CO": fact.charge_cents - fact.paid_cents} for fact in remits]
        entries = [
            Entry(analytics.tenant, fact.payment_on, fact.charge_cents, fact.paid_cents, of_groups, 0)
            for fact, of_groups in zip(remits, adjusted, strict=True)
        ]
        await ledger.book(tx, entries)


async def page_of(analytics: Analytics, path: str, **query: str) -> str:
    answer = await analytics.http.get(path, params={**PERIOD, "lang": "en", **query})
    assert answer.status_code == 200, answer.text
    return answer.text


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def section(page: str, name: str) -> str:
    """Return the part of a page that a heading names."""
    found = re.search(rf'<section [^>]*aria-labelledby="{name}".*?</section>', page, re.DOTALL)
    assert found, name
    return found[0]


def bars(html: str) -> dict[str, str]:
    """Return the amounts of a list of bars by their names."""
    rows = re.findall(r'<tr>\s*<th scope="row">(.*?)</th>\s*<td>(.*?)</td>', html, re.DOTALL)
    return {words(name): words(amount) for name, amount in rows}


def figures_of(page: str) -> dict[str, str]:
    """Return what a page says of each key figure: in the table of all, and in tiles."""
    found = {}
    for kpi in KPIS:
        tile = re.search(rf'<section class="tile" aria-labelledby="tile-{kpi.id}">(.*?)</section>', page, re.DOTALL)
        if tile:
            value = re.search(r'<p class="value">(.*?)</p>', tile[1])
            found[f"tile {kpi.id}"] = words(value[1] if value else tile[1])
    for name, rest in re.findall(r"<summary>([^<]*)</summary><p>.*?</th>(.*?)</tr>", page, re.DOTALL):
        kpi_id = next(kpi.id for kpi in KPIS if kpi.name == unescape(name))
        value = re.search(r'<td class="number value">(.*?)</td>', rest)
        found[f"row {kpi_id}"] = words(value[1] if value else rest)
    return found


async def asked(analytics: Analytics, kpi: str, filters: dict[str, str], **more: str) -> httpx.Response:
    query = {**PERIOD, **more, "filter": [f"{name}:{value}" for name, value in filters.items()]}
    return await analytics.http.get(f"/v1/kpis/{kpi}", params=query)


async def cents_by(analytics: Analytics, kpi: str, filters: dict[str, str], group: str) -> dict[str, str]:
    told = (await asked(analytics, kpi, filters, group_by=group)).json()["groups"]
    return {each["label"] or each["keys"][group]: EN.dollars(each["numerator"]) for each in told if each["numerator"]}


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("name", FILTERS)
async def test_key_figures_are_those_of_the_api_or_say_that_they_do_not_know_the_filter(
    analytics: Analytics, path: str, name: str
) -> None:
    await fill(analytics)
    filters = {name: VALUES[name]}
    page = await page_of(analytics, path, **filters)
    shown = figures_of(page)
    assert len(shown) == {"/": len(KPIS) + 4, "/denials": 0, "/payers": 0, "/prevention": 6, "/appeals": 7}[path]
    unknown = 0
    for place, told in shown.items():
        kpi = BY_ID[place.partition(" ")[2]]
        answer = await asked(analytics, kpi.id, filters)
        if answer.status_code == 422:
            unknown += 1
            assert f"Not known by {name.replace('_', ' ')}" in told, place
        elif answer.json()["kpi"]["reason"]:
            assert "No number" in told, place
        else:
            total = answer.json()["total"]
            assert told == EN.figure(total["value"], kpi.unit).replace("\u00a0", " "), place
    assert (unknown > 0) == (name == "category" and path in ("/", "/prevention"))


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("name", FILTERS)
async def test_every_page_names_its_filters_each_of_which_can_be_taken_off(analytics: Analytics, path: str, name: str) -> None:
    await fill(analytics)
    other = "payer" if name == "facility" else "facility"
    page = await page_of(analytics, path, **{name: VALUES[name], other: VALUES[other]})
    chips = re.findall(r'<li><a href="([^"]*)"><span class="hidden">Remove the filter: </span>(.*?)</a>', page, re.DOTALL)
    told = {words(text)[:-2]: dict(parse_qsl(urlsplit(unescape(link)).query)) for link, text in chips}
    said = {"payer": f"Payer: {NAMES['P1']}", "category": f"Category: {LISTS['en']['category']['timely_filing']}"}
    said |= {"facility": "Facility: F1", "provider": "Provider: D1", "service_group": "Service group: G"}
    assert told == {said[name]: {**PERIOD, other: VALUES[other]}, said[other]: {**PERIOD, name: VALUES[name]}}
    for link in re.findall(r'<a href="([^"]*)"', page[: page.index("<main")]):
        query = dict(parse_qsl(urlsplit(unescape(link)).query))
        assert (name in query) == (urlsplit(link).path in FILTERED), link


@pytest.mark.parametrize("name", FILTERS)
async def test_sums_and_lists_of_pages_are_those_of_the_api(analytics: Analytics, name: str) -> None:
    await fill(analytics)
    filters = {name: VALUES[name]}
    overview = await page_of(analytics, "/", **filters)
    by_category = await cents_by(analytics, "denied-dollars", filters, "category")
    assert bars(section(overview, "by-category")) == {LISTS["en"]["category"][key]: told for key, told in by_category.items()}
    by_payer = await cents_by(analytics, "denied-dollars", filters, "payer")
    assert bars(section(overview, "by-payer")) == by_payer
    assert "take the filters off" in words(section(overview, "money"))
    assert "$19,377" not in words(section(overview, "money")), "the money of everything is not shown through a filter"
    ages = await asked(analytics, "ar-aging", filters, group_by="age")
    if ages.status_code == 422:
        assert "Not known by category" in words(section(overview, "by-age"))
    else:
        expected = {LISTS["en"]["age"][each["keys"]["age"]]: EN.dollars(each["numerator"]) for each in ages.json()["groups"]}
        assert bars(section(overview, "by-age")) == expected

    denied = (await asked(analytics, "denied-dollars", filters)).json()["total"]["numerator"]
    assert f"{EN.dollars(denied)} refused" in words(section(await page_of(analytics, "/denials", **filters), "denied"))

    prevention = await page_of(analytics, "/prevention", **filters)
    preventable = await cents_by(analytics, "preventable-share-dollars", filters, "category")
    assert bars(section(prevention, "by-category")) == {LISTS["en"]["category"][key]: told for key, told in preventable.items()}
    assert ("Not known by category" in words(section(prevention, "rejected"))) == (name == "category")

    appeals = await page_of(analytics, "/appeals", **filters)
    closed = (await asked(analytics, "overturn-rate", filters)).json()["total"]
    funnel = re.findall(r"<td><b>([\d,]+)</b></td>", section(appeals, "funnel"))
    assert [int(each) for each in funnel[2:]] == [closed["denominator"], closed["numerator"]]
    assert ("This list cannot follow" in words(section(appeals, "due"))) == (name not in ("payer", "category"))


@pytest.mark.parametrize("name", FILTERS)
async def test_payers_are_compared_through_a_filter_as_the_api_does(analytics: Analytics, name: str) -> None:
    await fill(analytics)
    filters = {name: VALUES[name]}
    payers = section(await page_of(analytics, "/payers", **filters), "payers")
    heads = [words(each) for each in re.findall(r'<th scope="col"[^>]*>(.*?)</th>', payers)]
    shown = {}
    for row in re.findall(r"<tr>\s*(<th scope=\"row\">.*?)</tr>", payers, re.DOTALL):
        cells = [words(each) for each in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
        shown[cells[0]] = dict(zip(heads, cells, strict=True))
    expected: dict[str, dict[str, str]] = {}
    columns = {"Initial denial rate": "initial-denial-rate", "Denied": "denied-dollars", "Response": "payer-response-days"}
    for head, kpi in columns.items():
        answer = await asked(analytics, kpi, filters, group_by="payer")
        assert (head in heads) == (answer.status_code == 200), head
        for each in answer.json().get("groups", []):
            expected.setdefault(each["label"], {})[head] = EN.figure(each["value"], BY_ID[kpi].unit).replace("\u00a0", " ")
    assert shown.keys() == expected.keys()
    for payer, told in expected.items():
        assert {head: shown[payer][head] for head in told} == told
    assert ("Response. Not known by category" in words(payers)) == (name == "category")
    assert ("narrows the numerator alone" in words(payers)) == (name == "category")


async def test_a_filter_that_nothing_fits_is_said_and_can_be_taken_off(analytics: Analytics) -> None:
    await fill(analytics)
    for path in ("/", "/denials", "/payers", "/prevention"):
        page = words((await page_of(analytics, path, payer="NOBODY")).partition("<main")[2])
        assert "Nothing in this period fits the filters" in page, path
        assert "Clear all filters" in page


async def test_a_part_of_a_sum_leads_to_its_denials_also_where_it_is_the_filter(analytics: Analytics) -> None:
    await fill(analytics)
    overview = await page_of(analytics, "/", category="timely_filing", facility="F1")
    (link,) = re.findall(r'<a href="([^"]*)"', section(overview, "by-category"))
    query: dict[str, Any] = dict(parse_qsl(urlsplit(unescape(link)).query))
    assert (urlsplit(link).path, query) == ("/denials", {**PERIOD, "category": "timely_filing", "facility": "F1"})
