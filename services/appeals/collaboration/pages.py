"""The guest's page as HTML: no script, no foreign resource, one style of its own that the policy names by its hash."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

from babel.dates import format_datetime
from babel.numbers import format_decimal
from fastapi.responses import HTMLResponse
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from services.appeals.collaboration.store import Link
from services.appeals.collaboration.views import TEXT_MAX
from services.appeals.collaboration.words import WORDS

_CSS: Final = files(__package__).joinpath("guest.css").read_text()
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_CSS.encode()).digest()).decode()
HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_OTHER: Final = {"en": "fr", "fr": "en"}
_KILO: Final = 1000


def _environment(language: str) -> Environment:
    def moment(at: datetime) -> str:
        return f"{format_datetime(at, 'd MMM yyyy, HH:mm', locale=language)} UTC"

    def size(count: int) -> str:
        units = ("B", "kB", "MB") if language == "en" else ("o", "ko", "Mo")
        told, unit = float(count), 0
        while told >= _KILO and unit + 1 < len(units):
            told, unit = told / _KILO, unit + 1
        return f"{format_decimal(told, '#,##0.#' if unit else '0', locale=language)} {units[unit]}"

    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    made.filters |= {"moment": moment, "size": size}
    return made


@cache
def _template(language: str) -> Template:
    return _environment(language).from_string(files(__package__).joinpath("guest.html").read_text())


def language_of(asked: str | None, link: Link | None) -> str:
    """Return the language of a page: what was asked for, else the link's."""
    if asked is not None and asked in WORDS:
        return asked
    return link.language if link else "en"


def page(
    link: Link | None,
    base: str,
    language: str,
    documents: Sequence[Mapping[Any, Any]] = (),
    messages: Sequence[Mapping[Any, Any]] = (),
    *,
    status: int = 200,
    done: str | None = None,
    wrong: str | None = None,
    draft: str = "",
) -> HTMLResponse:
    """Return a guest's page; without a link the one that says that it opens nothing. `done` and `wrong` are words or sentences."""
    words = WORDS[language]
    told = _template(language).render(
        link=link,
        base=base,
        language=language,
        other=_OTHER[language],
        words=words,
        documents=documents,
        messages=messages,
        done=words.get(f"done_{done}") if done else None,
        wrong=words.get(wrong, wrong) if wrong else None,
        draft=draft,
        text_max=TEXT_MAX,
        css=Markup(_CSS),  # noqa: S704 - our own file
    )  # fmt: skip
    return HTMLResponse(told, status, HEADERS)
