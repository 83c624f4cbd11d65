"""Every public sample 835, the malformed ones too: what four services say of it, against a naive second reading of its bytes."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support import naive
from tests.support.naive import Claim, cents
from tests.support.system import System


@dataclass
class Sent:
    """The sample files after the system has dealt with them."""

    bodies: dict[str, bytes]
    interchanges: dict[str, dict[str, Any]]
    claims: list[Claim]

    def of(self, day: date) -> list[Claim]:
        return [claim for claim in self.claims if claim.day == day]

    @property
    def days(self) -> set[date]:
        return {claim.day for claim in self.claims if claim.day is not None}


@pytest.fixture(scope="module")
def sent(system: System, samples: Path) -> Sent:
    bodies = {path.name: path.read_bytes() for path in sorted(samples.glob("*-835-*.edi"))}
    assert len(bodies) == 9
    before = datetime.now(UTC).date()
    interchanges = system.take_in(*bodies.values())
    claims = [claim for body in bodies.values() for claim in naive.claims_of(body)]
    for claim in claims:
        claim.day = claim.day or before  # a payment without a day is booked on the day of its receipt
    return Sent(bodies, dict(zip(bodies, interchanges, strict=True)), claims)


def totals(claims: Sequence[Claim]) -> dict[str, Any]:
    """Say what the ledger of these claims must be."""
    groups: Counter[str] = Counter()
    for claim in claims:
        for group, _, amount in claim.adjustments:
            groups[group] += cents(amount)
    charge, paid = (sum(cents(each) for each in column) for column in zip(*((c.charge, c.paid) for c in claims), strict=True))
    adjusted = sum(groups.values())
    return {
        "remits": len(claims),
        "charge_cents": charge,
        "paid_cents": paid,
        "adjustment_cents": adjusted,
        "adjustments_by_group": dict(groups),
        "unbalanced_cents": charge - paid - adjusted,
    }


def test_every_claim_of_every_file_is_taken_in_and_what_is_odd_is_listed(sent: Sent) -> None:
    for name, interchange in sent.interchanges.items():
        assert interchange["status"] in ("accepted", "accepted_with_errors"), name
        assert sum(each["claims_new"] for each in interchange["transactions"]) == len(naive.claims_of(sent.bodies[name])), name
        assert sum(each["claims_unreadable"] for each in interchange["transactions"]) == 0, name
        if "malformed" in name or "unbalanced" in name:
            assert interchange["errors"], name
    assert sent.interchanges["01-835-clean.edi"]["status"] == "accepted"


def test_the_four_ledgers_agree_to_the_cent_with_an_independent_sum(system: System, sent: Sent) -> None:
    for day in sorted(sent.days):
        ledger = system.ledger(**{"from": str(day), "to": str(day)})
        expected = totals(sent.of(day))
        assert ledger["totals"] == expected, day
        assert ledger["days"] == [{"day": str(day), **expected}], day


def test_denials_are_what_the_refused_cents_say_and_each_has_its_case(system: System, sent: Sent) -> None:
    expected = sorted((claim.payer_id, claim.pcn, cents(claim.denied)) for claim in sent.claims if claim.denied > 0)
    assert len(expected) == 7
    days = sorted(str(day) for day in sent.days)
    found = [each for day in days for each in system.pages("classifier", "/v1/denials", **{"from": day, "to": day})]
    assert sorted((each["payer_id"], each["patient_control_number"], each["denied_cents"]) for each in found) == expected
    assert all(sum(reason["amount_cents"] for reason in each["reasons"]) == each["denied_cents"] for each in found)
    assert {each["status"] for each in found} == {"active"}
    cases = [each for day in days for each in system.pages("appeals", "/v1/cases", **{"from": day, "to": day})]
    assert sorted(case["denial_id"] for case in cases) == sorted(each["denial_id"] for each in found if each["recoverable"])


def test_kpi_rates_are_what_counting_says(system: System, sent: Sent) -> None:
    for day in sorted(sent.days):
        counted = [claim for claim in sent.of(day) if claim.status not in naive.NO_ADJUDICATION]
        denied = [claim for claim in counted if claim.denied > 0]
        charge = sum((claim.charge for claim in counted), Decimal(0))
        refused = sum((claim.denied for claim in denied), Decimal(0))
        found = system.get("analytics", "/v1/denial-rate", **{"from": str(day), "to": str(day)})["totals"]
        assert (found["claims"], found["denied_claims"]) == (len(counted), len(denied)), day
        assert (found["charge_cents"], found["denied_cents"]) == (cents(charge), cents(refused)), day
        assert found["denial_rate_claims"] == pytest.approx(len(denied) / len(counted), abs=1e-6)
        assert found["denial_rate_dollars"] == pytest.approx(float(refused / charge), abs=1e-6)


def test_the_same_files_again_reordered_and_split_change_nothing_anywhere(system: System, sent: Sent) -> None:
    again = list(sent.bodies.values())
    before = system.snapshot()
    random.Random(4).shuffle(again)
    assert [each["interchange_id"] for each in system.take_in(*again)] == [
        next(known["interchange_id"] for name, known in sent.interchanges.items() if sent.bodies[name] == body) for body in again
    ]
    turned = [naive.reordered(body) for body in again]
    pieces = [piece for body in again for piece in naive.split(body)]
    assert len(pieces) == 11
    for interchange in system.take_in(*sorted({*turned, *pieces} - {*again})):
        for each in interchange["transactions"]:
            assert (each["claims_new"], each["claims_conflicting"]) == (0, 0), interchange
            assert each["claims_duplicate"] == each["claims"], interchange
    assert system.snapshot() == before
