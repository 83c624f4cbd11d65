"""Which payer's rule says a root cause: one with all its conditions, or none."""

from datetime import date

import pytest

from services.analytics.causes.naming import Named
from services.analytics.causes.prevention import WORDS, Kind, suggested, unsaid

DAY = date(2026, 3, 1)


def cause(category: str = "coding_bundling", **conditions: str) -> Named:
    return Named(category, tuple(conditions.items()))


@pytest.mark.parametrize(
    ("named", "kind", "told"),
    [
        (cause("authorization", payer="P1", procedure="E0601"), "prior_authorization", {"procedure_codes": ["E0601"]}),
        (cause("authorization", payer="P1", procedure="revenue 0120"), "prior_authorization", {"revenue_codes": ["0120"]}),
        (
            cause("authorization", payer="P1", provider="D3", procedure="E0601"),
            "prior_authorization",
            {"procedure_codes": ["E0601"], "only": {"rendering_npis": ["D3"]}},
        ),
        (
            cause(payer="P1", procedure="G0283", modifier="59"),
            "refused",
            {"procedure_codes": ["G0283"], "only": {"modifiers": ["59"]}},
        ),
        (
            cause(payer="P1", diagnosis="M54", modifier="none"),
            "refused",
            {"only": {"diagnosis_prefixes": ["M54"], "modifiers": ["none"]}},
        ),
        (
            cause("non_covered", payer="P1", authorization="none", place="11"),
            "prior_authorization",
            {"only": {"facility_codes": ["11"]}},
        ),
        (cause("duplicate", payer="P1", procedure="A4550"), "same_day", {"procedure_codes": ["A4550"]}),
        (cause("duplicate", payer="P1", procedure="revenue 0120"), "refused", {"revenue_codes": ["0120"]}),
        (cause("duplicate", payer="P1", facility="F1"), "refused", {"only": {"billing_npis": ["F1"]}}),
    ],
)
def test_a_rule_has_all_conditions_of_its_cause(named: Named, kind: str, told: dict[str, object]) -> None:
    assert suggested(named, DAY) == {"kind": kind, "effective_from": "2026-03-01", **told}


@pytest.mark.parametrize(
    ("named", "kind", "why"),
    [
        (cause(procedure="G0283"), None, "no_payer"),
        (cause(payer="P1"), None, "no_condition"),
        (cause(payer="P1", authorization="none"), None, "no_condition"),
        (cause(payer="P1", coder="C1", procedure="G0283"), None, "coder"),
        (cause(payer="P1", authorization="named", procedure="G0283"), None, "authorization"),
        (cause(payer="P1", authorization="none", procedure="G0283"), "referral", "authorization"),
        (cause(payer="P1", procedure="revenue 0120"), "same_day", "no_procedure"),
    ],
)
def test_what_rules_cannot_say_has_none_and_is_told(named: Named, kind: Kind | None, why: str) -> None:
    assert suggested(named, DAY, kind) is None
    assert unsaid(named, kind) == why
    assert why in WORDS


def test_a_kind_that_is_told_takes_the_place_of_the_usual_one() -> None:
    asked = suggested(cause("authorization", payer="P1", procedure="E0601"), DAY, "referral")
    assert asked == {"kind": "referral", "effective_from": "2026-03-01", "procedure_codes": ["E0601"]}
