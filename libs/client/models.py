"""`recours models`: what is learned from outcomes: trained, held against what is in use, put in its place, taken back, watched.

Arguments and exit statuses are here, beside what they do: cli.py only names the group.
"""

import time
from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

import msgspec
import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from libs.client.errors import ClientError
from libs.client.model_shapes import Drift, Model, ModelJob, Shadow
from libs.client.options import AsJson, AsLines, Limit
from libs.client.services import list_items
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import NO_BODY, Answer, Service, json_body
from libs.common.money import dollars

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Models learned from outcomes: trained, promoted, watched.")

_POLL_SECONDS: Final = 0.5
_UNDER_WAY: Final = frozenset({"waiting", "running"})
_COLUMNS: Final = (
    Column("model"),
    Column("state"),
    Column("learned from"),
    Column("rows", "right"),
    Column("made"),
    Column("id", min_width=36),
)
_FIGURES: Final = (Column("", min_width=28), Column("model", "right"), Column("rival", "right"))
_WEEKS: Final = (
    Column("week from"),
    Column("scored", "right"),
    Column("shift", "right"),
    Column("said", "right"),
    Column("answered", "right"),
    Column("came", "right"),
    Column("off by", "right"),
)
Subject = Annotated[str, typer.Option(help="risk: that a claim is denied; overturn: that an appeal is won")]
Named = Annotated[str, typer.Argument(metavar="MODEL", help="its id, or its name such as risk-3")]
Weeks = Annotated[int, typer.Option(min=1, max=52, help="how many, back from today")]


@app.command("train")
def train(subject: Subject = "risk", as_json: AsJson = False) -> None:
    """Train a model and show what came of it; Ctrl-C leaves the training to the service.

    It is a candidate: nothing scores by it until it is promoted.

    Exit status: 0 trained, 1 refused, failed or cancelled, 2 nothing can be said.
    """
    with Service("classifier") as classifier:
        begun = classifier.post_again("/v1/models/train", ModelJob, json_body({"subject": subject})).value
        raise typer.Exit(_finish(classifier, begun, as_json=as_json))


@app.command("evaluate")
def evaluate(model: Named, as_json: AsJson = False) -> None:
    """Hold a model against what is live, on outcomes that neither has learned from.

    Exit status: 0 held, 1 refused, failed or cancelled, 2 nothing can be said.
    """
    with Service("classifier") as classifier:
        path = f"/v1/models/{_id_of(classifier, model)}/evaluate"
        begun = classifier.post_again(path, ModelJob, NO_BODY).value
        raise typer.Exit(_finish(classifier, begun, as_json=as_json))


@app.command("list")
def show_list(
    subject: Annotated[str | None, typer.Option(help="of this subject alone: risk or overturn")] = None,
    state: Annotated[str | None, typer.Option(help="candidate, shadow, live, retired or rolled_back")] = None,
    limit: Limit = 50,
    as_lines: AsLines = False,
) -> None:
    """Show models, newest first."""
    with Service("classifier") as classifier:
        found = list(list_items(classifier, "/v1/models", Model, {"subject": subject, "state": state}, limit))
    if as_lines:
        for _, raw in found:
            print_json(raw)
        return
    if not found:
        output(errors=True).print("No model was trained yet: recours models train.")
        return
    rows = [
        (
            each.name,
            each.state,
            f"{each.first_on} to {each.last_on}",
            f"{each.rows:,}",
            f"{each.created_at:%Y-%m-%d}",
            str(each.model_id),
        )
        for each, _ in found
    ]
    print_rows(output(), _COLUMNS, rows)


@app.command("show")
def show(model: Named, as_json: AsJson = False) -> None:
    """Show a model's card, and what was measured of it."""
    with Service("classifier") as classifier:
        answer = _get(classifier, _id_of(classifier, model))
    _show(answer, as_json=as_json)


@app.command("promote")
def promote(model: Named, as_json: AsJson = False) -> None:
    """Put a model in use; refused unless it was better than what is live. `show` has the figures of both."""
    _command(model, "promote", as_json=as_json)


@app.command("rollback")
def roll_back(subject: Subject = "risk", as_json: AsJson = False) -> None:
    """Bring back the model that was live before."""
    with Service("classifier") as classifier:
        answer = classifier.post_again("/v1/models/rollback", Model, json_body({"subject": subject}))
    _show(answer, as_json=as_json)


