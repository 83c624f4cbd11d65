"""What people wrote in their own words, which may name anybody: it is taken out of its row after its time, and the row says so.

SQL; nothing here commits.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver, touched
from libs.common.retention.kinds import YEARS_7, Asked, Done, Kind

FORGOTTEN: Final = "forgotten"  # what stands in the words' place where a row has no column that says it


def taking_out(table: str, gone: str, *, at: str, still: str, join: str = "") -> str:
    """Return the statement that takes words out of some old rows: of $1, from before $2, $3 of them.

    `gone` is what it sets; `at` says when a row's words were written, `still` whether they are there. An index has both.
    """
    return (
        f"UPDATE {table} SET {gone} WHERE ctid = ANY (ARRAY(SELECT {table}.ctid FROM {table} {join}"  # noqa: S608 - our own names
        f" WHERE {table}.tenant_id = $1 AND {table}.{at} < $2 AND {still}"
        f" ORDER BY {table}.{at} LIMIT $3 FOR NO KEY UPDATE OF {table}))"
    )


def words(about: str, tables: str, statements: Sequence[str]) -> Kind:
    """Return the kind `words` of a service, whose statements are as `taking_out` makes them; kept for seven years by default."""

    async def forget(tx: AsyncConnection, asked: Asked) -> Done:
        """Take words out of tables, one after the other, as far as may be done at once."""
        connection, left = await driver(tx), asked.limit
        for statement in statements:
            left -= touched(await connection.execute(statement, asked.tenant_id, asked.before, left))
            if left == 0:
                break
        return Done.of(asked.limit - left, asked.limit)

    return Kind("words", about, tables, YEARS_7, 365, forget)
