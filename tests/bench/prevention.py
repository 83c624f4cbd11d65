"""Prevention: how many of the denials that could have been foreseen the check foresees, and how often it cries wolf.

`python -m tests.bench prevention [--claims N] [--seed N]`

Some months of synthetic claims go through the real ingest (its API, its worker's reader, its PostgreSQL), day by day in the order
in which they were sent: each 837 is checked as a user would check it, then sent, and what comes back is sent too. Tables and
payers' rules are loaded over HTTP from what the synthetic payers publish. The truth beside each claim says what was planted.

Found: of the claims that the payer refused (or its front door sent back) for something that stands in the claim, the share where
an error or a warning of the right kind names it. Clean: the claims in which nothing was planted; an error there is a false one.
"""

import argparse
import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time
from typing import Any, Final

import httpx

from libs.common.clock import FixedClock
from libs.common.database import Database
from libs.common.logs import set_up
from libs.synthetic import traffic
from libs.synthetic.habits import rules
from libs.synthetic.truth import ClaimTruth, Day
from services.ingest.api import make_app
from services.ingest.reading import IntakeReader
from services.ingest.reference.loading import ReferenceLoader
from services.ingest.sandbox.payer import Sandbox
from tests.bench.meter import keep
from tests.bench.servers import own_database
from tests.support.access import VERIFIER, bearer
from tests.unit.ingest.checks import tables

KEY: Final = b"a key for benchmarks alone"
FROM: Final = "2020-01-01"
# By which rules a planted fault may be named. What is not here is not preventable, or is what only experience tells.
NAMED_BY: Final[dict[str, tuple[str, ...]]] = {
    "rendering_npi_missing": ("ID-NPI-",),
    "rendering_npi_rejected": ("ID-NPI-",),
    "billing_npi_rejected": ("ID-NPI-",),
    "member_id_mistyped": ("ID-MEMBER-PATTERN",),
    "member_id_rejected": ("ID-MEMBER-PATTERN",),
    "referring_npi_missing": ("PAYER-ORDERING-PROVIDER",),
    "diagnosis_invalid": ("CODE-DIAGNOSIS-",),
    "diagnosis_rejected": ("CODE-DIAGNOSIS-",),
    "authorization_forgotten": ("PAYER-AUTHORIZATION",),
    "record_not_sent": ("PAYER-ATTACHMENT",),
    "documentation_not_sent": ("PAYER-ATTACHMENT",),
    "part_of_other_service": ("NCCI-PTP-", "PAYER-BUNDLED"),
    "conflicting_pair": ("NCCI-PTP-", "PAYER-BUNDLED"),
    "too_frequent": ("NCCI-MUE-",),
    "filed_late": ("PAYER-FILING-LATE",),
    "filed_late_no_appeal": ("PAYER-FILING-LATE",),
    "sent_twice": ("DUP-",),
    "sent_again": ("DUP-",),
    "service_in_future": ("STRUCT-DATE-FUTURE",),
    "charges_differ": ("STRUCT-CHARGE-SUM",),
    "original_number_missing": ("STRUCT-ORIGINAL-MISSING",),
    "sex_code_unknown": ("STRUCT-SEX-",),
}


