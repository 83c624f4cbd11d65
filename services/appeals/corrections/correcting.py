"""A claim's JSON with some fields changed, and what is different then. Pure."""

import copy
import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

PAYER_NUMBER: Final = "F8"
_END: Final = "-"
_DEPTH_MAX: Final = 10
_ITEMS_MAX: Final = 1000
# What makes it a replacement or void is said by how it is asked for; what tells which claim it is cannot change.
_FIXED: Final = frozenset({"frequency_code", "claim_type", "patient_control_number"})

Scalar = str | int | bool | None


class ChangeRefused(Exception):  # noqa: N818 - the fact is the name
    """A change that cannot be made. `place` counts the changes from 0; `problem` never repeats what was sent."""

    def __init__(self, place: int, problem: str) -> None:
        super().__init__(problem)
        self.place = place
        self.problem = problem


class Change(Struct, frozen=True):
    """One field by its JSON pointer; without a value it is taken out. `-` stands for the end of a list."""

    path: str
    value: Any = None


class Difference(Struct, frozen=True):
    """One value that is not what it was."""

    path: str
    change: Literal["added", "removed", "changed"]
    before: Scalar = None
    after: Scalar = None


def correct(claim: dict[str, Any], changes: Sequence[Change], frequency_code: str, payer_number: str) -> dict[str, Any]:
    """Return the claim as it is sent again: changed, with its frequency and the payer's number of the claim whose place it takes.

    Errors: ChangeRefused.
    """
    corrected = copy.deepcopy(claim)
    for place, change in enumerate(changes):
        try:
            _apply(corrected, change)
        except ValueError as error:
            raise ChangeRefused(place, str(error)) from None
    corrected["frequency_code"] = frequency_code
    others = [each for each in corrected.get("references", ()) if each.get("qualifier") != PAYER_NUMBER]
    corrected["references"] = [*others, {"qualifier": PAYER_NUMBER, "value": payer_number}]
    return corrected


def _apply(claim: dict[str, Any], change: Change) -> None:
    names = [each.replace("~1", "/").replace("~0", "~") for each in change.path.split("/")]
    if names[0] or len(names) == 1 or len(names) > _DEPTH_MAX:
        raise ValueError("is no JSON pointer into a claim")
    if names[1] in _FIXED:
        raise ValueError("says which claim it is, and is not corrected")
    held: Any = claim
    for name, following in itertools.pairwise(names[1:]):
        held = _step(held, name, following, creates=change.value is not None)
    _put(held, names[-1], change.value)


def _step(held: Any, name: str, following: str, *, creates: bool) -> Any:
    if isinstance(held, list):
        return held[_index(held, name)]
    if not isinstance(held, dict):
        raise ValueError("leads into a value")  # noqa: TRY004 - of what was sent, not of the code
    if held.get(name) is None:
        if not creates:
            raise ValueError("leads to nothing")
        held[name] = [] if following in (_END, "0") else {}
    return held[name]


def _put(held: Any, name: str, value: Any) -> None:
    if isinstance(held, list):
        if value is None:
            del held[_index(held, name)]
        elif name in (_END, str(len(held))) and len(held) < _ITEMS_MAX:
            held.append(value)
        else:
            held[_index(held, name)] = value
    elif not isinstance(held, dict):
        raise ValueError("leads into a value")  # noqa: TRY004 - as above
    elif value is None:
        if name not in held:
            raise ValueError("leads to nothing")
        del held[name]
    else:
        held[name] = value


def _index(held: list[Any], name: str) -> int:
    if not name.isascii() or not name.isdecimal() or len(name) > len(str(_ITEMS_MAX)) or int(name) >= len(held):
        raise ValueError("is no place in the list")
    return int(name)


def compare(before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    """Return every value that differs, in the order of their pointers."""
    was, now = dict(_leaves(before, "")), dict(_leaves(after, ""))
    found = []
    for path in sorted(was.keys() | now.keys(), key=_order):
        if path not in was:
            found.append(Difference(path, "added", None, now[path]))
        elif path not in now:
            found.append(Difference(path, "removed", was[path], None))
        elif was[path] != now[path]:
            found.append(Difference(path, "changed", was[path], now[path]))
    return found


def _leaves(held: Any, path: str) -> Iterator[tuple[str, Scalar]]:
    if isinstance(held, dict):
        for name, value in held.items():
            yield from _leaves(value, f"{path}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(held, list):
        for place, value in enumerate(held):
            yield from _leaves(value, f"{path}/{place}")
    else:
        yield path, held


def _order(path: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in path.split("/")]


def digest_of(claim: dict[str, Any]) -> str:
    """Return what two equal corrected claims have in common."""
    return hashlib.sha256(json.dumps(claim, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
