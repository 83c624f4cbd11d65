"""A released contract is kept: optional additions pass, everything else is a break, and the checker sees each kind of it."""

import copy
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from deploy.docs.compatibility import breaks
from deploy.docs.documents import DOCS
from deploy.docs.schemas import EVENTS, PublishedEvent, json_schema

RELEASED = DOCS / "events" / "released" / "v1"
Schema = dict[str, Any]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_every_contract_keeps_what_was_released(event: PublishedEvent) -> None:
    released = json.loads((RELEASED / f"{event.name}.json").read_text())
    current = json.loads(json.dumps(json_schema(event)))
    assert breaks(released, current) == [], "a released contract was broken: a new meaning is a new version (v2)"


def test_nothing_that_was_released_has_gone() -> None:
    assert {path.stem for path in RELEASED.glob("*.json")} == {event.name for event in EVENTS}


class Part(msgspec.Struct, omit_defaults=True):
    code: str
    amount_cents: int
    line: int | None = None


class Whole(msgspec.Struct, omit_defaults=True):
    id: str
    status: str
    parts: tuple[Part, ...]
    sums: dict[str, int]
    main: Part
    other: Part | None = None
    note: str | None = None
    count: int = 1


def schema() -> Schema:
    made = msgspec.json.schema(Whole)
    made["$defs"]["Whole"]["properties"]["status"]["enum"] = ["active", "retracted"]
    return made


def changed(change: Callable[[Schema], object]) -> list[str]:
    current = copy.deepcopy(schema())
    change({**current["$defs"], "fields": current["$defs"]["Whole"]["properties"], "part": current["$defs"]["Part"]["properties"]})
    return breaks(schema(), current)


KEPT: dict[str, Callable[[Schema], object]] = {
    "the same": lambda told: told,
    "an optional field more": lambda told: told["fields"].update(extra={"type": "string", "default": ""}),
    "an optional field more inside": lambda told: told["part"].update(extra={"type": "integer", "default": 0}),
    "another description": lambda told: told["part"]["code"].update(description="Said better."),
    "another title": lambda told: told["Whole"].update(title="Entire"),
}
BROKEN: dict[str, tuple[Callable[[Schema], object], str]] = {
    "removed": (lambda told: told["fields"].pop("note"), "note was removed"),
    "removed inside": (lambda told: told["part"].pop("line"), "line was removed"),
    "renamed": (
        lambda told: told["fields"].update(remark=told["fields"].pop("note")),
        "note was removed",
    ),
    "retyped": (lambda told: told["part"]["amount_cents"].update(type="number"), "type was integer and is number"),
    "retyped in a map": (
        lambda told: told["fields"]["sums"]["additionalProperties"].update(type="string"),
        "type was integer and is string",
    ),
    "retyped where it may be null": (
        lambda told: told["fields"]["note"]["anyOf"][0].update(type="integer"),
        "type was string and is integer",
    ),
    "of another format": (lambda told: told["fields"]["id"].update(format="uuid"), "format was None and is uuid"),
    "newly nullable": (
        lambda told: told["part"].update(code={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        "0 alternatives became 2",
    ),
    "newly required": (lambda told: told["Whole"]["required"].append("note"), "note is required now"),
    "new and required": (
        lambda told: (told["fields"].update(extra={"type": "string"}), told["Whole"]["required"].append("extra")),
        "extra is required now",
    ),
    "no longer required": (lambda told: told["Part"]["required"].remove("code"), "code may be absent now"),
    "an enumeration narrowed": (
        lambda told: told["fields"]["status"].update(enum=["active"]),
        "enum was ['active', 'retracted'] and is ['active']",
    ),
    "an enumeration widened": (
        lambda told: told["fields"]["status"].update(enum=["active", "retracted", "void"]),
        "and is ['active', 'retracted', 'void']",
    ),
    "an enumeration where there was none": (lambda told: told["part"]["code"].update(enum=["45"]), "is ['45']"),
    "a bound where there was none": (lambda told: told["part"]["amount_cents"].update(minimum=0), "minimum was None"),
    "another default": (lambda told: told["fields"]["count"].update(default=2), "default was 1 and is 2"),
    "a list no more": (lambda told: told["fields"].update(parts={"$ref": "#/$defs/Part"}), "type was array"),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_readers_do_not_notice_passes(name: str) -> None:
    assert changed(KEPT[name]) == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_break_is_seen_and_named(name: str) -> None:
    change, told = BROKEN[name]
    found = changed(change)
    assert any(told in sentence for sentence in found), found
