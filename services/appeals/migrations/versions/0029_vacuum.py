"""Tables that grow with claims are vacuumed early."""

from libs.common.schema import vacuum_as_usual_v1, vacuum_early_v1

revision = "0029"
down_revision = "0028"

TABLES = ("inbox", "accounts", "remits", "cases", "case_history", "worklist")


def upgrade() -> None:
    vacuum_early_v1(*TABLES)


def downgrade() -> None:
    vacuum_as_usual_v1(*TABLES)
