"""Trees over the table of odds: chosen where they see more than the table, refused on too little, never a pickle."""

import random
from datetime import date, timedelta

import msgspec
import pytest

from services.classifier.models.life import is_better
from services.classifier.models.told import Fitted, Refused
from services.classifier.odds import boosting
from services.classifier.odds.fitting import fit as fit_table
from services.classifier.odds.outcomes import Circumstances, Outcome, Subject
from services.classifier.odds.table import logit_of
from tests.bench import insight_odds

TODAY = date(2026, 6, 1)
SUBJECT = Subject("P1", "commercial", "professional", "first_level", "authorization", "197")


def outcomes(count: int, *, by_amount: float, seed: int = 1) -> list[Outcome]:
    """Draw outcomes over 400 days of which small amounts are won so much more often than large ones."""
    draw = random.Random(seed)
    made = []
    for place in range(count):
        cents = draw.choice([1_000, 90_000])
        won = draw.random() < (0.5 + by_amount if cents == 1_000 else 0.5 - by_amount)
        day = TODAY - timedelta(days=400 * place // count)
        made.append(Outcome(SUBJECT, won, cents, cents if won else 0, day, Circumstances("CO", ("N115",), cents, cents, 0, 40)))
    return made


def fitted(made: list[Outcome], live: bytes | None = None) -> Fitted:
    return boosting.fit(made, live, lambda _, __: None)


@pytest.fixture(scope="module")
def model() -> Fitted:
    return fitted(outcomes(2_000, by_amount=0.3))


def test_a_model_that_sees_more_than_the_table_is_better_and_calibrated(model: Fitted) -> None:
    assert is_better(model.metrics, model.rival)
    assert model.metrics["auc"] > 0.7
    assert model.rival["auc"] < 0.6
    assert model.metrics["calibration_error"] < 0.1
    assert model.metrics["cents_per_case_of_25_percent"] > model.metrics["cents_per_case_of_all"]
    assert model.held_out.last_on == model.learned.last_on == TODAY
    assert model.held_out.rows == pytest.approx(400, abs=10)
    assert next(iter(model.card["weights"])) == "denied"
    assert [model.card["periods"][name]["claims"] for name in ("fit", "calibrated", "held_out")] == [1300, 300, 400]


def test_where_there_is_nothing_to_add_the_table_stays() -> None:
    made = fitted(outcomes(2_000, by_amount=0.0, seed=5))
    assert made.metrics["log_loss"] == pytest.approx(made.rival["log_loss"], abs=0.01)


def test_after_two_payers_changed_their_minds_one_training_makes_chances_come_true_again() -> None:
    shift_on, again_on = (insight_odds.FIRST_ON + timedelta(days=days) for days in (270, 405))
    drawn = insight_odds.World(7).outcomes(10, 8_000, shift_on)
    known = [each for each in drawn if each[0].decided_on < again_on]
    after = [each for each in drawn if each[0].decided_on >= again_on]
    table, made = insight_odds.trained(known)
    found = insight_odds.held("model", insight_odds.said(table, boosting.read(made.body), after), after)
    assert found["calibration_error"] < 0.075  # 0.099 where it is calibrated by a model that learned before the change
    assert found["below_best"] < 0.05


def test_a_model_follows_the_table_when_that_is_made_anew(model: Fitted) -> None:
    scorer = boosting.read(model.body)
    lost = [msgspec.structs.replace(each, won=False) for each in outcomes(500, by_amount=0)]
    before, after = (fit_table(made, TODAY, half_life_days=365) for made in (outcomes(500, by_amount=0), lost))
    known = [(SUBJECT, Circumstances("CO", ("N115",), 1_000, 1_000, 0, 40))]
    (then,), (now,) = (scorer.logits(known, [logit_of(table, SUBJECT)]) for table in (before, after))
    assert now < then - 1


@pytest.mark.parametrize(
    "made",
    [
        outcomes(10, by_amount=0.3),
        [msgspec.structs.replace(each, won=True) for each in outcomes(1_200, by_amount=0.3)],
        [msgspec.structs.replace(each, decided_on=TODAY) for each in outcomes(1_200, by_amount=0.3)],
    ],
    ids=["ten rows", "one class", "one day"],
)
def test_too_little_is_refused_in_a_sentence(made: list[Outcome]) -> None:
    with pytest.raises(Refused, match=r"[0-9a-z ]\.$"):
        fitted(made)


def test_a_model_is_held_against_the_live_one_and_on_what_came_later(model: Fitted) -> None:
    made = outcomes(2_000, by_amount=0.3)
    again = fitted(made, model.body)
    assert again.rival["log_loss"] < model.rival["log_loss"]
    held = boosting.hold(made, [model.body, again.body], TODAY - timedelta(days=100))
    assert len(held.metrics) == 2
    assert held.held_out.rows == pytest.approx(500, abs=10)
    with pytest.raises(Refused):
        boosting.hold(made, [model.body], TODAY - timedelta(days=1))


def test_what_a_model_never_saw_is_scored_too(model: Fitted) -> None:
    stranger = Subject("", "", "", "external_review", "other", "ZZ9")
    (logit,) = boosting.read(model.body).logits([(stranger, Circumstances())], [0.3])
    assert -5 < logit < 5
    assert boosting.read(model.body).logits([], []) == []


def test_a_models_file_is_text(model: Fitted) -> None:
    assert msgspec.json.decode(model.body, type=boosting.OddsModel).trees.startswith("tree")
