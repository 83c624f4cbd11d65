"""The words that a judgement of a denial is made of; docs/glossary.md says what each means."""

from typing import Literal

Category = Literal[
    "eligibility_coverage", "authorization", "medical_necessity", "coding_bundling", "duplicate", "timely_filing",
    "missing_information", "coordination_of_benefits", "non_covered", "provider_enrollment", "contractual",
    "patient_responsibility", "benefit_limit", "payment_recovery", "other",
]  # fmt: skip
Action = Literal[
    "correct_and_resubmit",
    "appeal",
    "bill_other_payer",
    "bill_patient",
    "send_documents",
    "write_off",
    "contact_payer",
    "none",
]
