"""What people do with a case: who closed it, how often it was filed, until when; a history of commands that only grows."""

from alembic import op

from libs.common.schema import create_idempotency_v1

revision = "0002"
down_revision = "0001"

SERVICE = "appeals"


def upgrade() -> None:
    create_idempotency_v1(SERVICE)
    op.execute("ALTER TABLE cases ADD COLUMN closed_by text, ADD COLUMN filings integer NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE cases ADD COLUMN appeal_by_on date, ADD COLUMN correct_by_on date")
    for table in ("cases", "case_history"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")  # it binds the owner too, who has no tenant
    op.execute("UPDATE cases SET closed_by = 'system' WHERE state = 'withdrawn'")
    op.execute("ALTER TABLE case_history ADD COLUMN command text")
    op.execute(
        """
        UPDATE case_history SET who = 'recours', command = CASE why
            WHEN 'denial_not_recoverable' THEN 'drop' WHEN 'denial_retracted' THEN 'retract' ELSE 'pursue' END
        """
    )
    for table in ("cases", "case_history"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE case_history ALTER COLUMN command SET NOT NULL")
    op.execute(f"REVOKE UPDATE, DELETE ON case_history FROM {SERVICE}_api, {SERVICE}_worker")


def downgrade() -> None:
    op.execute(f"GRANT UPDATE, DELETE ON case_history TO {SERVICE}_api, {SERVICE}_worker")
    op.execute("ALTER TABLE case_history DROP COLUMN command")
    op.execute("ALTER TABLE cases DROP COLUMN closed_by, DROP COLUMN filings, DROP COLUMN appeal_by_on, DROP COLUMN correct_by_on")
    op.execute("DROP TABLE idempotency_keys")
