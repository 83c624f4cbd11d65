"""Claims with the answer that a certified biller would sign, read from cases/*.csv.

A row: `status`, `payer` (payer kind), `type` (p, i, d), `charge`, `paid`, `adjustments`, `remarks`, `days`, `facts`, the labels
`category` and `action`, each with other accepted answers behind a bar (`appeal|write_off`), `denied`, and the `guidance`.
Empty: status 1, professional, payer unknown, nothing paid, charge = paid + adjustments, denied not looked at.

Adjustments: `CO-16 12000 L1; PR-2 500`. Remarks: `M76 MA130@1` (@ is the line). Facts: `authorization_on_file=no`.
"""

import csv
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from services.classifier.decision import AdjudicatedClaim, Adjustment, Remark
from services.classifier.facts import Context

FOLDER: Final = Path(__file__).parent / "cases"
_TYPES: Final = {"": "professional", "p": "professional", "i": "institutional", "d": "dental"}
_TRUTH: Final = {"yes": True, "no": False}


class Case(NamedTuple):
    name: str
    claim: AdjudicatedClaim
    categories: tuple[str, ...]
    actions: tuple[str, ...]
    denied_cents: int | None
    guidance: str


def read_cases() -> list[Case]:
    return [_case(path, number, row) for path in sorted(FOLDER.glob("*.csv")) for number, row in _rows(path)]


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(enumerate(csv.DictReader(file), start=2))


def _case(path: Path, number: int, row: dict[str, str]) -> Case:
    adjustments = tuple(read_adjustment(each) for each in row["adjustments"].split(";") if each.strip())
    paid_cents = int(row["paid"] or 0)
    stated = sum(each.amount_cents for each in adjustments)
    claim = AdjudicatedClaim(
        claim_status_code=row["status"] or "1",
        charge_cents=int(row["charge"]) if row["charge"] else paid_cents + stated,
        paid_cents=paid_cents,
        adjustments=adjustments,
        rarcs=tuple(read_remark(each) for each in row["remarks"].split()),
        claim_type=_TYPES[row["type"]],
        payer_kind=row["payer"] or None,
        days_since_service=int(row["days"]) if row["days"] else None,
        context=read_facts(row["facts"]),
    )
    codes = "+".join(dict.fromkeys(f"{each.group_code}-{each.carc}" for each in adjustments))
    return Case(
        name=f"{path.stem}-{number}-{'+'.join([codes, *row['remarks'].split()])}",
        claim=claim,
        categories=tuple(row["category"].split("|")),
        actions=tuple(row["action"].split("|")),
        denied_cents=int(row["denied"]) if row["denied"] else None,
        guidance=row["guidance"],
    )


def read_adjustment(text: str) -> Adjustment:
    codes, amount, *line = text.split()
    group_code, carc = codes.split("-", 1)
    return Adjustment(group_code, carc, int(amount), int(line[0].removeprefix("L")) if line else None)


def read_remark(text: str) -> Remark:
    rarc, _, line = text.partition("@")
    return Remark(rarc, int(line) if line else None)


def read_facts(text: str) -> Context | None:
    facts = dict(each.split("=") for each in text.split())
    return msgspec.convert({name: _TRUTH.get(value, value) for name, value in facts.items()}, Context) if facts else None
