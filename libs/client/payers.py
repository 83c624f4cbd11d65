"""`recours payers`: which payers are not settled, and their levels of appeal, shown and settled."""

from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from libs.client import services
from libs.client.errors import ClientError
from libs.client.shapes import PayerLevel, PayerLevels
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Service, json_body
from libs.common.money import dollars

_PAYERS: Final = (
    Column("payer", width=14),
    Column("name", min_width=20),
    Column("kind", width=18),
    Column("open", "right"),
    Column("unknown", "right"),
    Column("assumed", "right"),
    Column("at stake", "right", width=14),
    Column("settled"),
)
_LEVELS: Final = (Column("level", min_width=22), Column("until when", min_width=28), Column("sure"), Column("source", min_width=30))


def show_list(deadline: str | None, limit: int, *, as_lines: bool) -> None:
    """Show payers; with `deadline` those that somebody has to settle."""
    with Service("appeals") as appeals:
        found = list(services.list_payers(appeals, {"deadline": deadline}, limit))
    if as_lines:
        for _, raw in found:
            print_json(raw)
        return
    rows = [
        [
            plain(each.payer_id),
            plain(each.name),
            each.payer_kind or "",
            str(each.open_cases),
            str(each.unknown_cases),
            str(each.assumed_cases),
            dollars(each.unsettled_cents),
            f"version {each.levels_version}" if each.levels_version else "no",
        ]
        for each, _ in found
    ]
    print_rows(output(), _PAYERS, rows)


def show_levels(payer_id: str, *, as_json: bool) -> None:
    """Show what holds for a payer."""
    with Service("appeals") as appeals:
        answer = services.get_levels(appeals, payer_id)
    if as_json:
        print_json(msgspec.Raw(answer.raw))
    else:
        _print(answer.value)


def settle(payer_id: str, name: str, *, as_json: bool) -> None:
    """Settle a payer's levels from a YAML or JSON file: `path`, `levels`, `time_zone`, `who`."""
    try:
        told: Any = yaml.safe_load(Path(name).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ClientError(f"{name} is not YAML.") from error
    if not isinstance(told, dict):
        raise ClientError(f"{name} holds no levels: `path:`, `levels:` and a list, or both are expected.")
    with Service("appeals") as appeals:
        answer = services.put_levels(appeals, payer_id, json_body(told))
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    _print(answer.value)
    if answer.value.reckoning is not None:
        output(errors=True).print("The payer's open cases are being reckoned anew.")


def _print(told: PayerLevels) -> None:
    path = f"path {told.path}" if told.path else "no path chosen"
    settled = f"version {told.version}" if told.version else "nobody settled it"
    output().print(f"{plain(told.payer_id)}: {settled}, {path}, days end in {told.time_zone}.", soft_wrap=True)
    print_rows(output(), _LEVELS, [_row(each) for each in told.in_force])


def _row(each: PayerLevel) -> list[str]:
    sure = "own" if each.own else "yes" if each.firm else "no"
    return [each.level, _until(each), sure, plain(each.source)]


def _until(each: PayerLevel) -> str:
    if each.filed_when in ("forwarded", "never"):
        return {"forwarded": "forwarded by the payer", "never": "the payer has none"}[each.filed_when]
    return "unknown" if each.window is None else f"{each.window} {each.unit.replace('_', ' ')} from the {each.counted_from}"
