"""What goes wrong with claims: families of causes, each cause with the codes by which payers tell of it.

A payer's mix (payers.py) weighs the families; inside a family the causes are equally likely. Codes keep to X12's limits: the groups
that a CARC allows, and a remark that is no alert where it needs one.
"""

from typing import Final

from libs.synthetic.model import Cause

_RESUBMIT, _APPEAL, _PAYER, _PATIENT = "correct_and_resubmit", "appeal", "contact_payer", "bill_patient"

FAMILIES: Final[dict[str, tuple[Cause, ...]]] = {
    "incomplete": (
        Cause("rendering_npi_missing", "missing_information", _RESUBMIT, "CO", "16", ("N290",), whole_claim=True),
        Cause("member_id_mistyped", "missing_information", _RESUBMIT, "CO", "16", ("N382",), whole_claim=True),
        Cause("referring_npi_missing", "missing_information", _RESUBMIT, "CO", "16", ("MA130", "N286"), whole_claim=True),
        Cause("diagnosis_invalid", "coding_bundling", _RESUBMIT, "CO", "16", ("M76",)),
    ),
    "authorization": (
        Cause("authorization_forgotten", "authorization", _APPEAL, "CO", "197", whole_claim=True),
        Cause("authorization_for_other_service", "authorization", _RESUBMIT, "CO", "197", ("N54",)),
        Cause("authorization_used_up", "authorization", _APPEAL, "CO", "198"),
    ),
    "eligibility": (
        Cause("coverage_not_begun", "eligibility_coverage", _PATIENT, "PR", "26", whole_claim=True),
        Cause("coverage_ended", "eligibility_coverage", "bill_other_payer", "CO", "27", whole_claim=True),
        Cause("coverage_ended_patient_owes", "eligibility_coverage", _PATIENT, "PR", "27", whole_claim=True),
        Cause("member_unknown", "eligibility_coverage", _RESUBMIT, "CO", "31", whole_claim=True),
    ),
    "not_covered": (
        Cause("plan_restriction", "non_covered", _APPEAL, "CO", "96", ("N130",)),
        Cause("no_benefit", "non_covered", _PATIENT, "PR", "204"),
        Cause("routine_service", "non_covered", _PATIENT, "PR", "96", ("N429",)),
    ),
    "records": (
        Cause("record_not_sent", "missing_information", "send_documents", "CO", "252", ("M127",), whole_claim=True),
        Cause("documentation_not_sent", "missing_information", "send_documents", "CO", "226", ("N706",)),
    ),
    "duplicate": (Cause("sent_twice", "duplicate", _PAYER, "OA", "18", whole_claim=True),),
    "bundling": (
        Cause("part_of_other_service", "coding_bundling", _RESUBMIT, "CO", "97", ("M15",)),
        Cause("conflicting_pair", "coding_bundling", _RESUBMIT, "CO", "236", ("N20",)),
        Cause("companion_missing", "coding_bundling", _RESUBMIT, "CO", "B15", ("N20",)),
    ),
    "other_payer": (
        Cause("other_payer_first", "coordination_of_benefits", "bill_other_payer", "OA", "22", whole_claim=True),
        Cause("wrong_payer", "coordination_of_benefits", "bill_other_payer", "OA", "109", whole_claim=True),
    ),
    "advantage_plan": (
        Cause("wrong_contractor", "coordination_of_benefits", "bill_other_payer", "CO", "109", whole_claim=True),
        Cause("member_of_advantage_plan", "eligibility_coverage", "bill_other_payer", "CO", "24", whole_claim=True),
    ),
    "necessity": (
        Cause("coverage_determination", "medical_necessity", _APPEAL, "CO", "50", ("N115",)),
        Cause("too_frequent", "medical_necessity", _APPEAL, "CO", "151"),
        Cause("necessity_patient_accepted", "medical_necessity", _PATIENT, "PR", "50", modifier="GA"),
    ),
    "late": (
        Cause("filed_late", "timely_filing", _APPEAL, "CO", "29", whole_claim=True),
        Cause("filed_late_no_appeal", "timely_filing", "write_off", "CO", "29", ("N211",), whole_claim=True),
    ),
    "limit": (
        Cause("limit_reached", "benefit_limit", _PATIENT, "PR", "119"),
        Cause("limit_reached_no_notice", "benefit_limit", "write_off", "CO", "119", ("N362",), modifier="GZ"),
    ),
    "enrollment": (Cause("provider_not_enrolled", "provider_enrollment", _PAYER, "CO", "B7", ("N570",), whole_claim=True),),
    "unexplained": (Cause("refused_as_price", "other", _PAYER, "CO", "45", whole_claim=True),),
}
CAUSES: Final[dict[str, Cause]] = {cause.name: cause for family in FAMILIES.values() for cause in family}
# Only planted by configuration: from a day on a payer refuses a modifier that it took before.
MODIFIER_REFUSED: Final = Cause("modifier_refused", "coding_bundling", _RESUBMIT, "CO", "4", ("N519",))
