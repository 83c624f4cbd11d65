"""Days at both ends of the calendar are answered, or refused with a reason, by every route and page that is asked about days."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any
from uuid import UUID

import httpx
import pytest

from deploy.local.layout import SERVICES
from services.analytics.kpis.definitions import KPIS
from services.analytics.pages.rendering import PATHS
from tests.integration.http.test_contract import fill, served
from tests.support import ServiceDatabase, run_apart
from tests.support.access import bearer

OUTSIDE = [("0001-01-01", "0001-01-31"), ("9999-12-01", "9999-12-31"), (None, "0001-01-05"), ("9999-12-31", None)]
WITHIN = [("1800-01-01", "1800-01-31"), ("2999-12-01", "2999-12-31"), (None, "1800-01-01"), ("2999-12-31", None)]
DAYS = ("0001-01-01", "0001-01-05", "1800-01-01", "2999-12-31", "9999-12-01", "9999-12-31")
MOMENTS = ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00")
IDS = {"kpi_id": [kpi.id for kpi in KPIS]}


def format_of(parameter: dict[str, Any]) -> str | None:
    schema = parameter["schema"]
    return next((each["format"] for each in (schema, *schema.get("anyOf", ())) if each.get("format", "").startswith("date")), None)


def asked_about_days(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, str], set[str]]]:
    """Return the paths of all questions with a day in them, which of their parameters are days or moments, and all parameters."""
    for path, methods in document["paths"].items():
        parameters = methods.get("get", {}).get("parameters", [])
        dated = {each["name"]: kind for each in parameters if each["in"] == "query" and (kind := format_of(each))}
        if not dated:
            continue
        places = [each for each in parameters if each["in"] == "path"]
        values = [IDS.get(each["name"]) or each["schema"].get("enum") or [str(UUID(int=1))] for each in places]
        for told in product(*values):
            filled = dict(zip((each["name"] for each in places), told, strict=True))
            yield path.format(**filled), dated, {each["name"] for each in parameters}


def answer(client: httpx.Client, path: str, **told: str | None) -> httpx.Response:
    query = {name: value for name, value in told.items() if value is not None}
    answered = client.get(path, params=query)
    assert answered.status_code < 500, (path, query, answered.text)
    return answered


@pytest.mark.parametrize("service", SERVICES)
def test_no_day_of_a_question_is_a_failure_of_ours(service: str, service_database: Callable[[str], ServiceDatabase]) -> None:
    database = service_database(service)
    asked = set[str]()
    with served(service, database) as url, httpx.Client(base_url=url, headers=bearer(), timeout=60) as client:
        run_apart(fill(service, database))
        for path, dated, others in asked_about_days(client.get("/openapi.json").json()):
            asked.add(path)
            for name, told in dated.items():
                for value in MOMENTS if told == "date-time" else DAYS:
                    answer(client, path, **{name: value})
            if {"from", "to"} <= {name for name, told in dated.items() if told == "date"}:
                for first, last in (*OUTSIDE, *WITHIN):
                    for compared in (None, "previous", "year") if "compare_to" in others and first and last else (None,):
                        answered = answer(client, path, **{"from": first, "to": last, "compare_to": compared})
                        if (first, last) in OUTSIDE:
                            assert (answered.status_code, answered.json()["type"]) == (422, "urn:recours:problem:bad-period")
    assert len(asked) >= {"ingest": 4, "classifier": 4, "appeals": 3, "analytics": 40}[service], asked


def test_every_page_says_that_there_are_no_such_days(service_database: Callable[[str], ServiceDatabase]) -> None:
    database = service_database("analytics")
    with served("analytics", database) as url, httpx.Client(base_url=url, headers=bearer(), timeout=60) as client:
        run_apart(fill("analytics", database))
        for path in PATHS.values():
            for first, last in OUTSIDE:
                page = answer(client, path, **{"from": first, "to": last, "lang": "en"})
                assert page.status_code == 422, path
                assert 'role="alert">A day lies between the years 1800 and 2999' in page.text, path
            for first, last in WITHIN:
                assert answer(client, path, **{"from": first, "to": last}).status_code == 200, (path, first, last)
