"""The rule of a payer that would have warned of a root cause before the claim was sent, where the payer's rules can say it.

A rule says the whole cause or there is none: without one of its conditions it would warn of claims that the payer pays.
"""

from datetime import date
from typing import Any, Final, Literal

from services.analytics.causes.naming import Named

Kind = Literal["prior_authorization", "referral", "ordering_provider", "attachment", "refused", "same_day"]
Why = Literal["no_payer", "no_condition", "no_procedure", "coder", "authorization"]
USUAL: Final[dict[str, Kind]] = {
    "authorization": "prior_authorization",
    "duplicate": "same_day",
    "missing_information": "attachment",
}
WORDS: Final[dict[Why, str]] = {
    "no_payer": "The cause names no payer, and a rule is one payer's.",
    "no_condition": "The cause is about everything of the payer: a rule would flag every claim.",
    "no_procedure": "A rule of this kind is about procedures, and the cause names none.",
    "coder": "A payer's rule cannot tell coders apart: it would warn of what all of them code.",
    "authorization": "A rule of this kind cannot ask whether a claim names an authorization, and the cause is about that.",
}
_REVENUE: Final = "revenue "
# As ingest's rules name what the conditions of a cause are about (`only`).
_ONLY: Final = {
    "facility": "billing_npis",
    "provider": "rendering_npis",
    "place": "facility_codes",
    "claim_type": "claim_types",
    "diagnosis": "diagnosis_prefixes",
    "modifier": "modifiers",
}


def suggested(named: Named, effective_from: date, kind: Kind | None = None) -> dict[str, Any] | None:
    """Return a rule as ingest takes it, with all conditions of the cause; None where a payer's rules cannot say them all."""
    if unsaid(named, kind) is not None:
        return None
    rule: dict[str, Any] = {"kind": kind or _usual(named), "effective_from": effective_from.isoformat()}
    procedure = named.told.get("procedure", "")
    if procedure.startswith(_REVENUE):
        rule["revenue_codes"] = [procedure.removeprefix(_REVENUE)]
    elif procedure:
        rule["procedure_codes"] = [procedure]
    only = {_ONLY[name]: [value] for name, value in named.conditions if name in _ONLY}
    return rule | ({"only": only} if only else {})


def unsaid(named: Named, kind: Kind | None = None) -> Why | None:
    """Say why no rule of a payer can say a cause; None: one can."""
    told, kind = named.told, kind or _usual(named)
    if "payer" not in told:
        return "no_payer"
    if "coder" in told:
        return "coder"
    # `none` is what a rule of prior authorization asks: whether a claim names one.
    if "authorization" in told and (kind, told["authorization"]) != ("prior_authorization", "none"):
        return "authorization"
    if told.keys() <= {"payer", "authorization"}:
        return "no_condition"
    return "no_procedure" if kind == "same_day" and not _has_procedure(told) else None


def _usual(named: Named) -> Kind:
    """Return the kind of rule for a category; where none asks for what is missing, one that warns of what the payer refuses."""
    if named.told.get("authorization") == "none":
        return "prior_authorization"
    kind = USUAL.get(named.category, "refused")
    return "refused" if kind == "same_day" and not _has_procedure(named.told) else kind


def _has_procedure(told: dict[str, str]) -> bool:
    return "procedure" in told and not told["procedure"].startswith(_REVENUE)
