"""A claim's JSON changed field by field, what differs then, and the 837 of it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from libs.x12 import Claim, InterchangeReader
from services.appeals.corrections.correcting import Change, ChangeRefused, compare, correct, digest_of
from services.appeals.corrections.rendering import Parties, complete, lacking, read, write
from services.ingest.claims.examples import CLAIMS, PROFESSIONAL

BEFORE: dict[str, Any] = {
    "patient_control_number": "A",
    "references": [{"qualifier": "G1", "value": "1"}, {"qualifier": "F8", "value": "old"}],
    "lines": [{"number": 1, "modifiers": ["25"]}, {"number": 2}],
}


def corrected(*changes: Change) -> dict[str, Any]:
    return correct(BEFORE, changes, "7", "ICN1")


@pytest.mark.parametrize(
    ("change", "place", "value"),
    [
        (Change("/lines/1/modifiers/-", "59"), ("lines", 1, "modifiers"), ["59"]),
        (Change("/lines/0/modifiers/-", "59"), ("lines", 0, "modifiers"), ["25", "59"]),
        (Change("/lines/0/modifiers/0", "59"), ("lines", 0, "modifiers"), ["59"]),
        (Change("/lines/0/modifiers/0"), ("lines", 0, "modifiers"), []),
        (Change("/lines/0"), ("lines", 0), {"number": 2}),
        (Change("/patient/address/city", "X"), ("patient",), {"address": {"city": "X"}}),
    ],
)
def test_a_field_is_set_added_or_taken_out_by_its_pointer(change: Change, place: tuple[Any, ...], value: Any) -> None:
    found: Any = corrected(change)
    for step in place:
        found = found[step]
    assert found == value


def test_what_is_sent_again_names_the_claim_whose_place_it_takes() -> None:
    after = corrected()
    assert after["frequency_code"] == "7"
    assert after["references"] == [{"qualifier": "G1", "value": "1"}, {"qualifier": "F8", "value": "ICN1"}]
    assert BEFORE["references"][1]["value"] == "old"


@pytest.mark.parametrize(
    "path",
    ["lines", "", "/", "/lines/7/number", "/lines/x", "/lines/-1", "/lines/0/number/a", "/lines/²", "/frequency_code",
     "/patient_control_number", "/" + "/".join("a" * 20)],
)  # fmt: skip
def test_a_change_that_leads_nowhere_is_refused_with_its_place(path: str) -> None:
    with pytest.raises(ChangeRefused) as refused:
        corrected(Change("/lines/0/units", "1"), Change(path, None if path == "/" else "1"))
    assert refused.value.place == 1


def test_what_differs_is_told_value_by_value() -> None:
    after = corrected(Change("/lines/0/modifiers/0", "59"), Change("/lines/1"), Change("/facility_code", "11"))
    told = [(each.path, each.change, each.before, each.after) for each in compare(BEFORE, after)]
    assert told == [
        ("/facility_code", "added", None, "11"),
        ("/frequency_code", "added", None, "7"),
        ("/lines/0/modifiers/0", "changed", "25", "59"),
        ("/lines/1/number", "removed", 2, None),
        ("/references/1/value", "changed", "old", "ICN1"),
    ]


_KEYS = some.sampled_from(["a", "b/c", "~"])
_JSON = some.recursive(
    some.integers() | some.text(max_size=3) | some.booleans(),
    lambda below: some.lists(below, min_size=1, max_size=3) | some.dictionaries(_KEYS, below, min_size=1, max_size=3),
    max_leaves=8,
)


@given(some.dictionaries(_KEYS, _JSON, max_size=3), some.dictionaries(_KEYS, _JSON, max_size=3))
def test_nothing_differs_only_in_what_is_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert compare(one, one) == []
    assert (compare(one, other) == []) == (repr(one) == repr(other) or one == other)
    assert (digest_of(one) == digest_of(other)) == (compare(one, other) == [] and one == other)


def read_back(told: str) -> list[Claim]:
    reader = InterchangeReader()
    return [item for item in (*reader.feed(told.encode("latin-1")), *reader.close()) if isinstance(item, Claim)]


@pytest.mark.parametrize("name", CLAIMS)
def test_the_837_says_what_the_corrected_claim_says(name: str) -> None:
    after = correct(CLAIMS[name], [Change("/lines/0/charge_cents", 777)], "7", "ICN1")
    claim = read(after)
    parties = complete(Parties(submitter_phone="5555550100"), claim)
    assert list(lacking(parties)) == []
    [again] = read_back(write(claim, parties, "a-reference", datetime(2026, 3, 1, tzinfo=UTC)))
    assert (again.frequency_code, again.original_control_number, again.lines[0].charge_cents) == ("7", "ICN1", 777)
    assert again.subscriber == claim.subscriber


def test_an_837_without_a_phone_lacks_it() -> None:
    claim = read({**PROFESSIONAL, "billing_provider": {**PROFESSIONAL["billing_provider"], "segments": []}})
    assert list(lacking(complete(Parties(), claim))) == ["submitter_phone"]
