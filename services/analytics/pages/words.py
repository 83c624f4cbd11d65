"""What the pages say, in both languages: the tables of `texts`, read once."""

from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from services.analytics.kpis.definitions import Kpi
from services.analytics.pages.formats import LANGUAGES, Language


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(files(__package__).joinpath("texts", name).read_text())
    return found


def _in(place: int, table: dict[str, list[str]]) -> dict[str, str]:
    return {key: both[place] for key, both in table.items()}


_WORDS: Final = _read("words.yaml")
_LISTS: Final = _read("lists.yaml")
WORDS: Final[dict[Language, dict[str, str]]] = {language: _in(place, _WORDS) for place, language in enumerate(LANGUAGES)}
LISTS: Final[dict[Language, dict[str, dict[str, str]]]] = {
    language: {name: _in(place, table) for name, table in _LISTS.items()} for place, language in enumerate(LANGUAGES)
}


@cache
def _french() -> dict[str, Any]:
    return _read("kpis.yaml")


def told(language: Language, kpi: Kpi) -> dict[str, str]:
    """Return a key figure's name, definition, day, pitfalls and, where it has no number, the reason, in a language."""
    reason = {"reason": kpi.reason} if kpi.reason else {}
    if language == "en":
        return {"name": kpi.name, "definition": kpi.definition, "basis": kpi.basis, "pitfalls": kpi.pitfalls, **reason}
    french = _french()
    return {"name": kpi.name_fr, "basis": french["bases"][kpi.basis], **french["figures"][kpi.id]}
