"""Reports of key figures that are made to be shown outside, without small cells, and say so."""

from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    for table in ("report_schedules", "reports"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN shared boolean NOT NULL DEFAULT false")


def downgrade() -> None:
    for table in ("report_schedules", "reports"):
        op.execute(f"ALTER TABLE {table} DROP COLUMN shared")
