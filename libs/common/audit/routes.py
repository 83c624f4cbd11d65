"""What a route means to the audit log: a change, a disclosure, or neither. Each service declares all of its routes."""

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

Meaning = Literal["changes", "discloses", "neither"]


class Audited(Struct, frozen=True):
    """One route: what it does, to what kind of thing, and which part of its address, or field of what it lists, names that."""

    meaning: Meaning
    kind: str = ""
    by: str | None = None


Routes = Mapping[str, Audited]


def changes(kind: str, by: str | None, *operations: str) -> dict[str, Audited]:
    """Declare routes that change something."""
    return dict.fromkeys(operations, Audited("changes", kind, by))


def discloses(kind: str, by: str | None, *operations: str) -> dict[str, Audited]:
    """Declare routes whose answers hold what tells who a patient is, or a document about one."""
    return dict.fromkeys(operations, Audited("discloses", kind, by))


def neither(*operations: str) -> dict[str, Audited]:
    """Declare routes that change nothing and whose answers hold no patient's data."""
    return dict.fromkeys(operations, Audited("neither"))


# What every service answers alike. A dead letter is a record as it came, with the number of an account in its key or value.
COMMON: Final[Routes] = {
    **neither("livez", "readyz", "getLedger", "getOutbox", "getTrail", "listDeadLetters"),
    **neither("listAuditLog", "listAuditChain", "listAuditSeals", "getAuditHead"),
    **neither("listTenants", "getTenant"),
    **changes("tenant", "tenant_id", "createTenant", "putTenant", "eraseTenant"),
    **discloses("tenant", "tenant_id", "exportTenant"),
    **neither("listRetention"),
    **changes("retention", "kind", "putRetention"),
    **neither("page.customSwaggerUiHtml", "page.swaggerUiRedirect"),  # /docs
    **discloses("dead_letter", "dead_letter_id", "showDeadLetter"),
    **changes("dead_letter", "dead_letter_id", "replayDeadLetter"),
}
