"""`recours letters` and `recours packets`: a template looked at, a case's letter written, its packet built and fetched."""

import time
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from msgspec import Raw
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from libs.client.errors import ClientError
from libs.client.fetching import fetch_whole, part_of
from libs.client.letter_shapes import Letter, Packet, PacketFile
from libs.client.show import output, plain, print_json
from libs.client.transport import Answer, Service, json_body

_LOOK_SECONDS: Final = 0.5
_WAITING: Final = "waiting"


def values_of(told: list[str]) -> dict[str, str | int]:
    """Read NAME=TEXT, NAME=@FILE; a name that ends in _amount has cents. Errors: ClientError."""
    found: dict[str, str | int] = {}
    for each in told:
        name, sign, text = each.partition("=")
        if not sign or not name:
            raise ClientError("A value is NAME=TEXT, or NAME=@FILE for the text of a file.")
        text = Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
        found[name] = int(text) if name.endswith("_amount") and text.strip().isdecimal() else text
    return found


def preview(category: str, level: str, language: str, body: Path | None, case_id: UUID | None, told: list[str], out: Path) -> None:
    """Set a template as PDF; nothing is kept."""
    asked: dict[str, Any] = {"values": values_of(told)}
    if body is not None:
        asked["body"] = body.read_text(encoding="utf-8")
    if case_id is not None:
        asked["case_id"] = str(case_id)
    with Service("appeals") as appeals:
        pdf = appeals.post_for_bytes(
            f"/v1/letter-templates/{category}/{level}/{language}:preview", json_body(asked, {"Accept": "application/pdf"})
        )
    _keep(out, pdf)


def write(
    case_id: UUID, level: str | None, category: str | None, language: str, told: list[str], out: Path | None, *, as_json: bool
) -> None:
    """Write a case's letter, and fetch it as PDF where a file is named."""
    asked = {"language": language, "level": level, "category": category, "values": values_of(told)}
    with Service("appeals") as appeals:
        answer = appeals.post_again(f"/v1/cases/{case_id}/letter", Letter, json_body(asked))
        pdf = appeals.get_bytes(f"/v1/cases/{case_id}/letter", {"version": answer.value.version}) if out is not None else b""
    if as_json:
        print_json(Raw(answer.raw))
    else:
        letter = answer.value
        state = "written" if answer.status == HTTPStatus.CREATED else "as it was"
        output().print(f"Letter {letter.version}: {state}, {letter.category}, {letter.level}, {letter.language}.")
    if out is not None:
        _keep(out, pdf, quiet=as_json)


def build(case_id: UUID, channel: str | None, out: Path | None, *, as_json: bool) -> int:
    """Have a case's packet built, and fetch its files where a folder is named; return the exit status: 1 if it failed."""
    with Service("appeals") as appeals:
        answer = _await_end(
            appeals, case_id, appeals.post_again(f"/v1/cases/{case_id}/packet", Packet, json_body({"channel": channel}))
        )
        packet = answer.value
        if as_json:
            print_json(Raw(answer.raw))
        if packet.state != "ready":
            blame = f", exhibit {packet.exhibit}" if packet.exhibit is not None else ""
            output(errors=True).print(f"The packet was not built: {packet.reason}{blame}.", style="red")
            return 1
        if not as_json:
            for file in packet.files:
                output().print(f"{file.name}: {file.pages} pages, {file.size_bytes:,} bytes, sha256 {file.sha256}", soft_wrap=True)
        if out is not None:
            _fetch(appeals, packet, out)
    return 0


def _await_end(appeals: Service, case_id: UUID, answer: Answer[Packet]) -> Answer[Packet]:
    while answer.value.state == _WAITING:
        time.sleep(_LOOK_SECONDS)
        answer = appeals.get(f"/v1/cases/{case_id}/packets/{answer.value.packet_id}", Packet)
    return answer


def _fetch(appeals: Service, packet: Packet, out: Path) -> None:
    """Fetch all files and the manifest into a folder. Errors: ClientError where the bytes are not the packet's."""
    out.mkdir(parents=True, exist_ok=True)
    path = f"/v1/cases/{packet.case_id}/packets/{packet.packet_id}"
    parts = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
    with Progress(*parts, console=output(errors=True), transient=True) as bars:
        for file in packet.files:
            _fetch_file(appeals, f"{path}/files/{file.part}", file, out / Path(file.name).name, bars)
    (out / "manifest.json").write_bytes(appeals.get_bytes(f"{path}/manifest"))


def _fetch_file(appeals: Service, path: str, file: PacketFile, to: Path, bars: Progress) -> None:
    task = bars.add_task(f"fetching {plain(file.name)}", total=file.size_bytes)
    part_of(to).unlink(missing_ok=True)  # packets name their files alike: it may be another's
    fetch_whole(appeals, path, to, file.size_bytes, file.sha256, lambda held: bars.update(task, completed=held), of="packet")


def _keep(out: Path, pdf: bytes, *, quiet: bool = False) -> None:
    out.write_bytes(pdf)
    if not quiet:
        output().print(f"{plain(str(out))}: {len(pdf):,} bytes", soft_wrap=True)
