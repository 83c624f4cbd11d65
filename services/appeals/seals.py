"""The columns that appeals seals: letters, what was changed in claims, names of files, what is in a packet, kept answers."""

from typing import Final

from libs.common.sealing.answers import ANSWER
from libs.common.sealing.cipher import Place
from libs.common.tenants.holdings import Beside, Holdings, Sealed

LETTER: Final = Place("letters", "content", (("case_id", "uuid"), ("version", "int")))
DIFFERENCE: Final = Place("corrected_claims", "difference", (("correction_id", "uuid"),))
FILE_NAME: Final = Place("documents", "file_name", (("document_id", "uuid"),))
MANIFEST: Final = Place("packets", "manifest", (("packet_id", "uuid"),))
PLACES: Final = (LETTER, DIFFERENCE, FILE_NAME, MANIFEST, ANSWER)
OBJECTS: Final = ("documents", "packets")  # the stores beside the database, which are sealed, too


def holdings(documents: Beside, packets: Beside) -> Holdings:
    """Return what appeals holds of tenants: its tables, and the two stores."""
    return Holdings("appeals", tuple(map(Sealed, PLACES)), dict(zip(OBJECTS, (documents, packets), strict=True)))
