"""A tenant may be erased."""

from typing import Final

from alembic import op

from libs.common.schema import add_erasure_v1, drop_erasure_v1

revision = "0025"
down_revision = "0024"

SERVICE = "analytics"
_OF_READERS: Final = ("facts", "payers", "cells", "rollups")


def _let_see(who: str) -> None:
    for table in _OF_READERS:
        op.execute(f"ALTER POLICY bi_alone ON {table} USING (session_user IN ({who}) OR tenant_id = (SELECT bi.tenant()))")


def upgrade() -> None:
    add_erasure_v1(SERVICE)
    # The worker erases with the owner's rights, which so far saw these tables' rows only while the owner or a reader was logged in.
    _let_see("'analytics_owner', 'analytics_worker'")


def downgrade() -> None:
    _let_see("'analytics_owner'")
    drop_erasure_v1(SERVICE)
