"""Odds from outcomes: they begin at published rates, move with what is seen, say how sure they are, and fade with time."""

import math
import random
from collections.abc import Sequence
from datetime import date, timedelta

import msgspec
import pytest

from services.classifier.odds.evaluation import auc, folds, quality
from services.classifier.odds.fitting import fit
from services.classifier.odds.learning import learn
from services.classifier.odds.outcomes import Outcome, Subject
from services.classifier.odds.published import base_rates
from services.classifier.odds.table import ENOUGH, NO_OUTCOMES, Table, odds_of, recoverable_cents

TODAY = date(2026, 6, 1)
SUBJECT = Subject("P1", "commercial", "professional", "first_level", "authorization", "197")


def outcomes(
    won: int, lost: int, subject: Subject = SUBJECT, *, day: date = TODAY, disputed: int = 10_000, recovered: int = 10_000
) -> list[Outcome]:
    return [Outcome(subject, place < won, disputed, recovered if place < won else 0, day) for place in range(won + lost)]


def table(*parts: Sequence[Outcome], half_life_days: int = 365) -> Table:
    return fit([each for part in parts for each in part], TODAY, half_life_days=half_life_days, version=1)


def test_without_outcomes_the_odds_are_what_was_published_and_say_so() -> None:
    told = odds_of(NO_OUTCOMES, SUBJECT)
    assert (told.probability, told.basis, told.outcomes, told.enough) == (0.543, "published", 0, False)
    assert told.low < 0.3
    assert told.high > 0.8
    part_a = msgspec.structs.replace(SUBJECT, payer_kind="medicare", claim_type="institutional")
    assert odds_of(NO_OUTCOMES, part_a).probability == 0.24


def test_every_published_rate_names_its_source_and_year() -> None:
    assert all(rate.source and 2000 < rate.year < 2030 and 0 < rate.overturned < 1 for rate in base_rates().values())
    assert ("", "", "") in base_rates()


def test_a_few_outcomes_move_the_odds_a_little_and_many_settle_them() -> None:
    few, many = odds_of(table(outcomes(0, 3)), SUBJECT), odds_of(table(outcomes(0, 300)), SUBJECT)
    assert 0.2 < few.probability < 0.5
    assert not few.enough
    assert many.probability < 0.1
    assert (many.basis, many.enough, many.outcomes) == ("payer_carc", True, 300)
    assert many.high - many.low < few.high - few.low


@pytest.mark.parametrize(("count", "enough"), [(ENOUGH - 1, False), (ENOUGH, True)])
def test_below_a_limit_there_are_too_few_to_say(count: int, enough: bool) -> None:
    told = odds_of(table(outcomes(count, 0)), SUBJECT)
    assert (told.enough, told.basis == "published", told.outcomes) == (enough, not enough, count)


def test_a_payer_that_is_new_with_a_code_begins_at_what_both_usually_come_to() -> None:
    other = [Subject(f"P{place}", "commercial", "professional", "first_level", "authorization", "197") for place in range(2, 6)]
    easy_code = [each for subject in other for each in outcomes(90, 10, subject)]
    hard_payer = outcomes(10, 190, Subject("P1", "commercial", "professional", "first_level", "non_covered", "96"))
    told = odds_of(table(easy_code, hard_payer), SUBJECT)
    without_payer = odds_of(table(easy_code), SUBJECT)
    assert (told.basis, told.enough) == ("carc", True)
    assert told.probability < without_payer.probability
    assert told.probability > 0.1


def test_an_unknown_payer_is_nobodys_neighbour() -> None:
    nameless = msgspec.structs.replace(SUBJECT, payer_id="")
    told = odds_of(table(outcomes(0, 200, nameless)), msgspec.structs.replace(nameless, category="non_covered", carc="96"))
    assert told.basis == "level"


def test_old_outcomes_fade() -> None:
    then, now = outcomes(100, 0, day=TODAY - timedelta(days=360)), outcomes(0, 50)
    assert odds_of(table(then, now, half_life_days=30), SUBJECT).probability < 0.2
    assert odds_of(table(then, now, half_life_days=3650), SUBJECT).probability > 0.5


