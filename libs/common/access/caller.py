"""Who a request comes from, as the token that it carries says. Pure."""

import re
from typing import Final

from msgspec import Struct

SERVICE_PREFIX: Final = "service:"
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_TENANT_MAX: Final = 64


class Caller(Struct, frozen=True):
    """`subject` is a person, a machine or, with `service:` before its name, one of our own services on behalf of a tenant."""

    tenant_id: str
    subject: str
    scopes: frozenset[str]
    token_id: str
    expires_at: float

    @property
    def is_service(self) -> bool:
        return self.subject.startswith(SERVICE_PREFIX)


def fits_an_address(tenant_id: str) -> bool:
    """Say whether an address can hold a tenant's name: a tenant that no address names could not be suspended."""
    return "/" not in tenant_id and tenant_id not in (".", "..")


def is_name(told: str, most: int) -> bool:
    """Say whether something can name somebody: so long at most, and of characters that can be read and kept."""
    return len(told) <= most and _NAME.fullmatch(told) is not None


def is_tenant(told: str) -> bool:
    """Say whether something can name a tenant."""
    return is_name(told, _TENANT_MAX) and fits_an_address(told)


class Denied(Exception):  # noqa: N818 - the fact is the name
    """A token that opens nothing. `reason` is stable and says nothing of what was sent."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
