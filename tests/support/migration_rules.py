"""What a migration may not do while the version before it runs beside it: docs/upgrade.md says why, here it is looked for.

A migration is shown as the SQL that it would run, helpers included; nothing is run.
"""

import importlib.util
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from msgspec import Struct

from deploy.local.layout import ROOT

_NAME: Final = r'(?:ONLY )?(?:IF (?:NOT )?EXISTS )?"?([\w.]+)"?'
_MADE: Final = re.compile(rf"\bCREATE (?:UNLOGGED )?(?:TABLE|FUNCTION|VIEW) {_NAME}", re.IGNORECASE)
_ALTERED: Final = re.compile(rf"^ALTER TABLE {_NAME}", re.IGNORECASE)
_INDEXED: Final = re.compile(r"^CREATE (?:UNIQUE )?INDEX (CONCURRENTLY )?.*?\bON (?:ONLY )?\"?([\w.]+)", re.IGNORECASE)
_WRITTEN: Final = re.compile(
    rf"^(?:WITH\b.*?\b)?(?:UPDATE {_NAME} SET|DELETE FROM {_NAME}|INSERT INTO (?!\S+ (?:\(.*?\) )?VALUES){_NAME})", re.IGNORECASE
)
_VOLATILE: Final = re.compile(r"DEFAULT [^,]*\b(?:random|gen_random_uuid|clock_timestamp|nextval|uuidv7)\(", re.IGNORECASE)
# What a contraction takes away: by it the version before may still live.
_GONE: Final = (
    (re.compile(r"\bDROP COLUMN (?:IF EXISTS )?\"?(\w+)", re.IGNORECASE), "drops a column"),
    (re.compile(r"\bRENAME COLUMN \"?(\w+)", re.IGNORECASE), "renames a column"),
    (re.compile(r"^ALTER TABLE (?:IF EXISTS )?\"?(\w+)\"? RENAME TO", re.IGNORECASE), "renames a table"),
    (
        re.compile(r"^DROP (?:TABLE|VIEW|FUNCTION|TYPE|SCHEMA) (?:IF EXISTS )?\"?([\w.]+)", re.IGNORECASE),
        "drops what may be in use",
    ),
    (re.compile(r"^REVOKE\b.*\bON (?:TABLE |FUNCTION )?\"?([\w.]+)", re.IGNORECASE), "takes a right away"),
    (re.compile(r"\bALTER (?:COLUMN )?\"?(\w+)\"? SET NOT NULL", re.IGNORECASE), "asks for values that may be left out"),
    (re.compile(r"\bALTER (?:COLUMN )?\"?(\w+)\"? DROP DEFAULT", re.IGNORECASE), "asks for values that may be left out"),
)
_NEVER: Final = (
    (re.compile(r"\bALTER (?:COLUMN )?\"?\w+\"? (?:SET DATA )?TYPE\b", re.IGNORECASE), "changes a type: the table is written anew"),
    (re.compile(r"^(?:LOCK|TRUNCATE|CLUSTER|VACUUM FULL|REINDEX(?! .*CONCURRENTLY))\b", re.IGNORECASE), "keeps a table locked"),
    (
        re.compile(r"^CREATE (?:OR REPLACE )?FUNCTION .*\bRETURNS SETOF (?!(?:record|text|uuid|bigint|integer)\b)", re.IGNORECASE),
        "gives whole rows of a table, and fails for who waits in it while that gets a column: RETURNS TABLE, its columns named",
    ),
    (re.compile(r"^REFRESH MATERIALIZED VIEW (?!CONCURRENTLY)", re.IGNORECASE), "keeps a view locked"),
)  # fmt: skip


class Finding(Struct, frozen=True):
    """`gone` names what a contraction takes away; None for what may never be done."""

    what: str
    statement: str
    gone: str | None = None

    def __str__(self) -> str:
        return f"{self.what}: {self.statement[:100]}"


def versions(service: str, after: str) -> list[Path]:
    """Return the migrations of a service that are newer than a version, in order."""
    folder = ROOT / "services" / service / "migrations" / "versions"
    return [path for path in sorted(folder.glob("[0-9]*.py")) if path.name[:4] > after]


