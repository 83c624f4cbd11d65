"""Outcomes as arrays: read from PostgreSQL's binary COPY, cut to what is asked, and summed into cells of equal lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.analytics.causes.outcomes import SUBJECT_DIMENSIONS, Reason

Ints = NDArray[np.int64]
Places = NDArray[np.int32]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

NO_MODIFIER: Final = "none"
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


@dataclass(frozen=True)
class Words:
    """What the numbers of subjects, services and reasons mean."""

    subjects: Mapping[int, tuple[str, ...]]
    services: Mapping[int, str]
    reasons: Mapping[int, Reason]


class Gathered:
    """Outcomes as they come in, piece by piece, kept narrow: about 30 bytes a line."""

    def __init__(self, words: Words, filters: Mapping[str, Sequence[str]]) -> None:
        self.words = words
        self.subject_numbers = np.array(sorted(words.subjects), dtype=np.int64)
        self.service_numbers = np.array(sorted(words.services), dtype=np.int64)
        self.reason_numbers = np.array(sorted(words.reasons), dtype=np.int64)
        self._subject_fits, self._service_fits = self._fitting(filters)
        self._held = bytearray()
        self._begun = False
        self._parts: list[tuple[NDArray[Any], ...]] = []

    def _fitting(self, filters: Mapping[str, Sequence[str]]) -> tuple[Flags, Flags]:
        subjects = [
            all(
                self.words.subjects[number][place] in filters[name]
                for place, name in enumerate(SUBJECT_DIMENSIONS)
                if name in filters
            )
            for number in self.subject_numbers.tolist()
        ]
        services = [_service_fits(self.words.services[number], filters) for number in self.service_numbers.tolist()]
        return np.array(subjects, dtype=bool), np.array(services, dtype=bool)

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
    """Outcomes as columns, and the same summed by cell: lines with equal subject and service."""

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
        self.words = gathered.words
        self.reason, self.day, self.cents = reason, day, cents
        claims, of_claim = np.unique(claim, return_inverse=True)
        self.claims, self.claim = len(claims), of_claim.astype(np.int32)
        told = [gathered.words.reasons[number] for number in gathered.reason_numbers.tolist()]
        self.reasons = told
        self.categories = sorted({category for category, _ in told} - {""})
        of_category = {category: place for place, category in enumerate(self.categories)}
        self.category_of = np.array([of_category.get(category, -1) for category, _ in told], dtype=np.int16)
        width = max(len(gathered.service_numbers), 1)
        keys, cell = np.unique(subject.astype(np.int64) * width + service, return_inverse=True)
        self.cell: Places = cell.astype(np.int32)
        self.cell_subject, self.cell_service = (keys // width).astype(np.int32), (keys % width).astype(np.int32)
        self.count: Ints = np.bincount(self.cell, minlength=len(keys)).astype(np.int64)
        # A claim's lines fall together: what is about whole claims counts them as one.
        self.weight: Floats = np.bincount(self.cell, (1.0 / np.bincount(self.claim))[self.claim], len(keys)).astype(np.float64)
        self._gathered = gathered

    def __len__(self) -> int:
        return len(self.cell)

    def category_rows(self) -> NDArray[np.int16]:
        """Return the category of each line's refusal; -1: not refused."""
        return self.category_of[self.reason]

    def subject_codes(self, place: int) -> tuple[Places, list[str]]:
        """Return, by cell, which value of a dimension it has, and the values; -1: not known."""
        numbers = self._gathered.subject_numbers.tolist()
        return _coded([self.words.subjects[number][place] for number in numbers], self.cell_subject)

    def procedure_codes(self) -> tuple[Places, list[str]]:
        numbers = self._gathered.service_numbers.tolist()
        return _coded([self.words.services[number].partition(":")[0] for number in numbers], self.cell_service)

    def modifier_codes(self) -> tuple[Places, Places, list[str]]:
        """Return cells once for each of their modifiers (`none` where there is none): the cell, its modifier, all modifiers."""
        numbers = self._gathered.service_numbers.tolist()
        told = [self.words.services[number].split(":") for number in numbers]
        sets = [sorted(set(each[1:])) or [NO_MODIFIER] if each[0] else [] for each in told]
        values = sorted({value for each in sets for value in each})
        of_value = {value: place for place, value in enumerate(values)}
        sizes = np.array([len(each) for each in sets], dtype=np.int64)
        flat = np.array([of_value[value] for each in sets for value in each], dtype=np.int32)
        starts = np.concatenate(([0], np.cumsum(sizes)))[:-1] if len(sizes) else sizes
        repeated = sizes[self.cell_service]
        cells = np.repeat(np.arange(len(self.cell_service), dtype=np.int32), repeated)
        before = np.cumsum(repeated) - repeated
        within = np.arange(len(cells)) - np.repeat(before, repeated)
        return cells, flat[np.repeat(starts[self.cell_service], repeated) + within], values


def _coded(told: Sequence[str], places: Places) -> tuple[Places, list[str]]:
    values = sorted(set(told) - {""})
    of_value = {value: place for place, value in enumerate(values)}
    codes = np.array([of_value.get(each, -1) for each in told], dtype=np.int32)
    return (codes[places] if len(codes) else np.empty(0, np.int32)), values


def day_of(number: int) -> date:
    return date.fromordinal(number + _EPOCH.toordinal())


def number_of_day(day: date) -> int:
    return day.toordinal() - _EPOCH.toordinal()
