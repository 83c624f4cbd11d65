"""Claims as columns of numbers, the same way for learning and for scoring, so that the two cannot drift apart. Pure.

Texts become codes of a book; a frozen book knows no new ones and gives them `UNKNOWN`. What a claim has several of (lines,
modifiers, diagnoses, findings) stands in columns of its own beside the place of its claim or line.
"""

from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from services.classifier.risk.claims import Submission

Numbers = NDArray[Any]

UNKNOWN: Final = -1
NO, YES, UNTOLD = 0, 1, 2  # what a claim says of an authorization or a referral
REMARK, WARNING, ERROR = 0, 1, 2  # how bad a finding is
REPLACEMENT: Final = "7"
BOOKS: Final = ("payer", "payer_kind", "claim_type", "place", "provider", "procedure", "modifier", "diagnosis", "rule")
_TOLD: Final = {None: UNTOLD, False: NO, True: YES}
_SEVERITIES: Final = {"error": ERROR, "warning": WARNING}


class Book:
    """The codes of texts, one list for each of BOOKS."""

    def __init__(self, texts: Mapping[str, Sequence[str]] | None = None) -> None:
        self.frozen = texts is not None
        known = texts or {}
        self.codes: dict[str, dict[str, int]] = {
            name: {each: code for code, each in enumerate(known.get(name, ()))} for name in BOOKS
        }

    def texts(self) -> dict[str, list[str]]:
        return {name: list(codes) for name, codes in self.codes.items()}

    def code(self, name: str, told: str) -> int:
        codes = self.codes[name]
        if self.frozen:
            return codes.get(told, UNKNOWN)
        return codes.setdefault(told, len(codes))

    def size(self, name: str) -> int:
        return len(self.codes[name])


class Columns(Struct, frozen=True):
    """Claims by column. `line_of`, `modifier_of`, ... give the place of the claim or line that an entry belongs to."""

    payer: Numbers
    payer_kind: Numbers
    claim_type: Numbers
    place: Numbers
    provider: Numbers
    authorization: Numbers
    referral: Numbers
    replaces: Numbers
    secondary: Numbers
    lag_days: Numbers  # NaN where unknown
    charge_cents: Numbers
    main_diagnosis: Numbers  # the first one
    errors: Numbers
    warnings: Numbers
    line_of: Numbers
    line_number: Numbers
    line_cents: Numbers
    procedure: Numbers
    modifier_of: Numbers  # a place among the lines
    modifier: Numbers
    diagnosis_of: Numbers
    diagnosis: Numbers
    rule_of: Numbers
    rule: Numbers
    severity: Numbers

    def __len__(self) -> int:
        return len(self.payer)


_CLAIM: Final = (
    "payer", "payer_kind", "claim_type", "place", "provider", "authorization", "referral", "replaces", "secondary", "errors",
    "warnings", "main_diagnosis",
)  # fmt: skip
_RAGGED: Final = (
    "line_of", "line_number", "procedure", "modifier_of", "modifier", "diagnosis_of", "diagnosis", "rule_of", "rule",
    "severity",
)  # fmt: skip


class Builder:
    """Gathers claims, one after the other."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._whole = {name: array("i") for name in (*_CLAIM, *_RAGGED)}
        self._large = {name: array("d") for name in ("lag_days", "charge_cents", "line_cents")}
        self._claims = self._lines = 0

    def add(self, told: Submission, lag_days: int | None) -> None:
        whole, code, place = self._whole, self.book.code, self._claims
        errors = warnings = 0
        for rule, severity in dict.fromkeys((rule, severity) for rule, severity, _ in told.findings):
            whole["rule_of"].append(place)
            whole["rule"].append(code("rule", rule))
            whole["severity"].append(_SEVERITIES.get(severity, REMARK))
            errors += severity == "error"
            warnings += severity == "warning"
        for name, value in (
            ("payer", code("payer", told.payer_id)),
            ("payer_kind", code("payer_kind", told.payer_kind)),
            ("claim_type", code("claim_type", told.claim_type)),
            ("place", code("place", told.facility_code)),
            ("provider", code("provider", told.provider_npi)),
            ("authorization", _TOLD[told.authorization]),
            ("referral", _TOLD[told.referral]),
            ("replaces", told.frequency_code == REPLACEMENT),
            ("secondary", told.payer_sequence not in ("", "P")),
            ("main_diagnosis", code("diagnosis", told.diagnoses[0]) if told.diagnoses else UNKNOWN),
            ("errors", errors),
            ("warnings", warnings),
        ):
            whole[name].append(value)
        self._large["lag_days"].append(float("nan") if lag_days is None else lag_days)
        self._large["charge_cents"].append(told.charge_cents)
        for diagnosis in told.diagnoses:
            whole["diagnosis_of"].append(place)
            whole["diagnosis"].append(code("diagnosis", diagnosis))
        self._add_lines(told)
        self._claims += 1

    def _add_lines(self, told: Submission) -> None:
        whole, code = self._whole, self.book.code
        for line in told.lines:
            whole["line_of"].append(self._claims)
            whole["line_number"].append(line.number)
            whole["procedure"].append(code("procedure", line.procedure))
            self._large["line_cents"].append(line.charge_cents)
            for modifier in line.modifiers or ("",):
                whole["modifier_of"].append(self._lines)
                whole["modifier"].append(code("modifier", modifier))
            self._lines += 1

    def columns(self) -> Columns:
        """Return what was gathered."""
        whole = {name: np.array(values, dtype=np.int64) for name, values in self._whole.items()}
        large = {name: np.array(values, dtype=np.float64) for name, values in self._large.items()}
        return Columns(**whole, **large)


def columns_of(told: Sequence[tuple[Submission, int | None]], book: Book) -> Columns:
    """Return claims, each with its days to submission, as columns."""
    builder = Builder(book)
    for submission, lag_days in told:
        builder.add(submission, lag_days)
    return builder.columns()


def highest(values: Numbers, places: Numbers, count: int, otherwise: Numbers) -> Numbers:
    """Return for each of `count` places the highest of its values; `otherwise` where it has none."""
    found = np.full(count, -np.inf)
    np.maximum.at(found, places, values)
    return np.where(np.isneginf(found), otherwise, found)


def mean(values: Numbers, places: Numbers, count: int, otherwise: Numbers) -> Numbers:
    """Return for each place the mean of its values; `otherwise` where it has none."""
    entries = np.bincount(places, minlength=count)
    sums = np.bincount(places, weights=values, minlength=count)
    return np.where(entries == 0, otherwise, sums / np.maximum(entries, 1))
