"""The audit log: who changed what and who was shown whose data, with the chain over it."""

from libs.common.audit.schema import create_audit_v1, drop_audit_v1

revision = "0020"
down_revision = "0019"

SERVICE = "appeals"


def upgrade() -> None:
    create_audit_v1(SERVICE)


def downgrade() -> None:
    drop_audit_v1()
