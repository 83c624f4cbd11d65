"""What kinds of documents stand behind an appeal; docs/glossary.md says what each word means. Pure."""

from enum import StrEnum


class DocumentKind(StrEnum):
    MEDICAL_RECORDS = "medical_records"
    OPERATIVE_REPORT = "operative_report"
    TEST_RESULTS = "test_results"
    AUTHORIZATION = "authorization"
    REFERRAL = "referral"
    MEDICAL_NECESSITY_LETTER = "medical_necessity_letter"
    TIMELY_FILING_PROOF = "timely_filing_proof"
    REMITTANCE_EXTRACT = "remittance_extract"
    OTHER_PAYER_EOB = "other_payer_eob"
    COVERAGE_PROOF = "coverage_proof"
    ITEMIZED_BILL = "itemized_bill"
    CODING_REFERENCE = "coding_reference"
    CONTRACT_EXTRACT = "contract_extract"
    PAYER_LETTER = "payer_letter"
    CONSENT = "consent"
    OTHER = "other"
