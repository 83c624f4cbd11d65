"""The register of tenants: which of them are suspended."""

from libs.common.schema import create_tenants_v1, drop_tenants_v1

revision = "0017"
down_revision = "0016"

SERVICE = "classifier"


def upgrade() -> None:
    create_tenants_v1(SERVICE)


def downgrade() -> None:
    drop_tenants_v1()
