"""Kinds of what is kept: how long if a tenant says nothing, how long at least, and how some of it is taken away."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, Self
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

DAYS_MAX: Final = 36_500
YEARS_7: Final = 2557  # longer than HIPAA and most states ask of a biller; a tenant that needs longer says so


class Asked(Struct, frozen=True):
    """Take away what is older than `before`, at most `limit` rows of it. `reached`: what the step before returned."""

    tenant_id: str
    before: datetime
    reached: UUID | None
    limit: int


class Done(Struct, frozen=True):
    """How much is gone. `reached`: where the next step goes on, for kinds that remember it. `more`: there may be some left."""

    count: int
    more: bool
    reached: UUID | None = None

    @classmethod
    def of(cls, count: int, most: int, reached: UUID | None = None) -> Self:
        """Return what a step says that took so much of what it could at most: all of that, and there may be more."""
        return cls(count, more=count == most, reached=reached)


class Kind(Struct, frozen=True):
    """`tables`: between them they have rows of each tenant with some of it. `forget` None: another job asks how long."""

    name: str
    about: str
    tables: str
    default_days: int
    least_days: int
    forget: Callable[[AsyncConnection, Asked], Awaitable[Done]] | None = None


def with_default(kinds: Sequence[Kind], name: str, days: int) -> tuple[Kind, ...]:
    """Return kinds of which one is kept for another time by whoever says nothing."""
    return tuple(replace(kind, default_days=days) if kind.name == name else kind for kind in kinds)


AUDIT_LOG: Final = Kind("audit-log", "entries of the audit log", "audit_chain", 2190, 90)
