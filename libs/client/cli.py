"""`recours`: the command line. Arguments and exit statuses are here; what the commands do is in a module each."""

import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import stamina.instrumentation
import typer

from libs.client import (
    alert_commands,
    audit_commands,
    audit_log_commands,
    case_commands,
    cause_commands,
    check,
    code_lists,
    dead_letters,
    denials,
    documents,
    followups,
    kpi_commands,
    ledger,
    letter_commands,
    models,
    payers,
    reference,
    report_commands,
    retention_commands,
    rule_commands,
    send,
    synth,
    tenant_commands,
    token_commands,
    tracing,
    webhook_commands,
    worklist,
)
from libs.client.errors import ClientError
from libs.client.options import AsLines, From, Limit, To, Where, day_of
from libs.client.show import output
from libs.client.transport import SERVICES

_CANNOT: Final = 2
_HELP = "Denial management for medical billing. Services are found by RECOURS_INGEST_URL, RECOURS_CLASSIFIER_URL, ... (localhost)."

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None, help=_HELP)
letters = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Records that a service could not understand.")
app.add_typer(letters, name="dead-letters")
tables = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Code sets and NCCI tables that claims are checked against.")
app.add_typer(tables, name="reference")

app.add_typer(kpi_commands.key_figures, name="kpis")
app.add_typer(kpi_commands.counting, name="analytics")
app.add_typer(audit_commands.app, name="audits")
app.add_typer(audit_log_commands.app, name="audit")
app.command("export")(audit_commands.export_table)
app.command("deidentify")(audit_commands.export_deidentified)
app.add_typer(report_commands.app, name="reports")
app.command("scorecards")(report_commands.show_scorecards)
app.add_typer(webhook_commands.app, name="webhooks")
app.command("listen")(webhook_commands.listen)
app.add_typer(alert_commands.app, name="alerts")
app.add_typer(cause_commands.app, name="root-causes")

app.add_typer(rule_commands.own_rules, name="rules")
app.add_typer(rule_commands.own_labels, name="labels")
app.add_typer(rule_commands.chances, name="odds")
app.add_typer(models.app, name="models")
app.add_typer(case_commands.app, name="cases")

work = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Cases, as they are to be worked.")
app.add_typer(work, name="worklist")

payer_registry = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Payers, and until when they take appeals.")
app.add_typer(payer_registry, name="payers")
payer_levels = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="A payer's levels of appeal.")
payer_registry.add_typer(payer_levels, name="levels")

papers = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What stands behind an appeal.")
app.add_typer(papers, name="documents")
app.add_typer(token_commands.app, name="token")
app.add_typer(tenant_commands.app, name="tenants")
app.add_typer(retention_commands.app, name="retention")
app.add_typer(letter_commands.writing, name="letters")
app.add_typer(letter_commands.packing, name="packets")

AsJson = Annotated[bool, typer.Option("--json", help="one JSON object, with all that the services say")]


@app.command("send")
def send_(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="X12 files, gzip or not; - for standard input")],
    wait: Annotated[bool, typer.Option(help="wait until ingest has read them")] = True,
    as_lines: AsLines = False,
) -> None:
    """Send X12 files and show what came of each.

    Sending a file again is harmless: the same bytes are the same interchange.

    Exit status: 0 all accepted (with --no-wait: received); 1 at least one accepted with errors, rejected or refused; 2 nothing can
    be said, because a file is unreadable or ingest does not answer.
    """
    raise typer.Exit(send.send(files, wait=wait, as_lines=as_lines))


@app.command("check")
def check_(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="837 files (gzip or not) or claims as JSON; - for standard input")
    ],
    form: Annotated[check.Format, typer.Option("--format", help="text, json (one object a file) or sarif")] = "text",
) -> None:
    """Check claims before they go out; nothing is stored.

    Exit status: 0 no error was found; 1 at least one; 2 nothing can be said.
    """
    raise typer.Exit(check.check(files, form))


