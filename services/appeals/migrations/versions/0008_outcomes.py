"""What was filed, what later remittances say of it, and how it ended."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0008"
down_revision = "0007"

SERVICE = "appeals"


TABLES = {
    # Every remit, since the denial of an earlier one may come after it: what the classifier judged late, or a file that was late.
    "remits": """
        tenant_id text NOT NULL,
        claim_key uuid NOT NULL,
        remit_id uuid NOT NULL,
        payer_id text NOT NULL,
        number text NOT NULL,
        payment_on date NOT NULL,
        is_answer boolean NOT NULL,
        charge_cents bigint NOT NULL,
        paid_cents bigint NOT NULL,
        refused_cents bigint NOT NULL,
        service_from_on date,
        claim_id uuid
    """,
    "filings": """
        tenant_id text NOT NULL,
        appeal_id uuid NOT NULL,
        case_id uuid NOT NULL,
        claim_key uuid NOT NULL,
        number integer NOT NULL,
        action text NOT NULL,
        level text,
        channel text NOT NULL,
        tracking_number text,
        packet_sha256 text,
        corrected_claim_id uuid,
        disputed_cents bigint NOT NULL,
        due_on date,
        good_cause text,
        filed_on date NOT NULL,
        filed_at timestamptz NOT NULL,
        filed_by text NOT NULL,
        next_check_on date NOT NULL,
        PRIMARY KEY (tenant_id, appeal_id)
    """,
    "decisions": """
        tenant_id text NOT NULL,
        appeal_id uuid NOT NULL,
        case_id uuid NOT NULL,
        claim_key uuid NOT NULL,
        revision integer NOT NULL,
        outcome text,
        recovered_cents bigint NOT NULL,
        decided_by text,
        decided_on date,
        decided_at timestamptz,
        deciding_remit_id uuid,
        said_outcome text,
        said_on date,
        said_at timestamptz,
        said_by text,
        said_reference text,
        PRIMARY KEY (tenant_id, appeal_id)
    """,
}
INDEXES = (
    "INDEX remits_account ON remits (tenant_id, claim_key)",
    "INDEX filings_account ON filings (tenant_id, claim_key)",
    "UNIQUE INDEX filings_case ON filings (tenant_id, case_id, number)",
    "INDEX decisions_account ON decisions (tenant_id, claim_key)",
)


def upgrade() -> None:
    for table, columns in TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
        secure_tenant_table(SERVICE, table)
    for index in INDEXES:
        op.execute(f"CREATE {index}")
    op.execute("ALTER TABLE cases ADD COLUMN outcome text")
    op.execute("ALTER TABLE cases ADD COLUMN judged text NOT NULL DEFAULT 'pursue'")
    op.execute("ALTER TABLE cases NO FORCE ROW LEVEL SECURITY")  # it binds the owner too, who has no tenant
    op.execute(
        "UPDATE cases SET judged = CASE state WHEN 'retracted' THEN 'retract' ELSE 'drop' END"
        " WHERE state IN ('retracted', 'withdrawn')"
    )
    op.execute("ALTER TABLE cases FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE cases ALTER COLUMN judged DROP DEFAULT")


def downgrade() -> None:
    op.execute("ALTER TABLE cases DROP COLUMN outcome, DROP COLUMN judged")
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
