"""Whose act the code at hand belongs to: a request's act travels with it, and each transaction that changes something enters it.

So no route can forget to: the one place that commits asks here what to append (`libs/common/database.py`).
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from libs.common.audit.entries import Entry, clean


class Act:
    """One request, as far as it is known by now. `describe` says what to enter for the ids that it has named; None: nothing."""

    def __init__(self, describe: Callable[[tuple[str, ...]], Entry | None]) -> None:
        self._describe = describe
        self._named: list[object] = []
        self.shown: list[object] | None = None
        self.guest: tuple[str, str] | None = None
        self.tenant_id: str | None = None

    def name(self, ids: Iterable[object]) -> None:
        self._named += ids

    def named(self, field: str | None = None) -> tuple[str, ...]:
        """Return what was named since this was asked last, and the items that are shown, by their field."""
        found = [each for item in self.shown or () if (each := getattr(item, field or "", None)) is not None]
        named, self._named = [*self._named, *found], []
        return clean(named)

    def entry(self) -> Entry | None:
        """Return what a change is entered as; None: nothing."""
        told = self._describe(clean(self._named))
        if told is not None:
            self._named = []
        return told


_ACTING: Final[ContextVar[Act | None]] = ContextVar("acting", default=None)


@contextmanager
def acting(act: Act) -> Iterator[None]:
    """Let an act be that of all that runs inside."""
    before = _ACTING.set(act)
    try:
        yield
    finally:
        _ACTING.reset(before)


def about(*ids: object) -> None:
    """Name what the transaction at hand is about, where the address of the request does not: what it creates."""
    act = _ACTING.get()
    if act is not None:
        act.name(ids)


def as_guest(tenant_id: str, subject: str) -> None:
    """Say who acts, where no token says it: somebody whom a tenant let in."""
    act = _ACTING.get()
    if act is not None:
        act.guest = (tenant_id, subject)


def of_tenant(tenant_id: str) -> None:
    """Say whose data is shown, where it is not the caller's own tenant's: it stands in that tenant's log."""
    act = _ACTING.get()
    if act is not None:
        act.tenant_id = tenant_id


def shows(items: Iterable[object]) -> None:
    """Name the items of the page that is shown."""
    act = _ACTING.get()
    if act is not None:
        act.shown = [*(act.shown or []), *items]


def entry_of_change() -> Entry | None:
    """Return what the transaction that commits now appends, if it has changed anything; None outside of requests."""
    act = _ACTING.get()
    return None if act is None else act.entry()
