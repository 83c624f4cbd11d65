"""Lines counted by combinations are what counting them one by one gives, in arrays of all keys and where keys are sorted."""

from collections import Counter as Count
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import combinations, product
from random import Random

import numpy as np
import pytest

from services.analytics.causes import groups
from services.analytics.causes.groups import Counter, Dims, Part
from services.analytics.causes.outcomes import DIMENSIONS, NOT_REFUSED, Words, number_of, reason_number
from services.analytics.causes.table import Gathered, Table, number_of_day

REASONS = (NOT_REFUSED, NOT_REFUSED, ("authorization", "197"), ("coding_bundling", "4"))
SERVICES = ("", "A1", "A1:59", "A1:59:KX", "B2", "B2:KX", "C3:59:59")
Line = tuple[tuple[str, ...], str, str]  # subject, service, category


def drawn(seed: int, claims: int = 300) -> tuple[Table, list[Line]]:
    draw = Random(seed)
    columns, lines = [], []
    for claim in range(claims):
        known = draw.random() < 0.9
        about = (draw.choice("FG"), draw.choice("DE"), draw.choice(("11", "22")), "professional", "named", draw.choice("XYZ"), "C")
        subject = (draw.choice("PQ"), *(about if known else ("",) * len(about)))
        for service in draw.choices(SERVICES, k=draw.randrange(1, 4)):
            reason = draw.choice(REASONS)
            numbers = (number_of(subject), number_of((service,)), reason_number(reason))
            columns.append((claim, *numbers, number_of_day(date(2026, 1, 1)), 100))
            lines.append((subject, service, reason[0]))
    order = draw.sample(range(len(lines)), len(lines))  # nothing says that the lines of a claim come together
    subjects = {number_of(subject): subject for subject, _, _ in lines}
    services = {number_of((service,)): service for service in SERVICES}
    gathered = Gathered(Words(subjects, services, {reason_number(each): each for each in REASONS}), {})
    gathered.add_rows(*np.array([columns[place] for place in order], dtype=np.int64).T)
    return gathered.table(), [lines[place] for place in order]


def values_of(line: Line, dims: Dims) -> Iterator[tuple[str, ...]]:
    """Yield the groups that a line is in."""
    subject, (procedure, *modifiers) = line[0], line[1].split(":")
    each: dict[str, Sequence[str]] = {name: [value] for name, value in zip(DIMENSIONS, subject, strict=False)}
    each |= {"procedure": [procedure], "modifier": sorted(set(modifiers)) or ["none"] if procedure else [""]}
    for values in product(*(each[name] for name in dims)):
        if "" not in values:
            yield values


def counted_singly(lines: Sequence[Line], dims: Dims, least: int) -> tuple[dict[tuple[str, ...], tuple[int, int]], int]:
    """Return k and n by values and category, and how many groups are large enough."""
    n, k = Count[tuple[str, ...]](), Count[tuple[str, ...]]()
    for line in lines:
        for values in values_of(line, dims):
            n[values] += 1
            k[(*values, line[2])] += 1
    found = {told: (count, n[told[:-1]]) for told, count in k.items() if told[-1] and count >= least}
    return found, sum(count >= least for count in n.values())


def counted(counter: Counter, table: Table, dims: Dims, least: int, parts: Sequence[Part] = ()) -> tuple[dict[object, object], int]:
    told = counter.counted(dims, least, counter.among(dims, parts) if parts else None)
    codes = counter.codes_of(dims, told.place // counter.categories)
    values = [[counter.values[name][code] for code in codes[name].tolist()] for name in dims]
    categories = [table.categories[each] for each in (told.place % counter.categories).tolist()]
    return dict(
        zip(zip(*values, categories, strict=True), zip(told.k.tolist(), told.n.tolist(), strict=True), strict=True)
    ), told.groups


@pytest.fixture(params=["in an array of all keys", "sorted"])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "sorted":
        monkeypatch.setattr(groups, "_DENSE", 0)
        monkeypatch.setattr(groups, "_FEW", 0)
        monkeypatch.setattr(groups, "_SMALL", 0)


@pytest.mark.usefixtures("how")
def test_every_combination_is_counted_as_it_would_be_line_by_line() -> None:
    table, lines = drawn(1)
    counter = Counter(table)
    for depth in (1, 2, 3):
        for dims in combinations(DIMENSIONS, depth):
            assert counted(counter, table, dims, 5) == counted_singly(lines, dims, 5), dims


@pytest.mark.usefixtures("how")
@pytest.mark.parametrize(
    ("dims", "wider"),
    [
        (("payer", "provider", "diagnosis"), [("payer", "provider"), ("provider", "diagnosis")]),
        (("payer", "provider", "modifier"), [("payer", "provider"), ("payer", "modifier")]),
        (("payer", "procedure", "modifier"), [("procedure", "modifier"), ("payer", "procedure")]),
    ],
)
def test_inside_of_parts_groups_are_counted_whole_and_no_others(dims: Dims, wider: list[Dims]) -> None:
    table, lines = drawn(2)
    counter = Counter(table)
    parts, inside = [], set()
    for of in wider:
        keys = np.unique(counter.counted(of, 5).place // counter.categories)[1:3]
        parts.append(counter.part(of, keys, None))
        codes = counter.codes_of(of, keys)
        inside |= {(of, tuple(counter.values[name][codes[name][at]] for name in of)) for at in range(len(keys))}
    found, _ = counted_singly(lines, dims, 2)
    wanted = {
        told: count
        for told, count in found.items()
        if any((of, tuple(told[dims.index(name)] for name in of)) in inside for of in wider)
    }
    assert 0 < len(wanted) < len(found)
    assert counted(counter, table, dims, 2, parts)[0] == wanted


def test_the_rows_of_a_group_are_those_that_have_all_its_values() -> None:
    table, lines = drawn(3)
    counter = Counter(table)
    for dims in (("payer",), ("modifier",), ("provider", "procedure"), ("payer", "provider", "diagnosis", "modifier")):
        told = counter.counted(dims, 1)
        for key in np.unique(told.place // counter.categories).tolist():
            codes = {name: int(code[0]) for name, code in counter.codes_of(dims, np.array([key])).items()}
            values = tuple(counter.values[name][codes[name]] for name in dims)
            rows = [place for place, line in enumerate(lines) if values in values_of(line, dims)]
            assert sorted(counter.members(codes).tolist()) == rows
