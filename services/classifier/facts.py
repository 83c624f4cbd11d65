"""What we know besides one adjustment, and how it turns the action: facts from outside the remittance, appeal rights, the clock.

Every function here is pure: an action in, an action out, with the rule that turned it.
"""

from functools import lru_cache
from typing import Final, Literal

from msgspec import Struct

from services.classifier.rules.model import Scope

_NO_APPEAL: Final = frozenset({"no_appeal", "resubmit"})
_NEVER_BILLED: Final = frozenset({"never_patient", "never_patient_refused", "qmb"})
_YEAR_DAYS: Final = 365
_SHORTEST_FILING_LIMIT_DAYS: Final = 90
_ONE_YEAR_BY_LAW: Final = frozenset({"medicare", "medicaid"})  # 42 CFR 424.44 and 447.45: a year from the service
_NO_YEAR: Final = frozenset(
    {"workers_comp", "auto_liability"}
)  # state law; every published limit of other payers is a year at most
# The approval exists and does not fit: its number on the claim proves nothing.
_MISFITTING_APPROVAL: Final = frozenset({"284", "296"})
# Approval asked for and refused, too late or used up: that one exists helps an appeal, that none exists is not the point.
_WEAK_APPROVAL: Final = frozenset({"39", "61", "95", "198", "210", "287", "302"})
_WRONG_PERSON: Final = frozenset({"31", "140", "14"})  # the person is covered, so what the claim says of the person is wrong
_ANOTHER_PAYS: Final = frozenset({"B9", "258"})

Band = Literal["fresh", "in_year", "past_year"]


class Context(Struct, frozen=True):
    """Facts that Recours or the caller holds outside the remittance; None is unknown."""

    original_claim: Literal["paid", "denied", "pending"] | None = None
    authorization_on_file: bool | None = None
    authorization_on_claim: bool | None = None
    proof_of_timely_filing: bool | None = None
    distinct_service: bool | None = None
    capitated_contract: bool | None = None
    eligibility_verified: bool | None = None


class Setting(Struct, frozen=True, eq=False):
    """What is the same for every adjustment of a claim. Compared by identity, which is cheap to remember: see `setting_of`."""

    context: Context = Context()
    payer_kind: str | None = None
    institutional: bool = False
    forwarded: bool = False  # the payer has passed the claim on
    paid: bool = False
    age: Band | None = None
    effects: frozenset[str] = frozenset()  # of all remarks of the claim
    rules: Scope | None = None  # the tenant's, for this payer and day

    @property
    def appeal_is_barred(self) -> bool:
        return not _NO_APPEAL.isdisjoint(self.effects)

    @property
    def patient_is_shielded(self) -> bool:
        return not _NEVER_BILLED.isdisjoint(self.effects)

    @property
    def new_claim_is_too_late(self) -> bool:
        return self.age == "past_year" and self.payer_kind not in _NO_YEAR


@lru_cache(maxsize=1024)
def setting_of(
    context: Context | None,
    payer_kind: str | None,
    claim_type: str | None,
    forwarded: bool,
    paid: bool,
    age: Band | None,
    effects: frozenset[str],
    rules: Scope | None,
) -> Setting:
    """Return the one setting of these facts; there are few."""
    return Setting(
        context=context or Context(),
        payer_kind=payer_kind,
        institutional=claim_type == "institutional",
        forwarded=forwarded or "passed_on" in effects,
        paid=paid,
        age=age,
        effects=effects,
        rules=rules,
    )


def age_of(days_since_service: int | None) -> Band | None:
    """Say how old the service is: younger than any payer's filing limit, within a year, or older."""
    if days_since_service is None:
        return None
    if days_since_service <= _SHORTEST_FILING_LIMIT_DAYS:
        return "fresh"
    return "in_year" if days_since_service <= _YEAR_DAYS else "past_year"


def turned_by_facts(carc: str, category: str, action: str, setting: Setting, *, bundled: bool) -> str:
    """Let facts from outside the remittance turn the action. Unknown facts turn nothing."""
    if category == "duplicate":
        return _duplicate(action, setting.context)
    if category == "authorization":
        return _authorization(carc, action, setting.context)
    if category == "timely_filing":
        return _timely_filing(carc, action, setting)
    if bundled:
        return _bundling(action, setting.context)
    return _covered(carc, category, action) if setting.context.eligibility_verified else action


