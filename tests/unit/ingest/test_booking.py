"""What of a batch is new, repeated or contradicting; the event of a remit; the status of a file."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts.envelope import encode as encode_event
from libs.common.money import dollars
from libs.x12 import PaymentRead
from libs.x12.compose import segment
from services.ingest.booking import Batch, Progress, status_of, take
from services.ingest.received import Received
from services.ingest.translation import claim_type, payer_kind, to_event
from tests.unit.x12 import build, drawn
from tests.unit.x12.build import claims, encode, of, one, read

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FILE = uuid4()


def taken(segments: Sequence[str]) -> tuple[Progress, Batch]:
    progress, batch = Progress(Received("local", FILE, NOW, ""), NOW), Batch()
    take(progress, batch, read(encode(segments)))
    return progress, batch


def claim(number: int, paid: int = 80) -> tuple[str, ...]:
    return (f"CLP*PCN{number}*1*100*{paid}**12*ICN{number}", f"CAS*CO*45*{100 - paid}")


def test_a_batch_is_full_by_claims_and_also_by_what_is_no_claim() -> None:
    _, batch = taken(one(*claim(1), *claim(2)))
    assert batch.is_full(2)
    assert not batch.is_full(3)
    empty = [build.transaction((), head=build.HEAD[:2]) for _ in range(2600)]
    _, many = taken(build.interchange(build.group(*empty)))
    assert many.is_full(3)
    many.clear()
    assert not many.is_full(1)


def test_nothing_is_kept_of_a_transaction_that_is_written() -> None:
    progress, _ = taken(one(*claim(1)))
    progress.forget(1)
    assert (progress.tallies, progress.remittances, progress.versions) == ({}, {}, {})


@pytest.mark.parametrize(
    ("segments", "status"),
    [
        (one(), "accepted"),
        (build.interchange(build.group(build.transaction(kind="837"))), "rejected"),
        (one("CLP*A*1*100*70", "CLP*B*1*10*10"), "accepted_with_errors"),
        (one("CLP*A*1*x*80", "CLP*B*1*80*80"), "accepted_with_errors"),
        ([*one()[:-1], "IEA*7*000000001"], "accepted"),
        (one()[:8], "rejected"),  # ends inside its head
    ],
)
def test_the_status_of_a_file_follows_from_what_was_found(segments, status) -> None:
    progress, _ = taken(segments)
    assert status_of(progress) == status


MEMBER, NAME, GIVEN, BIRTH = "M00SECRET1", "FAMILYSECRET", "GIVENSECRET", "19610203"


@given(drawn.remits(), st.lists(st.sampled_from(["QC", "IL", "74", "TT", "82"]), min_size=1, max_size=3))
def test_no_name_member_number_or_birth_date_goes_into_an_event(remit, entities) -> None:
    patient = [segment("NM1", entity, "1", NAME, GIVEN, "", "", "", "MI", MEMBER) for entity in entities]
    more = [
        segment("DTM", "036", BIRTH),
        segment("DMG", "D8", BIRTH, "F"),
        segment("REF", "1W", MEMBER),
        segment("PER", "CX", NAME),
    ]
    told = msgspec.structs.replace(remit, segments=(*remit.segments, *patient, *more))
    payload = encode_event(event_of(told)).decode()
    for secret in (MEMBER, NAME, GIVEN, BIRTH, "1961-02-03"):
        assert secret not in payload


def event_of(remit):
    (payment,) = of(PaymentRead, read(encode(one())))
    named = {"remit_id": uuid4(), "remittance_id": uuid4(), "interchange_id": uuid4(), "claim_key": uuid4()}
    return to_event(remit, payment, **named, payment_on=date(2026, 1, 10), received_at=NOW)


@given(drawn.remits())
def test_an_event_holds_every_cent_of_its_remit(remit) -> None:
    event = event_of(remit)
    said = json.loads(encode_event(event))
    totals = event.totals
    assert (event.charge_cents, event.paid_cents) == (remit.charge_cents, remit.paid_cents)
    assert (
        totals.adjustment_cents
        == sum(totals.adjustments_by_group.values())
        == sum(item["amount_cents"] for item in said["adjustments"])
    )
    assert totals.unbalanced_cents == remit.charge_cents - remit.paid_cents - totals.adjustment_cents
    assert [line["line"] for line in said.get("lines", [])] == list(range(1, len(remit.lines) + 1))


def test_a_group_code_that_is_none_is_booked_under_a_name_of_ours() -> None:
    (remit,) = claims(read(encode(one("CLP*A*1*100*70", "CAS*" + "X" * 3000 + "*45*20", "CAS*CO*45*10"))))
    event = event_of(remit)
    assert event.totals.adjustments_by_group == {"??": 2000, "CO": 1000}
    assert event.adjustments[0].group_code == "X" * 3000


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        (("CLP*A*1*100*100**12", "SVC*AD:D0120*100*100"), "dental"),
        (("CLP*A*1*100*100**MA*I*11*1", "MIA*0"), "institutional"),
        (("CLP*A*1*100*100**MA*I*11*1", "SVC*HC:G0283*100*100*0420"), "institutional"),
        (("CLP*A*1*100*100**MB*I*11*1", "SVC*HC:G0283*100*100"), "professional"),
    ],
)
def test_the_kind_of_a_claim_follows_from_its_lines(segments, expected) -> None:
    (remit,) = claims(read(encode(one(*segments))))
    assert claim_type(remit) == expected


def test_the_kind_of_payer_follows_from_the_filing_code() -> None:
    kinds = [payer_kind(code) for code in ("MA", "16", "MC", "12", "ZZ", None)]
    assert kinds == ["medicare", "medicare_advantage", "medicaid", "commercial", "other", "other"]


@pytest.mark.parametrize(
    ("cents", "text"), [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (-1234567, "-12,345.67"), (10**13, "100,000,000,000.00")]
)
def test_cents_are_shown_as_people_read_them(cents, text) -> None:
    assert dollars(cents) == text


def test_the_claim_that_a_remit_answers_is_said_as_the_contract_says_it() -> None:
    _, batch = taken(one(*claim(1)))
    (candidate,) = batch.candidates
    claim_id = uuid4()
    assert candidate.answering(claim_id) == encode_event(msgspec.structs.replace(candidate.event, claim_id=claim_id))
    assert candidate.answering(None) == encode_event(candidate.event)
