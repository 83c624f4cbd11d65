"""The levels of appeal and the amounts in controversy as tables, written into docs/deadlines.md from the data."""

from pathlib import Path
from typing import Final

from deploy.docs.marked import between
from libs.common.money import dollars
from services.appeals.deadlines.levels import Level, Route, floors, levels, routes

_BEGIN, _END = "<!-- levels: written by `make docs` from the data -->", "<!-- levels end -->"
_APPLIES: Final = {
    "by_law": "by law, for a payer of kind `{}`",
    "assumed": "assumed for a payer of kind `{}` until its levels are settled",
    "when_chosen": "only for a payer of which somebody has said so",
}


def with_levels(page: Path) -> str:
    """Return a page with what stands between its two marks written anew."""
    tables = "\n\n".join(_path(route, levels()[path]) for path, route in routes().items())
    return between(page, _BEGIN, _END, f"{tables}\n\n{_floors()}")


def _path(route: Route, told: tuple[Level, ...]) -> str:
    rows = [
        f"### `{route.path}`",
        "",
        f"{route.note}. Holds {_APPLIES[route.applies].format(route.payer_kind)}.",
        "",
        "| place | level | until when | decision | in force | source | verified |",
        "|---|---|---|---|---|---|---|",
        *(_row(each) for each in told),
    ]
    return "\n".join(rows)


def _row(each: Level) -> str:
    force = f"{each.effective_from} to {each.effective_to}" if each.effective_to else f"since {each.effective_from}"
    decision = f"{each.decision_days} days" if each.decision_days else ""
    source = each.source + (f". {each.note}" if each.note else "")
    verified = str(each.verified_on) if each.verified_on else "not yet"
    return f"| {each.place} | `{each.level}` | {_until(each)} | {decision} | {force} | {source} | {verified} |"


def _until(each: Level) -> str:
    if each.filed_when == "forwarded":
        return "the payer forwards it by itself"
    if each.window is None:
        return "unknown"
    unit = each.unit.replace("_", " ").removesuffix("s" * (each.window == 1))
    told = f"{each.window} {unit} from the {each.counted_from}"
    if each.presumed_days:
        told += f", which is presumed {each.presumed_days} days after the notice"
    if each.last_day == "next_workday":
        told += "; a weekend or federal holiday moves it to the next workday"
    return told + (f"; amount in controversy: `{each.floor}`" if each.floor else "")


def _floors() -> str:
    rows = [
        f"| `{each.floor}` | {each.effective_from} to {each.effective_to} | ${dollars(each.cents)} | {each.source} |"
        for each in floors()
    ]
    return "\n".join(["### Amounts in controversy", "", "| floor | for requests | at least | source |", "|---|---|---|---|", *rows])