def _duplicate(action: str, context: Context) -> str:
    """Never send a duplicate again: the first claim is the one to work on."""
    if context.distinct_service:
        return "appeal"
    if context.original_claim is None:
        return action
    return "correct_and_resubmit" if context.original_claim == "denied" else "none"


def _authorization(carc: str, action: str, context: Context) -> str:
    if carc in _MISFITTING_APPROVAL:
        return action
    if context.authorization_on_claim:
        return "appeal"
    if context.authorization_on_file:
        return "appeal" if carc in _WEAK_APPROVAL else "correct_and_resubmit"
    if context.authorization_on_file is False and carc not in _WEAK_APPROVAL:
        return "write_off"
    return action


def _timely_filing(carc: str, action: str, setting: Setting) -> str:
    proof = setting.context.proof_of_timely_filing
    if proof is not None:
        return "appeal" if proof else "write_off"
    if carc != "29":
        return action
    if setting.age == "past_year":
        return "write_off"
    if setting.age == "fresh" or (setting.age == "in_year" and setting.payer_kind in _ONE_YEAR_BY_LAW):
        return "appeal"  # it cannot be late: one of the two dates is wrong
    return action


def _bundling(action: str, context: Context) -> str:
    if action == "bill_other_payer" or context.distinct_service is None:
        return action
    return "correct_and_resubmit" if context.distinct_service else "write_off"


def _covered(carc: str, category: str, action: str) -> str:
    """The patient was covered by this plan on the date: we have asked."""
    if category == "eligibility_coverage" and carc not in _WRONG_PERSON and carc not in _ANOTHER_PAYS:
        return "appeal"
    if category == "coordination_of_benefits" and action == "bill_other_payer":
        return "contact_payer"  # the plan has to put its own record of other insurance right
    return action


def within_rights(category: str, action: str, setting: Setting) -> tuple[str, str | None]:
    """Check the action against what the remarks of the claim forbid or ask. Returns the action and the rule that turned it."""
    effects = setting.effects
    if not effects:
        return action, None
    turned, rule = action, None
    if "payer_acts" in effects:
        turned, rule = "none", "payer_reprocesses"
    elif "resubmit" in effects:
        turned, rule = _resubmitted(category, action, setting), "no_appeal_right" if action == "appeal" else "resubmit_instead"
    elif "no_appeal" in effects:
        turned, rule = _without_appeal(category, setting) if action == "appeal" else action, "no_appeal_right"
    elif "appeal_first" in effects and action in ("correct_and_resubmit", "contact_payer") and category != "duplicate":
        turned, rule = "appeal", "appeal_instead"
    if "do_not_resend" in effects and turned == "correct_and_resubmit":
        turned, rule = "contact_payer", "do_not_resend"
    return turned, rule if turned != action else None


def _resubmitted(category: str, action: str, setting: Setting) -> str:
    """The payer did not adjudicate: a corrected claim is the way, except where another claim or the deadline stands against it."""
    if category == "duplicate":
        return "contact_payer" if action == "appeal" else action
    if category == "timely_filing":
        if action != "appeal":
            return action
        return "correct_and_resubmit" if setting.context.proof_of_timely_filing else "write_off"
    return action if action in ("bill_other_payer", "none") else "correct_and_resubmit"


def _without_appeal(category: str, setting: Setting) -> str:
    if category == "timely_filing":
        # First check the date: with proof the payer can still reopen, which is no appeal.
        in_time = setting.context.proof_of_timely_filing or setting.age in ("fresh", "in_year")
        return "contact_payer" if in_time else "write_off"
    if category in ("coding_bundling", "missing_information"):
        return "correct_and_resubmit"
    return "contact_payer" if category in ("duplicate", "eligibility_coverage", "other") else "write_off"


def within_time(category: str, action: str, setting: Setting) -> tuple[str, str | None]:
    """A year after the service a new claim comes too late: by law it is none, elsewhere the payer has to be asked first."""
    if action != "correct_and_resubmit" or not setting.new_claim_is_too_late or category == "duplicate":
        return action, None
    lost = setting.appeal_is_barred and setting.payer_kind in _ONE_YEAR_BY_LAW
    return ("write_off" if lost else "contact_payer"), "too_late_to_resubmit"
