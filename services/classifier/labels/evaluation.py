"""How a judgement stands against the labels of people: accuracy, confusion, and at which codes they disagree. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct


class Reviewed(Struct, frozen=True):
    """One labelled denial: what a person says and what was judged. `ways` are the action and its alternatives."""

    category: str
    action: str
    judged_category: str
    ways: tuple[str, ...]
    codes: tuple[str, ...]
    denied_cents: int


class Confused(Struct, frozen=True):
    labelled: str
    judged: str
    denials: int
    denied_cents: int


class Disagreement(Struct, frozen=True):
    """A code with the denials that name it: how many are labelled, and in how many the label says otherwise."""

    code: str
    labelled: int
    category_differs: int
    action_differs: int


class Evaluation(Struct, frozen=True):
    """`action_listed` counts labels whose action is ours or one of our alternatives."""

    labelled: int
    category_right: int
    action_right: int
    both_right: int
    action_listed: int
    confusion: tuple[Confused, ...]
    disagreements: tuple[Disagreement, ...]


def evaluate(reviewed: Sequence[Reviewed]) -> Evaluation:
    """Hold judgements against labels. Confusion lists every pair that occurs, disagreements every code where there is one."""
    return Evaluation(
        labelled=len(reviewed),
        category_right=sum(each.category == each.judged_category for each in reviewed),
        action_right=sum(each.action == each.ways[0] for each in reviewed),
        both_right=sum(each.category == each.judged_category and each.action == each.ways[0] for each in reviewed),
        action_listed=sum(each.action in each.ways for each in reviewed),
        confusion=_confusion(reviewed),
        disagreements=_disagreements(reviewed),
    )


def _confusion(reviewed: Iterable[Reviewed]) -> tuple[Confused, ...]:
    denials: Counter[tuple[str, str]] = Counter()
    cents: Counter[tuple[str, str]] = Counter()
    for each in reviewed:
        pair = (each.category, each.judged_category)
        denials[pair] += 1
        cents[pair] += each.denied_cents
    return tuple(Confused(*pair, denials[pair], cents[pair]) for pair in sorted(denials, key=lambda pair: (-denials[pair], pair)))


def _disagreements(reviewed: Iterable[Reviewed]) -> tuple[Disagreement, ...]:
    labelled: Counter[str] = Counter()
    category: Counter[str] = Counter()
    action: Counter[str] = Counter()
    for each in reviewed:
        for code in each.codes:
            labelled[code] += 1
            category[code] += each.category != each.judged_category
            action[code] += each.action != each.ways[0]
    differing = [code for code in labelled if category[code] or action[code]]
    return tuple(
        Disagreement(code, labelled[code], category[code], action[code])
        for code in sorted(differing, key=lambda code: (-category[code] - action[code], code))
    )
