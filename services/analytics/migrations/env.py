"""Alembic's entry point; the way migrations run is the same for all services."""

from libs.common.migrate import run_here

run_here()
