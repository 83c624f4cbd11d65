"""What is kept for how long: within bounds, as the documentation says, and each service's own."""

from importlib import import_module

import pytest

from deploy.local.layout import ROOT, SERVICES
from libs.common.retention.kinds import AUDIT_LOG, DAYS_MAX, Kind, with_default


def kinds(service: str) -> tuple[Kind, ...]:
    told: tuple[Kind, ...] = import_module(f"services.{service}.retention").KINDS
    return told


@pytest.mark.parametrize("service", SERVICES)
def test_each_kind_is_within_its_bounds_and_in_the_documentation(service: str) -> None:
    page = (ROOT / "docs" / "privacy.md").read_text()
    for kind in kinds(service):
        assert kind.least_days <= kind.default_days <= DAYS_MAX
        (row,) = [line for line in page.splitlines() if line.startswith(f"| {service} | `{kind.name}` |")]
        *_, default, least, _ = row.split("|")
        assert (default.split()[0], int(least)) == (str(kind.default_days), kind.least_days)
    assert f"| each | `{AUDIT_LOG.name}` |" in page


FORGETS = {  # what is sealed, by the kind that takes it away
    "ingest": {
        "interchange_chunks.body": "files", "claims.content": "claim-patients", "remits.segments": "remit-patients",
        "sandbox_letters.body": "sandbox-letters",
    },
    "appeals": {
        "letters.content": "letters", "corrected_claims.difference": "corrections", "documents.file_name": "documents",
        "packets.manifest": "packets",
    },
    "classifier": {},
    "analytics": {},
}  # fmt: skip
WORDS_GO = {  # what people write, by the kind that takes it away
    "ingest": {"words": "deposits.reference followup_history.changes followups.note match_history.why"},
    "classifier": {"words": "labels.note"},
    "appeals": {
        "words": (
            "case_comments.words case_history.why case_messages.text correspondence.party correspondence.reference_number"
            " correspondence.said correspondence.promise document_history.why evidence_waivers.reason filings.good_cause"
        ),
        "corrections": "corrected_claims.why",
    },
    "analytics": {"words": "alert_steps.note"},
}
WORDS_STAY = {
    "idempotency_keys.body": "a day",
    "tenants.why": "why a tenant is served or not, in the register",
    "tenants.hold_why": "as long as the hold is to be explained",
    "rule_sets.note": "of rules",
    "letter_templates.note": "of templates",
    "root_cause_actions.change": "of a payer's habits, as long as the action is held against them",
    "root_cause_actions.history": "as the action",
    "case_tags.tag": "by which a team sorts its cases",
    "worklist_history.changes": "tags, as above, and names of staff",
    "bulk_actions.action": "what was asked of many cases at once",
    "bulk_actions.chosen": "of which",
    "submissions.note": "of a submission with many cases",
    "decisions.said_reference": "a payer's number of its decision",
    "guest_links.subject": "to whom what was shown: the accounting of disclosures",
    "disclosures.name": "as above",
}


def test_all_that_people_write_has_a_time_of_its_own_or_a_reason_to_stay() -> None:
    left = dict(WORDS_STAY)
    for service in SERVICES:
        words = {
            f"{table}.{column}"
            for table, columns in import_module(f"services.{service}.inventory").TABLES.items()
            for column, kind in columns.items()
            if kind == "words"
        }
        gone = {each for columns in WORDS_GO[service].values() for each in columns.split()}
        assert gone <= words
        assert words - gone <= set(WORDS_STAY), service
        assert set(WORDS_GO[service]) <= {kind.name for kind in kinds(service)}
        left = {each: why for each, why in left.items() if each not in words}
    assert not left, "these are no words any more"


AS_LONG_AS_ITS_WORK = {"idempotency_keys.body": "a day", "webhooks.secret": "the webhook", "webhooks.old_secret": "the webhook"}


@pytest.mark.parametrize("service", SERVICES)
def test_all_that_is_sealed_has_a_time_of_its_own_or_lasts_for_its_work(service: str) -> None:
    sealed = {place.name for place in import_module(f"services.{service}.seals").PLACES}
    assert sealed - set(AS_LONG_AS_ITS_WORK) == set(FORGETS[service])
    assert set(FORGETS[service].values()) <= {kind.name for kind in kinds(service)}


def test_what_a_setting_says_is_the_default_of_its_kind_alone() -> None:
    one, other = Kind("one", "", "t", 30, 7), Kind("other", "", "t", 60, 7)
    assert [kind.default_days for kind in with_default((one, other), "other", 90)] == [30, 90]
