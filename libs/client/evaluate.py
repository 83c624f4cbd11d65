"""`recours rules evaluate`: how the judgement stands against the labels of billers and audits."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from libs.client import services
from libs.client.shapes import Evaluation
from libs.client.show import Column, output, print_json, print_rows
from libs.client.transport import Service
from libs.common.money import dollars

_CONFUSION: Final = (Column("labelled"), Column("judged"), Column("denials", "right"), Column("refused", "right"))
_CODES: Final = (
    Column("code"),
    Column("labelled", "right"),
    Column("category differs", "right"),
    Column("action differs", "right"),
)


def show(asked: Mapping[str, Any], *, as_json: bool) -> None:
    """Print accuracy, the confusion table and the codes at which people disagree."""
    with Service("classifier") as classifier:
        answer = services.get_evaluation(classifier, asked)
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    found = answer.value
    if not found.labelled:
        output(errors=True).print("Nothing is labelled yet: `recours labels add`, or `recours labels import FILE`.")
        return
    for name, right in (
        ("category", found.category_right),
        ("action", found.action_right),
        ("both", found.both_right),
        ("action, or an alternative", found.action_listed),
    ):
        output().print(f"{name:26} {right / found.labelled:7.1%}  {right:,} of {found.labelled:,}")
    _print(found)


def _print(found: Evaluation) -> None:
    output().print()
    rows = [(each.labelled, each.judged, f"{each.denials:,}", dollars(each.denied_cents)) for each in found.confusion]
    print_rows(output(), _CONFUSION, rows)
    if found.disagreements:
        output().print()
        output().print("Codes, with the denials labelled, and those whose category or action the label says otherwise:")
        codes = [
            (each.code, f"{each.labelled:,}", str(each.category_differs), str(each.action_differs)) for each in found.disagreements
        ]
        print_rows(output(), _CODES, codes)
