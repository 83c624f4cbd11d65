"""SQL of the de-identified export: claims and remits, in the order of ids that say nothing of when they came."""

from collections.abc import AsyncIterator
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.remit_received import RemitReceivedV1
from libs.common.database import driver
from libs.common.sealing.cipher import Cipher
from services.ingest.deidentified.removing import Removing, Row
from services.ingest.kept import claim_of
from services.ingest.seals import CLAIM

_AT_ONCE: Final = 500
_CLAIMS: Final = """
SELECT claim_id, row_id, payer_kind, coalesce(sent_on, (submitted_at AT TIME ZONE 'UTC')::date) AS submitted_on, content
FROM claims WHERE tenant_id = $1 AND ($2::int IS NULL OR date_part('year', service_from_on) = $2) ORDER BY claim_id
"""
_REMITS: Final = """
SELECT remit.row_id, remit.told, claim.row_id AS claim_row_id FROM remits AS remit
LEFT JOIN matches AS match ON match.tenant_id = $1 AND match.remit_row_id = remit.row_id
LEFT JOIN claims AS claim ON claim.tenant_id = $1 AND claim.claim_id = match.claim_id
WHERE remit.tenant_id = $1 ORDER BY remit.remit_id
"""
_remit = msgspec.json.Decoder(RemitReceivedV1).decode


async def claim_lines(
    tx: AsyncConnection, tenant_id: str, year: int | None, cipher: Cipher, removing: Removing
) -> AsyncIterator[list[Row]]:
    """Yield the lines of claims whose services began in a year, or of all."""
    cursor = await (await driver(tx)).cursor(_CLAIMS, tenant_id, year)
    while rows := await cursor.fetch(_AT_ONCE):
        yield [
            each
            for row in rows
            for each in removing.claim_rows(
                row["row_id"],
                row["payer_kind"],
                row["submitted_on"],
                claim_of(cipher.open(CLAIM, (row["claim_id"],), row["content"])),
            )
        ]


async def adjudications(tx: AsyncConnection, tenant_id: str, year: int | None, removing: Removing) -> AsyncIterator[list[Row]]:
    """Yield remits whose services began in a year, or all, with their lines."""
    cursor = await (await driver(tx)).cursor(_REMITS, tenant_id)
    while rows := await cursor.fetch(_AT_ONCE):
        made = (each for row in rows for each in removing.remit_rows(row["claim_row_id"], _remit(row["told"]), row["row_id"]))
        yield [each for each in made if year is None or each[_YEAR] == year]


_YEAR: Final = 8  # of the service, in a row of adjudications
