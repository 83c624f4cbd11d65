"""`recours kpis`: the key figures, each with its definition; `recours analytics`: their sums held against the facts."""

import re
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from libs.client import services
from libs.client.errors import ClientError
from libs.client.shapes import Figure, Recount
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Answer, Service, json_body
from libs.common.money import dollars

_DOLLARS: Final = re.compile(r"[0-9]{1,13}(\.[0-9]{1,2})?", re.ASCII)
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


class Month(Struct, frozen=True):
    month: str
    cents: int


class Finance(Struct, frozen=True):
    rework_cost_cents: int | None
    net_revenue: list[Month]


def tell_finance(what: str | None, amount: str | None, *, as_json: bool) -> None:
    """Tell an amount of money, if there is one, and show what stands. Errors: ClientError where it is none."""
    with Service("analytics") as analytics:
        if what is None or amount is None:
            answer = analytics.get("/v1/finance", Finance)
        else:
            answer = analytics.put(f"/v1/finance/{quote(what)}", Finance, json_body({"cents": _cents(amount)}))
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    cost, console = answer.value.rework_cost_cents, output()
    console.print(f"Working a denial costs {'an unknown sum' if cost is None else dollars(cost)}.")
    for each in answer.value.net_revenue:
        console.print(f"Net revenue of {each.month[:7]}: {dollars(each.cents)}")


def _cents(amount: str) -> int:
    """Return dollars as cents. Errors: ClientError."""
    if not _DOLLARS.fullmatch(amount):
        raise ClientError("An amount is dollars, with or without cents: 44 or 44.50.")
    whole, _, part = amount.partition(".")
    return int(whole) * 100 + int(f"{part}00"[:2])


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
    output(errors=True).print(
        f"{found.facts:,} facts{new}, {found.sums:,} sums, {found.outcomes:,} lines; {found.differing:,} {outcome}."
    )
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
