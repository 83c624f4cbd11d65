"""The rules, read once from rules.csv: what each finds, why it matters, how to correct it."""

import csv
from pathlib import Path
from typing import Final, cast

from services.ingest.checks.finding import Rule, Severity

_FILE = Path(__file__).parent / "rules.csv"


def _read() -> dict[str, Rule]:
    with _FILE.open(encoding="utf-8", newline="") as file:
        rules = [
            Rule(row["rule_id"], cast("Severity", row["severity"]), row["carc"] or None, row["found"], row["why"], row["correct"])
            for row in csv.DictReader(file)
        ]
    return {rule.rule_id: rule for rule in rules}


RULES: Final = _read()
