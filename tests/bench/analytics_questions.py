"""Every key figure over HTTP, asked of a real server process over the sums of ten million facts.

A part of `python -m tests.bench analytics`. Each figure that has a number is asked for a month, a quarter and a year, for 90 days
that begin and end inside months, and for all time: as it is, compared with the period before, as of a day, by each word of the
calendar, by each of its dimensions, by two of them, through a filter of each and through two of them. Each is asked twice; centiles
by kind are of the first answers. CPU is of the server and of PostgreSQL together, a question. `bare` is a request that asks the
database nothing but whether it is there: on a busy machine the ratio to it says more than milliseconds. Which codes cost most
is asked of the same periods.
"""

import statistics
import time
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final, Literal

import httpx

from services.analytics import answers
from services.analytics.kpis.definitions import KPIS, Kpi
from services.analytics.queries import CALENDAR
from tests.bench.meter import Meter

LIMIT_MS: Final = 100
_VALUES: Final = {
    "payer": "P3",
    "facility": "F1",
    "provider": "D7",
    "service_group": "G",
    "category": "3",
    "level": "first",
    "coder": "C3",
}
Question = tuple[str, str, dict[str, Any]]  # kind, key figure, query


def periods(today: date) -> dict[str, dict[str, str]]:
    """Return what is asked about, by name: of whole months the last ones that are over."""
    last = today.replace(day=1) - timedelta(days=1)
    quarter = last.replace(day=1)
    for _ in range(2):
        quarter = (quarter - timedelta(days=1)).replace(day=1)
    year = last.replace(year=last.year - 1) + timedelta(days=1)
    ended = today - timedelta(days=5)
    found = {"month": (last.replace(day=1), last), "quarter": (quarter, last), "year": (year, last)}
    found |= {"90_days": (ended - timedelta(days=89), ended)}
    return {name: {"from": first.isoformat(), "to": until.isoformat()} for name, (first, until) in found.items()} | {"all": {}}


def questions(today: date, *, quick: bool) -> list[Question]:
    """Return everything that is asked."""
    asked: list[Question] = []
    for name, period in periods(today).items():
        if quick and name not in ("month", "90_days"):
            continue
        for kpi in KPIS:
            if kpi.reason is None:
                asked += [(f"{name}_{kind}", kpi.id, period | more) for kind, more in _variants(kpi, today, bounded=bool(period))]
    return asked


def _variants(kpi: Kpi, today: date, *, bounded: bool) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = [("whole", {}), ("as_of", {"as_of": (today - timedelta(days=10)).isoformat()})]
    if bounded:
        found += [("compared", {"compare_to": "previous"})]
    if kpi.kind != "stock" and bounded:
        found += [(f"by_{word}", {"group_by": word}) for word in CALENDAR]
    for name in answers.dimensions(kpi):
        found += [(f"by_{name}", {"group_by": name}), (f"of_{name}", {"filter": f"{name}:{_VALUES[name]}"})]
    if "provider" in answers.dimensions(kpi) and bounded:
        found += [("by_provider_compared", {"group_by": "provider", "compare_to": "year"})]
        found += [("by_payer_provider", {"group_by": ["payer", "provider"]})]
    told = [name for name in answers.dimensions(kpi) if name in ("facility", "provider", "category")]
    found += [(f"of_payer_{name}", {"filter": [f"{each}:{_VALUES[each]}" for each in ("payer", name)]}) for name in told]
    return found + ([("by_age", {"group_by": "age"})] if kpi.id == "ar-aging" else [])


def ask(url: str, token: str, pids: dict[str, int], today: date, *, quick: bool) -> dict[str, float]:
    """Return centiles of milliseconds, in all, by period and by what was asked; and CPU."""
    first: dict[str, list[float]] = {}
    every: list[float] = []
    bare: list[float] = []
    slowest: list[tuple[float, str]] = []
    asked = questions(today, quick=quick)
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:
        http.get("/v1/kpis/denied-dollars").raise_for_status()  # connections
        meter = Meter(pids)
        for kind, kpi, query in asked:
            own = [_milliseconds(http, f"/v1/kpis/{kpi}", query) for _ in range(2)]
            every += own
            first.setdefault(kind, []).append(own[0])
            slowest.append((min(own), f"{kpi} {kind}"))
            if len(slowest) % 10 == 0:
                bare.append(_milliseconds(http, "/readyz", {}))
        cpu = sum(each["cpu_seconds"] for each in meter.end().values())
    firsts = [each for some in first.values() for each in some]
    told: dict[str, float] = {"kpi_questions": len(asked), "kpi_limit_ms": LIMIT_MS, "kpi_p50_ms": centile(every, 50)}
    told |= {"kpi_p95_ms": centile(every, 95), "kpi_p95_ms_first": centile(firsts, 95)}
    told |= {"kpi_p95_ms_fastest_of_two": centile([each for each, _ in slowest], 95), "kpi_max_ms": round(max(every), 1)}
    told |= {"kpi_bare_ms_p50": centile(bare, 50), "kpi_bare_ms_p95": centile(bare, 95)}
    told |= {"kpi_cpu_ms_a_question": round(cpu * 1000 / len(every), 2)}
    told |= {f"kpi_p95_ms_{kind}": centile(some, 95) for kind, some in first.items() if len(some) > 1}
    told |= _ask_codes(url, token, today)
    for milliseconds, what in sorted(slowest, reverse=True)[:8]:
        print(f"  slow: {what:60} {milliseconds:8.1f} ms")
    return told


def _ask_codes(url: str, token: str, today: date) -> dict[str, float]:
    """Return the slowest of some answers on which codes cost most, by period, as it is and through a payer."""
    told: dict[str, float] = {}
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:
        for name, period in periods(today).items():
            for kind, more in (("whole", {}), ("of_payer", {"filter": f"payer:{_VALUES['payer']}"})):
                taken = [_milliseconds(http, "/v1/denial-codes", period | more) for _ in range(10)]
                told[f"codes_max_ms_{name}_{kind}"] = round(max(taken), 1)
    return told


def _milliseconds(http: httpx.Client, path: str, query: dict[str, Any]) -> float:
    began = time.perf_counter()
    http.get(path, params=query).raise_for_status()
    return (time.perf_counter() - began) * 1000


Percent = Literal[50, 95]


def centile(values: Sequence[float], percent: Percent) -> float:
    return round(statistics.quantiles(values, n=100)[percent - 1], 1)
