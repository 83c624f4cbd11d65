"""A rule and what it finds. Texts say what and where, in our own words, and never the value: it may be a patient's."""

from typing import Literal

from msgspec import Struct

Severity = Literal["error", "warning", "info"]


class Rule(Struct, frozen=True):
    """One thing that can be wrong with a claim.

    `rule_id` is stable. `severity`: error will be denied, warning likely, info is worth knowing. `found` may name places and counts
    in braces. `carc` is the code by which a payer would say it; None where the claim would be rejected before it is adjudicated.
    """

    rule_id: str
    severity: Severity
    carc: str | None
    found: str
    why: str
    correct: str

    def at(self, path: str, line: int | None = None, **named: object) -> "Finding":
        """Return the finding that this is so at a canonical path, such as `lines[2].procedure_code`; `line` is its number."""
        return Finding(self, path, line, self.found.format(**named) if named else self.found)


class Finding(Struct, frozen=True):
    """What one rule found in one claim. `path` counts from 0 (as JSON does), `line` is the line's own number."""

    rule: Rule
    path: str
    line: int | None
    found: str

    @property
    def severity(self) -> Severity:
        return self.rule.severity
