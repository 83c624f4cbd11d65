"""The commands `recours kpis` and `recours analytics`: their arguments; what they do is in kpis.py."""

from datetime import datetime
from typing import Annotated, Final

import typer

from libs.client import kpis
from libs.client.options import AsJson, day_of

key_figures: Final = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Key figures, each with its definition.")
counting: Final = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The sums behind the key figures.")


@key_figures.command("list")
def list_kpis(as_json: AsJson = False) -> None:
    """Show which key figures there are, and which of them have no number yet."""
    kpis.show_list(as_json=as_json)


@key_figures.command("show")
def show_kpi(
    kpi: Annotated[str, typer.Argument(metavar="KPI", help="such as initial-denial-rate")],
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="first day, included")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="last day, included")] = None,
    group_by: Annotated[list[str] | None, typer.Option(help="payer, facility, category, month, ...; up to three")] = None,
    filter_: Annotated[list[str] | None, typer.Option("--filter", help="dimension:value, such as payer:1999999999")] = None,
    compare_to: Annotated[str | None, typer.Option(help="previous or year")] = None,
    as_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="of what was known on that evening")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a key figure beside its definition."""
    asked = {"from": day_of(first), "to": day_of(last), "group_by": group_by, "filter": filter_}
    kpis.show(kpi, {**asked, "compare_to": compare_to, "as_of": day_of(as_of)}, as_json=as_json)


@key_figures.command("cost")
def cost(
    amount: Annotated[
        str | None, typer.Argument(metavar="AMOUNT", help="dollars, such as 44.50; without, what stands is shown")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what working one denial costs, or show what key figures know of your money."""
    kpis.tell_finance(None if amount is None else "rework-cost", amount, as_json=as_json)


@key_figures.command("revenue")
def revenue(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="such as 2026-03")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="net patient service revenue of the month, in dollars")],
    as_json: AsJson = False,
) -> None:
    """Tell a month's net revenue, against which write-offs are measured; told again, it is corrected."""
    kpis.tell_finance(f"net-revenue/{month}", amount, as_json=as_json)


@counting.command("verify")
def verify_sums(
    repair: Annotated[bool, typer.Option("--repair", help="make right what differs")] = False, as_json: AsJson = False
) -> None:
    """Hold the sums against the facts that they follow from, while the system works on.

    Exit status: 0 they are right; 1 at least one was not (and is now, with --repair); 2 nothing can be said.
    """
    raise typer.Exit(kpis.recount(repair=repair, reread=False, as_json=as_json))


@counting.command("rebuild")
def rebuild_sums(as_json: AsJson = False) -> None:
    """Read the topics from their beginning for facts that are missing, then make all sums what the facts say.

    Exit status: 0 they were right; 1 at least one was not, and is now; 2 nothing can be said.
    """
    raise typer.Exit(kpis.recount(repair=True, reread=True, as_json=as_json))
