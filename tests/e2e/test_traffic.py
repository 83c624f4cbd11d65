"""A clearinghouse's month through the whole system, its files in any order: claims, their acknowledgements and remittances.

`RECOURS_MONTH_CLAIMS=20000` for the size at which it is shown; the suite itself takes a tenth.
"""

import os
import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from deploy.local import provision
from libs.common.messaging.dead_letters import SUFFIX
from libs.synthetic import ClaimTruth, File, traffic
from tests.support import duck, eventually, naive
from tests.support.counted import Counted, newest
from tests.support.system import System

CLAIMS = int(os.environ.get("RECOURS_MONTH_CLAIMS", "2000"))
PATIENCE_SECONDS = 240 + CLAIMS // 10
pytestmark = pytest.mark.timeout(60 + PATIENCE_SECONDS)
FIRST_ON = date(2024, 3, 4)
PERIOD = {"from": "2024-03-01", "to": "2024-12-31"}
REJECTED = ("rejected", "set_rejected")
STATES = {"accepted": "accepted", "rejected": "rejected", "set_rejected": "rejected", "silent": "received"}


@dataclass
class Month:
    files: list[File]
    truths: dict[str, list[ClaimTruth]]  # by the file that holds the claims, in its order
    ids: dict[str, str]  # of the interchange, by file

    def all(self) -> list[ClaimTruth]:
        return [truth for truths in self.truths.values() for truth in truths]


