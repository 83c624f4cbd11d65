"""A tenant may be erased."""

from libs.common.schema import add_erasure_v1, drop_erasure_v1

revision = "0021"
down_revision = "0020"

SERVICE = "classifier"


def upgrade() -> None:
    add_erasure_v1(SERVICE)


def downgrade() -> None:
    drop_erasure_v1(SERVICE)
