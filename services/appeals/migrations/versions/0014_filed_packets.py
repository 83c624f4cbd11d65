"""Which packet was filed, whose it was, and whether the day to ask the payer follows from its level."""

from alembic import op

revision = "0014"
down_revision = "0013"

TABLES = ("filings", "packets", "documents")


def upgrade() -> None:
    op.execute(
        "ALTER TABLE filings ADD COLUMN packet_id uuid, ADD COLUMN packet_is text,"  # built, document, foreign
        " ADD COLUMN next_check_is text NOT NULL DEFAULT 'assumed'"  # level, assumed
    )
    op.execute("ALTER TABLE filings ALTER COLUMN next_check_is DROP DEFAULT")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")  # it binds the owner too, who has no tenant
    op.execute(
        """
        UPDATE filings AS f SET
            packet_id = p.packet_id,
            packet_is = CASE WHEN p.packet_id IS NOT NULL THEN 'built' WHEN d.document_id IS NOT NULL THEN 'document'
                ELSE 'foreign' END
        FROM filings AS same
        LEFT JOIN LATERAL (
            SELECT packet_id FROM packets WHERE tenant_id = same.tenant_id AND case_id = same.case_id
            AND sha256 = same.packet_sha256 AND state = 'ready' ORDER BY asked_at DESC LIMIT 1
        ) AS p ON true
        LEFT JOIN LATERAL (
            SELECT document_id FROM documents WHERE tenant_id = same.tenant_id AND case_id = same.case_id
            AND sha256 = same.packet_sha256 LIMIT 1
        ) AS d ON true
        WHERE same.tenant_id = f.tenant_id AND same.appeal_id = f.appeal_id AND same.packet_sha256 IS NOT NULL
        """
    )
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.execute("ALTER TABLE filings DROP COLUMN packet_id, DROP COLUMN packet_is, DROP COLUMN next_check_is")
