"""Lists by keyset: an opaque cursor says where the next page begins, and only for the query that gave it."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field

from libs.common.audit.acting import shows
from libs.common.changes import Change
from libs.common.http.problem import Problem

T = TypeVar("T")
Row = TypeVar("Row")

Limit = Annotated[int, Query(ge=1, le=200, description="items a page")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before, with the same filters")]
Start = Annotated[Literal["oldest", "now"], Query(description="where to begin without a cursor; `now` gives a cursor and no items")]
LIMIT = 50


NextChange = Annotated[
    str, Field(description="where to go on, also when nothing is new; fewer items than `limit`: that is all for now")
]


class Page(BaseModel, Generic[T]):
    items: list[T]
    next_cursor: str | None = Field(None, description="null on the last page")


def cut_page(
    rows: Sequence[Row],
    limit: int,
    tenant_id: str,
    filters: Mapping[str, Any],
    view: Callable[[Row], T],
    *,
    position: Callable[[Any], object] = itemgetter("row_id"),
) -> Page[T]:
    """Return the page of these rows, of which one more than `limit` was asked for; the next begins after the last position."""
    shown = rows[:limit]
    more = write_cursor(str(position(shown[-1])), tenant_id, filters) if len(rows) > limit else None
    items = [view(row) for row in shown]
    shows(items)
    return Page(items=items, next_cursor=more)


def write_cursor(position: str, tenant_id: str, filters: Mapping[str, Any]) -> str:
    """Return the cursor after an item at a position, bound to its tenant and filters."""
    body = json.dumps([position, _mark(tenant_id, filters)]).encode()
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def read_cursor(cursor: str | None, tenant_id: str, filters: Mapping[str, Any], parse: Callable[[str], T]) -> T | None:
    """Return the position in a cursor. `parse` reads what `write_cursor` was given and raises ValueError at anything else.

    Errors: Problem 400 when it is not one of this query's.
    """
    if cursor is None:
        return None
    try:
        position, mark = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        own = mark == _mark(tenant_id, filters) and isinstance(position, str)
        parsed = parse(position) if own else None
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise _bad_cursor() from error
    if parsed is None:
        raise _bad_cursor()
    return parsed


def read_id_cursor(cursor: str | None, tenant_id: str, filters: Mapping[str, Any]) -> UUID | None:
    """Return the row id in a cursor of a list that is ordered by one."""
    return read_cursor(cursor, tenant_id, filters, UUID)


def read_number_cursor(cursor: str | None, tenant_id: str, filters: Mapping[str, Any]) -> int | None:
    """Return the number (a bigint) in a cursor of a list that is ordered by one."""
    return read_cursor(cursor, tenant_id, filters, _bigint)


def write_change_cursor(place: Change, tenant_id: str, filters: Mapping[str, Any]) -> str:
    """Return the cursor after a place in the order of changes."""
    return write_cursor(f"{place.xid}:{place.id}", tenant_id, {**filters, "order": "changes"})


def read_change_cursor(cursor: str | None, tenant_id: str, filters: Mapping[str, Any]) -> Change | None:
    """Return the place in a cursor of a list of changes."""
    return read_cursor(cursor, tenant_id, {**filters, "order": "changes"}, _change)


def _change(told: str) -> Change:
    xid, _, row = told.partition(":")
    if not 0 <= int(xid) < 1 << 64:
        raise ValueError("no transaction id")
    return Change(int(xid), UUID(row))


def _bigint(told: str) -> int:
    number = int(told)
    if not 0 <= number < 1 << 63:
        raise ValueError("out of range")
    return number


def _bad_cursor() -> Problem:
    return Problem(400, "bad-cursor", "The cursor belongs to another query, or is none.")


def _mark(tenant_id: str, filters: Mapping[str, Any]) -> str:
    told = json.dumps([tenant_id, {name: str(value) for name, value in sorted(filters.items()) if value is not None}])
    return hashlib.sha256(told.encode()).hexdigest()[:16]
