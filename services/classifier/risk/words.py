"""Why a claim is at risk, in words: what adds most to it, each with the figures behind it. Pure.

Words name payers' codes, procedures, rules and providers' numbers; never anything of a patient.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from libs.common.money import dollars
from services.classifier.risk.claims import Submission
from services.classifier.risk.columns import ERROR, NO, UNKNOWN, Columns
from services.classifier.risk.features import MEANINGS, Meaning
from services.classifier.risk.history import Counts, keys

Numbers = NDArray[Any]

REASONS_MAX: Final = 3
_SPEAKS: Final = 0.05  # log odds: less is no reason
_FEW: Final = 5.0  # outcomes, after aging: fewer are not quoted
_LONGEST: Final = 20  # characters of a code that are quoted: it is what somebody sent


class Facts:
    """What stands behind the claims of one question, each by its place."""

    def __init__(self, asked: Sequence[tuple[Submission, int | None]], columns: Columns, counts: Mapping[str, Counts]) -> None:
        self._asked = asked
        self._counts = {kind: (each.seen.tolist(), each.denied.tolist()) for kind, each in counts.items()}
        self._keys = {kind: keys(columns, kind).tolist() for kind in ("payer", "authorization", "rule")}
        self._severity = columns.severity.tolist()
        self._authorization = columns.authorization.tolist()
        self._lines = _spans(columns.line_of, len(columns))
        self._rules = _spans(columns.rule_of, len(columns))
        auth = counts["authorization"]
        self._refused = ((auth.denied + 0.1) / (auth.seen + 1.0)).tolist()

    def submission(self, place: int) -> Submission:
        return self._asked[place][0]

    def lag_days(self, place: int) -> int | None:
        return self._asked[place][1]

    def without_authorization(self, place: int) -> bool:
        return bool(self._authorization[place] == NO)

    def worst_line(self, place: int) -> int | None:
        """Return the line, by its place among all lines, that is refused most often; None where there is none."""
        begin, end = self._lines[place]
        return max(range(begin, end), key=self._refused.__getitem__) if end > begin else None

    def procedure(self, place: int, line: int) -> str:
        return _code(self.submission(place).lines[line - self._lines[place][0]].procedure)

    def worst_rule(self, place: int) -> tuple[int, str, bool] | None:
        """Return the finding that weighs most, by its place among all, its rule, and whether it is an error."""
        begin, end = self._rules[place]
        if end == begin:
            return None
        seen, denied = self._counts["rule"]
        worst = max(range(begin, end), key=lambda each: (self._severity[each], (denied[each] + 1) / (seen[each] + 4)))
        told = list(dict.fromkeys((rule, severity) for rule, severity, _ in self.submission(place).findings))
        return worst, _code(told[worst - begin][0], 60), self._severity[worst] == ERROR

    def share(self, kind: str, entry: int) -> str | None:
        """Return how often was denied what an entry names; None where too little was seen."""
        seen, denied = (each[entry] for each in self._counts[kind])
        return f"{denied / seen:.0%} of them" if seen >= _FEW else None

    def nearest(self, place: int) -> Iterator[tuple[str, int]]:
        """Yield the keys by which a category is looked for, the nearest first."""
        rule = self.worst_rule(place)
        if rule is not None and self._keys["rule"][rule[0]] != UNKNOWN:
            yield "rule", self._keys["rule"][rule[0]]
        line = self.worst_line(place)
        if line is not None:
            yield "authorization", self._keys["authorization"][line]
        yield "payer", self._keys["payer"][place]
        yield "all", 0


def reasons(facts: Facts, place: int, given: Numbers) -> tuple[str, ...]:
    """Return what speaks for a denial, the strongest first; `given` is what each of MEANINGS adds, in log odds."""
    strongest = np.argsort(-given)[:REASONS_MAX].tolist()
    return tuple(_SENTENCES[MEANINGS[each]](facts, place) for each in strongest if given[each] > _SPEAKS)


def _of_payer(facts: Facts, place: int) -> str:
    return _with("This payer denies more than others", facts.share("payer", place))


def _of_procedure(facts: Facts, place: int) -> str:
    line = facts.worst_line(place)
    if line is None:
        return "No line is billed."
    return _with(f"This payer denies {facts.procedure(place, line)} more than its other lines", facts.share("procedure", line))


def _of_authorization(facts: Facts, place: int) -> str:
    if not facts.without_authorization(place):
        return "What the claim says of a prior authorization goes with denials."
    line = facts.worst_line(place)
    if line is None:
        return "No prior authorization is named."
    return _with(f"No prior authorization is named with {facts.procedure(place, line)}", facts.share("authorization", line))


def _of_diagnosis(facts: Facts, place: int) -> str:
    shown = ", ".join(map(_code, facts.submission(place).diagnoses[:3]))
    return f"Diagnoses of these categories ({shown}) are denied more often." if shown else "No diagnosis is given."


def _of_provider(facts: Facts, place: int) -> str:
    provider = _code(facts.submission(place).provider_npi)
    return _with(f"This payer denies claims of provider {provider} more often", facts.share("provider", place))


def _of_filing(facts: Facts, place: int) -> str:
    days = facts.lag_days(place)
    return f"It is sent {days} days after the service." if days is not None else "When it was served is not told."


def _of_size(facts: Facts, place: int) -> str:
    told = facts.submission(place)
    return f"It bills ${dollars(told.charge_cents)} on {len(told.lines)} lines: such claims are denied more often."


def _of_findings(facts: Facts, place: int) -> str:
    rule = facts.worst_rule(place)
    if rule is None:
        return "That checks found nothing is no good sign with this payer."
    entry, name, is_error = rule
    return _with(f"A check found {'an error' if is_error else 'something'}: {name}", facts.share("rule", entry))


def _of_place(facts: Facts, place: int) -> str:
    return f"Claims from this place or type of bill ({_code(facts.submission(place).facility_code)}) are denied more often."


def _plainly(sentence: str) -> Callable[[Facts, int], str]:
    return lambda _, __: sentence


_SENTENCES: Final[Mapping[Meaning, Callable[[Facts, int], str]]] = {
    "payer": _of_payer,
    "procedure": _of_procedure,
    "authorization": _of_authorization,
    "referral": _plainly("What the claim says of a referral goes with denials."),
    "modifier": _plainly("This payer denies lines with such modifiers more often."),
    "diagnosis": _of_diagnosis,
    "provider": _of_provider,
    "place": _of_place,
    "findings": _of_findings,
    "filing": _of_filing,
    "size": _of_size,
    "coverage": _plainly("Claims of this kind (type, coverage, first or second payer, replacement) are denied more often."),
}


def _with(sentence: str, share: str | None) -> str:
    return f"{sentence}: {share} were denied." if share else f"{sentence}."


def _code(told: str, longest: int = _LONGEST) -> str:
    """Quote a code: letters, digits and what codes have between them, cut short."""
    kept = "".join(each for each in told[:longest] if each.isalnum() or each in "-._")
    return kept or "unnamed"


def _spans(of: Numbers, count: int) -> list[tuple[int, int]]:
    """Return where the entries of each claim begin and end; entries stand in the order of their claims."""
    ends = np.cumsum(np.bincount(of, minlength=count))
    return list(zip(np.r_[0, ends[:-1]].tolist(), ends.tolist(), strict=True))
