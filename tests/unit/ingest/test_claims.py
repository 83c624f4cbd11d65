"""Claims named and told: the same content is the same claim, no patient data goes over, and answers come to a state."""

import dataclasses
import itertools
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

from libs.common.contracts.envelope import encode as encode_event
from libs.x12 import Claim
from libs.x12.claim import Address, Person
from libs.x12.claim_writer import ClaimBatch
from services.ingest.claims import identity
from services.ingest.claims.body import ClaimBody
from services.ingest.claims.examples import CLAIMS
from services.ingest.claims.life import Acknowledgement, Known, choose, state_of, verdict_of
from services.ingest.claims.translation import to_event
from tests.unit.x12 import drawn_claims
from tests.unit.x12.build import of, read
from tests.unit.x12.test_claim_writer import written

KEY = b"a key for tests alone"
SECRETS = ("FAMILYSECRET", "GIVENSECRET", "MSECRET1", "STREETSECRET", "CITYSECRET", "99999SECRET", "1961-02-03", "19610203")
SECRET = Person(
    "FAMILYSECRET", "GIVENSECRET", "GIVENSECRET", id_qualifier="MI", member_id="MSECRET1", birth_on=date(1961, 2, 3), sex="F",
    address=Address("STREETSECRET", "", "CITYSECRET", "NY", "99999SECRET"), segments=("PER*IC*FAMILYSECRET*TE*MSECRET1",),
)  # fmt: skip

slow = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@given(drawn_claims.any_claim)
@slow
def test_no_name_member_number_birth_date_or_address_goes_into_an_event(claim: Claim) -> None:
    told = replace(
        claim,
        subscriber=SECRET,
        patient=SECRET,
        other_payers=tuple(replace(each, subscriber=SECRET) for each in claim.other_payers),
        segments=(*claim.segments, "NTE*ADD*FAMILYSECRET", "K3*MSECRET1"),
    )
    event = to_event(
        told,
        claim_id=uuid4(),
        claim_key=uuid4(),
        interchange_id=None,
        replaces_claim_id=None,
        member_reference=identity.member_reference(KEY, "local", told),
        submitted_at=datetime(2026, 3, 1, tzinfo=UTC),
    )
    payload = encode_event(event).decode()
    assert [secret for secret in SECRETS if secret in payload] == []
    assert event.charge_cents == sum(line.charge_cents for line in event.lines)


@given(drawn_claims.any_claim)
@slow
def test_the_same_content_has_the_same_name_in_any_delimiters_and_as_json(claim: Claim) -> None:
    plain = written(ClaimBatch([claim], "1", "S", "S1", "1", "R", "R1"))
    (other,) = of(Claim, read(plain.translate(bytes.maketrans(b"*:~", b"|>!"))))
    content = identity.encoded(claim)
    assert identity.encoded(other) == content
    assert identity.encoded(ClaimBody.model_validate_json(content).to_claim()) == content


def test_the_body_has_every_field_of_the_claim_but_those_of_its_file() -> None:
    assert set(Claim.__struct_fields__) - set(ClaimBody.model_fields) == {
        "separator", "component", "ordinal", "segment_index", "byte_offset",
    }  # fmt: skip


@pytest.mark.parametrize("kind", CLAIMS)
def test_an_example_can_be_written_as_x12_and_means_the_same(kind: str) -> None:
    claim = ClaimBody.model_validate(CLAIMS[kind]).to_claim()
    (found,) = of(Claim, read(written(ClaimBatch([claim], "1", "S", "S1", "1", "R", "R1"))))
    assert identity.encoded(found) == identity.encoded(claim)


def test_another_word_is_another_claim_and_another_tenant_another_name() -> None:
    claim = ClaimBody.model_validate(CLAIMS["dental"]).to_claim()
    content = identity.encoded(claim)
    names = {
        identity.claim_id("local", content),
        identity.claim_id("other", content),
        identity.claim_id("local", identity.encoded(replace(claim, charge_cents=1))),
    }
    assert len(names) == 3
    references = {identity.member_reference(key, tenant, claim) for key in (KEY, b"another key") for tenant in ("local", "other")}
    assert len(references) == 4


DAY, NEXT = date(2026, 1, 11), date(2026, 1, 12)


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ([], "submitted"),
        ([(DAY, "999", "received")], "received"),
        ([(DAY, "999", "received"), (DAY, "277CA", "accepted")], "accepted"),
        ([(DAY, "277CA", "rejected"), (NEXT, "277CA", "accepted")], "accepted"),
        ([(DAY, "277CA", "accepted"), (NEXT, "277CA", "rejected")], "rejected"),
        ([(DAY, "277CA", "accepted"), (DAY, "277CA", "rejected")], "rejected"),
        ([(DAY, "999", "rejected"), (DAY, "277CA", "accepted")], "accepted"),
        ([(DAY, "277CA", "rejected"), (DAY, "277", "accepted")], "accepted"),
        ([(DAY, "277CA", "rejected"), (NEXT, "999", "received")], "rejected"),
    ],
)
def test_a_state_follows_from_all_answers_in_any_order(answers: list[tuple[date, str, str]], state: str) -> None:
    for order in itertools.permutations(answers):
        assert state_of(order) == state


@pytest.mark.parametrize(
    ("category", "verdict"),
    [("A0", "received"), ("A1", "received"), ("A2", "accepted"), ("A3", "rejected"), ("A4", "rejected"), ("A7", "rejected"),
     ("F1", "accepted"), ("P2", "accepted"), ("E1", "received"), ("", "received"), ("ZZ", "received")],
)  # fmt: skip
def test_a_category_says_what_becomes_of_the_claim(category: str, verdict: str) -> None:
    assert verdict_of(category) == verdict


def test_an_answer_is_for_the_claim_that_is_most_like_it_and_the_latest_of_equals() -> None:
    old, new, dear = (Known(uuid4(), "P", charge, DAY, DAY, number) for charge, number in ((100, "I1"), (100, ""), (500, "")))
    answer = Acknowledgement(uuid4(), "A", "accepted", "277CA", DAY, (), charge_cents=100)
    assert choose(answer, [old, new, dear]) is new
    assert choose(answer, [dear]) is dear
    assert choose(answer, []) is None
    assert choose(dataclasses.replace(answer, payer_claim_control_number="I1"), [old, new, dear]) is old
    assert choose(dataclasses.replace(answer, charge_cents=500), [old, new, dear]) is dear
