"""Is a set of rules fit to judge by, and which of its rules contradict each other. Pure."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from msgspec import Struct, structs

from services.classifier.knowledge import ACTIONS, CATEGORIES, NOT_REFUSED, Knowledge
from services.classifier.rules.model import Rule, Then

_DUPLICATE: Final = "duplicate"
_RESEND: Final = "correct_and_resubmit"


class Fault(Struct, frozen=True):
    """Why a set is refused: the place of the rule at fault, from 0, and what is wrong; nothing of what was sent."""

    place: int
    problem: str


class Conflict(Struct, frozen=True):
    """Two rules that can hold for one adjustment and say different things; `wins` is the one that is followed."""

    rules: tuple[str, str]
    about: str
    wins: str
    because: str


def faults(rules: Sequence[Rule], known: Knowledge) -> list[Fault]:
    """Return everything for which a set has to be refused; nothing where it is fit."""
    found = [Fault(place, problem) for place, rule in enumerate(rules) for problem in _problems(rule, known)]
    names: set[str] = set()
    for place, rule in enumerate(rules):
        if rule.name in names:
            found.append(Fault(place, "there are two rules of this name"))
        names.add(rule.name)
    return found + _loops(rules)


def _problems(rule: Rule, known: Knowledge) -> Iterator[str]:
    then, when = rule.then, rule.when
    if rule.effective_to is not None and rule.effective_to < rule.effective_from:
        yield "it ends before it begins"
    judging = then.category is not None or then.action is not None
    limiting = then.limit is not None or then.days is not None or then.counted_from is not None
    if judging + (then.treat_as is not None) + limiting != 1:
        yield "it must say one thing: category and action, or treat_as, or a limit"
        return
    if limiting:
        if then.limit is None or then.days is None or then.counted_from is None:
            yield "a limit needs days and counted_from"
        if when.payer_id is None and when.payer_kind is None:
            yield "a limit for every payer would swallow everything: name the payer or its kind"
        if when.carc or when.rarc or when.group_code:
            yield "a limit is a payer's: it cannot hang on a code"
        return
    yield from _too_wide(rule, known)
    yield from _never_applies(rule, known)
    yield from (_bad_outcome(rule, known) if judging else _bad_reading(rule, known))


def _too_wide(rule: Rule, known: Knowledge) -> Iterator[str]:
    when = rule.when
    if when.carc is None and when.rarc is None:
        yield "without a code it would swallow everything: name an adjustment or a remark code"
    remark = known.remark_codes.get(when.rarc or "")
    if when.carc is None and remark is not None and remark.alert:
        yield "an alert stands beside every kind of refusal, so that it would swallow them all: name the adjustment code too"
    code = known.adjustment_codes.get(when.carc or "")
    if code is not None and code.remark_decides and when.rarc is None and when.payer_id is None:
        yield "this code says nothing without its remark, so that it would swallow them all: name the remark or the payer"


def _never_applies(rule: Rule, known: Knowledge) -> Iterator[str]:
    code = known.adjustment_codes.get(rule.when.carc or "")
    if code is not None and code.treatment != "refusal" and code.whole_category is None:
        yield "its adjustment code is no refusal, and a rule makes none of it"


def _bad_outcome(rule: Rule, known: Knowledge) -> Iterator[str]:
    then = rule.then
    if then.category is None or then.action is None:
        yield "category and action go together"
        return
    if then.category not in CATEGORIES or then.category in NOT_REFUSED:
        yield "its category is none of a refusal"
    if then.action not in ACTIONS or then.action == "none":
        yield "its action is none of the list for a refusal"
    if then.action == "bill_patient" and rule.when.group_code != "PR":
        yield "the patient is billed under group PR alone"
    code = known.adjustment_codes.get(rule.when.carc or "")
    if then.category == _DUPLICATE and then.action == _RESEND:
        yield "a duplicate is never sent again"
    if code is not None and code.category == _DUPLICATE and (then.category != _DUPLICATE or then.action == _RESEND):
        yield "the code says duplicate, and a duplicate is never sent again under another name"


def _bad_reading(rule: Rule, known: Knowledge) -> Iterator[str]:
    target = known.adjustment_codes.get(rule.then.treat_as or "")
    if target is None or not target.active or target.treatment != "refusal":
        yield "treat_as must be an adjustment code in force that refuses"
    code = known.adjustment_codes.get(rule.when.carc or "")
    if code is not None and code.category == _DUPLICATE:
        yield "the code says duplicate, and a duplicate is never sent again under another name"


def _loops(rules: Sequence[Rule]) -> list[Fault]:
    """Find codes that are read as one another in a ring, among the rules that one payer's claim can meet."""
    reading = [rule for rule in rules if rule.then.treat_as is not None]
    places: set[int] = set()
    for payer in {rule.when.payer_id for rule in reading}:
        mine = [rule for rule in reading if rule.when.payer_id in (None, payer)]
        places |= {place for place, rule in enumerate(rules) if rule in mine and _comes_back(rule, mine)}
    return [Fault(place, "it makes a loop: its code is read as another, and that one as it again") for place in sorted(places)]


def _comes_back(rule: Rule, rules: Sequence[Rule]) -> bool:
    if rule.when.carc is None:
        return True  # it reads every code, its own target too
    reached: set[str | None] = set()
    waiting = [rule.then.treat_as]
    while waiting:
        code = waiting.pop()
        if code not in reached:
            reached.add(code)
            waiting += [each.then.treat_as for each in rules if each.when.carc == code]
    return rule.when.carc in reached


def conflicts(rules: Sequence[Rule]) -> list[Conflict]:
    """Return the pairs of rules that can meet and differ, with the one that is followed."""
    return [
        _conflict(first, second)
        for first, second in combinations(rules, 2)
        if _about(first.then) == _about(second.then) and first.then != second.then and _can_meet(first, second)
    ]


def _about(then: Then) -> str:
    return f"{then.limit} limit" if then.limit else ("reading" if then.treat_as else "category and action")


def _can_meet(first: Rule, second: Rule) -> bool:
    pairs = zip(structs.astuple(first.when), structs.astuple(second.when), strict=True)
    same_day = (first.effective_to is None or second.effective_from <= first.effective_to) and (
        second.effective_to is None or first.effective_from <= second.effective_to
    )
    # Two remarks can stand beside one adjustment: different remarks keep no two rules apart.
    apart = [place for place, (one, other) in enumerate(pairs) if None not in (one, other) and one != other]
    return same_day and all(place == _RARC for place in apart)


_RARC: Final = 5  # the place of the remark among a rule's conditions


def _conflict(first: Rule, second: Rule) -> Conflict:
    exact, other = first.precedence(), second.precedence()
    wins = second if other > exact else first
    because = "it stands first" if exact == other else "it is more exact"
    return Conflict((first.name, second.name), _about(first.then), wins.name, because)
