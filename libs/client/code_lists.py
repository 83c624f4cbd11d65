"""`recours reference diff`: the user's own licensed list of codes against what the classifier knows. The list stays here."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from libs.client import services
from libs.client.errors import ClientError
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Service

Kind = Literal["carc", "rarc"]
_CODE_COLUMNS: Final = ("code", "carc", "rarc", "reason code", "remark code")
_STATUS_COLUMNS: Final = ("status", "state")
_STOP_COLUMNS: Final = (
    "stop",
    "stop date",
    "stop_date",
    "end date",
    "end_date",
    "deactivated",
    "deactivation date",
    "inactive date",
)
_RETIRED: Final = frozenset({"retired", "inactive", "deactivated", "stopped", "deleted"})
_REMARK: Final = re.compile(r"(M|MA|N)\d+")  # adjustment codes are numbers, or begin with other letters
_CODE: Final = re.compile(r"[A-Z]{0,2}\d{1,4}")
_DAY: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})|(\d{4})-?(\d{2})-?(\d{2})")
_COLUMNS: Final = (Column("list"), Column("code"), Column("difference"))
NEW, UNKNOWN, GONE, BACK, ABSENT = (
    "new to us",
    "unknown to us, retired in the file",
    "in force here, retired in the file",
    "retired here, in force in the file",
    "in force here, not in the file",
)


class Difference(Struct, frozen=True):
    kind: Kind
    code: str
    what: str


def diff(path: Path, *, as_lines: bool) -> int:
    """Print how a list differs from ours; return 1 if it does."""
    theirs = read(path.name, path.read_bytes(), date.today())  # noqa: DTZ011 - a stop date is a day of the user's
    found = []
    with Service("classifier") as classifier:
        for kind, listed in theirs.items():
            ours = {code.code: code.status == "active" for code, _ in services.list_codes(classifier, kind)}
            found += differences(kind, ours, listed)
    if as_lines:
        for each in found:
            print_json({"list": each.kind, "code": each.code, "difference": each.what})
        return int(bool(found))
    if found:
        print_rows(output(), _COLUMNS, [(each.kind.upper(), each.code, each.what) for each in found])
    counts = {what: sum(each.what == what for each in found) for what in (NEW, UNKNOWN, GONE, BACK, ABSENT)}
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    output(errors=True).print(f"{sum(map(len, theirs.values()))} codes in the file: {told or 'no difference'}.")
    return int(bool(found))


def differences(kind: Kind, ours: Mapping[str, bool], theirs: Mapping[str, bool]) -> list[Difference]:
    """Compare two lists, each code with whether it is in force: first what is theirs alone, then what differs, then ours alone."""
    new = [Difference(kind, code, NEW if active else UNKNOWN) for code, active in theirs.items() if code not in ours]
    other = [
        Difference(kind, code, GONE if ours[code] else BACK) for code, active in theirs.items() if ours.get(code, active) != active
    ]
    absent = [Difference(kind, code, ABSENT) for code, active in ours.items() if active and code not in theirs]
    return [*_sorted(new), *_sorted(other), *_sorted(absent)]


def _sorted(found: Iterable[Difference]) -> list[Difference]:
    return sorted(found, key=lambda each: (each.what, len(each.code), each.code))


def read(name: str, raw: bytes, today: date) -> dict[Kind, dict[str, bool]]:
    """Read a list: comma, semicolon or tab between columns, a first row that names them. Errors: ClientError."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    lines = text.splitlines()
    delimiter = max(",;\t", key=lines[0].count) if lines else ","
    rows = list(csv.reader(lines, delimiter=delimiter))
    heads = [head.strip().lower() for head in rows[0]] if rows else []
    place = _place(heads, _CODE_COLUMNS)
    if place is None:
        raise ClientError(f"{plain(name)} has no column `code` in its first row.")
    status, stop = _place(heads, _STATUS_COLUMNS), _place(heads, _STOP_COLUMNS)
    found: dict[Kind, dict[str, bool]] = {}
    for row in rows[1:]:
        code = (_cell(row, place).upper().lstrip("0")) or ""
        if not _CODE.fullmatch(code):
            continue
        kind: Kind = "rarc" if _REMARK.fullmatch(code) else "carc"
        retired = _cell(row, status).lower() in _RETIRED or _is_over(_cell(row, stop), today)
        found.setdefault(kind, {})[code] = not retired
    if not found:
        raise ClientError(f"{plain(name)} holds no code that could be read.")
    return found


def _place(heads: Sequence[str], names: Sequence[str]) -> int | None:
    return next((heads.index(name) for name in names if name in heads), None)


def _cell(row: Sequence[str], place: int | None) -> str:
    return row[place].strip() if place is not None and place < len(row) else ""


def _is_over(told: str, today: date) -> bool:
    """Say whether a stop date has come; one that cannot be read has."""
    if not told:
        return False
    found = _DAY.fullmatch(told)
    if found is None:
        return True
    month, day, year, *other = found.groups()
    try:
        stop = date(int(year), int(month), int(day)) if year else date(*map(int, other))
    except ValueError:
        return True
    return stop <= today
