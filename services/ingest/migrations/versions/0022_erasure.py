"""A tenant may be erased."""

from libs.common.schema import add_erasure_v1, drop_erasure_v1

revision = "0022"
down_revision = "0021"

SERVICE = "ingest"


def upgrade() -> None:
    add_erasure_v1(SERVICE)


def downgrade() -> None:
    drop_erasure_v1(SERVICE)
