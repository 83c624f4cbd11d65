"""What two people say of an item, whether they agree, and what is then held to be so. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

from libs.common.contracts.words import Action, Category

Question = Literal["classification", "code", "documentation"]
ItemState = Literal["open", "reviewing", "disputed", "agreed", "settled"]
FINAL: Final[frozenset[ItemState]] = frozenset({"agreed", "settled"})
QUESTIONS: Final[tuple[Question, ...]] = ("classification", "code", "documentation")


class Verdict(Struct, frozen=True):
    """A review form, filled in. `category` and `action`: what the denial is instead, exactly where the classification is wrong."""

    classification_right: bool
    code_right: bool
    documentation_sufficient: bool
    category: Category | None = None
    action: Action | None = None
    note: str = ""

    def answers(self) -> tuple[object, ...]:
        """Return what two reviewers have to agree in; a note is each one's own."""
        return (self.classification_right, self.code_right, self.documentation_sufficient, self.category, self.action)


ANSWERS: Final[Mapping[Question, Callable[[Verdict], bool]]] = {
    "classification": lambda verdict: verdict.classification_right,
    "code": lambda verdict: verdict.code_right,
    "documentation": lambda verdict: verdict.documentation_sufficient,
}


def judge(verdicts: Sequence[Verdict]) -> tuple[ItemState, Verdict | None]:
    """Return the state of an item after the reviews that are in, and what is held to be so where they agree."""
    if len(verdicts) < 2:  # noqa: PLR2004 - it takes two
        return ("reviewing" if verdicts else "open"), None
    first, second = verdicts
    return ("agreed", first) if first.answers() == second.answers() else ("disputed", None)


class Agreement(Struct, frozen=True):
    """How two reviewers agree in one question. `kappa`: beyond chance (Cohen); None where both gave one answer alone."""

    question: Question
    items: int
    agreed: int
    kappa: float | None


def agreement(pairs: Sequence[tuple[Verdict, Verdict]], question: Question) -> Agreement:
    """Hold the two reviews of each item, in the reviewers' order and as they were before any settlement, against each other."""
    answer = ANSWERS[question]
    told = [(answer(first), answer(second)) for first, second in pairs]
    items, agreed = len(told), sum(first == second for first, second in told)
    if not items:
        return Agreement(question, 0, 0, None)
    first_yes, second_yes = (sum(pair[place] for pair in told) / items for place in (0, 1))
    by_chance = first_yes * second_yes + (1 - first_yes) * (1 - second_yes)
    kappa = None if by_chance >= 1 else (agreed / items - by_chance) / (1 - by_chance)
    return Agreement(question, items, agreed, kappa)