def module_of(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"migration_{path.parents[2].name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def statements_of(module: ModuleType) -> list[str]:
    """Return what a migration's way up would run, each statement on one line."""
    told = io.StringIO()
    options = {"as_sql": True, "output_buffer": told, "transactional_ddl": True, "transaction_per_migration": True}
    made = MigrationContext.configure(dialect_name="postgresql", opts=options)
    with Operations.context(made), made.begin_transaction(_per_migration=True):
        module.upgrade()
    return list(_split(told.getvalue()))


def _split(told: str) -> Iterator[str]:
    """Yield the statements of a script: what stands in quotes or dollars is of one piece, and comments are left out."""
    piece = r"\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'|--[^\n]*|;|[^;'$-]+|."
    statement = ""
    for found in re.finditer(piece, told, re.DOTALL):
        if found[0] == ";":
            yield " ".join(statement.split())
            statement = ""
        elif not found[0].startswith("--"):
            statement += found[0]


def findings(statements: Sequence[str]) -> list[Finding]:
    """Say what a migration does that blocks the version before it, or breaks it."""
    made = {found[1].lower() for each in statements for found in _MADE.finditer(each)}
    found: list[Finding] = []
    outside = False
    for statement in statements:
        if statement in ("BEGIN", "COMMIT"):
            outside = statement == "COMMIT"
            continue
        altered = _ALTERED.match(statement)
        if altered and altered[1].lower() in made:
            continue
        found += [Finding(what, statement) for pattern, what in _NEVER if pattern.search(statement)]
        taken = [Finding(what, statement, gone[1]) for pattern, what in _GONE if (gone := pattern.search(statement))]
        found += [each for each in taken if (each.gone or "").lower() not in made]
        found += _of_columns(statement) if altered else []
        found += _of_indexes(statement, made, outside=outside)
        written = _WRITTEN.match(statement)
        if written and next(name for name in written.groups() if name).lower() not in made:
            found.append(Finding("writes rows of a table that is in use: let the worker fill it, some at a time", statement))
    return found


def _of_columns(statement: str) -> Iterator[Finding]:
    for column in re.findall(r"\bADD COLUMN (.*?)(?=, ADD\b|$)", statement, re.IGNORECASE):
        if re.search(r"\bNOT NULL\b", column, re.IGNORECASE) and not re.search(r"\bDEFAULT\b", column, re.IGNORECASE):
            yield Finding("adds a column that the version before does not fill", statement)
        if _VOLATILE.search(column):
            yield Finding("adds a column whose default differs by row: the table is written anew", statement)
        if re.search(r"\b(?:UNIQUE|PRIMARY KEY)\b", column, re.IGNORECASE):
            yield Finding("builds an index while the table is locked", statement)
    if (
        re.search(r"\bADD (?:CONSTRAINT \S+ )?(?:CHECK|FOREIGN KEY)\b", statement, re.IGNORECASE)
        and "NOT VALID" not in statement.upper()
    ):
        yield Finding("adds a constraint that all rows must meet at once: NOT VALID, then VALIDATE", statement)
    if re.search(r"\bADD (?:CONSTRAINT \S+ )?(?:UNIQUE|PRIMARY KEY|EXCLUDE)\b(?! USING INDEX)", statement, re.IGNORECASE):
        yield Finding("builds an index while the table is locked", statement)


def _of_indexes(statement: str, made: set[str], *, outside: bool) -> Iterator[Finding]:
    indexed = _INDEXED.match(statement)
    if indexed and indexed[2].lower() not in made:
        if not indexed[1]:
            yield Finding("builds an index while nobody can write: build it CONCURRENTLY", statement)
        elif not outside:
            yield Finding("builds an index CONCURRENTLY inside of a transaction: use outside_of_transaction()", statement)
    if re.match(r"^DROP INDEX (?!CONCURRENTLY)", statement, re.IGNORECASE):
        yield Finding("waits for the table with everybody behind it: drop the index CONCURRENTLY", statement)
