"""What ingest takes away after its time: files as they came, and who patients are in claims and remits. SQL; nothing here commits.

A claim and a remit stay, with codes, days and amounts: books and matches are made of them.
"""

from typing import Final

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver, touched
from libs.common.ids import first_uuid7
from libs.common.retention.kinds import YEARS_7, Asked, Done, Kind
from libs.common.retention.words import FORGOTTEN, taking_out, words
from libs.common.sealing.keys import cipher_of
from libs.x12.claim import Claim, Payer, Person, Provider, Subscription
from services.ingest.claims.identity import encoded
from services.ingest.kept import claim_of
from services.ingest.packing import pack_quickly
from services.ingest.seals import CLAIM

_FILES: Final = """
WITH old AS (
    SELECT interchange_id FROM interchanges AS file
    WHERE tenant_id = $1 AND row_id < $2 AND status NOT IN ('received', 'processing') AND EXISTS (
        SELECT FROM interchange_chunks AS chunk WHERE chunk.tenant_id = $1 AND chunk.interchange_id = file.interchange_id
    ) ORDER BY row_id LIMIT $3
), gone AS (
    DELETE FROM interchange_chunks AS chunk USING old WHERE chunk.tenant_id = $1 AND chunk.interchange_id = old.interchange_id
)
SELECT count(*) FROM old
"""
_LETTERS: Final = """
WITH old AS MATERIALIZED (
    SELECT tenant_id, due_at, row_id FROM sandbox_letters WHERE tenant_id = $1 AND due_at < $2
    ORDER BY due_at, row_id LIMIT $3 FOR UPDATE SKIP LOCKED
)
DELETE FROM sandbox_letters AS letter USING old
WHERE letter.tenant_id = old.tenant_id AND letter.due_at = old.due_at AND letter.row_id = old.row_id
"""
_PAYMENT: Final = """
SELECT row_id, remittance_id FROM remittances
WHERE tenant_id = $1 AND row_id < $2 AND ($3::uuid IS NULL OR row_id > $3) ORDER BY row_id LIMIT 1
"""
_REMITS: Final = """
UPDATE remits SET segments = NULL WHERE tenant_id = $1 AND remit_id IN (
    SELECT remit_id FROM remits WHERE tenant_id = $1 AND remittance_id = $2 AND segments IS NOT NULL LIMIT $3
)
"""
_CLAIMS: Final = """
SELECT row_id, claim_id, content FROM claims
WHERE tenant_id = $1 AND row_id < $2 AND ($3::uuid IS NULL OR row_id > $3) ORDER BY row_id LIMIT $4 FOR NO KEY UPDATE
"""
_KEEP: Final = """
UPDATE claims SET content = told.content FROM unnest($2::uuid[], $3::bytea[]) AS told (claim_id, content)
WHERE claims.tenant_id = $1 AND claims.claim_id = told.claim_id
"""


_OF_A_FOLLOWUP: Final = "JOIN followups USING (tenant_id, followup_id)"
_NO_NOTE: Final = f'{{"note": ["{FORGOTTEN}", "{FORGOTTEN}"]}}'
# The index of each stands in migration 0027. Follow-ups lose theirs when they are resolved.
_WORDS: Final = (
    taking_out(
        "followup_history",
        f"changes = changes || '{_NO_NOTE}'",
        at="at",
        still=f"changes ? 'note' AND NOT changes @> '{_NO_NOTE}' AND followups.status = 'resolved' AND followups.changed_at < $2",
        join=_OF_A_FOLLOWUP,
    ),
    taking_out(
        "followups", f"note = '{FORGOTTEN}'", at="changed_at", still=f"followups.note <> '{FORGOTTEN}' AND status = 'resolved'"
    ),
    taking_out("match_history", f"why = '{FORGOTTEN}'", at="at", still=f"decided_by = 'person' AND why <> '{FORGOTTEN}'"),
    taking_out("deposits", f"reference = '{FORGOTTEN}'", at="received_at", still=f"reference NOT IN ('', '{FORGOTTEN}')"),
)


