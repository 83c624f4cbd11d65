"""Where an account is can be asked for."""

from libs.common.messaging.schema import hide_trail_v1, show_trail_v1

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    show_trail_v1("appeals")


def downgrade() -> None:
    hide_trail_v1("appeals")