def test_what_a_win_brings_is_learned_too() -> None:
    assert recoverable_cents(NO_OUTCOMES, "P1", 10_000) == 10_000
    won_a_third = table(outcomes(200, 0, recovered=3_000))
    assert 3_000 <= recoverable_cents(won_a_third, "P1", 10_000) < 3_700
    assert 3_000 <= recoverable_cents(won_a_third, "P9", 10_000) < 3_700


def test_a_table_is_the_same_whatever_the_order_and_after_it_was_kept() -> None:
    made = outcomes(5, 9) + outcomes(30, 2, msgspec.structs.replace(SUBJECT, carc="198"), day=TODAY - timedelta(days=9))
    shuffled = random.Random(1).sample(made, len(made))
    one, other = (msgspec.json.encode(learn(each, TODAY, 3)[0]) for each in (made, shuffled))
    assert one == other
    kept = msgspec.json.decode(one, type=Table)
    assert odds_of(kept, SUBJECT) == odds_of(learn(made, TODAY, 3)[0], SUBJECT)


def world(draw: random.Random, count: int) -> list[tuple[Outcome, float]]:
    """Draw outcomes of payers and codes that differ, each with its true probability."""
    payers = {f"P{place}": draw.gauss(0, 0.6) for place in range(10)}
    codes = {carc: draw.gauss(0, 0.6) for carc in ("197", "50", "16", "97", "29", "96")}
    made = []
    for _ in range(count):
        payer, carc = draw.choice(list(payers)), draw.choice(list(codes))
        true = 1 / (1 + math.exp(-(0.2 + payers[payer] + codes[carc])))
        day = TODAY - timedelta(days=draw.randrange(600))
        subject = Subject(payer, "commercial", "professional", "first_level", f"of {carc}", carc)
        made.append((Outcome(subject, draw.random() < true, 10_000, 0, day), true))
    return made


def test_odds_come_near_the_truth_and_intervals_hold_it() -> None:
    drawn = world(random.Random(4), 12_000)
    learned, unseen = drawn[:6_000], drawn[6_000:]
    made, report = learn([each for each, _ in learned], TODAY, 1)
    told = [odds_of(made, each.subject) for each, _ in unseen]
    won = [each.won for each, _ in unseen]
    assert auc(won, [true for _, true in unseen]) - auc(won, [each.probability for each in told]) < 0.03
    assert quality("table", [each for each, _ in unseen], [each.probability for each in told]).calibration_error < 0.03
    covered = sum(each.low <= true <= each.high for each, (_, true) in zip(told, unseen, strict=True)) / len(told)
    assert 0.8 < covered <= 1
    assert report.held_out == pytest.approx(1_200, abs=60)


def test_nothing_is_measured_on_what_was_learned_from() -> None:
    drawn = [each for each, _ in world(random.Random(5), 1_000)]
    parts = folds(drawn)
    assert len(parts) > 1
    assert sum(len(part.held_out) for part in parts) == pytest.approx(200, abs=20)
    for part in parts:
        assert max(each.decided_on for each in part.earlier) < min(each.decided_on for each in part.held_out)
    assert folds(drawn[:100]) == []
    assert folds([msgspec.structs.replace(each, decided_on=TODAY) for each in drawn]) == []


def test_lift_is_against_working_every_case_and_the_largest_first() -> None:
    easy, hard = SUBJECT, msgspec.structs.replace(SUBJECT, category="non_covered", carc="96")
    made = []
    for place in range(400):
        day = TODAY - timedelta(days=place)
        made += outcomes(1, 0, easy, day=day, disputed=10_000, recovered=10_000)
        made += outcomes(0, 1, hard, day=day, disputed=20_000)
    _, report = learn(made, TODAY, 1)
    at_a_quarter = {each.policy: each.cents_per_case for each in report.lift if each.capacity == 0.25}
    assert at_a_quarter == {"always": 5_000, "amount": 0, "table": 10_000}


def test_auc_counts_ties_by_half_and_needs_both_kinds() -> None:
    assert auc([True, False], [0.5, 0.5]) == 0.5
    assert auc([True, False, True], [0.9, 0.1, 0.5]) == 1.0
    assert auc([True, True], [0.9, 0.1]) == 0.5