async def forget_files(tx: AsyncConnection, asked: Asked) -> Done:
    """Take away the bytes of files that were read."""
    files_at_once = max(asked.limit // 20, 1)  # each has many pieces
    count = await (await driver(tx)).fetchval(_FILES, asked.tenant_id, first_uuid7(asked.before), files_at_once)
    return Done.of(count, files_at_once)


async def forget_letters(tx: AsyncConnection, asked: Asked) -> Done:
    """Take away what a simulated payer would have sent so long ago: nobody sends it where the tenant is in no sandbox any more."""
    return Done.of(touched(await (await driver(tx)).execute(_LETTERS, asked.tenant_id, asked.before, asked.limit)), asked.limit)


async def forget_remits(tx: AsyncConnection, asked: Asked) -> Done:
    """Take away the segments of a payment's remits: names and numbers as the payer wrote them."""
    connection = await driver(tx)
    payment = await connection.fetchrow(_PAYMENT, asked.tenant_id, first_uuid7(asked.before), asked.reached)
    if payment is None:
        return Done(0, more=False, reached=asked.reached)
    count = touched(await connection.execute(_REMITS, asked.tenant_id, payment["remittance_id"], asked.limit))
    return Done(count, more=True, reached=payment["row_id"] if count < asked.limit else asked.reached)


async def forget_claims(tx: AsyncConnection, asked: Asked) -> Done:
    """Take away who the patients of claims are."""
    connection = await driver(tx)
    rows = await connection.fetch(_CLAIMS, asked.tenant_id, first_uuid7(asked.before), asked.reached, asked.limit)
    if not rows:
        return Done(0, more=False, reached=asked.reached)
    cipher = await cipher_of(tx, asked.tenant_id)
    contents = []
    for row in rows:
        key = (row["claim_id"],)
        claim = without_patient(claim_of(cipher.open(CLAIM, key, row["content"])))
        contents.append(cipher.seal(CLAIM, key, pack_quickly(encoded(claim))))
    await connection.execute(_KEEP, asked.tenant_id, [row["claim_id"] for row in rows], contents)
    return Done.of(len(rows), asked.limit, rows[-1]["row_id"])


def without_patient(claim: Claim) -> Claim:
    """Return a claim without who the patient is: no persons, numbers of theirs, free texts, attachments, other payers."""
    return replace(
        claim,
        billing_provider=_bare(claim.billing_provider),
        pay_to=None,
        subscription=Subscription(claim.subscription.sequence, claim_filing_code=claim.subscription.claim_filing_code),
        subscriber=Person(),
        patient=None,
        patient_relationship="",
        payer=Payer(claim.payer.name, claim.payer.payer_id),
        providers=tuple(_bare(each) for each in claim.providers),
        other_payers=(),
        references=(),
        attachments=(),
        segments=(),
        more=(),
        lines=tuple(
            replace(
                line,
                description="",
                references=(),
                providers=tuple(_bare(each) for each in line.providers),
                adjudications=(),
                more=(),
                segments=(),
            )
            for line in claim.lines
        ),
    )


def _bare(provider: Provider) -> Provider:
    return Provider(provider.entity_code, npi=provider.npi, taxonomy_code=provider.taxonomy_code)


KINDS: Final = (
    Kind("files", "the bytes of files as they came", "interchanges", YEARS_7, 30, forget_files),
    Kind("claim-patients", "who the patients of claims are; codes, days and amounts stay", "claims", YEARS_7, 365, forget_claims),
    Kind("remit-patients", "what payers wrote of patients in remits; the rest stays", "remittances", YEARS_7, 365, forget_remits),
    words("what people wrote of follow-ups and matches, and banks of deposits", "followups match_history deposits", _WORDS),
    Kind("sandbox-letters", "what a simulated payer has still not sent since", "sandbox_letters", 30, 7, forget_letters),
)
