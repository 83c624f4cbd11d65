"""One or two plain sentences for whoever works a denial: how much, where, what the payer says, what is missing, what to do.

In English and French; the words are in `sentences.py`.
"""

from collections.abc import Sequence
from typing import Final

from libs.common.money import dollars
from services.classifier.knowledge import AdjustmentCode, RemarkCode
from services.classifier.sentences import CATEGORY_FR, DISGUISED, DO, DO_ABOUT, OTHER, UNKNOWN_MEANING, Told

_LINES_NAMED_MAX: Final = 6
_ABOUT: Final = {
    "medical_necessity": "necessity",
    "duplicate": "duplicate",
    "timely_filing": "timely",
    "benefit_limit": "limit",
    "non_covered": "benefit",
}


def explain_denial(denied_cents: int, lines: Sequence[int], told: Told) -> Told:
    """Return the sentences for a denial. `lines` are the refused lines' numbers in order; 0 is the claim itself."""
    money, where = dollars(denied_cents), _where(lines)
    return Told(
        f"${money} refused {where.en}, {told.en}",
        f"{money.translate(_IN_FRENCH)} $ refusés {where.fr}, {told.fr}",
    )


_IN_FRENCH: Final = str.maketrans(",.", "\N{NO-BREAK SPACE},")


def explain_cause(category: str, action: str, code: AdjustmentCode, deciding: RemarkCode | None) -> Told:
    """Return what the payer says, what is missing and what to do: the part that is the same for every amount and line."""
    said = DISGUISED if code.treatment == "price" else _said(code)
    do = DO_ABOUT.get((_about(category, code, deciding), action)) or DO[action]
    remark = f" ({_lowered(deciding.meaning)})" if deciding is not None else ""
    remark_fr = f" ({_lowered(deciding.meaning_fr)})" if deciding is not None else ""
    return Told(
        f"{category.replace('_', ' ')}: {said.en}{remark}. {do.en}",
        f"{CATEGORY_FR[category]} : {said.fr}{remark_fr}. {do.fr}",
    )


def _said(code: AdjustmentCode) -> Told:
    if not code.meaning:
        return UNKNOWN_MEANING
    return Told(_lowered(code.meaning.partition(";")[0]), _lowered(code.meaning_fr.partition(" ;")[0]))


def _about(category: str, code: AdjustmentCode, deciding: RemarkCode | None) -> str:
    if category in _ABOUT:
        return _ABOUT[category]
    asked = deciding.asks_for if deciding is not None else None
    return code.checklist if asked is None or asked == "nothing" else asked


def _where(lines: Sequence[int]) -> Told:
    numbered = [str(line) for line in lines if line]
    if not numbered:
        return Told("on the claim", "sur la demande")
    if len(numbered) == 1:
        return Told(f"on line {numbered[0]}", f"à la ligne {numbered[0]}")
    if len(numbered) > _LINES_NAMED_MAX:
        return Told(f"on {len(numbered)} lines", f"sur {len(numbered)} lignes")
    but_last = ", ".join(numbered[:-1])
    return Told(f"on lines {but_last} and {numbered[-1]}", f"aux lignes {but_last} et {numbered[-1]}")


def _lowered(text: str) -> str:
    """Start in lower case, except with an abbreviation (NPI) or a name."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] in (" ", "'") else text


def explain_other(rule: str) -> Told:
    return OTHER[rule]
