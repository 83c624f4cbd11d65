"""Data keys; answers that are kept for an Idempotency-Key become bytes. What was there before is sealed by the worker."""

from alembic import op

from libs.common.schema import create_data_keys_v1, seal_answers_v1, unseal_answers_v1

revision = "0019"
down_revision = "0018"

SERVICE = "classifier"


def upgrade() -> None:
    create_data_keys_v1(SERVICE)
    seal_answers_v1()


def downgrade() -> None:
    """What is sealed stays so, and nothing before this version reads it: go back only from an empty database."""
    unseal_answers_v1()
    op.execute("DROP TABLE key_rewrites, data_keys")
