"""Answers that are kept for an Idempotency-Key become bytes. What was there before is sealed by the worker, some rows at a time."""

from libs.common.schema import seal_answers_v1, unseal_answers_v1

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    seal_answers_v1()


def downgrade() -> None:
    """What is sealed stays so, and nothing before this version reads it: go back only from an empty database."""
    unseal_answers_v1()
