"""One look at a page: language, days, filters. Read from the address, and written back to it; and who looks. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final
from urllib.parse import urlencode

from msgspec import Struct
from msgspec.structs import replace

from libs.common import periods
from services.analytics.pages.formats import LANGUAGES, Language
from services.analytics.spans import is_too_long

USUAL_DAYS: Final = 90
PRESETS: Final = (30, 90, 365)
FILTERS: Final = ("payer", "category", "facility", "provider", "service_group")
EXPLORER: Final = "/denials"
EXPLORED: Final = (*FILTERS, "code")  # by codes are told what was denied, and no other sums
FILTERS_MAX: Final = 50
FILTERED: Final = frozenset({"/", "/denials", "/payers", "/prevention", "/appeals"})  # pages of sums; others know no filters
_LED_TO: Final = FILTERED | {"/audits/new"}  # where a plan begins with them
_VALUE_MAX: Final = 200


class Who(Struct, frozen=True):
    """Who looks, as pages need it. `mark` is what their forms carry."""

    name: str
    mark: str
    scopes: frozenset[str]


class Visit(Struct, frozen=True):
    """`wrong` names what in the address was not understood and left out; the page says so."""

    path: str
    language: Language
    today: date
    first: date
    last: date
    filters: Mapping[str, tuple[str, ...]] = {}
    is_usual: bool = True  # the address says nothing of days
    wrong: tuple[str, ...] = ()
    who: Who | None = None  # nobody: of pages that anybody may see

    def may(self, scope: str) -> bool:
        return self.who is not None and scope in self.who.scopes

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def does(self, scope: str) -> bool:
        """Say whether who looks may do this here: by a form, which is their session's."""
        return self.who is not None and self.who.mark != "" and self.may(scope)

    def link(self, path: str | None = None, **changed: str | None) -> str:
        """Return the address of a page over the same days and, where it can use them, filters; what is None is left out."""
        told: dict[str, str | None] = {} if self.is_usual else {"from": self.first.isoformat(), "to": self.last.isoformat()}
        told |= changed
        pairs = [(key, value) for key, value in told.items() if value is not None]
        path = path or self.path
        pairs += [(name, value) for name, values in self.filters.items() for value in values if name in _known_by(path)]
        return f"{path}{'?' if pairs else ''}{urlencode(pairs)}"

    def over(self, first: date, last: date, path: str | None = None) -> str:
        """Return the address of a page over other days."""
        return self.link(path, **{"from": first.isoformat(), "to": last.isoformat()})

    def up_to(self, last: date) -> str:
        """Return the address of this page over as many days that end on another one."""
        return self.over(last - timedelta(days=self.days - 1), last)

    def preset(self, days: int) -> str:
        return self.over(self.today - timedelta(days=days - 1), self.today)

    def is_preset(self, days: int) -> bool:
        return self.last == self.today and self.days == days

    def toggled(self, name: str, value: str, path: str | None = None) -> str:
        """Return the address with one value of a filter chosen, or no longer chosen."""
        chosen = self.filters.get(name, ())
        fewer = tuple(each for each in chosen if each != value)
        return replace(self, filters={**self.filters, name: fewer if value in chosen else (*chosen, value)}).link(path)

    def through(self, name: str, value: str, path: str) -> str:
        """Return the address of a page with one value of a filter chosen and no other of the same."""
        return replace(self, filters={**self.filters, name: (value,)}).link(path)

    def cleared(self) -> str:
        return replace(self, filters={}).link()

    @property
    def filtered_by(self) -> tuple[str, ...]:
        """The filters that are on."""
        return tuple(name for name, values in self.filters.items() if values)


def read(path: str, query: Sequence[tuple[str, str]], language: Language, today: date, who: Who | None = None) -> Visit:
    """Read an address. What is not understood is named in `wrong`, and the page shows what it usually shows."""
    told = dict(query)
    first, last, wrong = _days(told.get("from"), told.get("to"), today)
    is_usual = bool(wrong) or not (told.get("from") or told.get("to"))
    filters, refused = _filters(query, _known_by(path))
    wrong += ("bad_filter",) if refused else ()
    return Visit(path, language, today, first, last, filters, is_usual, wrong, who)


def _days(told_first: str | None, told_last: str | None, today: date) -> tuple[date, date, tuple[str, ...]]:
    """Return the days of an address, and what is wrong with them; where something is, they are the usual ones."""
    first, last = day_of(told_first), day_of(told_last)
    length = timedelta(days=USUAL_DAYS - 1)
    usual = (today - length, today)
    if (told_first and first is None) or (told_last and last is None):
        return *usual, ("bad_day",)
    if not periods.is_within(first, last):
        return *usual, ("out_of_time",)
    last = last or (min(first + length, periods.LAST) if first else today)
    first = first or max(last - length, periods.FIRST)
    if first > last:
        return *usual, ("bad_order",)
    return (*usual, ("too_long",)) if is_too_long(first, last) else (first, last, ())


def _known_by(path: str) -> tuple[str, ...]:
    """Return the filters that a page knows."""
    return EXPLORED if path == EXPLORER else FILTERS if path in _LED_TO else ()


def _filters(query: Iterable[tuple[str, str]], known: Sequence[str]) -> tuple[dict[str, tuple[str, ...]], bool]:
    found: dict[str, tuple[str, ...]] = {}
    refused, count = False, 0
    for name, value in query:
        if name not in known or value in found.get(name, ()):
            continue
        count += 1
        if len(value) > _VALUE_MAX or count > FILTERS_MAX:
            refused = True
        else:
            found[name] = (*found.get(name, ()), value)
    return found, refused


def day_of(told: str | None) -> date | None:
    try:
        return date.fromisoformat(told) if told else None
    except ValueError:
        return None


def language_of(asked: str | None, kept: str | None, accepted: str | None) -> Language:
    """Return the language that was asked for, else the one kept from before, else what the browser prefers, else English."""
    preferred = [each.partition(";")[0].strip().lower()[:2] for each in (accepted or "").split(",")]
    wished = (asked, kept, *preferred)
    return next((language for each in wished for language in LANGUAGES if language == each), "en")
