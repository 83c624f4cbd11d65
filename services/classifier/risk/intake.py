"""What the classifier keeps to learn risk from: claims as they come, and what remits say of them. A batch in, rows out."""

from collections.abc import Collection, Sequence
from datetime import UTC, date
from typing import Final
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.denial_classified import DenialClassifiedV1
from libs.common.contracts.envelope import Event, Received
from libs.common.reversals import REVERSAL_STATUS
from services.classifier.risk import store
from services.classifier.risk.claims import SubmittedClaim, encode, submission_of

SAYS_NOTHING: Final = frozenset({REVERSAL_STATUS, "25"})  # taken back; told before the service, when no claim asked for money


class MatchedRemit(Struct, frozen=True, gc=False):
    """What the classifier reads of `remit.matched`."""

    remit_id: UUID
    claim_key: UUID
    claim_id: UUID | None = None


async def keep_claims(tx: AsyncConnection, submitted: Sequence[Received[SubmittedClaim]]) -> None:
    """Keep what was known of claims when they were submitted."""
    await store.keep_claims(
        tx,
        [
            (
                each.tenant_id,
                each.data.claim_id,
                each.data.claim_key,
                each.data.submitted_at.astimezone(UTC).date(),
                encode(submission_of(each.data)),
                each.data.charge_cents,
            )
            for each in submitted
        ],
    )


class Told(Struct, frozen=True, gc=False):
    """A remit, and the denial in it."""

    tenant_id: str
    remit_id: UUID
    claim_id: UUID | None
    claim_status_code: str
    payment_on: date
    denial: DenialClassifiedV1 | None


async def tenants_with_claims(tx: AsyncConnection, tenant_ids: Collection[str]) -> set[str]:
    """Return those tenants who send claims: what remits say of claims that are not known yet is kept for them."""
    return await store.tenants_with_claims(tx, tenant_ids) if tenant_ids else set()


async def keep_answers(tx: AsyncConnection, remits: Sequence[Told]) -> None:
    """Keep what remits say of claims. What was denied is refused money that the rules judged; a reversal takes nothing back here:
    what a payer said first is what a claim had to expect.
    """
    answers = {(each.tenant_id, each.remit_id): _answer(each) for each in remits if each.claim_status_code not in SAYS_NOTHING}
    await store.keep_answers(tx, list(answers.values()))


def _answer(told: Told) -> store.Answer:
    denial = told.denial
    lines = sorted({reason.line for reason in denial.reasons if reason.line is not None}) if denial is not None else []
    whole = denial is not None and any(reason.line is None for reason in denial.reasons)
    return store.Answer(
        told.tenant_id,
        told.remit_id,
        told.claim_id,
        told.payment_on,
        0 if denial is None else max(1, denial.denied_cents),
        None if denial is None else denial.category,
        ",".join(map(str, lines)) if lines and not whole else None,
    )


async def handle_matched(tx: AsyncConnection, matched: Sequence[Received[MatchedRemit]], _: object) -> Sequence[Event]:
    """Keep which claims remits answer, where that became known after them."""
    newest = {(each.tenant_id, each.data.remit_id): each for each in sorted(matched, key=lambda one: one.sequence)}
    await store.keep_matches(
        tx, [(tenant_id, remit_id, each.data.claim_id, each.sequence) for (tenant_id, remit_id), each in newest.items()]
    )
    return ()
