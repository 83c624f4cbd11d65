"""Reference tables by release, payers' rules by version, and what checks found in claims."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0004"
down_revision = "0003"

SERVICE = "ingest"

TABLES = {
    "reference_releases": """
        tenant_id text NOT NULL,
        release_id bigint GENERATED ALWAYS AS IDENTITY,
        name text NOT NULL,
        quarter text NOT NULL,
        begins_on date NOT NULL,  -- the first day of the quarter: from then on it holds
        state text NOT NULL CHECK (state IN ('loading', 'live', 'replaced')),
        rows bigint NOT NULL,
        sha256 text NOT NULL,
        loaded_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, release_id)
    """,
    "reference_codes": """
        tenant_id text NOT NULL,
        release_id bigint NOT NULL,
        code text NOT NULL,
        billable boolean NOT NULL,
        valid_from date,
        valid_to date
    """,
    "reference_ptp": """
        tenant_id text NOT NULL,
        release_id bigint NOT NULL,
        column_1 text NOT NULL,
        column_2 text NOT NULL,
        begins_on date NOT NULL,
        ends_on date,
        indicator text NOT NULL
    """,
    "reference_mue": """
        tenant_id text NOT NULL,
        release_id bigint NOT NULL,
        code text NOT NULL,
        units bigint NOT NULL,
        indicator text NOT NULL
    """,
    "payer_rule_versions": """
        tenant_id text NOT NULL,
        payer_id text NOT NULL,
        version integer NOT NULL,
        row_id uuid NOT NULL,  -- version 7: the order of the feed of changes
        rules jsonb NOT NULL,
        added jsonb NOT NULL,
        removed jsonb NOT NULL,
        changed_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, payer_id, version)
    """,
    "claim_findings": """
        tenant_id text NOT NULL,
        claim_id uuid NOT NULL,
        ordinal integer NOT NULL,
        rule_id text NOT NULL,
        severity text NOT NULL,
        path text NOT NULL,
        line integer,
        found text NOT NULL,
        PRIMARY KEY (tenant_id, claim_id, ordinal)
    """,
}


def upgrade() -> None:
    for table, columns in TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        secure_tenant_table(SERVICE, table)
    op.execute("CREATE UNIQUE INDEX reference_live ON reference_releases (tenant_id, name, begins_on) WHERE state = 'live'")
    op.execute("CREATE INDEX reference_codes_of ON reference_codes (tenant_id, release_id, code)")
    op.execute("CREATE INDEX reference_pairs_of ON reference_ptp (tenant_id, release_id, column_1, column_2)")
    op.execute("CREATE INDEX reference_units_of ON reference_mue (tenant_id, release_id, code)")
    op.execute("CREATE UNIQUE INDEX payer_rules_changes ON payer_rule_versions (tenant_id, row_id)")
    op.execute("CREATE INDEX claim_findings_of_rule ON claim_findings (tenant_id, rule_id)")


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
