"""What an address may be, and when a delivery that failed is tried again. Pure."""

import ipaddress
from datetime import timedelta
from typing import Final, Literal
from urllib.parse import urlsplit

ATTEMPTS_MAX: Final = 12  # about fourteen hours after the first
_FIRST_WAIT: Final = timedelta(seconds=30)
_WAIT_MAX: Final = timedelta(hours=6)
_NEVER: Final = frozenset({"private_address", "bad_address", "redirected", "refused_410"})

Wrong = Literal["not-https", "no-host", "has-credentials", "private-address", "bad-port"]


def wrong_with(url: str, *, loopback: bool) -> Wrong | None:
    """Say why an address cannot be subscribed; None: it can. What its name leads to is looked at whenever it is called."""
    try:
        read = urlsplit(url)
        host, _ = read.hostname, read.port
    except ValueError:
        return "bad-port"
    if not host:
        return "no-host"
    if read.username is not None or read.password is not None:
        return "has-credentials"
    if read.scheme != "https" and not (loopback and read.scheme == "http"):
        return "not-https"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return None if address.is_global or (loopback and address.is_loopback) else "private-address"


def wait_after(attempts: int, reason: str) -> timedelta | None:
    """Return how long to wait after so many attempts in vain; None: no more."""
    if attempts >= ATTEMPTS_MAX or reason in _NEVER:
        return None
    return min(_FIRST_WAIT * (1 << attempts - 1), _WAIT_MAX)
