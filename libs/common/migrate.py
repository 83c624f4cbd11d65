"""Migrations: `python -m libs.common.migrate SERVICE` brings one service's database to the newest schema.

Run as the database's owner role; the address is RECOURS_DATABASE_URL. Each service keeps its own versions under
services/SERVICE/migrations; the way they are run is the same for all and lives here.
"""

import asyncio
import os
import sys
from functools import partial
from pathlib import Path

import asyncpg
from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

_ROOT = Path(__file__).resolve().parents[2]
_LOCK_TIMEOUT = "10s"  # a migration that cannot get its lock gives way instead of stopping everybody behind it


def upgrade(service: str, url: str, revision: str = "head") -> None:
    """Bring a database to a revision. Errors: whatever the failing statement raised; each version is one transaction."""
    command.upgrade(_config(service, url), revision)


def downgrade(service: str, url: str, revision: str) -> None:
    """Take a database back to a revision."""
    command.downgrade(_config(service, url), revision)


def _config(service: str, url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_ROOT / "services" / service / "migrations"))
    config.attributes["url"] = url
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
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        connection.execute(text(f"SET lock_timeout = '{_LOCK_TIMEOUT}'"))
        context.run_migrations()
    connection.commit()


def main() -> None:
    url = os.environ.get("RECOURS_DATABASE_URL")
    if len(sys.argv) != 2 or url is None:  # noqa: PLR2004 - the program and one service
        sys.exit("usage: RECOURS_DATABASE_URL=postgresql://OWNER... python -m libs.common.migrate SERVICE")
    upgrade(sys.argv[1], url)


if __name__ == "__main__":
    main()
