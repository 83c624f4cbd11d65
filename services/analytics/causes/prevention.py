"""The rule of a payer that would have warned of a root cause before the claim was sent, where the payer's rules can say it."""

from datetime import date
from typing import Any, Final, Literal

from services.analytics.causes.naming import Named

Kind = Literal["prior_authorization", "referral", "ordering_provider", "attachment", "same_day"]
USUAL: Final[dict[str, Kind]] = {
    "authorization": "prior_authorization",
    "duplicate": "same_day",
    "missing_information": "attachment",
}
_REVENUE: Final = "revenue "


def suggested(named: Named, effective_from: date, kind: Kind | None = None) -> dict[str, Any] | None:
    """Return a rule as ingest takes it; None where a payer's rules cannot say it.

    A rule is about a payer's procedures: a cause without both has none, nor one whose category no kind of rule is about.
    """
    kind = kind or USUAL.get(named.category)
    procedure = named.told.get("procedure")
    if kind is None or procedure is None or "payer" not in named.told:
        return None
    rule: dict[str, Any] = {"kind": kind, "effective_from": effective_from.isoformat()}
    if procedure.startswith(_REVENUE):
        return None if kind == "same_day" else {**rule, "revenue_codes": [procedure.removeprefix(_REVENUE)]}
    return {**rule, "procedure_codes": [procedure]}
