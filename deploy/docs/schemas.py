"""Which events there are, and their JSON Schemas; field descriptions come from the structs in libs/common/contracts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from deploy.local.layout import ROOT
from libs.common.contracts import (
    appeal_decided,
    appeal_filed,
    case_closed,
    claim_acknowledged,
    claim_submitted,
    denial_classified,
    followup_changed,
    records_requested,
    remit_matched,
    remit_received,
)
from libs.common.contracts.appeal_decided import AppealDecidedV1
from libs.common.contracts.appeal_filed import AppealFiledV1
from libs.common.contracts.case_closed import CaseClosedV1
from libs.common.contracts.claim_acknowledged import ClaimAcknowledgedV1
from libs.common.contracts.claim_submitted import ClaimSubmittedV1
from libs.common.contracts.denial_classified import DenialClassifiedV1
from libs.common.contracts.followup_changed import FollowupChangedV1
from libs.common.contracts.records_requested import RecordsRequestedV1
from libs.common.contracts.remit_matched import RemitMatchedV1
from libs.common.contracts.remit_received import RemitReceivedV1
from libs.common.messaging import dead_letters
from libs.common.messaging.dead_letters import DeadLetter

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_EXAMPLES: Final = ROOT / "docs" / "events" / "examples"


@dataclass(frozen=True)
class PublishedEvent:
    """One event type. `name` is its topic, or `dead_letter`; `producer`: the service that sends it; None: each that consumes."""

    name: str
    type_name: str
    data: type[msgspec.Struct]
    producer: str | None
    summary: str

    def examples(self) -> list[Path]:
        """Return the published examples of version 1, files of JSON."""
        return sorted((_EXAMPLES / self.name / "1").glob("*.json"))


DEAD_LETTER: Final = PublishedEvent(
    "dead_letter", dead_letters.TYPE, DeadLetter, None, "A record that a service could never process, kept as it was"
)
EVENTS: Final = (
    PublishedEvent(claim_submitted.TOPIC, claim_submitted.TYPE, ClaimSubmittedV1, "ingest", "One claim as a provider sent it"),
    PublishedEvent(
        claim_acknowledged.TOPIC,
        claim_acknowledged.TYPE,
        ClaimAcknowledgedV1,
        "ingest",
        "What the front door of a payer or clearinghouse says of a claim",
    ),
    PublishedEvent(
        remit_received.TOPIC,
        remit_received.TYPE,
        RemitReceivedV1,
        "ingest",
        "One claim of a remittance, as the payer adjudicated it",
    ),
    PublishedEvent(
        denial_classified.TOPIC,
        denial_classified.TYPE,
        DenialClassifiedV1,
        "classifier",
        "What a denial is and what to do about it",
    ),
    PublishedEvent(
        remit_matched.TOPIC,
        remit_matched.TYPE,
        RemitMatchedV1,
        "ingest",
        "The claim that an earlier remit answers, known since or changed",
    ),
    PublishedEvent(
        records_requested.TOPIC,
        records_requested.TYPE,
        RecordsRequestedV1,
        "ingest",
        "A payer asks for documents before it decides a claim",
    ),
    PublishedEvent(
        appeal_filed.TOPIC, appeal_filed.TYPE, AppealFiledV1, "appeals", "What was sent to a payer to change a denial, and how"
    ),
    PublishedEvent(appeal_decided.TOPIC, appeal_decided.TYPE, AppealDecidedV1, "appeals", "How a contested denial ended"),
    PublishedEvent(
        case_closed.TOPIC, case_closed.TYPE, CaseClosedV1, "appeals", "Nothing more is done about a denial, or it is taken up again"
    ),
    PublishedEvent(
        followup_changed.TOPIC,
        followup_changed.TYPE,
        FollowupChangedV1,
        "ingest",
        "Something to follow up was found, changed, or is over",
    ),
    DEAD_LETTER,
)


def json_schema(event: PublishedEvent) -> dict[str, Any]:
    """Return the JSON Schema of an event's data, complete in itself."""
    return {"$schema": _DRAFT, "$id": f"urn:recours:event:{event.name}:v1", **msgspec.json.schema(event.data)}
