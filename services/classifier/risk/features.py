"""What a model sees of a claim: one number a feature, each with the meaning that it speaks for. Pure.

Rates come as log odds, those of a procedure, provider or diagnosis as the distance from their payer's: so each says what it adds.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from services.classifier.risk.columns import ERROR, UNKNOWN, WARNING, Columns, highest, mean
from services.classifier.risk.history import Counts, places

Numbers = NDArray[Any]
Meaning = Literal[
    "payer", "procedure", "authorization", "referral", "modifier", "diagnosis", "provider", "place", "findings", "filing", "size",
    "coverage",
]  # fmt: skip
MEANINGS: Final[tuple[Meaning, ...]] = (
    "payer", "procedure", "authorization", "referral", "modifier", "diagnosis", "provider", "place", "findings", "filing", "size",
    "coverage",
)  # fmt: skip
# What is known without a payer's or a provider's history: all that the shared prior model sees, which learns from other tenants.
PLAIN: Final[Mapping[str, Meaning]] = {
    "authorized": "authorization",
    "referred": "referral",
    "lag_days": "filing",
    "charge": "size",
    "highest_charge": "size",
    "lines": "size",
    "diagnoses": "diagnosis",
    "replaces": "coverage",
    "secondary": "coverage",
    "errors": "findings",
    "warnings": "findings",
    "payer_kind": "coverage",
    "claim_type": "coverage",
    "place": "place",
    "procedure": "procedure",
    "main_diagnosis": "diagnosis",
}
HISTORY: Final[Mapping[str, Meaning]] = {
    "payer_rate": "payer",
    "way_rate": "coverage",
    "procedure_rate": "procedure",
    "procedure_mean": "procedure",
    "authorization_rate": "authorization",
    "line_rate": "procedure",
    "any_line_rate": "procedure",
    "need_rate": "diagnosis",
    "modifier_rate": "modifier",
    "diagnosis_rate": "diagnosis",
    "provider_rate": "provider",
    "place_rate": "place",
    "rule_rate": "findings",
    "payer": "payer",
}
CATEGORIES: Final = ("payer_kind", "claim_type", "place", "procedure", "main_diagnosis", "payer")
RULES_MAX: Final = 24  # the most frequent ones have a feature of their own
_BOUND: Final = 1e-4
# Of claims in which a rule finds an error, a warning or a remark: what to begin with while the rule itself has not been seen.
FOUND_RATES: Final = {ERROR: 0.5, WARNING: 0.3}


class Seen(Struct, frozen=True):
    """What a model tells apart, and where rates begin.

    `categories` are the codes of each category that stand for themselves, in order, and `rules` likewise; all others are alike.
    `rate` is that of all claims, `line_rate` of all lines, `kind_rates` that of each kind of payer by its code.
    """

    categories: Mapping[str, Sequence[int]]
    rules: Sequence[int]
    rate: float
    line_rate: float
    kind_rates: Sequence[float]


class Rates(Struct, frozen=True):
    """Log odds of denial by what a claim brings. `line` are those of each line, the others of each claim."""

    payer: Numbers
    way: Numbers
    provider: Numbers
    place: Numbers
    line: Numbers
    line_payer: Numbers
    authorization: Numbers  # of each line: with this procedure, with or without an authorization
    need: Numbers  # of each line: this procedure for this diagnosis, at any payer
    modifier: Numbers  # of each entry
    diagnosis: Numbers
    rule: Numbers


def logit(rate: Numbers) -> Numbers:
    safe = np.clip(rate, _BOUND, 1 - _BOUND)
    return np.asarray(np.log(safe / (1 - safe)))


def rates_of(columns: Columns, counts: Callable[[str], Counts], seen: Seen) -> Rates:
    """Turn counts into rates, each leaning on the broader one."""
    kinds = np.append(np.asarray(seen.kind_rates, dtype=np.float64), seen.rate)  # the last one is that of UNKNOWN
    payer = counts("payer").rate(kinds[columns.payer_kind])
    line_payer = counts("payer_lines").rate(np.full(len(columns.line_of), seen.line_rate))
    line = counts("procedure").rate(line_payer)
    found = np.full(len(columns.rule_of), seen.rate)
    for severity, rate in FOUND_RATES.items():
        found[columns.severity == severity] = rate
    return Rates(
        payer=logit(payer),
        way=logit(counts("way").rate(payer)),
        provider=logit(counts("provider").rate(payer)),
        place=logit(counts("place").rate(payer)),
        line=logit(line),
        line_payer=logit(line_payer),
        authorization=logit(counts("authorization").rate(line)),
        need=logit(counts("need").rate(np.full(len(columns.line_of), seen.line_rate))),
        modifier=logit(counts("modifier").rate(line_payer[columns.modifier_of])),
        diagnosis=logit(counts("diagnosis").rate(payer[columns.diagnosis_of])),
        rule=logit(counts("rule").rate(found)),
    )


def names(seen: Seen, *, plain: bool) -> list[str]:
    """Return the names of the features, in order."""
    ruled = [f"rule_{place}" for place in range(len(seen.rules))]
    return [*PLAIN, *ruled] if plain else [*PLAIN, *ruled, *HISTORY]


def meanings(seen: Seen, *, plain: bool) -> list[Meaning]:
    """Return the meaning of each feature, in order."""
    known = {**PLAIN, **HISTORY}
    return [known.get(name, "findings") for name in names(seen, plain=plain)]


def matrix(columns: Columns, rates: Rates, seen: Seen) -> Numbers:
    """Return a row for each claim and a column for each feature; the first ones are the plain ones."""
    plain, history = _plain(columns, seen), _history(columns, rates, seen)
    ruled = [_has(columns.rule_of[columns.rule == code], len(columns)) for code in seen.rules]
    return np.column_stack([*plain.values(), *ruled, *history.values()]).astype(np.float32)


def _plain(columns: Columns, seen: Seen) -> dict[str, Numbers]:
    count = len(columns)
    nothing = np.zeros(count)
    told = {
        "authorized": columns.authorization,
        "referred": columns.referral,
        "lag_days": columns.lag_days,
        "charge": np.log1p(np.maximum(columns.charge_cents, 0)),
        "highest_charge": np.log1p(np.maximum(highest(columns.line_cents, columns.line_of, count, nothing), 0)),
        "lines": np.bincount(columns.line_of, minlength=count),
        "diagnoses": np.bincount(columns.diagnosis_of, minlength=count),
        "replaces": columns.replaces,
        "secondary": columns.secondary,
        "errors": columns.errors,
        "warnings": columns.warnings,
        "payer_kind": columns.payer_kind,
        "claim_type": columns.claim_type,
        "place": columns.place,
        "procedure": main_procedure(columns),
        "main_diagnosis": columns.main_diagnosis,
    }
    return {name: _category(values, seen, name) if name in CATEGORIES else values for name, values in told.items()}


def _history(columns: Columns, rates: Rates, seen: Seen) -> dict[str, Numbers]:
    count = len(columns)
    nothing = np.zeros(count)
    line = rates.line - rates.line_payer
    whole = rates.authorization - rates.line_payer
    of_modifier = places(columns, "modifier")
    paid = np.bincount(columns.line_of, weights=-np.logaddexp(0, rates.authorization), minlength=count)
    return {
        "payer_rate": rates.payer,
        "way_rate": rates.way - rates.payer,
        "procedure_rate": highest(line, columns.line_of, count, nothing),
        "procedure_mean": mean(line, columns.line_of, count, nothing),
        "authorization_rate": highest(rates.authorization - rates.line, columns.line_of, count, nothing),
        "line_rate": highest(whole, columns.line_of, count, nothing),
        "any_line_rate": logit(1 - np.exp(paid)) - rates.payer,
        "need_rate": highest(rates.need - float(logit(np.array(seen.line_rate))), columns.line_of, count, nothing),
        "modifier_rate": highest(rates.modifier - rates.line_payer[columns.modifier_of], of_modifier, count, nothing),
        "diagnosis_rate": highest(rates.diagnosis - rates.payer[columns.diagnosis_of], columns.diagnosis_of, count, nothing),
        "provider_rate": rates.provider - rates.payer,
        "place_rate": rates.place - rates.payer,
        "rule_rate": highest(rates.rule, columns.rule_of, count, np.full(count, np.nan)),
        "payer": _category(columns.payer, seen, "payer"),
    }


def _category(values: Numbers, seen: Seen, name: str) -> Numbers:
    """Number the codes that are told apart; the others are missing."""
    known = np.array(seen.categories.get(name, ()), dtype=np.int64)
    if not len(known):
        return np.full(len(values), np.nan)
    place = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.where(known[place] == values, place, np.nan)


def _has(of: Numbers, count: int) -> Numbers:
    found = np.zeros(count)
    found[of] = 1
    return found


def main_procedure(columns: Columns) -> Numbers:
    """Return the procedure of the dearest line of each claim; UNKNOWN of a claim without lines."""
    found = np.full(len(columns), UNKNOWN)
    order = np.lexsort((columns.line_cents, columns.line_of))
    found[columns.line_of[order]] = columns.procedure[order]  # the last one written is the dearest
    return found
