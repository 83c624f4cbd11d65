"""What a model of risk sees, learns and says: nothing from after submission, calibrated, reasons that add up and name nobody."""

from datetime import UTC, date, datetime, timedelta
from random import Random
from uuid import UUID, uuid4

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from libs.common.contracts.claim_submitted import CheckFinding, ClaimSubmittedV1, SubmittedLine
from libs.synthetic.chances import chanced_claims
from services.classifier.models.measures import auc, calibration_error, measure, pr_auc, shift
from services.classifier.models.told import Fitted, Refused
from services.classifier.risk.claims import Lesson, Line, Outcome, Submission, decode, encode, placed, submission_of
from services.classifier.risk.columns import Book, columns_of
from services.classifier.risk.features import matrix, rates_of
from services.classifier.risk.fitting import Material, as_of, calibrated, fit
from services.classifier.risk.history import KINDS, Aged, Outcomes, Tables, keys, places
from services.classifier.risk.lessons import Lessons, split
from services.classifier.risk.model import Scorer, read
from services.classifier.risk.rates import rates_model, seen_in
from tests.bench.insight import held, lesson_of, trained

FIRST_ON = date(2025, 1, 1)


@pytest.fixture(scope="module")
def lessons() -> list[Lesson]:
    return [lesson_of(claim) for claim in chanced_claims(8, 4_000, FIRST_ON, 80)]


@pytest.fixture(scope="module")
def fitted(lessons: list[Lesson]) -> Fitted:
    return fit(Material(gathered(lessons)), None, lambda _, __: None)


@pytest.fixture(scope="module")
def scorer(fitted: Fitted) -> Scorer:
    return read(fitted.body)


def gathered(lessons: list[Lesson]) -> Lessons:
    found = Lessons(Book())
    for lesson in lessons:
        found.add(lesson)
    return found


def test_nothing_that_was_answered_on_or_after_a_claims_day_moves_what_is_seen_of_it(lessons: list[Lesson]) -> None:
    rows = gathered(lessons).all()
    seen = seen_in(gathered(lessons), rows, np.arange(len(rows)))
    before = matrix(rows.columns, as_of(rows, rows.day, seen), seen)
    cut = int(np.median(rows.day))
    later = rows.outcomes.answered >= cut
    turned = Outcomes(
        answered=rows.outcomes.answered,
        denied=np.where(later, 1 - rows.outcomes.denied, rows.outcomes.denied),
        line_denied=np.where(later[rows.columns.line_of], 1 - rows.outcomes.line_denied, rows.outcomes.line_denied),
    )
    after = matrix(rows.columns, as_of(replace(rows, outcomes=turned), rows.day, seen), seen)
    early, late = rows.day <= cut, rows.day > cut + 20
    assert later.sum() > 1_000
    assert np.allclose(before[early], after[early], atol=1e-6, equal_nan=True)
    assert not np.allclose(before[late], after[late], atol=0.1, equal_nan=True)


def test_a_claims_own_answer_is_not_seen_of_it() -> None:
    one = Lesson(uuid4(), FIRST_ON, submission(), Outcome(FIRST_ON, True, "authorization"))
    later = replace(one, submitted_on=FIRST_ON + timedelta(days=1), outcome=Outcome(FIRST_ON + timedelta(days=30), True))
    rows = gathered([one, later]).all()
    counts = Aged(rows.columns, rows.outcomes, "payer").before(keys(rows.columns, "payer"), rows.day)
    assert counts.seen.tolist() == [0.0, pytest.approx(1.0, abs=0.01)]


def test_scoring_sees_what_learning_saw(lessons: list[Lesson]) -> None:
    some = gathered(lessons)
    rows = some.all()
    seen = seen_in(some, rows, np.arange(len(rows)))
    end = int(rows.outcomes.answered.max()) + 1
    tables = Tables({kind: Aged(rows.columns, rows.outcomes, kind).table(end) for kind in KINDS})
    learned = as_of(rows, np.full(len(rows), end), seen)
    asked = [(decode(told), None if lag < 0 else int(lag)) for told, lag in zip(some.told, rows.lag_days, strict=True)]
    columns = columns_of(asked, Book(some.book.texts()))
    scored = rates_of(columns, lambda kind: tables.counts(columns, kind), seen)
    told, again = (matrix(where, rates, seen) for where, rates in ((rows.columns, learned), (columns, scored)))
    assert np.allclose(told, again, atol=0.01, equal_nan=True)


