"""Replays of a version of the rules over past denials, what each would change, and how far it is."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0007"
down_revision = "0006"

SERVICE = "classifier"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE replays (
            tenant_id text NOT NULL,
            replay_id uuid NOT NULL,  -- version 7: denials that came before it have a smaller row_id
            version integer NOT NULL,
            first_on date NOT NULL,
            last_on date NOT NULL,
            per_second integer,
            state text NOT NULL CHECK (state IN ('waiting', 'comparing', 'compared', 'applying', 'applied', 'cancelled')),
            position uuid NOT NULL,  -- the row_id up to which the present pass is done
            total bigint NOT NULL DEFAULT 0,
            compared bigint NOT NULL DEFAULT 0,
            unjudged bigint NOT NULL DEFAULT 0,
            changed bigint NOT NULL DEFAULT 0,
            applied bigint NOT NULL DEFAULT 0,
            passed bigint NOT NULL DEFAULT 0,  -- by the pass that applies
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, replay_id)
        )
        """
    )
    op.execute("CREATE INDEX replays_to_do ON replays (replay_id) WHERE state IN ('waiting', 'comparing', 'applying')")
    op.execute(
        """
        CREATE TABLE replay_changes (
            tenant_id text NOT NULL,
            replay_id uuid NOT NULL,
            row_id uuid NOT NULL,
            denial_id uuid NOT NULL,
            before jsonb NOT NULL,
            after jsonb NOT NULL,
            PRIMARY KEY (tenant_id, replay_id, row_id)
        )
        """
    )
    for table in ("replays", "replay_changes"):
        secure_tenant_table(SERVICE, table)


def downgrade() -> None:
    op.execute("DROP TABLE replay_changes")
    op.execute("DROP TABLE replays")
