"""A tenant may be under legal hold."""

from libs.common.schema import add_legal_hold_v1, drop_legal_hold_v1

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    add_legal_hold_v1()


def downgrade() -> None:
    drop_legal_hold_v1()