@app.command("shadow")
def shadow(
    model: Named,
    end: Annotated[bool, typer.Option("--end", help="take it out of the shadow")] = False,
    compare: Annotated[bool, typer.Option("--compare", help="show how it does beside the live one")] = False,
    weeks: Weeks = 8,
    as_json: AsJson = False,
) -> None:
    """Let a model score beside the live one, without anybody seeing its scores; --compare shows both."""
    if not compare:
        _command(model, "shadow/end" if end else "shadow", as_json=as_json)
        return
    with Service("classifier") as classifier:
        answer = classifier.get(f"/v1/models/{_id_of(classifier, model)}/shadow", Shadow, {"weeks": weeks})
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    found = answer.value
    alike = "" if found.correlation is None else f"; their scores correlate by {found.correlation:.3f}"
    output().print(f"{found.scored:,} scored by both, {found.answered:,} of them answered{alike}.")
    if found.live and found.shadow:
        _print_figures(found.shadow, found.live)


@app.command("drift")
def drift(model: Named, weeks: Weeks = 8, as_json: AsJson = False) -> None:
    """Show by week whether a model still fits what comes.

    Exit status: 0 it does, or too little came to say; 1 something has moved; 2 nothing can be said.
    """
    with Service("classifier") as classifier:
        answer = classifier.get(f"/v1/models/{_id_of(classifier, model)}/drift", Drift, {"weeks": weeks})
    found = answer.value
    if as_json:
        print_json(msgspec.Raw(answer.raw))
    else:
        output().print(f"{found.verdict}: {found.because}")
        rows = [
            (
                str(each.from_on),
                f"{each.scored:,}",
                f"{each.stability_index:.3f}",
                f"{each.mean_score:.1%}",
                f"{each.answered:,}",
                _share(each.rate),
                _share(each.calibration_error),
            )
            for each in found.weeks
        ]
        if rows:
            print_rows(output(), _WEEKS, rows)
    raise typer.Exit(int(found.verdict in ("watch", "train_again")))


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _id_of(classifier: Service, model: str) -> UUID:
    """Find a model by its id or name. Errors: ClientError."""
    try:
        return UUID(model)
    except ValueError:
        pass
    subject = model.rpartition("-")[0]
    if subject in ("risk", "overturn"):
        for each, _ in list_items(classifier, "/v1/models", Model, {"subject": subject}, 10_000):
            if each.name == model:
                return each.model_id
    raise ClientError("There is no such model: recours models list.")


def _get(classifier: Service, model_id: UUID) -> Answer[Model]:
    return classifier.get(f"/v1/models/{model_id}", Model)


def _command(model: str, command: str, *, as_json: bool) -> None:
    with Service("classifier") as classifier:
        answer = classifier.post_again(f"/v1/models/{_id_of(classifier, model)}/{command}", Model, NO_BODY)
    _show(answer, as_json=as_json)


def _finish(classifier: Service, begun: ModelJob, *, as_json: bool) -> int:
    """Follow a job to its end and show its model; return the exit status."""
    parts = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
    with Progress(*parts, console=output(errors=True), transient=True) as bars:
        task = bars.add_task(begun.step, total=1.0)
        job = begun
        while job.state in _UNDER_WAY:
            time.sleep(_POLL_SECONDS)
            job = classifier.get(f"/v1/models/jobs/{begun.job_id}", ModelJob).value
            bars.update(task, completed=job.progress, description=plain(job.step))
    if job.state != "done" or job.model_id is None:
        output(errors=True).print(f"{job.state}: {plain(job.detail or 'nothing was registered')}", style="red")
        return 1
    _show(_get(classifier, job.model_id), as_json=as_json)
    return 0


def _show(answer: Answer[Model], *, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    found, card = answer.value, answer.value.card
    output().print(f"{found.name}, {found.state}; learned from {found.rows:,} rows, {found.first_on} to {found.last_on}.")
    output().print(f"sha256 {found.sha256}")
    if card is not None:
        output().print(f"Learns {plain(card.learns)}.")
        output().print(f"Never sees {plain(card.never_sees)}.")
        weights = ", ".join(f"{plain(name)} {weight:.0%}" for name, weight in list(card.weights.items())[:6])
        output().print(f"What moves it: {weights}.")
    for each in found.evaluations[:1]:
        rival = "plain rates" if each.rival_id is None else "what was live"
        output().print()
        verdict = "better" if each.better else "no better"
        output().print(f"Held out {each.first_on} to {each.last_on}, {each.rows:,} rows, against {rival}: {verdict}.")
        _print_figures(each.figures, each.rival)


def _print_figures(figures: Mapping[str, float | None], rival: Mapping[str, float | None]) -> None:
    rows = [(name.replace("_", " "), _figure(name, value), _figure(name, rival.get(name))) for name, value in figures.items()]
    print_rows(output(), _FIGURES, rows)


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return dollars(round(value)) if "cents" in name else f"{value:.4f}"