def test_what_is_sent_again_for_an_account_is_on_one_side_of_the_split_alone(lessons: list[Lesson]) -> None:
    rows = gathered(lessons).all()
    parts = split(rows)
    groups = [set(rows.group[part].tolist()) for part in (parts.fit, parts.calibrate, parts.held_out)]
    assert not groups[0] & groups[1]
    assert not (groups[0] | groups[1]) & groups[2]
    assert rows.day[parts.fit].max() < rows.day[parts.calibrate].min() <= rows.day[parts.calibrate].max()
    assert rows.day[parts.calibrate].max() < rows.day[parts.held_out].min()


def test_claims_taken_in_after_their_answer_stand_where_they_were_served() -> None:
    late = Lesson(uuid4(), date(2026, 6, 1), submission(), Outcome(date(2025, 3, 1), False))
    assert placed(late) == (date(2024, 12, 20), None)
    assert placed(replace(late, submitted_on=FIRST_ON)) == (FIRST_ON, 12)
    unserved = replace(late, submission=replace(late.submission, served_on=None))
    assert placed(unserved) == (date(2025, 3, 1), None)


def test_a_row_that_is_learned_from_holds_nothing_of_a_patient() -> None:
    told = encode(submission_of(claim()))
    for of_a_patient in (b"ACCT-77", b"member-hash", b"DOE", b"E1165"):
        assert of_a_patient not in told
    assert decode(told).diagnoses == ("E11",)
    assert set(Submission.__struct_fields__) == {
        "payer_id", "payer_kind", "claim_type", "frequency_code", "payer_sequence", "facility_code", "provider_npi", "diagnoses",
        "authorization", "referral", "served_on", "charge_cents", "lines", "findings",
    }  # fmt: skip


def test_contributions_add_up_to_the_score(scorer: Scorer, fitted: Fitted, lessons: list[Lesson]) -> None:
    model = msgspec.json.decode(fitted.body)
    asked = [(lesson.submission, 5) for lesson in lessons[:200]]
    columns = columns_of(asked, Book(model["book"]))
    offset, given = scorer.contributions(columns, scorer.rates(columns))
    score = model["slope"] * (offset + given.sum(axis=1)) + model["intercept"]
    assert np.allclose(scorer.chances(asked), 1 / (1 + np.exp(-score)))
    assert [each.probability for each in scorer.assess(asked)] == pytest.approx(scorer.chances(asked).tolist(), abs=1e-4)


def test_a_trained_model_orders_claims_better_than_rates_alone_and_its_chances_come_true(fitted: Fitted) -> None:
    assert fitted.metrics["log_loss"] < fitted.rival["log_loss"]
    assert fitted.metrics["auc"] > 0.68
    assert abs(fitted.metrics["mean_chance"] - fitted.metrics["rate"]) < 0.06
    assert fitted.held_out.first_on > FIRST_ON + timedelta(days=40)


def test_after_a_payer_changed_its_mind_one_training_makes_chances_come_true_again() -> None:
    again_on = FIRST_ON + timedelta(days=270)
    claims = list(chanced_claims(9, 12_000, FIRST_ON, 360, shift_on=FIRST_ON + timedelta(days=180)))
    made = trained(claim for claim in claims if claim.answered_on < again_on)
    found = held(read(made.body), [claim for claim in claims if claim.submitted_on >= again_on])
    assert found["calibration_error"] < 0.036  # 0.043 where it is calibrated by a model that learned before the change


def test_the_same_lessons_make_the_same_file(fitted: Fitted, lessons: list[Lesson]) -> None:
    assert fit(Material(gathered(lessons)), None, lambda _, __: None).body == fitted.body


