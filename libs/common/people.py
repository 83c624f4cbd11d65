"""Who acts, as histories name it."""

from typing import Final

SYSTEM: Final = "recours"  # by itself
