"""Trees over the table of odds: what the table does not look at, or cannot say level by level. Pure.

A model begins at the table's odds and says how far to move them: by amounts, remarks, the group, how old the service was, and what
goes together. Where it has nothing to add it is the table, and it follows the table when that is made anew; so it knows no payer
by name: what a payer does is the table's to say.

Time runs one way. The table that an outcome begins at is made of what was decided before it; trees learn from the oldest outcomes,
the next ones say when to stop and calibrate, the newest fifth is only measured on, with the table beside it. What is registered has
then learned from all of them, with as many trees, and is calibrated on the newest fifth.
"""

import math
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import lightgbm
import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.optimize import minimize

from services.classifier.models.measures import auc, calibration_error, log_loss, pr_auc
from services.classifier.models.told import Fitted, Held, Period, Refused, Tell
from services.classifier.odds.evaluation import CAPACITIES
from services.classifier.odds.fitting import fit as fit_table
from services.classifier.odds.learning import learn
from services.classifier.odds.outcomes import Circumstances, Outcome, Subject
from services.classifier.odds.table import logit_of, recoverable_cents

LEAST: Final = 1_000
_LEAST_OF_EACH: Final = 50
_FIT_SHARE, _CALIBRATE_SHARE = 0.65, 0.8  # up to here
_STEPS: Final = 16  # tables that earlier outcomes begin at
_HALVES: Final = 2  # of the newest outcomes
_ROUNDS_MAX, _PATIENCE = 400, 25
_WORDS_MAX: Final = 250  # of a column; the rest is "another"
_WORDS: Final = ("payer_kind", "claim_type", "level", "category", "carc", "group_code", "rarc")
_SEED: Final = 7
_OF_THE_OUTCOMES: Final = frozenset({"rate", "cents_per_case_of_all"})

Numbers = NDArray[Any]
Known = tuple[Subject, Circumstances]
Part = slice | Numbers  # of the outcomes, by place


class OddsModel(Struct, frozen=True):
    """A model's file: its words by column, its trees as text, and its calibration."""

    words: dict[str, list[str]]
    trees: str
    slope: float
    intercept: float


class Scorer:
    """A model that can score. Errors: lightgbm.basic.LightGBMError where its trees are none."""

    def __init__(self, model: OddsModel) -> None:
        self._model = model
        self._places = {name: {word: place for place, word in enumerate(words)} for name, words in model.words.items()}
        self._booster = lightgbm.Booster(model_str=model.trees)

    def logits(self, known: Sequence[Known], begin: Sequence[float]) -> list[float]:
        """Return the logit of each, beside those of the table at which it begins."""
        if not known:
            return []
        moved = self._booster.predict(_matrix(self._places, known), raw_score=True, num_threads=1)
        found: list[float] = (self._model.intercept + self._model.slope * (np.asarray(begin) + np.asarray(moved))).tolist()
        return found


def chances_of(scorer: Scorer, told: Sequence[tuple[Subject, Circumstances, float]]) -> list[float]:
    """Return what a model says of denials, each with the table's logit."""
    logits = scorer.logits([(subject, circumstances) for subject, circumstances, _ in told], [begin for _, _, begin in told])
    return [1 / (1 + math.exp(-logit)) for logit in logits]


def read(body: bytes) -> Scorer:
    """Make a scorer of a file. Errors: msgspec.DecodeError."""
    return Scorer(msgspec.json.decode(body, type=OddsModel))


