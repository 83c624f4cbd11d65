"""The variables of letters as a table, written into docs/letters.md from the closed set that templates are checked by."""

from pathlib import Path
from typing import Final

from deploy.docs.marked import between
from services.appeals.letters.variables import VARIABLES, Variable

_BEGIN, _END = "<!-- variables: written by `make docs` from the table -->", "<!-- variables end -->"
_KINDS: Final = {"text": "text", "date": "day", "money": "amount", "texts": "texts", "rows": "list"}


def with_variables(page: Path) -> str:
    """Return a page with what stands between its two marks written anew."""
    rows = "\n".join(_row(name, variable) for name, variable in VARIABLES.items())
    return between(page, _BEGIN, _END, f"| variable | kind | what it says |\n|---|---|---|\n{rows}")


def _row(name: str, variable: Variable) -> str:
    fields = f"; fields: {', '.join(variable.fields)}" if variable.fields else ""
    return f"| `{name}`{'*' if variable.given else ''} | {_KINDS[variable.kind]} | {variable.meaning}{fields} |"
