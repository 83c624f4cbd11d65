"""What the knowledge base and the decision say of one code. Pure: every judgement on a page is the decision's own answer.

An example claim stands for all: half of it paid, the other half refused under the code. Amounts do not matter to the decision.
"""

from functools import lru_cache
from typing import Final

from msgspec import Struct

from services.classifier.decision import AdjudicatedClaim, Adjustment, Classification, Remark, classify
from services.classifier.judgement import KNOWLEDGE, normalised
from services.classifier.knowledge import AdjustmentCode, RemarkCode

_HALF_CENTS: Final = 10_000
_GROUPS: Final = ("CO", "PR", "OA", "PI")


class Beside(Struct, frozen=True):
    """What a code comes to with another one beside it."""

    code: str
    group_code: str
    judged: Classification


class AdjustmentPage(Struct, frozen=True):
    """One CARC. `with_remarks` holds the remarks that turn category, kind or action; `whole` where it takes the whole charge."""

    code: AdjustmentCode
    by_group: tuple[tuple[str, Classification], ...]
    whole: Classification | None
    with_remarks: tuple[Beside, ...]


class RemarkPage(Struct, frozen=True):
    """One RARC. `beside` holds the adjustment codes whose category, kind or action it turns."""

    code: RemarkCode
    beside: tuple[Beside, ...]


@lru_cache(maxsize=1024)
def adjustment_page(code: str) -> AdjustmentPage | None:
    """Return what there is to say of an adjustment code, in any spelling; None where it is unknown."""
    found = KNOWLEDGE.adjustment_codes.get(normalised(code))
    if found is None:
        return None
    groups = [group for group in _GROUPS if group in found.groups]
    alone = classify(_claim(found.code, groups[0]))
    return AdjustmentPage(
        code=found,
        by_group=tuple((group, classify(_claim(found.code, group))) for group in groups),
        whole=classify(_claim(found.code, groups[0], paid_cents=0)) if found.whole_category else None,
        with_remarks=tuple(
            Beside(rarc, groups[0], judged)
            for rarc in KNOWLEDGE.remark_codes
            if _differs(judged := classify(_claim(found.code, groups[0], rarc)), alone)
        ),
    )


@lru_cache(maxsize=1024)
def remark_page(code: str) -> RemarkPage | None:
    """Return what there is to say of a remark code, in any spelling; None where it is unknown."""
    found = KNOWLEDGE.remark_codes.get(normalised(code))
    if found is None:
        return None
    beside = []
    for each in KNOWLEDGE.adjustment_codes.values():
        if not each.active:
            continue
        group = next(group for group in _GROUPS if group in each.groups)
        judged = classify(_claim(each.code, group, found.code))
        if _differs(judged, classify(_claim(each.code, group))):
            beside.append(Beside(each.code, group, judged))
    return RemarkPage(found, tuple(beside))


def _claim(carc: str, group_code: str, rarc: str | None = None, *, paid_cents: int = _HALF_CENTS) -> AdjudicatedClaim:
    return AdjudicatedClaim(
        claim_status_code="1",
        charge_cents=_HALF_CENTS + paid_cents,
        paid_cents=paid_cents,
        adjustments=(Adjustment(group_code, carc, _HALF_CENTS),),
        rarcs=(Remark(rarc),) if rarc else (),
    )


def _differs(one: Classification, other: Classification) -> bool:
    return (one.category, one.kind, one.action) != (other.category, other.kind, other.action)
