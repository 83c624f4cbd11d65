"""`recours scorecards`: how each payer, provider, facility or coder does, beside its own past and the mean."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Service

_COLUMNS: Final = (
    Column("of", min_width=16),
    Column("key figure"),
    Column("value", "right"),
    Column("before", "right"),
    Column("mean", "right"),
    Column("above", "right"),
    Column("below", "right"),
)
_DAYS: Final = "days"


class Score(Struct, frozen=True):
    kpi: str
    value: float | None
    numerator: int | None
    denominator: int | None
    before: float | None
    mean: float | None
    is_suppressed: bool


class Card(Struct, frozen=True):
    key: str
    label: str | None
    scores: list[Score]


class Cards(Struct, frozen=True):
    items: list[Card]


def show(by: str, asked: Mapping[str, Any], *, as_json: bool) -> None:
    """Show the cards of a period."""
    with Service("analytics") as analytics:
        answer = analytics.get(f"/v1/scorecards/{quote(by, safe='')}", Cards, asked)
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    rows = [(plain(card.label or card.key), *_row(score)) for card in answer.value.items for score in card.scores]
    if rows:
        print_rows(output(), _COLUMNS, rows)
    else:
        output(errors=True).print("Nobody has a card in this period.")


def _row(score: Score) -> tuple[str, ...]:
    values = [_value(score.kpi, value) for value in (score.value, score.before, score.mean)]
    if score.is_suppressed:
        values[:2] = ["too few", ""]
    return (score.kpi, *values, *("" if count is None else f"{count:,}" for count in (score.numerator, score.denominator)))


def _value(kpi: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.1f} days" if _DAYS in kpi else f"{value:.1%}"