def reference_tables(told: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Yield the tables that a user would load, in the shapes of the public files; NCCI knows nothing of dental procedures."""
    pairs = tables.ptp(*((first, second, "20200101", "*", "1") for first, second in told["pairs"] if not _is_dental(first)))
    limits = tables.mue(*((code, units, "2 Date of Service Edit: Policy") for code, units in told["units_max"].items()))
    for kind in ("practitioner", "hospital"):
        yield f"ncci-ptp-{kind}", pairs
        yield f"ncci-mue-{kind}", limits
    yield "icd10cm", tables.icd10cm(*((code, True) for code in told["diagnoses"]))


def payer_rules(payer: dict[str, Any], told: dict[str, Any]) -> list[dict[str, Any]]:
    """Say what a payer publishes as the rules that `PUT /v1/payers/{payer_id}/rules` takes."""
    prefix, digits = payer["member_id_pattern"][1:4], "9" * 9
    found: list[dict[str, Any]] = [
        {"kind": "timely_filing", "days": payer["filing_limit_days"]},
        {"kind": "member_id", "patterns": [prefix + digits]},
        {"kind": "ordering_provider", "procedure_codes": told["ordered_codes"]},
    ]
    lists = [("prior_authorization", payer["authorization_codes"]), ("attachment", payer["records_codes"])]
    for kind, codes in lists:
        revenue_codes = [code for code in codes if code.isdecimal()]
        if codes:
            asked = {"procedure_codes": sorted({*codes}.difference(revenue_codes)), "revenue_codes": revenue_codes}
            found.append({"kind": kind, **asked})
    for first, second in told["pairs"]:
        if _is_dental(first):
            parts = {"procedure_codes": [first], "component_codes": [second], "modifiers": [told["pair_modifier"]]}
            found.append({"kind": "bundled", **parts})
    return [each | {"effective_from": FROM} for each in found]


def _is_dental(code: str) -> bool:
    return code.startswith("D")


class Ingest:
    """Ingest in this process: its API as an application, its worker's reader called file by file."""

    def __init__(self, api_url: str, worker_url: str) -> None:
        self.clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
        self._databases = Database(api_url), Database(worker_url)
        app = make_app(self._databases[0], self.clock, VERIFIER)
        app.state.pseudonym_key, app.state.sandbox = KEY, Sandbox()
        self.http = httpx.AsyncClient(headers=bearer(), transport=httpx.ASGITransport(app), base_url="http://ingest", timeout=120)
        self._loader = ReferenceLoader(self._databases[1], self.clock)
        self._reader = IntakeReader(self._databases[1], self.clock, KEY, Sandbox())

    async def load(self) -> None:
        told = rules()
        for name, body in reference_tables(told):
            (await self.http.post(f"/v1/reference/{name}?quarter=2020Q1", content=body)).raise_for_status()
        while await self._loader.load_next():
            pass
        for payer_id, payer in told["payers"].items():
            asked = {"rules": payer_rules(payer, told)}
            (await self.http.put(f"/v1/payers/{payer_id}/rules", json=asked, headers={"If-Match": '"0"'})).raise_for_status()

    async def live_through(self, day: Day) -> list[dict[str, Any]]:
        """Check a day's claims, then send them and what came back; return what the check said of each claim."""
        self.clock.at = datetime.combine(day.on, time(5), UTC)
        checked: list[dict[str, Any]] = []
        for file in day.files:
            if file.kind == "837":
                answer = await self.http.post("/v1/claims/check", content=file.body)
                checked += answer.raise_for_status().json()["claims"]
        for file in day.files:
            (await self.http.post("/v1/interchanges", content=file.body)).raise_for_status()
            while await self._reader.read_next():
                pass
        return checked

    async def close(self) -> None:
        await self.http.aclose()
        for database in self._databases:
            await database.close()


class Score:
    """Counts what was found of what was planted, and what was found where nothing was."""

    def __init__(self) -> None:
        self._planted: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._clean = self._clean_with_error = 0
        self._false: Counter[str] = Counter()

    def add(self, truth: ClaimTruth, checked: dict[str, Any]) -> None:
        assert checked["patient_control_number"] == truth.patient_control_number
        told = [each for each in checked["findings"] if each["severity"] != "info"]
        if not truth.fault:
            errors = {each["rule"] for each in told if each["severity"] == "error"}
            self._clean += 1
            self._clean_with_error += bool(errors)
            self._false.update(errors)
        elif truth.fault in NAMED_BY:
            named = any(each["rule"].startswith(NAMED_BY[truth.fault]) for each in told)
            stage = "denied" if truth.judgement in ("denied", "partly_denied") else "rejected"
            self._planted[stage, truth.fault].update(planted=1, found=named)

    def report(self) -> dict[str, Any]:
        stages = {
            stage: {fault: dict(counts) for (of, fault), counts in sorted(self._planted.items()) if of == stage}
            for stage in ("denied", "rejected")
        }
        return {
            "denied": _summed(stages["denied"]) | {"by_cause": stages["denied"]},
            "rejected": _summed(stages["rejected"]) | {"by_cause": stages["rejected"]},
            "clean": {
                "claims": self._clean,
                "with_error": self._clean_with_error,
                "percent": round(100 * self._clean_with_error / max(self._clean, 1), 2),
                "by_rule": dict(self._false.most_common()),
            },
        }


def _summed(by_cause: dict[str, dict[str, int]]) -> dict[str, Any]:
    planted = sum(counts["planted"] for counts in by_cause.values())
    found = sum(counts["found"] for counts in by_cause.values())
    return {"planted": planted, "found": found, "percent": round(100 * found / max(planted, 1), 1)}


async def measure(api_url: str, worker_url: str, chosen: argparse.Namespace) -> dict[str, Any]:
    ingest, score = Ingest(api_url, worker_url), Score()
    await ingest.load()
    for day in traffic(chosen.seed, chosen.claims):
        for truth, checked in zip(day.truths, await ingest.live_through(day), strict=True):
            score.add(truth, checked)
    await ingest.close()
    return {"seed": chosen.seed, "billed": chosen.claims} | score.report()


def show(report: dict[str, Any]) -> None:
    for stage in ("denied", "rejected"):
        part = report[stage]
        print(f"{stage} for what stands in the claim: {part['found']:,} of {part['planted']:,} found, {part['percent']} %")
        for fault, counts in part["by_cause"].items():
            print(f"  {fault:28} {counts['found']:>6,} of {counts['planted']:>6,}")
    clean = report["clean"]
    print(f"clean claims with an error: {clean['with_error']:,} of {clean['claims']:,}, {clean['percent']} %")
    for rule, count in clean["by_rule"].items():
        print(f"  {rule:28} {count:>6,}")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench prevention")
    parser.add_argument("--claims", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args(arguments)
    set_up("bench", "WARNING")
    with own_database("ingest") as (_, url):
        report = asyncio.run(measure(url["api"], url["worker"], chosen))
    show(report)
    print(f"kept as {keep('prevention', report)}")
