"""Migrations: `python -m libs.common.migrate SERVICE` brings one service's database to the newest schema.

Run as the database's owner role; the address is RECOURS_DATABASE_URL, or in the file that RECOURS_DATABASE_URL_FILE names. Each
service keeps its own versions under services/SERVICE/migrations; the way they are run is the same for all and lives here.
"""

import asyncio
import sys
import time
from functools import partial
from pathlib import Path
from typing import Final

import asyncpg
from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationInfo
from pydantic import SecretStr
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from libs.common.settings import EnvironmentSettings, load

_ROOT = Path(__file__).resolve().parents[2]
# A migration that waits for a table holds up everybody who comes after it: it gives way soon, and comes again.
LOCK_TIMEOUT: Final = "2s"
_LOCK_TRIES: Final = 120
_LOCK_PAUSE_SECONDS: Final = 3.0
_LOCK_NOT_HAD: Final = frozenset({"55P03", "40P01"})  # lock not available; deadlock
# What a version holds locked it holds for no longer. Versions up to these filled and indexed tables inside of their transactions;
# later ones may not (docs/upgrade.md), and are bound.
STATEMENT_TIMEOUT: Final = "30s"
BOUND_AFTER: Final = {"ingest": "0023", "classifier": "0022", "appeals": "0027", "analytics": "0026"}


class SchemaBusyError(RuntimeError):
    """A table was never free; the message is one sentence for the person who asked."""


def upgrade(service: str, url: str, revision: str = "head") -> None:
    """Bring a database to a revision; each version is one transaction, and one that finds a table locked is tried again.

    Errors: SchemaBusyError when it never got its lock; else whatever the failing statement raised.
    """
    for _ in range(_LOCK_TRIES):
        try:
            command.upgrade(_config(service, url), revision)
        except DBAPIError as error:
            if _state_of(error) not in _LOCK_NOT_HAD:
                raise
        else:
            return
        time.sleep(_LOCK_PAUSE_SECONDS)
    raise SchemaBusyError(
        f"The schema of {service} could not be changed: a table that it wants was never free for it. What was begun is taken back,"
        " and everything runs on; see in pg_stat_activity who holds a transaction open, and run this again."
    )


def _state_of(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", ""))


def downgrade(service: str, url: str, revision: str) -> None:
    """Take a database back to a revision."""
    command.downgrade(_config(service, url), revision)


def _config(service: str, url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_ROOT / "services" / service / "migrations"))
    config.attributes["url"] = url
    config.attributes["service"] = service
    return config


def run_here() -> None:
    """Run migrations inside Alembic's environment; each service's migrations/env.py calls this and nothing else."""
    asyncio.run(_run(context.config.attributes["url"]))


async def _run(url: str) -> None:
    connect = partial(asyncpg.connect, make_url(url).set(drivername="postgresql").render_as_string(hide_password=False))
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_migrate)
    await engine.dispose()


def _migrate(connection: Connection) -> None:
    bound_after = BOUND_AFTER[context.config.attributes["service"]]

    def bind(version: str | None) -> None:
        if version is not None and version >= bound_after:
            connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))

    def bind_next(ctx: object, step: MigrationInfo, heads: object, run_args: object) -> None:
        del ctx, heads, run_args
        bind(step.up_revision_id)

    context.configure(connection=connection, transaction_per_migration=True, on_version_apply=bind_next)
    with context.begin_transaction():
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        bind(context.get_context().get_current_revision())
        context.run_migrations()
    connection.commit()


class MigrationSettings(EnvironmentSettings):
    """What a migration is told."""

    database_url: SecretStr


def main() -> None:
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and one service
        sys.exit("usage: RECOURS_DATABASE_URL=postgresql://OWNER... python -m libs.common.migrate SERVICE")
    try:
        upgrade(sys.argv[1], load(MigrationSettings).database_url.get_secret_value())
    except SchemaBusyError as error:
        sys.exit(str(error))
    except DBAPIError as error:
        said = str(error.orig).splitlines()[0]
        sys.exit(f"The migration of {sys.argv[1]} failed, and the version that failed was taken back: {said}")


if __name__ == "__main__":
    main()
