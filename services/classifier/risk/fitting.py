"""Fits a model of risk: rates as of each claim's day, trees over them, a calibration, and what the newest claims say of it. Pure.

Time runs one way. A claim's rates are of answers before its day; trees learn from the oldest 70 % of the claims, the next 15 % say
when to stop and calibrate, the newest 15 % are only measured on, with rates as they stood when these began. What is registered
has then learned once more, in the same way and as many trees, from all three: what is newest counts most when a payer has changed
its mind.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import lightgbm
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.optimize import minimize

from services.classifier.models.measures import measure
from services.classifier.models.told import Fitted, Held, Period, Refused, Tell
from services.classifier.risk.claims import decode
from services.classifier.risk.features import CATEGORIES, MEANINGS, Rates, Seen, logit, matrix, names, rates_of
from services.classifier.risk.history import KINDS, Aged, Counts, keys, places
from services.classifier.risk.lessons import Lessons, Parts, Rows, on, split
from services.classifier.risk.model import RiskModel, Scorer, encode, plain_score, read
from services.classifier.risk.rates import categories_of, seen_in

Numbers = NDArray[Any]

_ROUNDS_MAX, _PATIENCE = 400, 25
_PRIOR_ROWS_MIN: Final = 1_000
_PRIOR_ROUNDS: Final = 60
_WEIGHT_MAX: Final = 4.0
_WEIGHT_HALF_LIFE_DAYS: Final = 120
_HELD_MIN: Final = 200
_HALVES: Final = 2  # of the newest part, by account
_HALF_IS_ENOUGH: Final = 10_000  # claims to calibrate on
_REFERENCE_BINS: Final = 10
_SEED: Final = 7


class Material(Struct, frozen=True):
    """What a fit is given: the tenant's own lessons, and those of others without names, under one book."""

    own: Lessons
    others: Lessons | None = None


def as_of(rows: Rows, day: Numbers, seen: Seen) -> Rates:
    """Return the rates of each claim by what was answered before a day."""

    def counts(kind: str) -> Counts:
        return Aged(rows.columns, rows.outcomes, kind).before(keys(rows.columns, kind), day[places(rows.columns, kind)])

    return rates_of(rows.columns, counts, seen)


def fit(material: Material, live: bytes | None, tell: Tell) -> Fitted:
    """Fit and measure. Errors: Refused where there is not enough to learn from."""
    lessons, rows = material.own, material.own.read()
    parts = split(rows)
    tell("preparing", 0.3)
    seen = seen_in(lessons, rows, parts.fit)
    # What comes after a part began is not known to it in use either: a model is not trained every day.
    known = np.minimum(rows.day, parts.first_end + 1)
    known[parts.held_out] = parts.second_end + 1
    rates = as_of(rows, known, seen)
    prior = _prior(material.others, seen, parts.first_end)
    first = _Fit(rows, rates, prior, seen)
    tell("fitting", 0.4)
    booster = first.boost(parts.fit, parts.calibrate, _ROUNDS_MAX, lambda share: tell("fitting", 0.4 + 0.2 * share))
    score = first.score(booster)
    slope, intercept = calibrated(score[parts.calibrate], rows.outcomes.denied[parts.calibrate])
    chances = 1 / (1 + np.exp(-(slope * score + intercept)))
    tell("fitting to the end", 0.6)
    rounds = booster.best_iteration or booster.current_iteration()
    last = _Fit(rows, as_of(rows, rows.day, seen), prior, seen)
    final = last.boost(parts.all, None, rounds, lambda share: tell("fitting to the end", 0.6 + 0.15 * share))
    tell("calibrating", 0.75)
    slope, intercept = _calibrated_on_the_newest(last, rows, parts, rounds)
    tell("measuring", 0.92)
    end = int(max(rows.outcomes.answered.max(), rows.day.max())) + 1
    model = RiskModel(
        book=lessons.book.texts(),
        tables={kind: Aged(rows.columns, rows.outcomes, kind).table(end) for kind in KINDS},
        seen=seen,
        categories=categories_of(lessons, rows),
        offset=float(logit(np.array(seen.rate))),
        trees=final.model_to_string(),
        prior=None if prior is None else prior.model_to_string(),
        slope=slope,
        intercept=intercept,
    )
    return _told(material, rows, parts, rates, chances, model, live)


def _calibrated_on_the_newest(last: "_Fit", rows: Rows, parts: Parts, rounds: int) -> tuple[float, float]:
    """Return the calibration of trees that have learned from all parts.

    Each half of the newest part is told by as many trees that have learned from all but it; where that is plenty, one half is.
    """
    half = rows.group[parts.held_out] % _HALVES
    halves = [parts.held_out[half == each] for each in range(_HALVES)]
    told: list[Numbers] = []
    for unseen in halves:
        if len(unseen) and sum(map(len, told)) < _HALF_IS_ENOUGH:
            booster = last.boost(np.setdiff1d(parts.all, unseen), None, rounds, lambda _: None)
            told.append(np.column_stack([last.score_of(booster, unseen), rows.outcomes.denied[unseen]]))
    score, happened = np.concatenate(told).T
    return calibrated(score, happened)


