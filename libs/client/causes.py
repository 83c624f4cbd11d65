"""`recours root-causes`: what is refused more often than the rest explains, and the claims behind it."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

import msgspec
from msgspec import Struct

from libs.client.services import list_items
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Service
from libs.common.money import dollars

_SPACES: Final = {0xA0: " ", 0x202F: " "}  # that French sets in numbers and before signs
_CLAIMS: Final = (
    Column("payment day", width=11),
    Column("claim", width=36),
    Column("denial", width=36),
    Column("refused", "right", width=12),
    Column("services", min_width=12),
    Column("codes"),
)


class RootCause(Struct, frozen=True):
    """What is read of a root cause."""

    root_cause_id: str
    sentence: str
    sentence_fr: str
    excess_cents: int
    q_value: float
    suggested_rule: dict[str, Any] | None = None


class RootCauses(Struct, frozen=True):
    lines: int
    claims: int
    items: list[RootCause]


class CauseClaim(Struct, frozen=True):
    """What is read of a claim behind a root cause."""

    payment_on: date
    claim_id: UUID | None
    denial_id: UUID | None
    denied_cents: int
    services: list[str]
    carcs: list[str]


def show_list(asked: Mapping[str, Any], *, french: bool, as_json: bool) -> None:
    """Search, and show each finding as a sentence."""
    with Service("analytics") as analytics:
        answer = analytics.get("/v1/root-causes", RootCauses, asked)
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    console, found = output(), answer.value
    for place, each in enumerate(found.items, start=1):
        told = each.sentence_fr if french else each.sentence
        console.print(f"{place}. {plain(told.translate(_SPACES))}", soft_wrap=True)
        console.print(
            f"   at stake ${dollars(each.excess_cents)}, q {each.q_value:.1g}, {each.root_cause_id}", style="dim", soft_wrap=True
        )
        if each.suggested_rule is not None:
            began = each.suggested_rule.get("effective_from")
            console.print(f"   a payer's rule would warn of it: recours root-causes rule {each.root_cause_id} --from {began}",
                style="dim", soft_wrap=True)  # fmt: skip
    output(errors=True).print(f"{len(found.items):,} root causes in {found.lines:,} service lines of {found.claims:,} claims.")


def show_claims(root_cause_id: str, asked: Mapping[str, Any], limit: int, *, as_lines: bool) -> None:
    """Show the refused claims behind a root cause, newest first."""
    told = {name: value for name, value in asked.items() if value is not None}
    with Service("analytics") as analytics:
        path = f"/v1/root-causes/{quote(root_cause_id, safe='')}/claims"
        found = list(list_items(analytics, path, CauseClaim, told, limit))
    if as_lines:
        for _, raw in found:
            print_json(raw)
        return
    print_rows(output(), _CLAIMS, [_row(each) for each, _ in found])


def _row(each: CauseClaim) -> list[str]:
    claim, denial = (str(told) if told else "" for told in (each.claim_id, each.denial_id))
    return [
        each.payment_on.isoformat(),
        claim,
        denial,
        dollars(each.denied_cents),
        plain(" ".join(each.services)),
        plain(" ".join(each.carcs)),
    ]
