"""Recounts: sums held against the facts, on demand."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table
from libs.common.schema import create_idempotency_v1

revision = "0004"
down_revision = "0003"

SERVICE = "analytics"


def upgrade() -> None:
    create_idempotency_v1(SERVICE)
    op.execute(
        """
        CREATE TABLE recounts (
            tenant_id text NOT NULL,
            recount_id uuid NOT NULL,
            repair boolean NOT NULL,
            reread boolean NOT NULL,
            state text NOT NULL CHECK (state IN ('waiting', 'reading', 'counting', 'done')),
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            leased_until timestamptz NOT NULL,
            parts integer NOT NULL DEFAULT 0,
            parts_done integer NOT NULL DEFAULT 0,
            facts bigint NOT NULL DEFAULT 0,
            facts_new bigint NOT NULL DEFAULT 0,
            sums bigint NOT NULL DEFAULT 0,
            differing bigint NOT NULL DEFAULT 0,
            report text NOT NULL DEFAULT '[]',  -- JSON: the first differences
            PRIMARY KEY (tenant_id, recount_id)
        )
        """
    )
    # Two that repair at once would add the same difference twice.
    op.execute("CREATE UNIQUE INDEX recounts_to_do ON recounts (tenant_id) WHERE state <> 'done'")
    secure_tenant_table(SERVICE, "recounts")


def downgrade() -> None:
    op.execute("DROP TABLE recounts, idempotency_keys")