def _score(booster: lightgbm.Booster, table: Numbers) -> Numbers:
    return np.asarray(booster.predict(table, raw_score=True, num_threads=1), dtype=np.float64)


def _told(
    material: Material, rows: Rows, parts: Parts, rates: Rates, chances: Numbers, model: RiskModel, live: bytes | None
) -> Fitted:
    """Measure on the newest period, the rival too, and write the card."""
    held = parts.held_out
    happened, cents = rows.outcomes.denied[held], rows.cents[held]
    rival = _plain_chances(rows, rates, model.seen)[held] if live is None else _chances(read(live), material.own, rows, held)
    return Fitted(
        body=encode(model),
        learned=_period(rows, parts.all),
        held_out=_period(rows, held),
        metrics=measure(chances[held], happened, cents),
        rival=measure(rival, happened, cents),
        card=_card(material, rows, parts, model, chances),
    )


def _period(rows: Rows, part: Numbers) -> Period:
    return Period(on(int(rows.day[part].min())), on(int(rows.day[part].max())), len(part))


def _chances(scorer: Scorer, lessons: Lessons, rows: Rows, part: Numbers) -> Numbers:
    asked = [(decode(lessons.told[place]), None if (lag := int(rows.lag_days[place])) < 0 else lag) for place in part.tolist()]
    return scorer.chances(asked)


def _prior(others: Lessons | None, seen: Seen, first_end: int) -> lightgbm.Booster | None:
    """Fit what all tenants have in common, on others' claims of the same past; None where there are too few."""
    if others is None or len(others) < _PRIOR_ROWS_MIN:
        return None
    rows = others.all()
    part = np.flatnonzero((rows.day <= first_end) & (rows.outcomes.answered <= first_end))
    denied = rows.outcomes.denied[part]
    if len(part) < _PRIOR_ROWS_MIN or not 0 < denied.sum() < len(part):
        return None
    table = matrix(rows.columns, as_of(rows, rows.day, seen), seen)[part, : len(names(seen, plain=True))]
    data = lightgbm.Dataset(table, denied, feature_name=names(seen, plain=True), categorical_feature=_categories(seen, plain=True))
    return lightgbm.train(_parameters(len(part), leaves=15), data, num_boost_round=_PRIOR_ROUNDS)


class _Fit:
    """Trees over the claims as they stood, on top of what the prior says, or of plain rates where there is none."""

    def __init__(self, rows: Rows, rates: Rates, prior: lightgbm.Booster | None, seen: Seen) -> None:
        self._denied, self._day, self._seen = rows.outcomes.denied, rows.day, seen
        self._table = matrix(rows.columns, rates, seen)
        if prior is None:
            self._offset = plain_score(rows.columns, rates, seen)
        else:
            self._offset = _score(prior, self._table[:, : len(names(seen, plain=True))])

    def score(self, booster: lightgbm.Booster) -> Numbers:
        return self._offset + _score(booster, self._table)

    def score_of(self, booster: lightgbm.Booster, some: Numbers) -> Numbers:
        return self._offset[some] + _score(booster, self._table[some])

    def boost(self, part: Numbers, watched: Numbers | None, rounds: int, tell: Callable[[float], None]) -> lightgbm.Booster:
        """Fit trees on a part; a later one, where it is given, says when more of them do not help.

        Denials are the fewer: each weighs more, up to four times. What that adds to all chances the calibration takes away. What is
        older weighs less.
        """
        denied = self._denied[part]
        weight = float(np.clip(np.sqrt((denied == 0).sum() / denied.sum()), 1, _WEIGHT_MAX))
        newest = int(self._day[part].max())

        def data_of(some: Numbers, reference: lightgbm.Dataset | None) -> lightgbm.Dataset:
            age = np.exp2((np.minimum(self._day[some], newest) - newest) / _WEIGHT_HALF_LIFE_DAYS)
            return lightgbm.Dataset(
                self._table[some],
                self._denied[some],
                reference=reference,
                init_score=self._offset[some],
                weight=np.where(self._denied[some] == 1, weight, 1.0) * age,
                feature_name=names(self._seen, plain=False),
                categorical_feature=_categories(self._seen, plain=False),
            )

        def progress(at: Any) -> None:
            if at.iteration % 10 == 0:
                tell(at.iteration / rounds)

        data = data_of(part, None)
        stop = [] if watched is None else [lightgbm.early_stopping(_PATIENCE, verbose=False)]
        return lightgbm.train(
            _parameters(len(part), leaves=31),
            data,
            num_boost_round=rounds,
            valid_sets=[] if watched is None else [data_of(watched, data)],
            callbacks=[*stop, progress],
        )


