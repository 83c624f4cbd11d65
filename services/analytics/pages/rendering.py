"""Pages from their templates: words in the reader's language, and a policy that lets in only what this process serves."""

import hashlib
import mimetypes
from collections.abc import Callable
from datetime import date
from functools import cache, partial
from importlib.resources import files
from typing import Any, Final

from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from services.analytics.pages import charts
from services.analytics.pages.formats import Formats, Language
from services.analytics.pages.visit import PRESETS, Visit
from services.analytics.pages.words import LISTS, WORDS, told
from services.analytics.scopes import SCOPES

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with none at all, browsers do not say which page a form was sent from
}
PAGES: Final = ("overview", "denials", "root-causes", "alerts", "payers", "prevention", "appeals", "audits", "system")
PATHS: Final = {name: f"/{name}" for name in PAGES} | {"overview": "/"}
NEEDS: Final = {name: SCOPES[f"GET {path}"] for name, path in PATHS.items()}
LANGUAGE_COOKIE: Final = "recours_language"
_YEAR_SECONDS: Final = 31_536_000
_WRITTEN: Final = (
    "count", "dollars", "cents", "share", "ratio", "figure", "change", "day", "month", "short_day", "moment", "duration",
    "signed",
)  # fmt: skip


@cache
def assets() -> dict[str, bytes]:
    """Return what pages load, by name."""
    return {each.name: each.read_bytes() for each in files(__package__).joinpath("assets").iterdir() if each.is_file()}


@cache
def digest() -> str:
    """Return what stands in the addresses of assets, so that they may be kept for ever."""
    return hashlib.sha256(b"".join(body for _, body in sorted(assets().items()))).hexdigest()[:16]


def asset(name: str, version: str) -> Response | None:
    """Return a file that pages load; None when there is none of this name."""
    body = assets().get(name)
    if body is None:
        return None
    kept = f"public, max-age={_YEAR_SECONDS}, immutable" if version == digest() else "no-store"
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(body, media_type=kind, headers={"Cache-Control": kept})


@cache
def _environment(language: Language) -> Environment:
    formats = Formats(language)
    made = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=PackageLoader("services.analytics.pages"),
    )
    made.filters |= {name: getattr(formats, name) for name in _WRITTEN}
    made.filters["told_day"] = lambda day: formats.day(date.fromisoformat(day))
    made.globals |= {
        "w": WORDS[language],
        "lists": LISTS[language],
        "told": partial(told, language),
        "charts": charts,
        "presets": PRESETS,
        "pages": PAGES,
        "paths": PATHS,
        "needs": NEEDS,
        "version": digest(),
    }
    return made


def _into_denials(visit: Visit) -> Callable[[str], Callable[[str], str]]:
    """Return what leads from a part of a sum to its denials."""
    return lambda name: lambda value: visit.through(name, value, PATHS["denials"])


def page(template: str, visit: Visit, status: int = 200, **shown: Any) -> HTMLResponse:
    """Return a page in the visit's language."""
    body = _environment(visit.language).get_template(template).render(visit=visit, by=_into_denials(visit), **shown)
    answer = HTMLResponse(body, status, HEADERS | {"Content-Language": visit.language, "Vary": "Accept-Language, Cookie"})
    answer.set_cookie(LANGUAGE_COOKIE, visit.language, max_age=_YEAR_SECONDS, httponly=True, samesite="lax")
    return answer
