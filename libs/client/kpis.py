"""`recours kpis`: the key figures, each with its definition; `recours analytics`: their sums held against the facts."""

import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from libs.client import services
from libs.client.shapes import Figure, Recount
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Answer, Service
from libs.common.money import dollars

_POLL_SECONDS: Final = 0.5
_LIST: Final = (Column("id"), Column("unit"), Column("name", min_width=30), Column("number"))
_DIFFERENCES: Final = (
    Column("measure"),
    Column("day"),
    Column("known on"),
    Column("cell", min_width=20),
    Column("facts say", "right"),
    Column("stands", "right"),
)


def show_list(*, as_json: bool) -> None:
    """Print the table of key figures."""
    with Service("analytics") as analytics:
        answer = services.list_kpis(analytics)
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    rows = [(each.id, each.unit, each.name, "not yet" if each.reason else "yes") for each in answer.value.items]
    print_rows(output(), _LIST, rows)


def show(kpi_id: str, asked: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one key figure beside its definition."""
    with Service("analytics") as analytics:
        answer = services.get_kpi(analytics, kpi_id, asked)
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    found, console = answer.value, output()
    kpi = found.kpi
    console.print(f"{kpi.name}: {_value(found.total, kpi.unit)}")
    console.print(f"{kpi.definition} Day: {kpi.basis}.", style="dim")
    console.print(f"Mind: {kpi.pitfalls}", style="dim")
    if kpi.reason is not None:
        console.print(kpi.reason)
    if found.compared is not None:
        console.print(f"{found.compared.from_} to {found.compared.to}: {_value(found.compared, kpi.unit)}")
    if found.groups:
        names = list(found.groups[0].keys)
        columns = [*(Column(name) for name in names), Column(kpi.unit, "right"), Column("above", "right"), Column("below", "right")]
        rows = [
            [*(plain(each.keys[name]) or "-" for name in names), _value(each, kpi.unit), f"{each.numerator:,}", _whole(each)]
            for each in found.groups
        ]
        console.print()
        print_rows(console, columns, rows)


def _value(figure: Figure | None, unit: str) -> str:
    if figure is None or figure.value is None:
        return "no number"
    if unit == "share":
        return f"{figure.value:.2%}"
    return dollars(int(figure.value)) if unit == "cents" else f"{figure.value:,.1f} {unit}"


def _whole(figure: Figure) -> str:
    return "" if figure.denominator is None else f"{figure.denominator:,}"


def recount(*, repair: bool, reread: bool, as_json: bool) -> int:
    """Hold the sums against the facts and say what differs; return 1 where something does."""
    with Service("analytics") as analytics:
        begun = services.begin_recount(analytics, repair=repair, reread=reread).value
        answer = _watch(analytics, begun)
    found = answer.value
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return int(found.differing > 0)
    if found.report:
        rows = [
            (
                each.measure,
                each.day,
                each.known_on,
                plain(" ".join(filter(None, each.cell))),
                _pair(each.expected),
                _pair(each.found),
            )
            for each in found.report
        ]
        print_rows(output(), _DIFFERENCES, rows)
    new = f", {found.facts_new:,} of them new" if reread else ""
    outcome = "made right" if repair else "differ"
    output(errors=True).print(f"{found.facts:,} facts{new}, {found.sums:,} sums; {found.differing:,} {outcome}.")
    return int(found.differing > 0)


def _pair(sums: list[int]) -> str:
    return f"{sums[0]:,} / {sums[1]:,}"


def _watch(analytics: Service, begun: Recount) -> Answer[Recount]:
    parts = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*parts, console=output(errors=True), transient=True) as bars:
        task = bars.add_task("waiting", total=None)
        while True:
            answer = services.get_recount(analytics, begun.recount_id)
            found = answer.value
            bars.update(task, description=found.state, completed=found.parts_done, total=found.parts or None)
            if found.state == "done":
                return answer
            time.sleep(_POLL_SECONDS)
