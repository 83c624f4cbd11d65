"""Facts as events told them, and the sums made of them; what was counted before is told again by `recours analytics rebuild`."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0003"
down_revision = "0002"

SERVICE = "analytics"


def upgrade() -> None:
    op.execute("DROP TABLE remit_facts, denial_facts")
    op.execute(
        """
        CREATE TABLE facts (
            tenant_id text NOT NULL,
            claim_key uuid NOT NULL,
            place integer NOT NULL,  -- 0, 1, 2, ... in its account: two workers on one account collide here, and one reads again
            kind text NOT NULL,
            told bytea NOT NULL,  -- JSON
            PRIMARY KEY (tenant_id, claim_key, place)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE payers (
            tenant_id text NOT NULL,
            payer_id text NOT NULL,
            payer_name text NOT NULL,
            PRIMARY KEY (tenant_id, payer_id)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE cells (
            tenant_id text NOT NULL,
            cell bigint NOT NULL,
            payer text NOT NULL,
            facility text NOT NULL,
            provider text NOT NULL,
            service_group text NOT NULL,
            category text NOT NULL,
            level text NOT NULL,
            PRIMARY KEY (tenant_id, cell)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE rollups (
            tenant_id text NOT NULL,
            is_coarse boolean NOT NULL,  -- by payer, category and level alone
            measure smallint NOT NULL,
            day date NOT NULL,
            known_on date NOT NULL,
            cell bigint NOT NULL,
            count bigint NOT NULL,
            amount bigint NOT NULL,  -- cents, or days
            PRIMARY KEY (tenant_id, is_coarse, measure, day, known_on, cell)
        ) WITH (fillfactor = 80)  -- sums are written in place
        """
    )
    for table in ("facts", "payers", "cells", "rollups"):
        secure_tenant_table(SERVICE, table)
    _create_views()


def _create_views() -> None:
    """Make the facts of two kinds readable as rows, for whoever asks in SQL."""
    op.execute(
        """
        CREATE VIEW remit_facts WITH (security_invoker = true) AS
        SELECT tenant_id, claim_key, (fact->>'remit_id')::uuid AS remit_id, fact->>'payer_id' AS payer_id,
            (fact->>'payment_on')::date AS payment_on, (fact->>'known_on')::date AS known_on, fact->>'status' AS claim_status_code,
            (fact->>'charge_cents')::bigint AS charge_cents, (fact->>'paid_cents')::bigint AS paid_cents
        FROM facts, LATERAL (SELECT convert_from(told, 'UTF8')::json AS fact) AS read WHERE kind = 'remit'
        """
    )
    op.execute(
        """
        CREATE VIEW denial_facts WITH (security_invoker = true) AS
        SELECT DISTINCT ON (tenant_id, fact->>'denial_id') tenant_id, claim_key, (fact->>'denial_id')::uuid AS denial_id,
            (fact->>'remit_id')::uuid AS remit_id, (fact->>'version')::integer AS revision, (fact->>'is_active')::boolean AS active,
            fact->>'payer_id' AS payer_id, (fact->>'payment_on')::date AS payment_on, fact->>'category' AS category,
            (fact->>'denied_cents')::bigint AS denied_cents
        FROM facts, LATERAL (SELECT convert_from(told, 'UTF8')::json AS fact) AS read WHERE kind = 'denial'
        ORDER BY tenant_id, fact->>'denial_id', (fact->>'version')::integer DESC
        """
    )
    for view in ("remit_facts", "denial_facts"):
        op.execute(f"GRANT SELECT ON {view} TO {SERVICE}_api, {SERVICE}_worker")


def downgrade() -> None:
    op.execute("DROP VIEW remit_facts, denial_facts")
    op.execute("DROP TABLE rollups, cells, payers, facts")
    op.execute(
        """
        CREATE TABLE remit_facts (
            tenant_id text NOT NULL,
            claim_key uuid NOT NULL,
            remit_id uuid NOT NULL,
            payer_id text NOT NULL,
            payer_name text NOT NULL,
            payer_claim_control_number text NOT NULL,
            payment_on date NOT NULL,
            kind text NOT NULL CHECK (kind IN ('adjudication', 'reversal', 'predetermination')),
            charge_cents bigint NOT NULL,
            paid_cents bigint NOT NULL,
            undone_by uuid,
            PRIMARY KEY (tenant_id, claim_key, remit_id)
        )
        """
    )
    op.execute("CREATE INDEX remit_facts_day ON remit_facts (tenant_id, payment_on)")
    op.execute("CREATE INDEX remit_facts_reversals ON remit_facts (tenant_id, claim_key) WHERE kind = 'reversal'")
    op.execute(
        """
        CREATE TABLE denial_facts (
            tenant_id text NOT NULL,
            denial_id uuid NOT NULL,
            remit_id uuid NOT NULL,
            revision integer NOT NULL,
            active boolean NOT NULL,
            payer_id text NOT NULL,
            payer_name text NOT NULL,
            payment_on date NOT NULL,
            category text NOT NULL,
            denied_cents bigint NOT NULL,
            PRIMARY KEY (tenant_id, denial_id)
        )
        """
    )
    op.execute("CREATE INDEX denial_facts_day ON denial_facts (tenant_id, payment_on)")
    for table in ("remit_facts", "denial_facts"):
        secure_tenant_table(SERVICE, table)
