"""The commands of `recours letters` and `recours packets`; what they do is in letters.py."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from libs.client import letters
from libs.client.options import AsJson

writing = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Letters to payers.")
packing = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Packets: cover sheet, letter, exhibits.")

CaseId = Annotated[UUID, typer.Argument(metavar="CASE", help="a case's id")]
Language = Annotated[str, typer.Option(help="en or fr")]
Told = Annotated[
    list[str], typer.Option("--value", help="NAME=TEXT or NAME=@FILE, again and again: what only you know (docs/letters.md)")
]


@writing.command("preview")
def preview_template(
    category: Annotated[str, typer.Argument(metavar="CATEGORY", help="such as medical_necessity; general for any other")],
    out: Annotated[Path, typer.Option("--out", "-o", help="the PDF to write")],
    level: Annotated[str, typer.Option(help="such as internal_appeal")] = "any",
    language: Language = "en",
    body: Annotated[Path | None, typer.Option(help="a template to try; else the one in force")] = None,
    case_id: Annotated[UUID | None, typer.Option("--case", help="fill it with this case; else with made-up facts")] = None,
    told: Told = [],  # noqa: B006 - typer copies it
) -> None:
    """See what a template comes to. Nothing is kept."""
    letters.preview(category, level, language, body, case_id, told, out)


@writing.command("write")
def write_letter(
    case_id: CaseId,
    level: Annotated[str | None, typer.Option(help="else the case's next one")] = None,
    category: Annotated[str | None, typer.Option(help="else the case's")] = None,
    language: Language = "en",
    told: Told = [],  # noqa: B006 - typer copies it
    out: Annotated[Path | None, typer.Option("--out", "-o", help="fetch it as PDF, too")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the letter of a case. What it needs and nobody knows is named: tell it by --value."""
    letters.write(case_id, level, category, language, told, out, as_json=as_json)


@packing.command("build")
def build_packet(
    case_id: CaseId,
    channel: Annotated[str | None, typer.Option(help="how it will be filed, such as portal: the payer's limits there hold")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="fetch its files and the manifest into this folder, too")] = None,
    as_json: AsJson = False,
) -> None:
    """Build the packet of a case. The same letter and documents are the same packet. Exit status: 1 if it cannot be built."""
    raise typer.Exit(letters.build(case_id, channel, out, as_json=as_json))