def _parameters(rows: int, *, leaves: int) -> dict[str, Any]:
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": 0.05,
        "num_leaves": leaves,
        "max_depth": 7,
        "min_data_in_leaf": max(20, min(200, rows // 500)),
        "lambda_l2": 5.0,
        "cat_smooth": 100.0,
        "cat_l2": 50.0,
        "feature_fraction": 0.8,
        "boost_from_average": False,
        "deterministic": True,
        "force_row_wise": True,
        "seed": _SEED,
        "verbosity": -1,
        "num_threads": 1,  # several of them wait for one another by spinning: on a busy machine that is slower than one
    }


def _categories(seen: Seen, *, plain: bool) -> list[str]:
    return [name for name in names(seen, plain=plain) if name in CATEGORIES]


def calibrated(score: Numbers, happened: Numbers) -> tuple[float, float]:
    """Return slope and intercept that turn log odds into chances (Platt): two numbers, so that a few denials suffice."""

    def loss(told: Numbers) -> tuple[float, Numbers]:
        line = told[0] * score + told[1]
        chance = 1 / (1 + np.exp(-line))
        off = (chance - happened) / len(score)
        return float(np.mean(np.logaddexp(0, line) - happened * line)), np.array([off @ score, off.sum()])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.05, 5.0), (-10.0, 10.0)])
    return float(found.x[0]), float(found.x[1])


def _card(material: Material, rows: Rows, parts: Parts, model: RiskModel, chances: Numbers) -> dict[str, Any]:
    """Say what the model is, for people."""
    held = parts.held_out
    some = held[:20_000]
    scorer = read(encode(model))
    told = [(decode(material.own.told[place]), None) for place in some.tolist()]
    given = scorer.given(told)
    share = np.abs(given).mean(axis=0)
    edges = np.quantile(chances[held], np.linspace(0, 1, _REFERENCE_BINS + 1)[1:-1])
    return {
        "learns": "whether a payer denies a claim or a part of it, from what the claim said before it was sent",
        "never_sees": "patients (no name, member, birth date or account), and nothing that came after submission",
        "method": "rates as of the day of each claim, boosted trees over them, Platt calibration on the newest period",
        "prior": None
        if model.prior is None
        else f"{len(material.others or ()):,} claims of other tenants, without payers and providers",
        "periods": {
            name: {"claims": len(part), "denied": int(rows.outcomes.denied[part].sum())} | _days(rows, part)
            for name, part in (("fit", parts.fit), ("calibrated", parts.calibrate), ("held_out", held))
        },
        "payers": model.book["payer"][:200],
        "weights": {
            meaning: round(float(weight / share.sum()), 3)
            for meaning, weight in sorted(zip(MEANINGS, share, strict=True), key=lambda each: -each[1])
            if weight > 0
        },
        "calibration": {"slope": round(model.slope, 4), "intercept": round(model.intercept, 4)},
        "reference": {
            "edges": np.round(edges, 6).tolist(),
            "counts": np.bincount(np.searchsorted(edges, chances[held]), minlength=_REFERENCE_BINS).tolist(),
        },
    }


def _days(rows: Rows, part: Numbers) -> dict[str, str]:
    period = _period(rows, part)
    return {"first_on": period.first_on.isoformat(), "last_on": period.last_on.isoformat()}


def hold(material: Material, bodies: Sequence[bytes], since: int) -> Held:
    """Measure models on what came after a day. Errors: Refused where that is too little."""
    rows = material.own.all()
    part = np.flatnonzero(rows.day > since)
    denied = int(rows.outcomes.denied[part].sum())
    if len(part) < _HELD_MIN or not 0 < denied < len(part):
        raise Refused(
            f"Too few outcomes since {on(since)}, up to which one of the models has learned: {len(part):,} claims,"
            f" {denied:,} denied; {_HELD_MIN} are needed, of both kinds."
        )
    happened, cents = rows.outcomes.denied[part], rows.cents[part]
    known = np.minimum(rows.day, since + 1)
    seen = seen_in(material.own, rows, np.flatnonzero(rows.day <= since))
    plain = _plain_chances(rows, as_of(rows, known, seen), seen)
    return Held(
        _period(rows, part),
        [measure(_chances(read(body), material.own, rows, part), happened, cents) for body in bodies],
        measure(plain[part], happened, cents),
    )


def _plain_chances(rows: Rows, rates: Rates, seen: Seen) -> Numbers:
    """Return what rates alone say, without any trees: what every model is held against while none is live."""
    return np.asarray(1 / (1 + np.exp(-plain_score(rows.columns, rates, seen))))
