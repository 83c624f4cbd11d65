"""Who a request comes from, as the token that it carries says. Pure."""

from typing import Final

from msgspec import Struct

SERVICE_PREFIX: Final = "service:"


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


class Denied(Exception):  # noqa: N818 - the fact is the name
    """A token that opens nothing. `reason` is stable and says nothing of what was sent."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
