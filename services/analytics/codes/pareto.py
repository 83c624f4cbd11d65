"""Which codes cost most: each with its share of what was refused, and theirs together with all that cost more. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

from services.analytics.facts.measures import NOT_TOLD
from services.analytics.kpis import Groups, ratio

By = Literal["carc", "rarc"]
MEASURE: Final[Mapping[By, str]] = {"carc": "coded", "rarc": "remarked"}


class Code(Struct, frozen=True):
    """One code, or, by RARC, a code with its remarks. `key`: as sums are filtered by it; shares are of all that was refused."""

    key: str
    group_code: str
    carc: str
    rarcs: tuple[str, ...]
    denials: int
    denied_cents: int
    share: float
    cumulative_share: float


class Pareto(Struct, frozen=True):
    """The codes that cost most, and what is left: `others` codes with `others_cents`; `denied_cents` of all together."""

    codes: Sequence[Code]
    denied_cents: int
    others: int
    others_cents: int


def pareto(groups: Groups, limit: int) -> Pareto:
    """Put codes in order, most cents first. `groups`: (denials, cents) by code."""
    total = sum(cents for _, cents in groups.values())
    ordered = sorted(groups.items(), key=lambda each: (-each[1][1], -each[1][0], each[0]))
    found, so_far = [], 0
    for (key,), (denials, cents) in ordered[:limit]:
        so_far += cents
        found.append(_code(key, denials, cents, ratio(cents, total), ratio(so_far, total)))
    return Pareto(found, total, len(ordered) - len(found), total - so_far)


def _code(key: str, denials: int, cents: int, share: float, cumulative_share: float) -> Code:
    group_code, carc, *rarcs = ("" if each == NOT_TOLD else each for each in key.split(" "))
    return Code(key, group_code, carc, tuple(rarcs), denials, cents, share, cumulative_share)
