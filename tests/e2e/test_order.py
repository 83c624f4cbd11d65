"""A refusal, its reversal and its correction, in each order of arrival and each in a file of its own: one end."""

from datetime import UTC, date, datetime
from itertools import permutations

import pytest

from libs.x12 import Adjustment, Payment, Remit, RemittanceSet, ServiceLine, write_interchange
from tests.support.system import System

PARTS = ("refusal", "reversal", "correction")
DAY = date(2033, 5, 2)


def file(part: str, case: str, day: date = DAY) -> bytes:
    """Return one file of one claim: refused whole, or that refusal taken back, or the claim paid after all."""
    sign = -1 if part == "reversal" else 1
    paid, carc, adjusted = (9_000, "45", 3_000) if part == "correction" else (0, "197", sign * 12_000)
    charge = sign * 12_000
    line = ServiceLine(
        segments=(),
        separator="*",
        difference_cents=0,
        qualifier="HC",
        procedure_code="G0283",
        charge_cents=charge,
        paid_cents=paid,
        adjustments=(Adjustment("CO", carc, adjusted),),
    )
    remit = Remit(
        segments=(),
        separator="*",
        ordinal=1,
        segment_index=0,
        byte_offset=0,
        difference_cents=0,
        adjustment_cents=charge - paid,
        patient_control_number=f"ORDER{case}",
        claim_status_code="22" if part == "reversal" else "1",
        charge_cents=charge,
        paid_cents=paid,
        claim_filing_code="12",
        payer_claim_control_number=f"ICN{case}" + ("B" if part == "correction" else ""),
        lines=(line,),
    )
    payment = Payment(
        amount_cents=paid,
        payment_on=day,
        trace_number=f"T{case}{part}",
        payer_id=f"19999{case}",
        payer_name="PAYER",
        payee_name="CLINIC",
        payee_id="1999999984",
    )
    sent_at = datetime(2033, 5, 2, 12, tzinfo=UTC)
    sets = [RemittanceSet(payment, (remit,))]
    return b"".join(write_interchange(sets, sender_id="PAYER", receiver_id="CLINIC", control_number=1, created_at=sent_at))


@pytest.mark.parametrize("order", list(permutations(PARTS)), ids="-".join)
def test_the_end_is_the_same_whatever_comes_first(system: System, order: tuple[str, ...]) -> None:
    case = "".join(str(PARTS.index(part)) for part in order)
    for part in order:
        (interchange,) = system.take_in(file(part, case))
        assert interchange["status"] == "accepted"
    (denial,) = system.pages("classifier", "/v1/denials", pcn=f"ORDER{case}")
    assert (denial["status"], denial["revision"], denial["denied_cents"]) == ("retracted", 2, 12_000)
    (known,) = system.pages("appeals", "/v1/cases", pcn=f"ORDER{case}")
    assert (known["state"], known["denial_revision"]) == ("retracted", 2)
    rates = system.get("analytics", "/v1/denial-rate", group_by="payer", **{"from": str(DAY), "to": str(DAY)})
    (rate,) = [group for group in rates["groups"] if group["key"] == f"19999{case}"]
    assert (rate["claims"], rate["charge_cents"], rate["denied_claims"], rate["denied_cents"]) == (1, 12_000, 0, 0)
