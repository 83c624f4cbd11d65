"""`recours odds`: what the odds of overturn rest on, and how they did on outcomes that they had not seen."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from libs.client import services
from libs.client.shapes import ModelFigures, OddsReport, OddsRow
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Service
from libs.common.money import dollars

_ROWS: Final = (
    Column("payer"),
    Column("category"),
    Column("code"),
    Column("level"),
    Column("contested", "right"),
    Column("won", "right"),
    Column("odds", "right"),
    Column("between"),
    Column("rests on"),
)
_QUALITIES: Final = (
    Column(""),
    Column("log loss", "right"),
    Column("Brier", "right"),
    Column("calibration", "right"),
    Column("AUC", "right"),
)
_LIFT: Final = (Column("worked"), Column("first"), Column("a case brings", "right"), Column("against as they come", "right"))
_MODEL: Final = (
    Column(""),
    Column("log loss", "right"),
    Column("calibration", "right"),
    Column("AUC", "right"),
    Column("a case at a quarter brings", "right"),
)
_BINS: Final = (Column("outcomes", "right"), Column("said", "right"), Column("won", "right"))
_POLICIES: Final = {
    "always": "as they come",
    "amount": "the largest",
    "table": "by expected value, table",
    "model": "by expected value, model",
}


def show(filters: Mapping[str, Any], limit: int, *, as_lines: bool) -> None:
    """Show the table row by row."""
    with Service("classifier") as classifier:
        found = list(services.list_odds(classifier, filters, limit))
    if as_lines:
        for _, raw in found:
            print_json(raw)
    elif found:
        print_rows(output(), _ROWS, [_row(row) for row, _ in found])
    else:
        output(errors=True).print(
            "Nothing like this was contested and decided yet: the odds rest on what is alike and on published rates."
        )


def _row(row: OddsRow) -> list[str]:
    odds = row.odds
    rests_on = f"{odds.outcomes} of {odds.basis}" if odds.enough else f"{odds.outcomes} of {odds.basis}: too few to say"
    return [
        plain(row.payer_id),
        row.category,
        plain(row.carc),
        row.level,
        f"{row.contested:,}",
        f"{row.won:,}",
        f"{odds.probability:.0%}",
        f"{odds.low:.0%} to {odds.high:.0%}",
        rests_on,
    ]


def evaluate(version: int | None, *, as_json: bool) -> None:
    """Print calibration and lift over the newest outcomes."""
    with Service("classifier") as classifier:
        answer = services.get_odds_report(classifier, version)
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    found = answer.value
    shown = output()
    shown.print(f"{found.version}: {found.outcomes:,} outcomes, {found.won:,} won, {found.first_on} to {found.last_on}.")
    if not found.held_out:
        shown.print("Too few to hold some out: nothing is measured yet.")
        return
    shown.print(f"Measured on {found.held_out:,} from {found.held_out_from} on, each told from what was decided before.")
    _print(found)


def _print(found: OddsReport) -> None:
    shown = output()
    rows = [
        (each.name, f"{each.log_loss:.4f}", f"{each.brier:.4f}", f"{each.calibration_error:.3f}", f"{each.auc:.3f}")
        for each in found.qualities
    ]
    shown.print()
    print_rows(shown, _QUALITIES, rows)
    as_they_come = {each.capacity: each.cents_per_case for each in found.lift if each.policy == "always"}
    lift = []
    for each in found.lift:
        base = as_they_come[each.capacity]
        gain = f"{each.cents_per_case / base:.2f} times" if base else ""
        lift.append((f"{each.capacity:.0%}", _POLICIES.get(each.policy, each.policy), dollars(each.cents_per_case), gain))
    shown.print()
    print_rows(shown, _LIFT, lift)
    for told in found.qualities:
        shown.print()
        print_rows(shown, _BINS, [(f"{part.outcomes:,}", f"{part.said:.1%}", f"{part.won:.1%}") for part in told.bins])
    if found.model is not None:
        _print_model(found.model)


def _print_model(model: ModelFigures) -> None:
    shown = output()
    shown.print()
    shown.print(f"{model.name} is live. On {model.held_out:,} outcomes from {model.held_out_from} on, before it learned from them:")
    rows = [
        (
            model.name,
            f"{model.log_loss:.4f}",
            f"{model.calibration_error:.3f}",
            f"{model.auc:.3f}",
            dollars(round(model.cents_per_case_of_25_percent)),
        ),
        (
            "the table",
            f"{model.table_log_loss:.4f}",
            f"{model.table_calibration_error:.3f}",
            f"{model.table_auc:.3f}",
            dollars(round(model.table_cents_per_case_of_25_percent)),
        ),
        ("as they come", "", "", "", dollars(round(model.cents_per_case_of_all))),
    ]
    print_rows(shown, _MODEL, rows)
