"""A tenant's rules: what they say, and which of them holds for a claim. Pure; a set is compiled once.

A rule names what it is about (`when`) and one thing that it changes (`then`): category and action; or that a code is to be read as
another (`treat_as`); or a time limit. It never makes a refusal of what is none, nor the other way round, and what it says goes
through the same facts, rights and liabilities as our own tables: see `judgement.py`.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final, Literal

import msgspec
from msgspec import Struct

CountedFrom = Literal["payment_on", "service_from_on", "service_to_on"]
LimitOn = Literal["appeal", "correct"]
_SCOPES_KEPT: Final = 10_000


class When(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a rule is about; what is left out is any. Codes in their usual spelling."""

    payer_id: str | None = None
    payer_kind: str | None = None
    claim_type: str | None = None
    group_code: str | None = None
    carc: str | None = None
    rarc: str | None = None


class Then(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What it changes: `category` and `action`, or `treat_as`, or `limit` with `days` and `counted_from`."""

    category: str | None = None
    action: str | None = None
    treat_as: str | None = None
    limit: LimitOn | None = None
    days: int | None = None
    counted_from: CountedFrom | None = None


class Rule(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One rule, for payments from `effective_from` to `effective_to`, both included."""

    name: str
    why: str
    when: When
    then: Then
    effective_from: date
    effective_to: date | None = None

    def precedence(self) -> tuple[bool, bool, bool, int]:
        """Say how exact it is: the payer counts most, then the remark, then the code, then how much it names."""
        named = sum(value is not None for value in msgspec.structs.astuple(self.when))
        return (self.when.payer_id is not None, self.when.rarc is not None, self.when.carc is not None, named)


class Scope:
    """The rules that hold for one payer, kind of bill and day, the most exact first. Compared by identity, like a setting."""

    __slots__ = ("_judging", "_limits", "_reading")

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._judging = [rule for rule in rules if rule.then.category is not None]
        self._reading = [rule for rule in rules if rule.then.treat_as is not None]
        self._limits = [rule for rule in rules if rule.then.limit is not None]

    def judging(self, carc: str, group_code: str, remarks: Sequence[str]) -> Rule | None:
        """Return the rule that sets category and action of an adjustment, or None."""
        return _first(self._judging, carc, group_code, remarks)

    def read_as(self, carc: str, group_code: str, remarks: Sequence[str]) -> tuple[str, tuple[str, ...]]:
        """Return the code that an adjustment is to be read as, and the names of the rules that say so; no set holds a loop."""
        names: tuple[str, ...] = ()
        while (rule := _first(self._reading, carc, group_code, remarks)) is not None and rule.name not in names:
            carc, names = rule.then.treat_as or carc, (*names, rule.name)
        return carc, names

    def limit(self, limit: LimitOn) -> Rule | None:
        """Return the rule that sets a time limit, or None."""
        return next((rule for rule in self._limits if rule.then.limit == limit), None)


def _first(rules: Sequence[Rule], carc: str, group_code: str, remarks: Sequence[str]) -> Rule | None:
    for rule in rules:
        when = rule.when
        if when.carc in (None, carc) and when.group_code in (None, group_code) and (when.rarc is None or when.rarc in remarks):
            return rule
    return None


class RuleSet:
    """One version of a tenant's rules. Version 0 is none at all."""

    def __init__(self, version: int, rules: Sequence[Rule]) -> None:
        self.version = version
        self.rules = tuple(rules)
        # A sort that keeps the order among equals: of two equally exact rules the one that stands first wins.
        self._ranked = sorted(rules, key=Rule.precedence, reverse=True)
        self._known: dict[tuple[str, str | None, str | None, date], Scope | None] = {}
        self._scopes: dict[tuple[str, ...], Scope] = {}

    def scope(self, payer_id: str, payer_kind: str | None, claim_type: str | None, on: date) -> Scope | None:
        """Return the rules for a claim paid on a day, or None where there are none; the same object for the same rules."""
        if not self._ranked:
            return None
        key = (payer_id, payer_kind, claim_type, on)
        if key not in self._known:
            if len(self._known) >= _SCOPES_KEPT:
                self._known.clear()
            held = [rule for rule in self._ranked if _holds(rule, *key)]
            names = tuple(rule.name for rule in held)
            self._known[key] = self._scopes.setdefault(names, Scope(held)) if held else None
        return self._known[key]


NO_RULES: Final = RuleSet(0, ())


def _holds(rule: Rule, payer_id: str, payer_kind: str | None, claim_type: str | None, on: date) -> bool:
    when = rule.when
    return (
        when.payer_id in (None, payer_id)
        and when.payer_kind in (None, payer_kind)
        and when.claim_type in (None, claim_type)
        and rule.effective_from <= on
        and (rule.effective_to is None or on <= rule.effective_to)
    )
