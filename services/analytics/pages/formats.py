"""Numbers, money and days as a reader of a language expects them. Pure."""

from datetime import date, datetime, timedelta
from typing import Final, Literal

from babel.dates import format_date, format_datetime, format_skeleton
from babel.numbers import format_decimal, format_percent

Language = Literal["en", "fr"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "fr")
NOTHING: Final = "\u2013"
_LOCALES: Final[dict[Language, str]] = {"en": "en_US", "fr": "fr_CA"}
_MONEY: Final[dict[Language, str]] = {"en": "$#,##0{};-$#,##0{}", "fr": "#,##0{}\u00a0$;-#,##0{}\u00a0$"}
_PERCENT: Final[dict[Language, str]] = {"en": "#,##0.0%", "fr": "#,##0.0\u00a0%"}
_CENTS: Final = 100
_UNITS: Final[dict[Language, dict[str, tuple[str, str]]]] = {
    "en": {"days": ("day", "days"), "points": ("point", "points")},
    "fr": {"days": ("jour", "jours"), "points": ("point", "points")},
}
_SECONDS: Final = (("d", "j", 86_400), ("h", "h", 3_600), ("min", "min", 60), ("s", "s", 1))


class Formats:
    """How one language writes what the pages show; None is a dash."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._locale = _LOCALES[language]

    def count(self, value: float | None) -> str:
        return NOTHING if value is None else format_decimal(value, "#,##0", locale=self._locale)

    def dollars(self, cents: float | None, *, exact: bool = False) -> str:
        """Write cents as whole dollars, or to the cent."""
        if cents is None:
            return NOTHING
        pattern = _MONEY[self.language].replace("{}", ".00" if exact else "")
        return format_decimal(cents / _CENTS, pattern, locale=self._locale)

    def cents(self, cents: float | None) -> str:
        return self.dollars(cents, exact=True)

    def share(self, value: float | None) -> str:
        return NOTHING if value is None else format_percent(value, _PERCENT[self.language], locale=self._locale)

    def ratio(self, value: float | None) -> str:
        return NOTHING if value is None else format_decimal(value, "0.00", locale=self._locale)

    def signed(self, value: float) -> str:
        """Write a number with its sign, whichever it is."""
        return format_decimal(value, "+#,##0.0;\u2212#,##0.0", locale=self._locale)

    def figure(self, value: float | None, unit: str) -> str:
        """Write a key figure's value with its unit."""
        if value is None:
            return NOTHING
        if unit == "share":
            return self.share(value)
        if unit == "cents":
            return self.dollars(value)
        return self._with_unit(value, "days") if unit == "days" else self.count(value)

    def change(self, value: float | None, unit: str) -> str:
        """Write a difference of two values without its sign: that of shares in points."""
        if value is None:
            return NOTHING
        size = abs(value)
        return self._with_unit(size * 100, "points") if unit == "share" else self.figure(size, unit)

    def day(self, day: date | None) -> str:
        return NOTHING if day is None else format_date(day, "d MMM yyyy", locale=self._locale)

    def short_day(self, day: date) -> str:
        return format_date(day, "d MMM", locale=self._locale)

    def month(self, day: date) -> str:
        return format_skeleton("yMMM", datetime(day.year, day.month, 1), locale=self._locale)  # noqa: DTZ001 - a month has no zone

    def moment(self, at: datetime) -> str:
        return f"{format_datetime(at, 'd MMM yyyy, HH:mm', locale=self._locale)}\u00a0UTC"

    def duration(self, seconds: float | None) -> str:
        """Write how long something has waited, in its largest unit."""
        if seconds is None:
            return NOTHING
        for english, french, size in _SECONDS:
            if seconds >= size or size == 1:
                unit = french if self.language == "fr" else english
                return f"{format_decimal(seconds / size, '0', locale=self._locale)}\u00a0{unit}"
        raise AssertionError("the smallest unit fits everything")

    def _with_unit(self, value: float, unit: str) -> str:
        told = format_decimal(value, "#,##0.0", locale=self._locale)
        one, many = _UNITS[self.language][unit]
        # English has one of exactly one, French of anything below two.
        single = value == 1 if self.language == "en" else abs(value) < 2  # noqa: PLR2004 - a rule of grammar
        return f"{told}\u00a0{one if single else many}"


def bucket_of(first: date, last: date) -> Literal["day", "week", "month"]:
    """Return how fine a period is drawn: no more points than a reader can tell apart."""
    days = (last - first).days + 1
    if days <= 16:  # noqa: PLR2004 - two weeks, and what is round about them
        return "day"
    return "week" if days <= 130 else "month"  # noqa: PLR2004 - four months, and what is round about them


def buckets(first: date, last: date, word: Literal["day", "week", "month"]) -> list[date]:
    """Return the first days of all buckets that a period touches."""
    if word == "month":
        months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
        return [date(each // 12, each % 12 + 1, 1) for each in months]
    start = first - timedelta(days=first.weekday()) if word == "week" else first
    step = 7 if word == "week" else 1
    return [start + timedelta(days=days) for days in range(0, (last - start).days + 1, step)]
