"""`recours followups`: what to act on, the most urgent first; `recours deposits`: what the bank tells of."""

from collections import Counter
from collections.abc import Mapping
from pathlib import PurePath
from typing import IO, Any, Final

import msgspec

from libs.client import services, sources
from libs.client.shapes import Followup
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Service
from libs.common.money import dollars

_COLUMNS: Final = (
    Column("due on", width=10),
    Column("kind", width=19),
    Column("payer", width=24),
    Column("PCN", width=20),
    Column("at stake", "right", width=12),
    Column("owner", width=12),
    Column("reason", min_width=24),
    Column("step", min_width=24),
)


def show(filters: Mapping[str, Any], limit: int, *, as_lines: bool) -> None:
    """Show follow-ups."""
    with Service("ingest") as ingest:
        found = list(services.list_followups(ingest, filters, limit))
    if as_lines:
        for _, raw in found:
            print_json(raw)
    elif found:
        print_rows(output(), _COLUMNS, [_row(followup) for followup, _ in found])
    else:
        output(errors=True).print("Nothing to follow up.")


def _row(each: Followup) -> list[str]:
    return [
        each.due_on.isoformat(),
        each.kind,
        plain(f"{each.payer_name} {each.payer_id}".strip()),
        plain(each.patient_control_number),
        dollars(each.amount_cents),
        plain(each.owner or ""),
        plain(each.reason),
        each.suggested_step,
    ]


def deposits(names: list[str], *, as_lines: bool) -> int:
    """Send files of deposits and show which lines are none; return the exit status: 0 all were taken, 1 a line was not."""
    counts: Counter[str] = Counter()
    with Service("ingest") as ingest:
        for source in sources.find(names):
            with source.open() as file:
                body = sources.body_of(file, lambda _: None, _media_type(source.name, file))
                answers = services.send_deposits(ingest, body)
            counts.update(each.status for each in answers)
            for each in answers:
                if as_lines:
                    print_json({"file": source.name, **msgspec.structs.asdict(each)})
                elif each.status not in ("new", "known"):
                    wrong = " ".join(filter(None, (each.field, each.problem or each.status)))
                    output().print(f"{plain(source.name)}:{each.line}: {wrong}", soft_wrap=True)
    summary = output(errors=True)
    not_taken = counts.total() - counts["new"] - counts["known"]
    summary.print(f"{counts['new']} new, {counts['known']} known, {not_taken} not taken.")
    return int(not_taken > 0)


def _media_type(name: str, file: IO[bytes]) -> str:
    """Tell NDJSON by its name or its first byte; all else is CSV."""
    file.seek(0)
    is_json = PurePath(name).suffix in (".json", ".ndjson", ".jsonl") or file.read(1) == b"{"
    return "application/x-ndjson" if is_json else "text/csv"
