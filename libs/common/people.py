"""Who acts, as histories name it."""

from typing import Final

PERSON: Final = "local"  # who decides, until access tokens name people
SYSTEM: Final = "recours"  # by itself
