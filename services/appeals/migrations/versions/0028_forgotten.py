"""When letters, packets and what corrected claims changed were forgotten; `swept_at`: when a packet's bytes were gone, too."""

from alembic import op

revision = "0028"
down_revision = "0027"

SERVICE = "appeals"
TABLES = ("letters", "packets", "corrected_claims")


def upgrade() -> None:
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ADD COLUMN forgotten_at timestamptz")
    op.execute("ALTER TABLE packets ADD COLUMN swept_at timestamptz")
    op.execute(f"GRANT UPDATE (forgotten_at) ON letters TO {SERVICE}_worker")  # a version never changes, but its words go


def downgrade() -> None:
    op.execute("ALTER TABLE packets DROP COLUMN swept_at")
    for table in reversed(TABLES):
        op.execute(f"ALTER TABLE {table} DROP COLUMN forgotten_at")