@pytest.fixture(scope="module")
def month(system: System) -> Month:
    days = list(traffic(20, CLAIMS, FIRST_ON, claims_a_day=max(1, CLAIMS // 30)))
    files = [file for day in days for file in day.files]
    truths: dict[str, list[ClaimTruth]] = defaultdict(list)
    for day in days:
        for truth in day.truths:
            truths[truth.file].append(truth)
    random.Random(20).shuffle(files)
    ids = {file.name: system.post(file.body)["interchange_id"] for file in files}
    system.come_to_rest(seconds=PATIENCE_SECONDS)
    assert {system.interchange(each)["status"] for each in ids.values()} == {"accepted"}
    return Month(files, truths, ids)


def claims_of(system: System, month: Month) -> list[tuple[ClaimTruth, dict[str, Any]]]:
    """Return each claim as planned and as it stands: both in the order of their file."""
    query = (
        "SELECT claim_id, interchange_id::text, patient_control_number, claim_type, frequency_code, charge_cents, state,"
        " payer_claim_control_number FROM claims WHERE interchange_id = ANY ($1::uuid[])"
        " ORDER BY interchange_id, transaction_ordinal, claim_ordinal"
    )
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in system.rows("ingest", query, list(month.ids.values())):
        found[row["interchange_id"]].append(dict(row))
    return [pair for file, truths in month.truths.items() for pair in zip(truths, found[month.ids[file]], strict=True)]


def test_each_claim_ends_in_the_state_that_was_planned(system: System, month: Month) -> None:
    wrong = [
        (truth.patient_control_number, truth.front, claim["state"], truth.follows, truth.then)
        for truth, claim in claims_of(system, month)
        if claim["state"] != STATES[truth.front]
    ]
    assert wrong == []


def test_the_four_ledgers_agree_with_a_naive_reading_of_the_remittances(system: System, month: Month) -> None:
    remits = [claim for file in month.files if file.kind == "835" for claim in naive.claims_of(file.body)]
    groups: Counter[str] = Counter()
    for remit in remits:
        for group, _, amount in remit.adjustments:
            groups[group] += naive.cents(amount)
    charge, paid = (sum(naive.cents(getattr(remit, name)) for remit in remits) for name in ("charge", "paid"))
    assert system.ledger(**PERIOD)["totals"] == {
        "remits": len(remits),
        "charge_cents": charge,
        "paid_cents": paid,
        "adjustment_cents": groups.total(),
        "adjustments_by_group": dict(groups),
        "unbalanced_cents": 0,
    }


def test_each_remit_is_matched_with_the_claim_that_it_answers(system: System, month: Month) -> None:
    query = (
        "SELECT remits.patient_control_number, remits.payer_claim_control_number, matches.claim_id, matches.result FROM remits"
        " JOIN matches ON matches.tenant_id = remits.tenant_id AND matches.remit_row_id = remits.row_id"
        " WHERE remits.interchange_id = ANY ($1::uuid[])"
    )
    rows = system.rows("ingest", query, list(month.ids.values()))
    assert {row["result"] for row in rows} == {"matched"}
    planned: dict[tuple[str, str], set[Any]] = defaultdict(set)  # a void is answered under the number of what it voids
    for truth, claim in claims_of(system, month):
        planned[truth.patient_control_number, truth.payer_claim_control_number].add(claim["claim_id"])
    told = {(row["patient_control_number"], row["payer_claim_control_number"]): row["claim_id"] for row in rows}
    assert {name: claim_id for name, claim_id in told.items() if name in planned and claim_id not in planned[name]} == {}
    assert len(planned.keys() & told.keys()) > 0.9 * len(told)  # what an appeal won is told under a number of its own


def test_each_denial_is_the_planned_one_and_stands_unless_it_was_undone(system: System, month: Month) -> None:
    truths = month.all()
    redone = {truth.replaces for truth in truths if truth.judgement}
    planned = {
        name(truth): (
            truth.category,
            truth.denied_cents,
            "retracted" if truth.then == "overturned" or truth.payer_claim_control_number in redone else "active",
        )
        for truth in truths
        if truth.denied_cents
    }
    found = [each for each in system.pages("classifier", "/v1/denials", **PERIOD) if each["acknowledgement_id"] is None]
    assert {
        (each["patient_control_number"], each["payer_claim_control_number"]): (
            each["category"],
            each["denied_cents"],
            each["status"],
        )
        for each in found
    } == planned
    assert len(found) == len(planned)


def test_each_rejection_stands_until_its_claim_is_corrected(system: System, month: Month) -> None:
    planned = Counter(
        (truth.patient_control_number, "retracted" if truth.then == "corrected" else "active")
        for truth in month.all()
        if truth.front in REJECTED
    )
    numbers = {pcn for pcn, _ in planned}
    found = Counter(
        (each["patient_control_number"], each["status"])
        for each in system.pages("classifier", "/v1/denials", kind="rejection")
        if each["acknowledgement_id"] is not None and each["patient_control_number"] in numbers
    )
    assert found == planned


def test_the_follow_ups_are_the_claims_that_nobody_answered_and_the_rejected_ones_that_nobody_corrected(
    system: System, month: Month
) -> None:
    eventually(lambda: not system.rows("ingest", "SELECT 1 FROM followup_watches WHERE look_at <= now() LIMIT 1"))
    planned: Counter[tuple[str, str, int]] = Counter()
    for truth in month.all():
        if truth.front == "silent" or truth.judgement == "silent":
            planned["unpaid", truth.patient_control_number, truth.charge_cents] += 1
        elif truth.front == "rejected" and truth.then is None:  # a 999 has no day of its own: it came today, there is time
            planned["rejected_not_resent", truth.patient_control_number, truth.charge_cents] += 1
    numbers = {truth.patient_control_number for truth in month.all()}
    payments = set(map(str, (row[0] for row in system.rows("ingest", _PAYMENTS, list(month.ids.values())))))
    found = Counter(
        (each["kind"], each["patient_control_number"], each["amount_cents"])
        for each in system.pages("ingest", "/v1/followups")
        if each["patient_control_number"] in numbers or each["subject_id"] in payments
    )
    assert found == planned


def test_the_key_figures_are_what_counting_the_raw_events_says(system: System, month: Month) -> None:
    counted = Counted(
        claims=newest(system.records("claim.submitted"), "claim_id"),
        answers=newest(system.records("claim.acknowledged"), "acknowledgement_id"),
        remits=newest(system.records("remit.received"), "remit_id"),
        matches=newest(system.records("remit.matched"), "remit_id"),
        denials=newest(system.records("denial.classified"), "denial_id"),
    )
    period = (PERIOD["from"], PERIOD["to"])

    def figure(kpi: str, **query: str) -> tuple[int, int | None]:
        told = system.get("analytics", f"/v1/kpis/{kpi}", **query)["total"]
        return told["numerator"], told["denominator"]

    by_claims = counted.rate(period, lambda _, __: 1)
    assert by_claims[1] > CLAIMS // 2
    assert figure("initial-denial-rate", **PERIOD) == by_claims
    assert figure("initial-denial-rate-dollars", **PERIOD) == counted.rate(
        period, lambda _, answer: sum(remit["charge_cents"] for remit in answer)
    )
    assert figure("clean-claim-rate") == counted.clean()
    assert figure("rejection-rate") == counted.rejected()
    assert figure("denied-dollars", **PERIOD) == (counted.refused_cents(period), None)
    assert figure("preventable-share", **PERIOD) == tuple(
        sum(each.get("preventable") in told for each in counted.refusal.values() if period[0] <= each["payment_on"] <= period[1])
        for told in ((True,), (True, False))
    )


def test_every_key_figure_is_what_duckdb_counts_in_the_raw_events(system: System, month: Month, tmp_path: Path) -> None:
    """Of all that was sent to the tenant, by all tests that share it: appeals, write-offs and underpayments are theirs."""
    eventually(lambda: not system.rows("ingest", "SELECT 1 FROM followup_watches WHERE look_at <= now() LIMIT 1"))
    system.come_to_rest()
    topics = [name for name in provision.wanted_topics() if not name.endswith(SUFFIX)]
    counted = duck.figures((record for topic in topics for record in system.records(topic)), tmp_path)
    assert all((counted[each][1] or 0) > CLAIMS // 20 for each in ("clean-claim-rate", "prevention-catch-rate", "rejection-rate"))
    found = {}
    for kpi in counted:
        told = system.get("analytics", f"/v1/kpis/{kpi}")["total"]
        found[kpi] = (told["numerator"], told["denominator"])
    assert found == counted


_PAYMENTS = "SELECT remittance_id FROM remittances WHERE interchange_id = ANY ($1::uuid[])"


def name(truth: ClaimTruth) -> tuple[str, str]:
    return truth.patient_control_number, truth.payer_claim_control_number
