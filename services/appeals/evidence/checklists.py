"""Which evidence a case needs, and what of it is there. Pure: documents, waivers and a tenant's own lists in, a verdict out."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
import yaml
from msgspec import Struct

from services.appeals.documents.kinds import DocumentKind

Held = Literal["acknowledgement", "remittance"]
State = Literal["present", "missing", "waived"]
EVERY_PAYER: Final = ""  # the payer of a tenant's list that holds for all payers without one of their own
_OTHER: Final = "other"
_HELPS: Final = "?"
_REQUESTED: Final = "requested_records"


class Item(Struct, frozen=True):
    """One piece of evidence: its words, and the kinds of documents that are it."""

    en: str
    fr: str
    kinds: tuple[DocumentKind, ...]
    held: Held | None = None


class Wanted(Struct, frozen=True):
    """An item on a checklist."""

    item: str
    needed: bool


class Checked(Struct, frozen=True):
    """What became of one item of a case."""

    item: str
    told: Item
    needed: bool
    state: State
    documents: tuple[UUID, ...] = ()

    @property
    def keeps_back(self) -> bool:
        return self.needed and self.state == "missing"


class _Package(Struct, frozen=True):
    items: dict[str, Item]
    asked: dict[str, str]  # by a code of a payer's request: the name of an item
    categories: dict[str, str]  # names of items, one after the other


@cache
def _package() -> _Package:
    told = msgspec.convert(yaml.safe_load(files(__package__).joinpath("checklists.yaml").read_text()), _Package)
    used = {name.rstrip(_HELPS) for names in told.categories.values() for name in names.split()}
    unknown = {*used, *told.asked.values(), _REQUESTED} - set(told.items)
    if unknown:
        raise ValueError(f"checklists.yaml does not explain {', '.join(sorted(unknown))}")
    return told


def items() -> Mapping[str, Item]:
    return _package().items


def categories() -> Collection[str]:
    return _package().categories


def standard(category: str) -> tuple[Wanted, ...]:
    """Return the checklist that holds where a tenant has none of its own."""
    lists = _package().categories
    return tuple(Wanted(name.rstrip(_HELPS), not name.endswith(_HELPS)) for name in lists.get(category, lists[_OTHER]).split())


def choose(category: str, payer_id: str, own: Mapping[tuple[str, str], tuple[Wanted, ...]]) -> tuple[Wanted, ...]:
    """Return the checklist of a category at a payer. `own`: a tenant's lists by (payer, category), the payer's first."""
    for place in ((payer_id, category), (EVERY_PAYER, category)):
        if place in own:
            return own[place]
    return standard(category)


def with_asked(wanted: Sequence[Wanted], codes: Collection[str]) -> tuple[Wanted, ...]:
    """Add to a checklist what a payer asks for, by the codes of its requests; an item that only helped is needed then."""
    asked = {_package().asked.get(code, _REQUESTED) for code in sorted(codes)}
    listed = tuple(Wanted(each.item, needed=True) if each.item in asked else each for each in wanted)
    more = asked - {each.item for each in wanted}
    return (*listed, *(Wanted(item, needed=True) for item in sorted(more)))


def check(wanted: Sequence[Wanted], documents: Sequence[Mapping[Any, Any]], waived: Collection[str]) -> list[Checked]:
    """Hold a checklist against a case's current documents and waivers, in the order of the list."""
    known = items()
    found = []
    for each in wanted:
        told = known[each.item]
        there = tuple(row["document_id"] for row in documents if row["kind"] in told.kinds)
        state: State = "present" if there else "waived" if each.item in waived else "missing"
        found.append(Checked(each.item, told, each.needed, state, there))
    return found
