"""Denials are found by the codes that they name, and are told in French too."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE denials ADD COLUMN explanation_fr text")
    op.execute("ALTER TABLE denials ADD COLUMN codes text[] NOT NULL DEFAULT '{}'")
    # Row-level security binds the owner too, and a migration is no tenant.
    op.execute("ALTER TABLE denials NO FORCE ROW LEVEL SECURITY")
    op.execute(
        """
        UPDATE denials SET codes = ARRAY(
            SELECT DISTINCT COALESCE(NULLIF(ltrim(upper(trim(code)), '0'), ''), '0')
            FROM jsonb_array_elements(reasons) AS reason,
                 LATERAL (SELECT reason ->> 'carc' UNION ALL SELECT jsonb_array_elements_text(reason -> 'rarcs')) AS named (code)
            WHERE trim(code) <> '' ORDER BY 1)
        """
    )
    op.execute("ALTER TABLE denials FORCE ROW LEVEL SECURITY")
    op.execute("CREATE INDEX denials_codes ON denials USING gin (codes)")


def downgrade() -> None:
    op.execute("DROP INDEX denials_codes")
    op.execute("ALTER TABLE denials DROP COLUMN codes")
    op.execute("ALTER TABLE denials DROP COLUMN explanation_fr")
