"""Claims named and told: the same content is the same claim, no patient data goes over, and answers come to a state."""

import dataclasses
import itertools
from datetime import UTC, date, datetime
from typing import Any
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
from services.ingest.claims.life import Acknowledgement, Known, assign, replacements, state_of, verdict_of
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

slow = settings(max_examples=60, suppress_health_check=list(HealthCheck))


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


def sent(day: int, charge_cents: int = 100, **told: Any) -> Known:
    known: dict[str, Any] = {"payer_id": "P", "service_from_on": DAY} | told
    return Known(uuid4(), charge_cents=charge_cents, sent_on=date(2026, 1, day), **known)


def answered(day: int, verdict: Any = "accepted", **told: Any) -> Acknowledgement:
    known: dict[str, Any] = {"payer_id": "P", "charge_cents": 100, "service_from_on": DAY} | told
    return Acknowledgement(uuid4(), "A", verdict, "277CA", date(2026, 1, day), (), **known)


def spoken_of(answers: list[Acknowledgement], claims: list[Known]) -> list[int]:
    """Return the place of the claim that each answer is to, in whatever order all of them came."""
    found = [assign(order, claims) for order in itertools.permutations(answers)]
    assert all(each == found[0] for each in found)
    places = {claim.claim_id: place for place, claim in enumerate(claims)}
    return [places[found[0][answer.acknowledgement_id]] for answer in answers]


def test_an_answer_is_to_the_claim_that_is_most_like_it() -> None:
    cheap, dear, other = sent(1), sent(1, 500), dataclasses.replace(sent(1), payer_id="Q")
    answers = [answered(3), answered(3, charge_cents=500), answered(3, payer_id="Q"), answered(3, charge_cents=500, payer_id="Q")]
    assert spoken_of(answers, [cheap, dear, other]) == [0, 1, 2, 1]
    assert spoken_of(answers, [other]) == [0, 0, 0, 0]
    assert assign(answers, []) == {}


def test_among_claims_that_are_alike_an_answer_is_to_the_one_sent_before_it() -> None:
    first, corrected = sent(1), sent(8)
    answers = [answered(3, "rejected"), answered(10), answered(2, "received")]
    assert spoken_of(answers, [first, corrected]) == [0, 1, 0]
    assert spoken_of(answers, [corrected, first]) == [1, 0, 1]


@pytest.mark.parametrize("day", [3, 4])  # the day of the rejection, or in UTC the next one
def test_a_correction_sent_on_the_day_of_the_rejection_is_not_what_was_rejected(day: int) -> None:
    answers = [answered(3, "rejected"), answered(day)]
    assert spoken_of(answers, [sent(1), sent(day)]) == [0, 1]
    assert spoken_of(answers, [sent(day), sent(day)]) == [0, 1]


def test_a_claim_that_nobody_answered_does_not_get_the_answers_of_a_later_one() -> None:
    assert spoken_of([answered(12), answered(13)], [sent(1), sent(10)]) == [1, 1]


def test_the_payer_s_number_finds_the_claim_that_it_was_told_for() -> None:
    answers = [answered(2, payer_claim_control_number="I1"), answered(20, payer_claim_control_number="I1", charge_cents=7)]
    assert spoken_of(answers, [sent(1), sent(10)]) == [0, 0]


def test_a_void_may_be_answered_under_the_number_of_what_it_voids() -> None:
    answers = [answered(2, payer_claim_control_number="I1"), answered(20, payer_claim_control_number="I1")]
    assert spoken_of(answers, [sent(1), sent(10, frequency_code="8", original_number="I1")]) == [0, 1]


def test_a_correction_takes_the_place_of_the_rejected_claim_that_was_sent_before_it() -> None:
    rejected, corrected, elsewhere = sent(1, state="rejected"), sent(8), sent(9, charge_cents=7, service_from_on=NEXT)
    assert replacements([corrected, rejected, elsewhere]) == {corrected.claim_id: rejected.claim_id}
    assert replacements([dataclasses.replace(corrected, replaces_claim_id=rejected.claim_id), rejected]) == {}
    assert replacements([corrected, dataclasses.replace(rejected, sent_on=date(2026, 1, 9))]) == {}
    first, forgotten = sent(1), sent(5, frequency_code="7", state="rejected")
    named = sent(9, frequency_code="7", replaces_claim_id=first.claim_id)
    assert replacements([named, first, forgotten]) == {named.claim_id: forgotten.claim_id}
    guessed = dataclasses.replace(
        sent(20), frequency_code="8", original_number="I2", replaces_claim_id=rejected.claim_id
    )  # by the account, before the number was told
    told = dataclasses.replace(corrected, number="I2", state="accepted")
    assert replacements([guessed, rejected, told]) == {guessed.claim_id: told.claim_id, told.claim_id: rejected.claim_id}
    again = sent(10)
    twice = [rejected, dataclasses.replace(corrected, state="rejected"), again]
    assert replacements(twice) == {corrected.claim_id: rejected.claim_id, again.claim_id: corrected.claim_id}
