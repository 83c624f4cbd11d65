"""When a delivery that failed is tried again. Pure."""

from datetime import timedelta
from typing import Final

ATTEMPTS_MAX: Final = 12  # about fourteen hours after the first
_FIRST_WAIT: Final = timedelta(seconds=30)
_WAIT_MAX: Final = timedelta(hours=6)
_NEVER: Final = frozenset({"private_address", "bad_address", "redirected", "refused_410"})


def wait_after(attempts: int, reason: str) -> timedelta | None:
    """Return how long to wait after so many attempts in vain; None: no more."""
    if attempts >= ATTEMPTS_MAX or reason in _NEVER:
        return None
    return min(_FIRST_WAIT * (1 << attempts - 1), _WAIT_MAX)
