"""The columns that ingest seals: files' blocks, claims as they were sent, remits' segments, simulated payers' letters, answers."""

from typing import Final

from libs.common.sealing.answers import ANSWER
from libs.common.sealing.cipher import Place
from libs.common.tenants.holdings import Holdings, Sealed
from services.ingest.packing import unpack

BLOCK: Final = Place("interchange_chunks", "body", (("interchange_id", "uuid"), ("ordinal", "int")), at_once=16)
CLAIM: Final = Place("claims", "content", (("claim_id", "uuid"),))
SEGMENTS: Final = Place("remits", "segments", (("remit_id", "uuid"),))
LETTER: Final = Place("sandbox_letters", "body", (("row_id", "uuid"),))
PLACES: Final = (BLOCK, CLAIM, SEGMENTS, LETTER, ANSWER)
HOLDINGS: Final = Holdings("ingest", (*(Sealed(place, unpack) for place in (BLOCK, CLAIM, SEGMENTS, LETTER)), Sealed(ANSWER)))