@tables.command("load")
def load_table(
    name: Annotated[str, typer.Argument(metavar="SET", help="icd10cm, hcpcs, nucc-taxonomy, ncci-ptp-practitioner, ...")],
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="the public files of one release, unpacked, in order")],
    quarter: Annotated[
        str | None, typer.Option(help="from which quarter on it holds, such as 2026Q1; else the current one")
    ] = None,
    smaller: Annotated[bool, typer.Option("--smaller", help="take it though it has far fewer rows than the one before")] = False,
    as_json: AsJson = False,
) -> None:
    """Load a release of a table; the one before stays in force until all of it is in."""
    reference.load(name, files, quarter, smaller=smaller, as_json=as_json)


@tables.command("list")
def list_tables(as_json: AsJson = False) -> None:
    """Show which releases are in force."""
    reference.show(as_json=as_json)


@tables.command("diff")
def diff_codes(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="your licensed list of CARCs or RARCs, as CSV with a column `code`")],
    as_lines: AsLines = False,
) -> None:
    """Hold your own list of adjustment and remark codes against what the classifier knows; the file is not sent anywhere.

    Exit status: 0 no difference, 1 at least one, 2 nothing can be said.
    """
    raise typer.Exit(code_lists.diff(file, as_lines=as_lines))


@work.command("next")
def next_case(
    payer: Annotated[str | None, typer.Option(help="payer id (TRN03)")] = None,
    minutes: Annotated[int, typer.Option(min=1, max=240, help="how long nobody else gets it")] = 15,
    as_json: AsJson = False,
) -> None:
    """Take the best case that nobody works on: the most valuable, weighted by its deadline. It is held by the token's subject.

    Exit status: 0 here it is, 1 there is none, 2 nothing can be said.
    """
    raise typer.Exit(worklist.take_next(payer, minutes, as_json=as_json))


@work.command("list")
def list_work(
    sort: Annotated[str, typer.Option(help="deadline, expected, amount or newest")] = "deadline",
    state: Annotated[str | None, typer.Option(help="such as gathering")] = None,
    payer: Annotated[str | None, typer.Option(help="payer id (TRN03)")] = None,
    category: Annotated[str | None, typer.Option(help="such as authorization")] = None,
    assignee: Annotated[str | None, typer.Option(help="whose they are")] = None,
    team: Annotated[str | None, typer.Option(help="which team's they are")] = None,
    tag: Annotated[str | None, typer.Option(help="with this tag")] = None,
    deadline: Annotated[str | None, typer.Option(help="firm, assumed, unknown or none")] = None,
    limit: Limit = 50,
    as_lines: AsLines = False,
) -> None:
    """Show cases as they are to be worked; a ? beside a day means that somebody has to settle the payer."""
    filters = {"sort": sort, "state": state, "payer": payer, "category": category, "assignee": assignee, "team": team}
    worklist.show(filters | {"tag": tag, "deadline": deadline}, limit, as_lines=as_lines)


@payer_registry.command("list")
def list_payers(
    deadline: Annotated[str | None, typer.Option(help="unknown, assumed or unsettled: those with such open cases")] = None,
    limit: Limit = 50,
    as_lines: AsLines = False,
) -> None:
    """Show payers, and what is not settled of them."""
    payers.show_list(deadline, limit, as_lines=as_lines)


@payer_levels.command("show")
def show_levels(payer: Annotated[str, typer.Argument(help="payer id (TRN03)")], as_json: AsJson = False) -> None:
    """Show a payer's levels of appeal as they are in force."""
    payers.show_levels(payer, as_json=as_json)


@payer_levels.command("set")
def set_levels(
    payer: Annotated[str, typer.Argument(help="payer id (TRN03)")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="YAML or JSON: path, levels, time_zone, who (docs/deadlines.md)")],
    as_json: AsJson = False,
) -> None:
    """Settle a payer's levels; its open cases are reckoned anew."""
    payers.settle(payer, file, as_json=as_json)