def test_other_tenants_teach_a_prior_without_their_names(lessons: list[Lesson]) -> None:
    own = gathered(lessons)
    others = Lessons(own.book, keep=False)
    for number, told in enumerate(chanced_claims(9, 4_000, FIRST_ON, 80)):
        lesson = lesson_of(told)
        named = replace(lesson.submission, payer_id="", provider_npi="")
        others.add(replace(lesson, group=UUID(int=number), submission=named))
    found = fit(Material(own, others), None, lambda _, __: None)
    model = msgspec.json.decode(found.body)
    assert model["prior"] is not None
    assert len(read(found.body).assess([(lessons[0].submission, 5)])) == 1
    assert found.card["prior"] == "4,000 claims of other tenants, without payers and providers"


@pytest.mark.parametrize(
    ("answered", "denied", "told"),
    [
        (10, 3, "Too few outcomes: 10 claims were answered, 500 are needed."),
        (600, 0, "Too few denials to tell from the rest: 0 of 600 answered claims, 50 are needed."),
        (600, 600, "Nearly all 600 answered claims were denied: 50 that were not are needed."),
    ],
)
def test_too_few_outcomes_or_one_kind_of_them_are_refused_in_one_sentence(answered: int, denied: int, told: str) -> None:
    some = [
        Lesson(
            uuid4(), FIRST_ON + timedelta(days=place // 10), submission(), Outcome(FIRST_ON + timedelta(days=90), place < denied)
        )
        for place in range(answered)
    ]
    with pytest.raises(Refused, match=told):
        fit(Material(gathered(some)), None, lambda _, __: None)


def test_claims_of_one_day_are_refused_for_want_of_a_later_period() -> None:
    some = [Lesson(uuid4(), FIRST_ON, submission(), Outcome(FIRST_ON, place % 3 == 0)) for place in range(600)]
    with pytest.raises(Refused, match="Claims have to come over more days"):
        fit(Material(gathered(some)), None, lambda _, __: None)


def test_unknown_payers_codes_and_claims_without_lines_have_a_chance_too(scorer: Scorer) -> None:
    strange = replace(submission(), payer_id="NOBODY", payer_kind="?", diagnoses=(), lines=(Line(1, "Q9999", ("ZZ",), 0),))
    empty = replace(submission(), lines=(), findings=(("NEW-RULE", "error", None),), served_on=None)
    for found in scorer.assess([(strange, None), (empty, None)]):
        assert 0 < found.probability < 1
        assert found.lines == ()
    assert scorer.assess([]) == []


def test_without_any_outcome_the_published_rate_of_the_kind_of_payer_stands_in() -> None:
    cold = Scorer(rates_model(Lessons(Book()), FIRST_ON.toordinal()))
    plain = submission_of(replace(claim(), findings=()))
    (unknown,) = cold.assess([(plain, 5)])
    assert unknown.probability == pytest.approx(0.12, abs=0.001)
    (found,) = cold.assess([(submission_of(claim()), 5)])
    assert found.probability > 0.4
    assert found.reasons[0] == "A check found an error: PAYER-AUTHORIZATION."


def test_a_few_outcomes_move_the_rate_of_a_payer_and_procedure_a_little_and_many_all_the_way() -> None:
    chances = []
    for count in (0, 5, 500):
        some = [
            Lesson(uuid4(), FIRST_ON, submission(), Outcome(FIRST_ON + timedelta(days=10), True, "authorization"))
            for _ in range(count)
        ]
        cold = Scorer(rates_model(gathered(some), FIRST_ON.toordinal() + 11))
        chances.append(cold.chances([(submission(), 12)])[0])
    assert chances[0] < chances[1] < chances[2] - 0.2
    assert chances[2] > 0.9


def test_reasons_name_what_adds_most_with_its_figures_and_lines_that_differ(scorer: Scorer, lessons: list[Lesson]) -> None:
    found = scorer.assess([(lesson.submission, 40) for lesson in lessons[-300:]])
    said = [reason for each in found for reason in each.reasons]
    assert any("No prior authorization is named with" in reason and "% of them were denied." in reason for reason in said)
    assert any(reason.startswith("This payer denies ") for reason in said)
    assert any("A check found an error: PAYER-AUTHORIZATION" in reason for reason in said)
    assert all(len(each.reasons) <= 3 and len(reason) <= 300 for each in found for reason in each.reasons)
    differing = [each for each in found if each.lines]
    assert differing
    assert all(each.lines[0].probability == pytest.approx(each.probability, abs=1e-3) for each in differing)


def test_a_reason_quotes_codes_alone_cut_short_and_without_signs(lessons: list[Lesson]) -> None:
    some = [
        replace(each, submission=replace(each.submission, findings=(("<b>JANE DOE</b> " * 9, "error", None),))) for each in lessons
    ]
    cold = Scorer(rates_model(gathered(some[:500]), FIRST_ON.toordinal() + 90))
    reasons = cold.assess([(some[0].submission, 5)])[0].reasons
    assert all("<" not in reason and len(reason) < 200 for reason in reasons)


def test_platt_finds_slope_and_intercept_again() -> None:
    draw = np.random.default_rng(7)
    score = draw.normal(0, 2, 40_000)
    happened = (draw.random(40_000) < 1 / (1 + np.exp(-(0.5 * score - 1)))).astype(int)
    slope, intercept = calibrated(score, happened)
    assert slope == pytest.approx(0.5, abs=0.03)
    assert intercept == pytest.approx(-1, abs=0.05)
    assert calibration_error(1 / (1 + np.exp(-(slope * score + intercept))), happened) < 0.01


def test_figures_agree_with_what_they_are_by_definition() -> None:
    draw = Random(7)
    chances = np.array([round(draw.random(), 1) for _ in range(300)])
    happened = np.array([int(draw.random() < chance) for chance in chances])
    pairs = [(a, b) for a in chances[happened == 1] for b in chances[happened == 0]]
    assert auc(chances, happened) == pytest.approx(np.mean([(a > b) + (a == b) / 2 for a, b in pairs]))
    assert pr_auc(happened.astype(float), happened) == 1.0
    assert pr_auc(np.full(300, 0.5), happened) == pytest.approx(happened.mean())
    told = measure(np.linspace(1, 0, 100), np.r_[np.ones(5), np.zeros(95)].astype(int), np.full(100, 200.0))
    assert (told["recall_reviewed"], told["caught_cents_per_reviewed"]) == (1.0, 100.0)
    assert shift(np.array([50, 50]), np.array([500, 500])) == pytest.approx(0, abs=1e-3)
    assert shift(np.array([50, 50]), np.array([90, 10])) > 0.25


def test_every_kind_of_key_stands_beside_its_claims(lessons: list[Lesson]) -> None:
    columns = gathered(lessons[:50]).all().columns
    for kind in KINDS:
        assert len(keys(columns, kind)) == len(places(columns, kind))


def submission() -> Submission:
    return Submission(
        "1999999984", "commercial", "professional", "1", "P", "11", "1200000001", ("E11",), False, None, date(2024, 12, 20), 20_000,
        (Line(1, "E0601", ("RR",), 20_000),), (),
    )  # fmt: skip


def claim() -> ClaimSubmittedV1:
    return ClaimSubmittedV1(
        claim_id=uuid4(),
        claim_key=uuid4(),
        patient_control_number="ACCT-77",
        claim_type="professional",
        frequency_code="1",
        charge_cents=20_000,
        payer_id="1999999984",
        payer_name="NORTHWIND",
        submitted_at=datetime(2025, 1, 1, tzinfo=UTC),
        lines=(SubmittedLine(1, 20_000, "E0601", "HC", ("RR",)),),
        diagnosis_codes=("E1165",),
        member_reference="member-hash",
        findings=(CheckFinding("PAYER-AUTHORIZATION", "error", "197", 1),),
    )
