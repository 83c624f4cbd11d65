"""Tables that grow with claims are vacuumed early."""

from libs.common.schema import vacuum_as_usual_v1, vacuum_early_v1

revision = "0023"
down_revision = "0022"

TABLES = ("inbox", "denials", "outcomes", "risk_claims", "risk_answers", "later_payments")


def upgrade() -> None:
    vacuum_early_v1(*TABLES)


def downgrade() -> None:
    vacuum_as_usual_v1(*TABLES)
