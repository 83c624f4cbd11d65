"""The letters that come with Recours: texts by language, put together from a level (what is asked for) and a category (why).

The texts are data (`texts/*.yaml`); a tenant's own template of the same category, level and language goes before them.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec
import yaml
from msgspec import Struct

from services.appeals.letters.language import Language

LANGUAGES: Final[tuple[Language, ...]] = ("en", "fr")
GENERAL: Final = "general"
ANY_LEVEL: Final = "any"
# As a printer sets it: curved apostrophes, and blanks at which no line may end. The files stay easy to type.
_TYPOGRAPHY: Final[Mapping[Language, tuple[tuple[re.Pattern[str], str], ...]]] = {
    "en": (
        (re.compile(r"(?<=\w)'(?=\w)"), "\N{RIGHT SINGLE QUOTATION MARK}"),
        (re.compile(r"(?<=Exhibit) (?={)"), "\N{NO-BREAK SPACE}"),
    ),
    "fr": (
        (re.compile(r"(?<=\w)'(?=[\w«])"), "\N{RIGHT SINGLE QUOTATION MARK}"),
        (re.compile(r" (?=[:;?!»])|(?<=«) |(?<=[Pp]ièce) (?={)"), "\N{NO-BREAK SPACE}"),
    ),
}
_FOLDER: Final = Path(__file__).parent / "texts"


class Level(Struct, frozen=True, forbid_unknown_fields=True):
    """One level of appeal: its name, what it asks, and within how many days an answer is usual. Without texts: those of `any`."""

    name: str
    answer_days: int
    opening: str = ""
    ask: str = ""


class Category(Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of denial: why it does not stand."""

    heading: str
    argument: str


class Texts(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that is written in one language."""

    words: Mapping[str, str]
    documents: Mapping[str, str]
    frame: str
    evidence: str
    closing: str
    levels: Mapping[str, Level]
    categories: Mapping[str, Category]
    shares: Mapping[str, str]


@lru_cache(maxsize=len(LANGUAGES))
def texts(language: Language) -> Texts:
    written = (_FOLDER / f"{language}.yaml").read_text(encoding="utf-8")
    for place, sign in _TYPOGRAPHY[language]:
        written = place.sub(sign, written)
    return msgspec.convert(yaml.safe_load(written), Texts)


def level_of(word: str, language: Language) -> Level:
    """Return a level by its word; one that is not known here is spoken of as any review."""
    known = texts(language).levels
    return known.get(word, known[ANY_LEVEL])


@lru_cache(maxsize=1024)
def compose(category: str, level: str, language: Language) -> str:
    """Return the template that comes with Recours: every category and level has one."""
    told = texts(language)
    own = told.categories.get(told.shares.get(category, category), told.categories[GENERAL])
    asked = level_of(level, language)
    parts = {
        "opening": asked.opening or told.levels[ANY_LEVEL].opening,
        "heading": own.heading,
        "argument": own.argument,
        "evidence": told.evidence,
        "ask": asked.ask or told.levels[ANY_LEVEL].ask,
        "closing": told.closing,
    }
    source = told.frame
    for name, text in parts.items():
        source = source.replace(f"<<{name}>>", text.rstrip("\n"))
    return source
