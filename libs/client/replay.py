"""`recours rules replay`: a version of the rules over a past period, watched, summed up, and applied if that is said."""

import time
from datetime import date
from typing import Final

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from libs.client import services
from libs.client.shapes import Replay
from libs.client.show import Column, output, print_json, print_rows
from libs.client.transport import Answer, Service, json_body
from libs.common.money import dollars

_POLL_SECONDS: Final = 0.5
_COLUMNS: Final = (
    Column("from"),
    Column("to"),
    Column("denials", "right"),
    Column("refused", "right"),
    Column("recoverable before", "right"),
    Column("after", "right"),
)


def replay(version: int, first: date, last: date, per_second: int | None, *, apply: bool, yes: bool, as_json: bool) -> int:
    """Try a version over a period; return 1 where a person said no or the replay was cancelled, else 0."""
    asked = {"version": version, "from": first, "to": last, "per_second": per_second}
    with Service("classifier") as classifier:
        begun = services.begin_replay(classifier, json_body(asked)).value
        answer = _watch(classifier, begun, "comparing")
        found = answer.value
        if not as_json:
            _print(found)
        if apply and found.state == "compared" and found.changed:
            if not yes and not typer.confirm(f"Give {found.changed} denials their next revision?", err=True):
                return 1
            answer = _watch(classifier, services.command_replay(classifier, found.replay_id, "apply").value, "applying")
            if not as_json:
                output().print(f"{answer.value.applied} denials revised.")
    if as_json:
        print_json(msgspec.Raw(answer.raw))
    return int(answer.value.state == "cancelled")


def _watch(classifier: Service, begun: Replay, doing: str) -> Answer[Replay]:
    """Follow a replay until this part of it is done, or it was cancelled."""
    parts = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*parts, console=output(errors=True), transient=True) as bars:
        task = bars.add_task(doing, total=None)
        while True:
            answer = services.get_replay(classifier, begun.replay_id)
            found = answer.value
            done, total = (found.passed, found.changed) if doing == "applying" else (found.compared, found.total)
            bars.update(task, completed=done, total=total or None)
            if found.state not in ("waiting", doing):
                return answer
            time.sleep(_POLL_SECONDS)


def _print(found: Replay) -> None:
    rows = [
        (
            f"{each.from_category}, {each.from_action}",
            f"{each.to_category}, {each.to_action}",
            f"{each.denials:,}",
            dollars(each.denied_cents),
            dollars(each.recoverable_before_cents),
            dollars(each.recoverable_after_cents),
        )
        for each in found.moves
    ]
    if rows:
        print_rows(output(), _COLUMNS, rows)
    left = f"; {found.unjudged:,} are older than what a replay needs" if found.unjudged else ""
    summary = f"{found.compared:,} denials compared, {found.changed:,} change by version {found.version}{left}."
    output(errors=True).print(f"{summary} Replay {found.replay_id}: {found.state}.")
