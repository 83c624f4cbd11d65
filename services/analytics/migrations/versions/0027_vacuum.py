"""Tables that grow with claims are vacuumed early."""

from libs.common.schema import vacuum_as_usual_v1, vacuum_early_v1

revision = "0027"
down_revision = "0026"

TABLES = ("inbox", "facts", "rollups", "outcomes", "outcome_subjects", "outcome_services", "told_amounts")


def upgrade() -> None:
    vacuum_early_v1(*TABLES)


def downgrade() -> None:
    vacuum_as_usual_v1(*TABLES)
