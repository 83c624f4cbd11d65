"""Audits: plans, the samples drawn by them, and what two reviewers say of each item."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0008"
down_revision = "0007"

SERVICE = "analytics"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE audits (
            tenant_id text NOT NULL,
            audit_id uuid NOT NULL,
            plan text NOT NULL,  -- JSON
            as_of date NOT NULL,
            state text NOT NULL CHECK (state IN ('drawing', 'reviewing', 'done', 'failed')),
            reason text,  -- of a failure
            created_at timestamptz NOT NULL,
            leased_until timestamptz NOT NULL,
            drawn_at timestamptz,
            strata text NOT NULL DEFAULT '[]',  -- JSON
            items integer NOT NULL DEFAULT 0,
            items_final integer NOT NULL DEFAULT 0,
            schedule_id uuid,
            period_on date,
            PRIMARY KEY (tenant_id, audit_id)
        )
        """
    )
    op.execute("CREATE INDEX audits_to_draw ON audits (leased_until) WHERE state = 'drawing'")
    op.execute("CREATE UNIQUE INDEX audits_scheduled ON audits (tenant_id, schedule_id, period_on) WHERE schedule_id IS NOT NULL")
    op.execute(
        """
        CREATE TABLE audit_items (
            tenant_id text NOT NULL,
            audit_id uuid NOT NULL,
            item integer NOT NULL,
            unit text NOT NULL,  -- JSON: the denial as it was judged then
            stratum text NOT NULL,
            probability double precision NOT NULL,
            state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'reviewing', 'disputed', 'agreed', 'settled')),
            verdict text,  -- JSON: what is held to be so
            settled_by text,
            label text NOT NULL DEFAULT 'none' CHECK (label IN ('none', 'waiting', 'sent', 'refused')),
            PRIMARY KEY (tenant_id, audit_id, item)
        )
        """
    )
    op.execute("CREATE INDEX audit_items_labels ON audit_items (tenant_id, audit_id, item) WHERE label = 'waiting'")
    op.execute(
        """
        CREATE TABLE audit_reviews (
            tenant_id text NOT NULL,
            audit_id uuid NOT NULL,
            item integer NOT NULL,
            reviewer text NOT NULL,
            verdict text NOT NULL,  -- JSON
            reviewed_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, audit_id, item, reviewer)
        )
        """
    )
    for table in ("audits", "audit_items", "audit_reviews"):
        secure_tenant_table(SERVICE, table)


def downgrade() -> None:
    op.execute("DROP TABLE audit_reviews, audit_items, audits")