@app.command("denials")
def denials_(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on with new and changed ones until Ctrl-C")] = False,
    status: Annotated[str | None, typer.Option(help="active or retracted")] = None,
    payer: Annotated[str | None, typer.Option(help="payer id (TRN03)")] = None,
    category: Annotated[str | None, typer.Option(help="such as authorization")] = None,
    action: Annotated[str | None, typer.Option(help="such as appeal")] = None,
    pcn: Annotated[str | None, typer.Option(help="patient control number")] = None,
    first: From = None,
    last: To = None,
    limit: Limit = 50,
    as_lines: AsLines = False,
) -> None:
    """Show denials, newest first: why, and what to do.

    With --follow the newest come oldest first, and each new one or new revision is shown once.
    """
    filters = {"status": status, "payer": payer, "category": category, "action": action, "pcn": pcn}
    filters |= {"from": day_of(first), "to": day_of(last)}
    (denials.follow if follow else denials.show)(filters, limit, as_lines=as_lines)


@app.command("followups")
def followups_(
    status: Annotated[str, typer.Option(help="open, snoozed, resolved or all")] = "open",
    kind: Annotated[str | None, typer.Option(help="such as unpaid")] = None,
    payer: Annotated[str | None, typer.Option(help="payer id")] = None,
    owner: Annotated[str | None, typer.Option(help="who takes care of it")] = None,
    due_before: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="due before this day")] = None,
    limit: Limit = 50,
    as_lines: AsLines = False,
) -> None:
    """Show what to follow up, the most urgent first: why, what is at stake, and what to do."""
    filters = {"status": status, "kind": kind, "payer": payer, "owner": owner, "due_before": day_of(due_before)}
    followups.show(filters, limit, as_lines=as_lines)


@app.command("deposits")
def deposits_(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="CSV or NDJSON of deposits; - for standard input")],
    as_lines: AsLines = False,
) -> None:
    """Tell of deposits, so that payments without one and deposits without a remittance are followed up.

    Sending a file again is harmless: the same line is the same deposit.

    Exit status: 0 all lines were taken, 1 at least one was not, 2 nothing can be said.
    """
    raise typer.Exit(followups.deposits(files, as_lines=as_lines))


@app.command("ledger")
def ledger_(
    first: From = None,
    last: To = None,
    days: Annotated[bool, typer.Option("--days", help="each day too; days that differ are always shown")] = False,
    wait: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="give the services so long to catch up")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show the ledgers of the four services side by side.

    Exit status: 0 they agree, 1 a cent differs, 2 a service does not answer.
    """
    raise typer.Exit(ledger.show(_date(first), _date(last), days=days, wait_seconds=wait, as_json=as_json))


@app.command("trace")
def trace_(
    claim: Annotated[str, typer.Argument(metavar="CLAIM", help="a claim's id, or its patient control number")],
    as_json: AsJson = False,
) -> None:
    """Show where a claim is: what each service told of its account and took, when, and in which trace.

    Claims and remits are shown whenever they came, what followed from them for seven days.

    Exit status: 0 all of it has arrived, 1 something waits (those lines come last) or nobody knows it, 2 nothing can be said.
    """
    raise typer.Exit(tracing.show(claim, as_json=as_json))


@app.command("synth")
def synth_(
    claims: Annotated[int, typer.Option(min=1, help="how many to bill; what follows on answers comes on top")] = 1_000,
    seed: Annotated[int, typer.Option(help="the same seed writes the same bytes")] = 7,
    out: Annotated[
        Path | None, typer.Option(help="an empty or new folder", show_default="synth-CLAIMS-SEED, such as synth-1000-7")
    ] = None,
) -> None:
    """Write invented claims and what payers answer: 837, 999, 277CA and 835 files, and the truth about each claim.

    Files are in OUT/837, OUT/999, OUT/277CA and OUT/835, named by their day. OUT/truth.jsonl tells of each claim sent what was
    wrong and what became of it; OUT/rules.json what the payers ask for. Nothing is sent, and no service is needed.

    Exit status: 0 written, 2 the folder cannot be used.
    """
    raise typer.Exit(synth.write(claims, seed, out or Path(f"synth-{claims}-{seed}")))


CaseId = Annotated[UUID, typer.Argument(metavar="CASE", help="a case's id")]


@papers.command("upload")
def upload_documents(
    case_id: CaseId,
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="PDF, PNG, JPEG, TIFF, DOCX or text, up to 50 MiB; -: standard input")
    ],
    kind: Annotated[str, typer.Option(help="what they are evidence of, such as medical_records")] = "other",
    as_lines: AsLines = False,
) -> None:
    """Send documents to a case. Sending one again is harmless: the same bytes are the same document.

    Exit status: 0 all are there, 1 at least one was refused, 2 nothing can be said.
    """
    raise typer.Exit(documents.upload(case_id, files, kind, as_lines=as_lines))


@papers.command("list")
def list_documents(case_id: CaseId, as_lines: AsLines = False) -> None:
    """List a case's documents in exhibit order."""
    documents.show(case_id, as_lines=as_lines)


