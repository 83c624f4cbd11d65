"""The inventory of patient data as tables, written into docs/privacy.md from what each service says of its columns."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

from deploy.docs.marked import between
from deploy.local.layout import SERVICES
from libs.common.inventory import EVENT_FIELDS, KINDS, SPINE, Inventory, Kind, Table
from libs.common.sealing.cipher import Place
from services.ingest.deidentified.decisions import CLAIM, MEANINGS, REMIT

_BEGIN, _END = "<!-- inventory: written by `make docs` from the annotations -->", "<!-- inventory end -->"
_SHOWN: Final[tuple[Kind, ...]] = tuple(kind for kind in KINDS if kind != "nothing")


def inventories() -> Mapping[str, Inventory]:
    """Return what each service says of its tables."""
    return {service: import_module(f"services.{service}.inventory").TABLES for service in SERVICES}


def places(service: str) -> Sequence[Place]:
    """Return the columns that a service seals."""
    told: Sequence[Place] = import_module(f"services.{service}.seals").PLACES
    return told


def with_inventory(page: Path) -> str:
    """Return a page with what stands between its two marks written anew."""
    shared = {name: told for name, told in SPINE.items() if _tells(told)}
    parts = [_section("Every service", shared)]
    for service, tables in inventories().items():
        parts.append(_section(service, {name: told for name, told in sorted(tables.items()) if name not in SPINE and _tells(told)}))
        sealed = ", ".join(f"`{place.name}`" for place in places(service))
        parts.append(f"Sealed at rest: {sealed}.\n")
        silent = sorted(name for name, told in tables.items() if name not in SPINE and not _tells(told))
        parts.append(f"Nothing of a person: {', '.join(f'`{name}`' for name in silent)}.\n")
    parts.append(_section("Events", {"all topics": EVENT_FIELDS}))
    parts.append(_decisions())
    return between(page, _BEGIN, _END, "\n".join(parts).strip())


def _decisions() -> str:
    """Return what the de-identified export does to each field."""
    meanings = "".join(f"- *{told.replace('_', ' ')}*: {meaning}.\n" for told, meaning in MEANINGS.items())
    head = f"| part | {' | '.join(MEANINGS)} |\n|---|{'---|' * len(MEANINGS)}\n".replace("left_out", "left out")
    rows = [
        f"| `{part}` | {' | '.join(', '.join(f'`{name}`' for name, of in fields.items() if of == told) for told in MEANINGS)} |\n"
        for part, fields in {**CLAIM, **REMIT}.items()
    ]
    return f"### In the de-identified export\n\n{meanings}\n{head}{''.join(rows)}"


def _tells(told: Table) -> bool:
    return any(kind != "nothing" for kind in told.values())


def _section(title: str, tables: Mapping[str, Table]) -> str:
    head = f"### {title}\n\n| table | {' | '.join(_SHOWN)} |\n|---|{'---|' * len(_SHOWN)}\n"
    return head + "".join(f"| `{name}` | {' | '.join(_names(told, kind) for kind in _SHOWN)} |\n" for name, told in tables.items())


def _names(told: Table, kind: Kind) -> str:
    return ", ".join(f"`{name}`" for name, of in told.items() if of == kind)
