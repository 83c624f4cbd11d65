"""Small cells: from what is shown, and from knowing how it was chosen, nobody can compute a small count."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import permutations, product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.analytics.kpis.definitions import BY_ID, KPIS
from services.analytics.scorecards.scoring import SCORED
from services.analytics.small_cells import NOT_KNOWN, SMALL, Cases, cases, measures, withheld

Cells = Mapping[str, Cases]
Told = tuple[object, ...]


def told(cells: Cells, small: int = SMALL) -> Told:
    """Return all that an outsider sees: the cells that are shown, who is left out, and what all come to, if it is shown."""
    out = withheld(cells, small)
    rows = tuple((key, None if key in out.keys else each) for key, each in sorted(cells.items()) if key != NOT_KNOWN)
    return (rows, None if out.whole else together(cells))


def together(cells: Cells) -> Cases:
    return tuple(map(sum, zip(*cells.values(), strict=True)))


def all_counts(cells: Cells) -> dict[tuple[str, int], int]:
    """Return all counts by cell and kind; the last kind is all together."""
    return {(key, kind): count for key, each in cells.items() for kind, count in enumerate((*each, sum(each)))}


def small_counts(cells: Cells, small: int = SMALL) -> dict[tuple[str, int], int]:
    """Return the counts that nobody may compute."""
    return {place: count for place, count in all_counts(cells).items() if 0 < count < small}


@pytest.mark.parametrize(
    ("names", "kinds", "most"),
    [("a", 2, 20), ("ab", 2, 18), ("abc", 1, 24), ("abc", 2, 13), ("_ab", 2, 13), ("abcd", 1, 18), ("abcd", 2, 9), ("abc", 3, 8)],
)
def test_what_is_shown_fits_more_than_one_value_of_each_small_count(names: str, kinds: int, most: int) -> None:
    """All tables of so many cases, with a smaller limit: those that look alike differ in each count that is small in one."""
    alike: defaultdict[Told, list[dict[tuple[str, int], int]]] = defaultdict(list)
    for counts in shared_out(most, kinds * len(names)):
        parts = [counts[place : place + kinds] for place in range(0, len(counts), kinds)]
        cells = {name.replace("_", NOT_KNOWN): part for name, part in zip(names, parts, strict=True)}
        if not all(map(any, cells.values())):  # who has no case has no row
            continue
        alike[told(cells, 3)].append(all_counts(cells))
    assert len(alike) > 1
    for tables_ in alike.values():
        for place in tables_[0]:
            values = {each[place] for each in tables_}
            assert len(values) > 1 or not 0 < min(values) < 3, (place, tables_)


def shared_out(most: int, places: int) -> Iterator[tuple[int, ...]]:
    """Yield all ways to put up to so many cases into so many places."""
    if not places:
        yield ()
        return
    for count in range(most + 1):
        for rest in shared_out(most - count, places - 1):
            yield (count, *rest)


numbers = st.one_of(st.integers(0, 15), st.integers(0, 400))
tables = st.integers(1, 3).flatmap(
    lambda kinds: st.dictionaries(st.sampled_from([NOT_KNOWN, *"abcdef"]), st.tuples(*[numbers] * kinds), min_size=1)
)


@given(tables)
@example({NOT_KNOWN: (1,), "a": (16,), "b": (16,), "c": (16,)})  # all go: of 4, 15, 15 and 15 as well
def test_another_table_that_looks_the_same_has_another_count(cells: Cells) -> None:
    """At the real limit: for each small count there is a table that is shown alike, and has another one."""
    seen = told(cells)
    for (key, kind), count in small_counts(cells).items():
        others = (other for other in neighbours(cells, key) if told(other) == seen)
        assert any((*other[key], sum(other[key]))[kind] != count for other in others), (key, kind, cells)


def neighbours(cells: Cells, key: str) -> Iterator[dict[str, Cases]]:
    """Yield tables in which a cell has changed places with another one, or has given cases to one or two of them, or to all that
    are left out, or taken some, or of which hardly anything is there.
    """
    mine, others = cells[key], [other for other in cells if other != key]
    some = [each for each in range(-SMALL, SMALL + 1) if each]
    out = withheld(cells).keys
    yield from ({**cells, key: cells[other], other: mine} for other in others)
    for most in (1, 2):
        yield {**{other: moved((0,) * len(mine), 0, 1) for other in others}, key: moved((0,) * len(mine), len(mine) - 1, most)}
    for kind, more in product(range(len(mine)), some):
        yield {**cells, key: moved(mine, kind, more)}
        alike = {other: moved(cells[other], kind, -more) for other in others if other in out}
        yield {**cells, **alike, key: moved(mine, kind, more * len(alike))}
        for other in others:
            one = {**cells, key: moved(mine, kind, more), other: moved(cells[other], kind, -more)}
            yield one
            for second in set(range(len(mine))) - {kind}:
                yield {**one, key: moved(one[key], second, -more), other: moved(one[other], second, more)}
                both = mine[second] + cells[other][second]
                for keeps in {each for few in (1, 5, SMALL - 1) for each in (few, both - few)}:  # one is small by another kind
                    given = mine[second] - keeps
                    yield {**one, key: moved(one[key], second, -given), other: moved(one[other], second, given)}
    for kind, (other, third), more, less in product(range(len(mine)), permutations(others, 2), some, some):
        yield {
            **cells,
            key: moved(mine, kind, more - less),
            other: moved(cells[other], kind, -more),
            third: moved(cells[third], kind, less),
        }


def moved(cell: Cases, kind: int, more: int) -> Cases:
    return tuple(max(count + more, 0) if place == kind else count for place, count in enumerate(cell))


@given(tables)
def test_nothing_is_left_out_where_nothing_is_small_and_no_small_cell_is_shown(cells: Cells) -> None:
    out = withheld(cells)
    shown = {key: each for key, each in cells.items() if key not in out.keys}
    assert not small_counts(shown)
    if not small_counts(cells) and not any(0 < sum(each) - part < SMALL for each in cells.values() for part in each):
        assert (set(out.keys), out.whole) == (set(), False)
    if not out.whole:
        assert not small_counts({"all": together(cells)})


def out_of(small: int = SMALL, **cells: Cases) -> tuple[set[str], bool]:
    found = withheld({key.replace("nobody", NOT_KNOWN): each for key, each in cells.items()}, small)
    return set(found.keys), found.whole


def test_small_cells_are_left_out_whichever_side_is_small() -> None:
    large = (20, 20)
    assert out_of(a=large, b=large) == (set(), False)
    assert out_of(a=(3, 37), b=(30, 10), c=large, d=(4, 5)) == ({"a", "b", "d"}, False)
    assert out_of(a=(0, 40), b=large) == (set(), False)
    assert out_of(a=(40,), b=(9,), c=(50,)) == ({"a", "b"}, False)


def test_those_that_small_ones_would_follow_from_go_with_them() -> None:
    assert out_of(a=(3, 37), b=(20, 40), c=(20, 30)) == ({"a", "c"}, False)
    assert out_of(a=(3, 37), b=(0, 40), c=(20, 40)) == ({"a", "b", "c"}, False)
    assert out_of(a=(3, 37), b=(20, 40)) == ({"a", "b"}, False)
    assert out_of(a=(3, 37)) == ({"a"}, True)
    assert out_of(a=(3, 37), b=(4, 36)) == ({"a", "b"}, True)
    assert out_of(a=(3, 37), b=(20, 30), c=(30, 20), d=(30, 30)) == ({"a", "b", "c"}, False)


def test_what_belongs_to_nobody_is_in_the_mean_and_counts_as_left_out() -> None:
    assert out_of(nobody=(3, 37), a=(20, 30), b=(30, 40)) == ({NOT_KNOWN, "a"}, False)
    assert out_of(nobody=(30, 37), a=(3, 30), b=(30, 40)) == ({NOT_KNOWN, "a"}, False)
    assert out_of(nobody=(30, 37), a=(30, 30)) == (set(), False)


def test_figures_of_the_same_cases_are_left_out_together() -> None:
    assert (
        measures(BY_ID["initial-denial-rate"]) == measures(BY_ID["first-pass-rate"]) == measures(BY_ID["initial-denial-rate-lines"])
    )
    assert measures(BY_ID["overturn-rate"]) == measures(BY_ID["overturn-rate-dollars"])
    assert cases((40, 3, 30)) == (3, 30, 7)
    assert cases((40,)) == (40,)
    for kpi in KPIS:
        if kpi.kind == "period" and kpi.numerator and kpi.denominator and kpi.numerator.measure != kpi.denominator.measure:
            of_claims = {
                "initially_denied_lines",
                "initially_refused",
            }  # of claims that are denied at first, and no count of their own
            assert kpi.numerator.measure in measures(kpi) or kpi.numerator.measure in of_claims, kpi.id
    assert all(measures(BY_ID[name]) for name in SCORED)