class _Rows:
    """Outcomes in the order of their decisions, each with the table's logit from before it."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes = sorted(outcomes, key=lambda each: each.decided_on)
        self.days = np.array([each.decided_on.toordinal() for each in self.outcomes])
        self.won = np.array([each.won for each in self.outcomes]).astype(int)
        self.fit_end, self.calibrate_end = (self._whole_day(share) for share in (_FIT_SHARE, _CALIBRATE_SHARE))
        earlier = self.outcomes[: self.calibrate_end]
        table, _ = learn(earlier, earlier[-1].decided_on, 0) if earlier else (None, None)
        self.half_life_days = table.half_life_days if table is not None else 1
        self.begin, self.expected = self._told_before()
        self.weight = 0.5 ** ((self.days[-1] - self.days) / self.half_life_days)

    def _whole_day(self, share: float) -> int:
        return int(np.searchsorted(self.days, self.days[int(len(self.days) * share)]))

    def _told_before(self) -> tuple[Numbers, Numbers]:
        """Return the table's logit of each outcome, and what a win usually brought, both as known before its period."""
        cuts = {int(np.searchsorted(self.days, self.days[len(self.days) * step // _STEPS])) for step in range(_STEPS)}
        starts = sorted(cuts | {self.fit_end, self.calibrate_end})
        logits, cents = [], []
        for start, end in zip(starts, [*starts[1:], len(self.outcomes)], strict=True):
            part = self.outcomes[start:end]
            table = fit_table(self.outcomes[:start], part[0].decided_on, half_life_days=self.half_life_days)
            logits += [logit_of(table, each.subject) for each in part]
            cents += [recoverable_cents(table, each.subject.payer_id, each.disputed_cents) for each in part]
        return np.array(logits), np.array(cents, dtype=np.float64)

    def known(self, part: Part) -> list[Known]:
        found = (self.outcomes[place] for place in np.arange(len(self.outcomes))[part].tolist())
        return [(each.subject, each.circumstances) for each in found]

    def period(self, part: slice) -> Period:
        found = self.outcomes[part]
        return Period(found[0].decided_on, found[-1].decided_on, len(found))


def too_few(outcomes: int, won: int) -> str | None:
    """Say in one sentence why trees cannot learn yet; None where they can."""
    if outcomes < LEAST:
        return f"Trees over the odds need {LEAST:,} outcomes; there are {outcomes:,}."
    if min(won, outcomes - won) < _LEAST_OF_EACH:
        return f"Trees over the odds need {_LEAST_OF_EACH} outcomes that were won and as many that were lost."
    return None


def fit(outcomes: Sequence[Outcome], live: bytes | None, tell: Tell) -> Fitted:
    """Fit and measure. Errors: Refused where there is not enough to learn from."""
    refused = too_few(len(outcomes), sum(each.won for each in outcomes))
    if refused is not None:
        raise Refused(refused)
    tell("preparing", 0.2)
    rows = _Rows(outcomes)
    if not 0 < rows.fit_end < rows.calibrate_end < len(rows.outcomes):
        raise Refused("The outcomes are of too few days to learn from the earlier and measure on the later ones.")
    learned, calibrate, held_out = (
        slice(0, rows.fit_end),
        slice(rows.fit_end, rows.calibrate_end),
        slice(rows.calibrate_end, None),
    )
    words = _words(rows.known(slice(0, rows.calibrate_end)))
    places = {name: {word: place for place, word in enumerate(told)} for name, told in words.items()}
    tell("fitting", 0.4)
    booster = _boost(rows, places, learned, calibrate, _ROUNDS_MAX)
    rounds = max(booster.best_iteration, 1)
    raw = rows.begin[calibrate] + np.asarray(booster.predict(_matrix(places, rows.known(calibrate)), raw_score=True))
    slope, intercept = _calibrated(raw, rows.won[calibrate])
    first = OddsModel(words, booster.model_to_string(num_iteration=rounds), slope, intercept)
    tell("fitting to the end", 0.7)
    final = _boost(rows, places, slice(0, None), None, rounds)
    newest_slope, newest_intercept = _calibrated_on_the_newest(rows, places, held_out, rounds)
    body = msgspec.json.encode(OddsModel(words, final.model_to_string(), newest_slope, newest_intercept))
    tell("measuring", 0.9)
    chances = _chances(Scorer(first), rows, held_out)
    rival = _plain(rows, held_out) if live is None else measured(rows, held_out, _chances(read(live), rows, held_out))
    parts = {"fit": learned, "calibrated": calibrate, "held_out": held_out}
    card = {
        "learns": "whether contesting a denial brings something, from what was known before anybody decided",
        "never_sees": "patients, what an answer said, payers by name, and denials that nobody contested",
        "method": f"the table (half-life {rows.half_life_days} days), {rounds} trees over it, Platt calibration on the newest",
        "prior": None,
        "periods": {name: _counted(rows, part) for name, part in parts.items()},
        "payers": sorted({each.subject.payer_id for each in rows.outcomes})[:200],
        "weights": _weights(booster),
        "calibration": {"slope": round(newest_slope, 4), "intercept": round(newest_intercept, 4)},
        "reference": _reference(chances),
    }
    return Fitted(
        body=body,
        learned=rows.period(slice(0, None)),
        held_out=rows.period(held_out),
        metrics=_beside_the_table(rows, held_out, chances),
        rival=rival,
        card=card,
    )


def hold(outcomes: Sequence[Outcome], bodies: Sequence[bytes], since: date) -> Held:
    """Measure models on outcomes decided after a day, beside the table. Errors: Refused where these are too few."""
    later = [each for each in outcomes if each.decided_on > since]
    won = sum(each.won for each in later)
    if min(won, len(later) - won) < _LEAST_OF_EACH:
        raise Refused(f"{_LEAST_OF_EACH} outcomes that were won and as many that were lost are needed after {since}.")
    rows = _Rows(outcomes)
    part = slice(len(rows.outcomes) - len(later), None)
    figures = [_beside_the_table(rows, part, _chances(read(body), rows, part)) for body in bodies]
    return Held(rows.period(part), figures, _plain(rows, part))


def measured(rows: _Rows, part: slice, chances: Numbers) -> dict[str, float]:
    """Return all figures of chances; the cents are what came of each worked case where a part can be worked, the best first."""
    won = rows.won[part]
    recovered = np.array([max(each.recovered_cents, 0) for each in rows.outcomes[part]], dtype=np.float64)
    order = np.argsort(-chances * rows.expected[part], kind="stable")
    brought = {
        f"cents_per_case_of_{capacity:.0%}".replace("%", "_percent"): float(
            recovered[order[: max(1, round(len(order) * capacity))]].mean()
        )
        for capacity in CAPACITIES
    }
    return {
        "rate": float(won.mean()),
        "mean_chance": float(chances.mean()),
        "auc": auc(chances, won),
        "pr_auc": pr_auc(chances, won),
        "log_loss": log_loss(chances, won),
        "calibration_error": calibration_error(chances, won),
        "cents_per_case_of_all": float(recovered.mean()),
        **brought,
    }


def _beside_the_table(rows: _Rows, part: slice, chances: Numbers) -> dict[str, float]:
    """Return a model's figures, and the table's on the same outcomes: what the model is for is to beat that."""
    table = {f"table_{name}": value for name, value in _plain(rows, part).items() if name not in _OF_THE_OUTCOMES}
    return measured(rows, part, chances) | table


def _plain(rows: _Rows, part: slice) -> dict[str, float]:
    return measured(rows, part, 1 / (1 + np.exp(-rows.begin[part])))


def _chances(scorer: Scorer, rows: _Rows, part: slice) -> Numbers:
    told: Numbers = 1 / (1 + np.exp(-np.array(scorer.logits(rows.known(part), rows.begin[part].tolist()))))
    return told


def _calibrated_on_the_newest(rows: _Rows, places: dict[str, dict[str, int]], newest: slice, rounds: int) -> tuple[float, float]:
    """Return the calibration of trees that have learned from everything: payers change their minds, so by the newest outcomes.

    Every second one of them is told by as many trees that have learned from all but these, then the others in the same way.
    """
    logits, won = [], []
    for first in range(_HALVES):
        unseen = np.arange(len(rows.outcomes))[newest][first::_HALVES]
        booster = _boost(rows, places, np.setdiff1d(np.arange(len(rows.outcomes)), unseen), None, rounds)
        moved = np.asarray(booster.predict(_matrix(places, rows.known(unseen)), raw_score=True, num_threads=1))
        logits.append(rows.begin[unseen] + moved)
        won.append(rows.won[unseen])
    return _calibrated(np.concatenate(logits), np.concatenate(won))


def _boost(rows: _Rows, places: dict[str, dict[str, int]], part: Part, watched: slice | None, rounds: int) -> lightgbm.Booster:
    def data(of: Part, reference: lightgbm.Dataset | None = None) -> lightgbm.Dataset:
        return lightgbm.Dataset(
            _matrix(places, rows.known(of)),
            rows.won[of],
            weight=rows.weight[of],
            init_score=rows.begin[of],
            feature_name=[*_WORDS, "denied", "paid_share", "service_age", "remarks"],
            categorical_feature=list(_WORDS),
            reference=reference,
            free_raw_data=True,
        )

    parameters = {
        "objective": "binary",
        "learning_rate": 0.05,
        "num_leaves": 15,
        "min_data_in_leaf": 40,
        "min_data_per_group": 100,
        "cat_smooth": 50,
        "cat_l2": 20,
        "lambda_l2": 5,
        "feature_fraction": 0.8,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "boost_from_average": False,
        "seed": _SEED,
        "num_threads": 1,
        "deterministic": True,
        "verbosity": -1,
    }
    train = data(part)
    if watched is None:
        return lightgbm.train(parameters, train, num_boost_round=rounds)
    stop = lightgbm.early_stopping(_PATIENCE, verbose=False)
    return lightgbm.train(parameters, train, num_boost_round=rounds, valid_sets=[data(watched, train)], callbacks=[stop])


def _words(known: Sequence[Known]) -> dict[str, list[str]]:
    """Return the words of each column, the most frequent first."""
    words: dict[str, list[str]] = {}
    for name, told in zip(_WORDS, zip(*(_told(*each) for each in known), strict=True), strict=True):
        found, counts = np.unique(np.array(told, dtype=object), return_counts=True)
        in_order = sorted(zip(-counts, found, strict=True))
        words[name] = [str(word) for _, word in in_order[:_WORDS_MAX]]
    return words


def _told(subject: Subject, circumstances: Circumstances) -> tuple[str, ...]:
    return (
        subject.payer_kind,
        subject.claim_type,
        subject.level,
        subject.category,
        subject.carc,
        circumstances.group_code,
        circumstances.rarcs[0] if circumstances.rarcs else "",
    )


def _matrix(places: dict[str, dict[str, int]], known: Sequence[Known]) -> Numbers:
    """Return a row for each: places of its words (-1: another), then numbers (NaN: unknown)."""
    rows = []
    for subject, circumstances in known:
        words = [places[name].get(word, -1) for name, word in zip(_WORDS, _told(subject, circumstances), strict=True)]
        age = circumstances.service_age_days
        charged = circumstances.charge_cents
        numbers = (
            float(np.log1p(max(circumstances.denied_cents, 0))),
            circumstances.paid_cents / charged if charged > 0 else np.nan,
            np.nan if age is None else age,
            len(circumstances.rarcs),
        )
        rows.append((*words, *numbers))
    return np.array(rows, dtype=np.float64)


def _calibrated(logits: Numbers, won: Numbers) -> tuple[float, float]:
    """Return slope and intercept (Platt) that make logits come true, held a little to leaving them as they are."""

    def loss(told: Numbers) -> float:
        moved = told[0] * logits + told[1]
        return float(np.sum(np.logaddexp(0, moved) - won * moved) + 5 * (told[0] - 1) ** 2 + 5 * told[1] ** 2)

    slope, intercept = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return float(slope), float(intercept)


def _counted(rows: _Rows, part: slice) -> dict[str, Any]:
    period, won = rows.period(part), rows.won[part]
    days = {"first_on": period.first_on.isoformat(), "last_on": period.last_on.isoformat()}
    return {"claims": len(won), "denied": int(len(won) - won.sum()), **days}


def _weights(booster: lightgbm.Booster) -> dict[str, float]:
    """Return how much each feature moved the scores, of 1, the most first."""
    gains = booster.feature_importance("gain")
    whole = float(gains.sum()) or 1.0
    told = zip(booster.feature_name(), gains, strict=True)
    return {name: round(float(gain) / whole, 3) for name, gain in sorted(told, key=lambda each: -each[1]) if gain > 0}


def _reference(chances: Numbers) -> dict[str, list[Any]]:
    """Return how the scores of the held-out period are spread, to hold later weeks against."""
    edges = np.unique(np.quantile(chances, np.linspace(0.1, 0.9, 9)))
    counts = np.bincount(np.searchsorted(edges, chances), minlength=len(edges) + 1)
    return {"edges": [round(float(each), 6) for each in edges], "counts": counts.tolist()}
