"""The columns that the classifier seals: answers kept for an Idempotency-Key."""

from typing import Final

from libs.common.sealing.answers import ANSWER
from libs.common.tenants.holdings import Holdings, Sealed

PLACES: Final = (ANSWER,)
HOLDINGS: Final = Holdings("classifier", (Sealed(ANSWER),))
