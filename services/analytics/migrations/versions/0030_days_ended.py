"""Up to which day everything was taken in, and when a payer's charts are looked at again because a day has ended."""

from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE days_ended (
            only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
            through date NOT NULL  -- what comes after this was written is known from the next day on
        )
        """
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON days_ended TO analytics_worker")
    op.execute("GRANT SELECT ON days_ended TO analytics_api")
    op.execute("ALTER TABLE alert_marks ADD COLUMN again_on date")  # null: all of its days were looked at


def downgrade() -> None:
    op.execute("ALTER TABLE alert_marks DROP COLUMN again_on")
    op.execute("DROP TABLE days_ended")
