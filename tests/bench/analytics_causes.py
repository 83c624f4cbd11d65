"""The search of root causes over the service lines of millions of facts, through the route, with PostgreSQL on the same machine.

A part of `python -m tests.bench analytics`. Lines are drawn inside PostgreSQL: two a claim, a claim of two facts and a half; 86,400
subjects (payer, provider, place, authorization, diagnosis with its coder), 240 services, one line in sixteen refused, one cause
planted.
"""

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import product
from typing import Any, Final

import httpx

from libs.common.clock import FixedClock
from libs.common.database import Database, copy_rows, driver
from services.analytics.api import make_app
from services.analytics.causes.outcomes import number_of, reason_number
from tests.bench.analytics_years import CODERS
from tests.bench.meter import peak_mib
from tests.support.access import VERIFIER, bearer

NOW: Final = datetime(2026, 11, 29, tzinfo=UTC)
_FACTS_A_CLAIM: Final = 2.5
_REASONS: Final = (("authorization", "197"), ("coding_bundling", "97"), ("missing_information", "16"), ("duplicate", "18"))
_PROCEDURES: Final = tuple(f"{letter}{number:04d}" for letter in "AEGJ" for number in range(1001, 1011))
_MODIFIERS: Final = ("", ":59", ":KX", ":GP", ":59:KX", ":RT")
_DRAW: Final = """
INSERT INTO outcomes (tenant_id, claim_key, episode, line, day, subject, service, reason, denied_cents, claim_id, denial_id)
SELECT 'local', key, 0, line, day, subject, service, coalesce(reason, 0), CASE WHEN reason IS NULL THEN 0 ELSE 10000 END, key, key
FROM (
    SELECT key, line, day, s.subject, v.service, CASE
        WHEN s.payer = 'P3' AND v.told LIKE 'G1005%' AND day >= DATE '2026-06-01' AND random() < 0.5 THEN $3::int
        WHEN random() < 0.0625 THEN ($2::int[])[1 + floor(random() * 4)::int] END AS reason
    FROM (
        SELECT gen_random_uuid() AS key, floor(random() * $4)::int AS subject_place,
            DATE '2025-12-01' + floor(random() * 360)::int AS day FROM generate_series(1, $1::int)
    ) AS claims
    CROSS JOIN LATERAL (
        SELECT line, floor(random() * $5)::int AS service_place FROM generate_series(0, 1) AS line WHERE key IS NOT NULL
    ) AS served
    JOIN subjects_drawn s ON s.place = subject_place JOIN services_drawn v ON v.place = service_place
) AS drawn
"""


async def fill(url: Mapping[str, str], facts: int) -> None:
    """Write the outcomes of so many facts."""
    subjects = [
        (
            f"P{(provider * 3 + payer) % 20}",
            f"F{provider % 8}",
            f"D{provider}",
            place,
            "professional",
            authorization,
            f"E{diagnosis}",
            f"C{(provider + diagnosis) % CODERS}",
        )
        for provider, payer, place, authorization, diagnosis in product(
            range(60), range(8), ("11", "22", "02"), ("named", "none"), range(10, 40)
        )
    ]
    services = [procedure + modifiers for procedure in _PROCEDURES for modifiers in _MODIFIERS]
    worker, owner = Database(url["worker"]), Database(url["owner"], statement_seconds=None)
    async with worker.begin() as tx:
        columns = ("payer", "facility", "provider", "place", "claim_type", "authorization", "diagnosis", "coder")
        rows = [("local", number_of(each), *each) for each in subjects]
        await copy_rows(tx, "outcome_subjects", ("tenant_id", "subject", *columns), rows)
        named = [("local", number_of((each,)), each) for each in services]
        await copy_rows(tx, "outcome_services", ("tenant_id", "service", "told"), named)
        told = [("local", reason_number(each), *each) for each in _REASONS]
        await copy_rows(tx, "outcome_reasons", ("tenant_id", "reason", "category", "carc"), told)
    async with owner.begin("local") as tx:
        connection = await driver(tx)
        await connection.execute("CREATE TEMP TABLE subjects_drawn (place integer PRIMARY KEY, subject bigint, payer text)")
        await connection.execute("CREATE TEMP TABLE services_drawn (place integer PRIMARY KEY, service bigint, told text)")
        places = [(place, number_of(each), each[0]) for place, each in enumerate(subjects)]
        await connection.copy_records_to_table("subjects_drawn", records=places)
        named_places = [(place, number_of((each,)), each) for place, each in enumerate(services)]
        await connection.copy_records_to_table("services_drawn", records=named_places)
        reasons = [reason_number(each) for each in _REASONS]
        claims = int(facts / _FACTS_A_CLAIM)
        await connection.execute(_DRAW, claims, reasons, reasons[0], float(len(subjects)), float(len(services)))
        await connection.execute("ANALYZE")
    await worker.close()
    await owner.close()


async def search(url: Mapping[str, str]) -> dict[str, Any]:
    """Search once through the route."""
    app = make_app(Database(url["api"]), FixedClock(NOW), VERIFIER)
    async with httpx.AsyncClient(
        headers=bearer(), transport=httpx.ASGITransport(app), base_url="http://bench", timeout=600
    ) as http:
        began, cpu = time.perf_counter(), time.process_time()
        answer = await http.get("/v1/root-causes")
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    found = answer.raise_for_status().json()
    print("first:", found["items"][0]["sentence"] if found["items"] else "nothing was found")
    return {
        "search_lines": found["lines"],
        "search_seconds": round(seconds, 2),
        "search_cpu_seconds": round(cpu_seconds, 2),
        "search_peak_mib": round(peak_mib(os.getpid())),
        "search_findings": len(found["items"]),
    }
