"""Webhooks for all that happens: what is told is kept, numbered for its tenant, and posted to each that subscribed.

Deliveries of alerts' steps that still waited are dropped with their table: they named a step, and now name what is kept.
"""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0015"
down_revision = "0014"

SERVICE = "analytics"


def upgrade() -> None:
    op.execute("DROP TABLE webhook_deliveries")
    _widen_webhooks()
    _make_messages()
    _make_deliveries()
    _make_replays()
    for table in ("webhook_messages", "webhook_sequences", "webhook_deliveries", "webhook_replays"):
        secure_tenant_table(SERVICE, table)


def _widen_webhooks() -> None:
    op.execute(
        """
        ALTER TABLE webhooks
            ADD event_types text[] NOT NULL DEFAULT '{alert.opened,alert.acknowledged,alert.resolved}',
            ADD old_secret bytea,
            ADD old_secret_until timestamptz,
            ADD failures integer NOT NULL DEFAULT 0,  -- since it last took something
            ADD failing_since timestamptz,
            ADD paused_until timestamptz,
            ADD disabled_at timestamptz,
            ADD disabled_reason text,
            ADD last_sequence bigint,  -- of what was queued for it last
            ADD CHECK ((old_secret IS NULL) = (old_secret_until IS NULL)),
            ADD CHECK ((failures = 0) = (failing_since IS NULL)),
            ADD CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
        """
    )
    op.execute("ALTER TABLE webhooks ALTER event_types DROP DEFAULT")


def _make_messages() -> None:
    op.execute(
        """
        CREATE TABLE webhook_messages (
            tenant_id text NOT NULL,
            message_id uuid NOT NULL,
            type text NOT NULL,
            occurred_at timestamptz NOT NULL,
            told bytea NOT NULL,  -- JSON: `data` of the post
            webhook_id uuid,  -- null: for all that subscribed
            sequence bigint,  -- null: not queued yet
            place bigint GENERATED ALWAYS AS IDENTITY,
            changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            PRIMARY KEY (tenant_id, message_id)
        )
        """
    )
    op.execute("CREATE INDEX webhook_messages_new ON webhook_messages (tenant_id, changed_xid, place) WHERE sequence IS NULL")
    op.execute("CREATE INDEX webhook_messages_at ON webhook_messages (tenant_id, occurred_at, sequence)")
    op.execute(
        """
        CREATE TABLE webhook_sequences (
            tenant_id text NOT NULL PRIMARY KEY,
            last bigint NOT NULL
        )
        """
    )


def _make_deliveries() -> None:
    op.execute(
        """
        CREATE TABLE webhook_deliveries (
            tenant_id text NOT NULL,
            delivery_id uuid NOT NULL,
            webhook_id uuid NOT NULL,
            message_id uuid NOT NULL,
            sequence bigint NOT NULL,
            previous bigint,
            state text NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
            attempts integer NOT NULL,
            next_at timestamptz NOT NULL,  -- of a leased one: the end of the lease
            created_at timestamptz NOT NULL,
            ended_at timestamptz,
            last_outcome text,
            tried jsonb NOT NULL DEFAULT '[]',
            PRIMARY KEY (tenant_id, delivery_id),
            UNIQUE (tenant_id, message_id, webhook_id),
            CHECK ((state = 'waiting') = (ended_at IS NULL)),
            FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks ON DELETE CASCADE,
            FOREIGN KEY (tenant_id, message_id) REFERENCES webhook_messages ON DELETE CASCADE
        )
        """
    )
    op.execute(
        "CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, webhook_id, next_at, sequence)"
        " WHERE state = 'waiting'"
    )
    op.execute("CREATE INDEX webhook_deliveries_of ON webhook_deliveries (tenant_id, webhook_id, created_at, delivery_id)")


def _make_replays() -> None:
    op.execute(
        """
        CREATE TABLE webhook_replays (
            tenant_id text NOT NULL,
            replay_id uuid NOT NULL,
            webhook_id uuid NOT NULL,
            from_at timestamptz NOT NULL,
            to_at timestamptz NOT NULL,
            after_at timestamptz,  -- of the last one that was queued again, with its sequence
            after_sequence bigint,
            queued bigint NOT NULL DEFAULT 0,
            created_at timestamptz NOT NULL,
            finished_at timestamptz,
            PRIMARY KEY (tenant_id, replay_id),
            FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks ON DELETE CASCADE
        )
        """
    )
    op.execute("CREATE INDEX webhook_replays_open ON webhook_replays (created_at) WHERE finished_at IS NULL")
    op.execute("CREATE INDEX webhook_replays_of ON webhook_replays (tenant_id, webhook_id)")


def downgrade() -> None:
    op.execute("DROP TABLE webhook_replays, webhook_deliveries, webhook_sequences, webhook_messages")
    op.execute(
        """
        ALTER TABLE webhooks DROP event_types, DROP old_secret, DROP old_secret_until, DROP failures, DROP failing_since,
            DROP paused_until, DROP disabled_at, DROP disabled_reason, DROP last_sequence
        """
    )
    op.execute(
        """
        CREATE TABLE webhook_deliveries (
            tenant_id text NOT NULL,
            delivery_id uuid NOT NULL,
            webhook_id uuid NOT NULL,
            step_id uuid NOT NULL,
            state text NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
            attempts integer NOT NULL,
            next_at timestamptz NOT NULL,
            created_at timestamptz NOT NULL,
            ended_at timestamptz,
            last_outcome text,
            PRIMARY KEY (tenant_id, delivery_id),
            CHECK ((state = 'waiting') = (ended_at IS NULL))
        )
        """
    )
    op.execute("CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at) WHERE state = 'waiting'")
    op.execute("CREATE INDEX webhook_deliveries_of ON webhook_deliveries (tenant_id, webhook_id, created_at, delivery_id)")
    op.execute("CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_at) WHERE state <> 'waiting'")
    secure_tenant_table(SERVICE, "webhook_deliveries")
