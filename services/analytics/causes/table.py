"""Outcomes as arrays: read from PostgreSQL's binary COPY, and cut to what is asked."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.analytics.causes.outcomes import NO_MODIFIER, SUBJECT_DIMENSIONS, Words

Ints = NDArray[np.int64]
Places = NDArray[np.int32]
Codes = NDArray[np.int16 | np.int32]
Flags = NDArray[np.bool_]

PROCEDURE: Final = "procedure"
MODIFIER: Final = "modifier"
_EPOCH: Final = date(1970, 1, 1)
_HEADER_BYTES: Final = 19  # PGCOPY's signature, flags, and no extension
_PIECE_BYTES: Final = 4 * 1024 * 1024
# One record: the count of its fields, then each field after its length. No field is ever null.
_RECORD: Final = np.dtype(
    [
        ("fields", ">i2"),
        ("claim_bytes", ">i4"), ("claim", ">i8"),
        ("subject_bytes", ">i4"), ("subject", ">i8"),
        ("service_bytes", ">i4"), ("service", ">i8"),
        ("reason_bytes", ">i4"), ("reason", ">i4"),
        ("day_bytes", ">i4"), ("day", ">i4"),
        ("cents_bytes", ">i4"), ("cents", ">i8"),
    ]
)  # fmt: skip


class Gathered:
    """Outcomes as they come in, piece by piece, kept narrow: about 30 bytes a line."""

    def __init__(self, words: Words, filters: Mapping[str, Sequence[str]]) -> None:
        self.words = words
        self.subject_numbers = np.array(sorted(words.subjects), dtype=np.int64)
        self.service_numbers = np.array(sorted(words.services), dtype=np.int64)
        self.reason_numbers = np.array(sorted(words.reasons), dtype=np.int64)
        self.subjects = list(zip(*(words.subjects[number] for number in self.subject_numbers.tolist()), strict=True))
        self.services = [words.services[number] for number in self.service_numbers.tolist()]
        self._subject_fits, self._service_fits = self._fitting(filters)
        self._held = bytearray()
        self._begun = False
        self._parts: list[tuple[NDArray[Any], ...]] = []

    def _fitting(self, filters: Mapping[str, Sequence[str]]) -> tuple[Flags, Flags]:
        subjects = np.ones(len(self.subject_numbers), dtype=bool)
        for place, name in enumerate(SUBJECT_DIMENSIONS):
            if name in filters and self.subjects:
                subjects &= np.isin(np.array(self.subjects[place]), filters[name])
        services = [_service_fits(told, filters) for told in self.services] if filters else True
        return subjects, np.full(len(self.services), services, dtype=bool)

    def add(self, piece: bytes) -> None:
        """Take a piece of the COPY, cut anywhere."""
        self._held += piece
        if not self._begun and len(self._held) >= _HEADER_BYTES:
            del self._held[:_HEADER_BYTES]
            self._begun = True
        if self._begun and len(self._held) >= _PIECE_BYTES:
            self._take()

    def _take(self) -> None:
        whole = len(self._held) // _RECORD.itemsize
        rows = np.frombuffer(self._held, _RECORD, whole).copy()
        del self._held[: whole * _RECORD.itemsize]
        self.add_rows(*(rows[name] for name in ("claim", "subject", "service", "reason", "day", "cents")))

    def add_rows(self, *columns: NDArray[Any]) -> None:
        """Take outcomes as columns: a number that names the claim, subject, service, reason, day, cents."""
        claim, subject, service, reason, day, cents = columns
        if not len(self.subject_numbers) or not len(self.service_numbers):
            return
        subjects, subject_known = _placed(self.subject_numbers, subject)
        services, service_known = _placed(self.service_numbers, service)
        reasons, reason_known = _placed(self.reason_numbers, reason)
        fits = subject_known & service_known & reason_known & self._subject_fits[subjects] & self._service_fits[services]
        taken = (
            claim.astype(np.int64),
            subjects,
            services,
            reasons.astype(np.int16),
            day.astype(np.int32),
            cents.astype(np.int64),
        )
        self._parts.append(taken if fits.all() else tuple(column[fits] for column in taken))

    def table(self) -> "Table":
        """Return all that came."""
        if self._held:
            self._take()
        kinds = (np.int64, np.int32, np.int32, np.int16, np.int32, np.int64)
        empty = tuple(np.empty(0, kind) for kind in kinds)
        columns = [np.concatenate(column) for column in zip(*(self._parts or [empty]), strict=True)]
        self._parts.clear()
        return Table(self, *columns)


def _placed(numbers: Ints, told: NDArray[Any]) -> tuple[Places, Flags]:
    """Return the place of each among the numbers, and whether it is there: what came since the words were read is not."""
    places = np.minimum(np.searchsorted(numbers, told), len(numbers) - 1).astype(np.int32)
    return places, numbers[places] == told


def _service_fits(told: str, filters: Mapping[str, Sequence[str]]) -> bool:
    procedure, *modifiers = told.split(":")
    if "procedure" in filters and procedure not in filters["procedure"]:
        return False
    return "modifier" not in filters or any(each in filters["modifier"] for each in modifiers or [NO_MODIFIER])


class Table:
    """Outcomes as columns, a row a line: of which claim, subject and service it is, by places among those that there are."""

    def __init__(
        self,
        gathered: Gathered,
        claim: Ints,
        subject: Places,
        service: Places,
        reason: NDArray[np.int16],
        day: Places,
        cents: Ints,
    ) -> None:
        self._gathered = gathered
        self.subject, self.service = subject, service
        self.subjects, self.services = len(gathered.subject_numbers), len(gathered.services)
        self.reason, self.day, self.cents = reason, day, cents
        self.claims, self.claim = _numbered(claim)
        # A claim's lines fall together: what is about whole claims counts them as one.
        self.weight = (1.0 / np.maximum(np.bincount(self.claim, minlength=1), 1)).astype(np.float32)[self.claim]
        self.reasons = [gathered.words.reasons[number] for number in gathered.reason_numbers.tolist()]
        self.categories = sorted({category for category, _ in self.reasons} - {""})
        of_category = {category: place for place, category in enumerate(self.categories)}
        self.category = np.array([of_category.get(category, -1) for category, _ in self.reasons], dtype=np.int16)[reason]
        self._refused: dict[int, Places] = {}

    def __len__(self) -> int:
        return len(self.claim)

    def refused(self, category: int) -> Places:
        """Return the rows that are refused for a category."""
        found = self._refused.get(category)
        if found is None:
            found = self._refused[category] = np.flatnonzero(self.category == category).astype(np.int32)
        return found

    def beside(self, category: int, rows: Places) -> Places:
        """Return all rows that are refused for a category and of one claim with some rows that are: these, too."""
        claims = np.zeros(self.claims, dtype=bool)
        claims[self.claim[rows[self.category[rows] == category]]] = True
        refused = self.refused(category)
        return refused[claims[self.claim[refused]]]

    def subject_codes(self, place: int) -> tuple[Codes, list[str]]:
        """Return, by subject, which value of a dimension it has, and the values; -1: not known."""
        subjects = self._gathered.subjects
        return _coded(subjects[place] if subjects else [])

    def words(self) -> "Spelled":
        return Spelled(self._gathered.services)


class Spelled:
    """Services by their words: a procedure, and each of its modifiers (`none` where there is none)."""

    def __init__(self, services: Sequence[str]) -> None:
        told = [each.split(":") for each in services]
        self._procedure, self.procedures = _coded([each[0] for each in told])
        sets = [sorted(set(each[1:])) or [NO_MODIFIER] if each[0] else [] for each in told]
        self.modifiers = sorted({value for each in sets for value in each})
        of_value = {value: place for place, value in enumerate(self.modifiers)}
        flat = np.array([of_value[value] for each in sets for value in each], dtype=np.int64)
        ends = np.cumsum([0, *(len(each) for each in sets)])
        known = self._procedure >= 0
        alone: tuple[Ints, Ints] = (np.cumsum([0, *known]), self._procedure[known].astype(np.int64))
        of_entry = np.repeat(self._procedure.astype(np.int64), np.diff(ends))
        # by which words are asked about: where each service's begin (and the last one's end), and their keys
        self.keys: Final[Mapping[tuple[str, ...], tuple[Ints, Ints]]] = {
            (PROCEDURE,): alone,
            (MODIFIER,): (ends, flat),
            (PROCEDURE, MODIFIER): (ends, of_entry * max(len(self.modifiers), 1) + flat),
        }

    def having(self, name: str, code: int) -> Flags:
        """Say of each service whether it has a word."""
        begins, words = self.keys[(name,)]
        found = np.zeros(len(begins) - 1, dtype=bool)
        found[np.searchsorted(begins, np.flatnonzero(words == code), side="right") - 1] = True
        return found


def _numbered(claim: Ints) -> tuple[int, Places]:
    """Return how many claims there are, and the number of each. Lines of a claim mostly come together: these are looked up once."""
    begins = np.flatnonzero(np.concatenate((np.ones(min(len(claim), 1), dtype=bool), claim[1:] != claim[:-1])))
    claims, numbers = np.unique(claim[begins], return_inverse=True)
    return len(claims), np.repeat(numbers.astype(np.int32), np.diff(begins, append=len(claim)))


def _kind(values: Sequence[str]) -> type[np.int16] | type[np.int32]:
    return np.int16 if len(values) < np.iinfo(np.int16).max else np.int32


def _coded(told: Sequence[str]) -> tuple[Codes, list[str]]:
    values = sorted(set(told) - {""})
    of_value = {value: place for place, value in enumerate(values)}
    codes: Codes = np.array([of_value.get(each, -1) for each in told], dtype=_kind(values))
    return codes, values


def day_of(number: int) -> date:
    return date.fromordinal(number + _EPOCH.toordinal())


def number_of_day(day: date) -> int:
    return day.toordinal() - _EPOCH.toordinal()
