"""When what people wrote about a case was forgotten: what only grows loses its words, and nothing else, by the worker."""

from alembic import op

revision = "0031"
down_revision = "0030"

SERVICE = "appeals"
TABLES = ("case_comments", "case_messages", "correspondence")
WORDS = {
    "case_comments": "words, forgotten_at",
    "case_messages": "text, forgotten_at",
    "case_history": "why",
    "document_history": "why",
    "evidence_waivers": "reason",
}


def upgrade() -> None:
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ADD COLUMN forgotten_at timestamptz")
    for table, columns in WORDS.items():
        op.execute(f"GRANT UPDATE ({columns}) ON {table} TO {SERVICE}_worker")


def downgrade() -> None:
    for table, columns in WORDS.items():
        op.execute(f"REVOKE UPDATE ({columns}) ON {table} FROM {SERVICE}_worker")
    for table in reversed(TABLES):
        op.execute(f"ALTER TABLE {table} DROP COLUMN forgotten_at")