@papers.command("get")
def get_document(
    case_id: CaseId,
    document_id: Annotated[UUID, typer.Argument(metavar="DOCUMENT")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="file or folder; else its own name here")] = None,
) -> None:
    """Fetch a document. What was broken off goes on where it ended, and the whole is checked against its hash."""
    documents.get(case_id, document_id, out)


@letters.command("list")
def list_letters(service: Where = None, limit: Limit = 50, as_lines: AsLines = False) -> None:
    """List them, newest first; the limit is a service's."""
    dead_letters.show_list(_services(service), limit, as_lines=as_lines)


@letters.command("show")
def show_letter(dead_letter_id: UUID, service: Where = None, as_json: AsJson = False) -> None:
    """Show one with its record: may hold what the payer sent."""
    dead_letters.show_one(_services(service), dead_letter_id, as_json=as_json)


@letters.command("replay")
def replay_letters(
    dead_letter_id: Annotated[UUID | None, typer.Argument()] = None,
    all_: Annotated[bool, typer.Option("--all", help="all that were not replayed yet")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    service: Where = None,
    as_lines: AsLines = False,
) -> None:
    """Send the record of one, or of all, to its topic again."""
    names = _services(service)
    if (dead_letter_id is None) != all_:
        raise typer.BadParameter("give either the id of one or --all.")
    if dead_letter_id is not None:
        dead_letters.replay(names, dead_letter_id, as_lines=as_lines)
        return
    waiting = dead_letters.waiting(names)
    if not waiting:
        output(errors=True).print("No dead letters wait.")
        return
    if not yes and not typer.confirm(f"Send {len(waiting)} records to their topics again?", err=True):
        raise typer.Exit(1)
    for name, letter_id in waiting:
        dead_letters.replay([name], letter_id, as_lines=as_lines)


def _services(name: str | None) -> tuple[str, ...]:
    if name is not None and name not in SERVICES:
        raise typer.BadParameter(f"--service is one of {', '.join(SERVICES)}.")
    return SERVICES if name is None else (name,)


def _date(day: datetime | None) -> date | None:
    return None if day is None else day.date()


def main() -> None:
    """Run the command line; whatever goes wrong outside of it is one sentence on standard error."""
    stamina.instrumentation.set_on_retry_hooks([])  # a retry is no news for who waits at a prompt
    try:
        app(prog_name="recours")
    except (ClientError, OSError) as error:
        told = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
        output(errors=True).print(told, style="red")
        sys.exit(_CANNOT)


if __name__ == "__main__":
    main()
