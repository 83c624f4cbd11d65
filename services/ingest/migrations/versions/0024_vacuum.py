"""Tables that grow with claims are vacuumed early."""

from libs.common.schema import vacuum_as_usual_v1, vacuum_early_v1

revision = "0024"
down_revision = "0023"

TABLES = ("inbox", "accounts", "remits", "matches", "claims", "claim_history", "claim_findings", "followup_watches")


def upgrade() -> None:
    vacuum_early_v1(*TABLES)


def downgrade() -> None:
    vacuum_as_usual_v1(*TABLES)
