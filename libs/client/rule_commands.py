"""The commands `recours rules`, `labels` and `odds`: their arguments; what they do is in a module each."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from libs.client import evaluate, labels, odds, replay, rules
from libs.client.options import AsJson, AsLines, From, Limit, To, day_of

own_rules = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What you change in the judgement, by version.")
own_labels = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What people say that denials are.")
chances = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="How likely a denial is overturned.")

RulesFile = Annotated[str, typer.Argument(metavar="FILE", help="YAML or JSON; - for standard input")]
Version = Annotated[int, typer.Argument(min=1, metavar="VERSION")]


@own_rules.command("check")
def check_rules(file: RulesFile, as_json: AsJson = False) -> None:
    """Check rules and show which of them contradict each other; nothing is kept."""
    rules.check(file, as_json=as_json)


@own_rules.command("draft")
def draft_rules(file: RulesFile, as_json: AsJson = False) -> None:
    """Make the next version of them; it judges nothing until it is published."""
    rules.draft(file, as_json=as_json)


@own_rules.command("publish")
def publish_rules(version: Version, as_json: AsJson = False) -> None:
    """Put a version in force, for every remit that comes from now on."""
    rules.publish(version, as_json=as_json)


@own_rules.command("list")
def list_rules(limit: Limit = 50, as_lines: AsLines = False) -> None:
    """Show the versions, newest first."""
    rules.show_list(limit, as_lines=as_lines)


@own_rules.command("show")
def show_rules(version: Version, as_json: AsJson = False) -> None:
    """Show a version as the file that would draft it."""
    rules.show(version, as_json=as_json)


@own_rules.command("replay")
def replay_rules(
    version: Annotated[int, typer.Argument(min=0, metavar="VERSION", help="a draft or an older one; 0: none of your rules")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="first payment day, included")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="last payment day, included")],
    per_second: Annotated[int | None, typer.Option(min=1, help="at most so many denials a second")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="then give what changes its next revision")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a version makes of past denials, side by side with what stands; Ctrl-C leaves the replay to the service.

    Exit status: 0 done, 1 not applied or cancelled, 2 nothing can be said.
    """
    raise typer.Exit(replay.replay(version, first.date(), last.date(), per_second, apply=apply, yes=yes, as_json=as_json))


@own_rules.command("evaluate")
def evaluate_rules(
    version: Annotated[int | None, typer.Option(min=0, help="judged by this version; left out: as denials stand")] = None,
    source: Annotated[str | None, typer.Option(help="of biller or audit alone; else an audit's outweighs a biller's")] = None,
    first: From = None,
    last: To = None,
    as_json: AsJson = False,
) -> None:
    """Hold the judgement against the labels that people gave: accuracy, confusion, disagreements by code."""
    asked = {"version": version, "source": source, "from": day_of(first), "to": day_of(last)}
    evaluate.show(asked, as_json=as_json)


@own_labels.command("add")
def add_label(
    denial_id: UUID,
    category: Annotated[str, typer.Argument(help="such as authorization")],
    action: Annotated[str, typer.Argument(help="such as appeal")],
    source: Annotated[str, typer.Option(help="biller or audit")] = "biller",
    note: Annotated[str, typer.Option(help="why; no patient's data")] = "",
    as_json: AsJson = False,
) -> None:
    """Say what a denial is; it changes no judgement, but `recours rules evaluate` holds the judgement against it."""
    labels.add(denial_id, source, category, action, note, as_json=as_json)


@own_labels.command("list")
def list_labels(limit: Limit = 50, as_lines: AsLines = False) -> None:
    """Show labels, newest first."""
    labels.show_list(limit, as_lines=as_lines)


@own_labels.command("import")
def import_labels(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="CSV with columns denial_id, source, category, action, note; - for standard input")
    ],
    as_lines: Annotated[
        bool, typer.Option("--json", help="one JSON object a line of the file: the label kept, or what is wrong")
    ] = False,
) -> None:
    """Keep the labels of a file. Sending it again is harmless: of each source the latest label of a denial is kept.

    Exit status: 0 all lines were taken, 1 at least one was not, 2 nothing can be said.
    """
    raise typer.Exit(labels.import_(file, as_lines=as_lines))


@chances.command("show")
def show_odds(
    payer: Annotated[str | None, typer.Option(help="payer id (TRN03)")] = None,
    category: Annotated[str | None, typer.Option(help="such as authorization")] = None,
    limit: Limit = 200,
    as_lines: AsLines = False,
) -> None:
    """Show what the odds rest on: contested denials by payer, category, code and level, with the odds of the next one."""
    odds.show({"payer": payer, "category": category}, limit, as_lines=as_lines)


@chances.command("evaluate")
def evaluate_odds(
    version: Annotated[int | None, typer.Option(min=1, help="of the table; left out: the newest")] = None,
    as_json: AsJson = False,
) -> None:
    """Show calibration and lift on the newest outcomes, told from the earlier ones."""
    odds.evaluate(version, as_json=as_json)
