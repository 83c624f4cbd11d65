"""Answers to requests for records that Recours sends itself: which bytes, until they have gone."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE records_answers (
            tenant_id text NOT NULL,
            appeal_id uuid NOT NULL,
            case_id uuid NOT NULL,
            request_id uuid NOT NULL,
            trace text NOT NULL,
            key text,  -- of its bytes; NULL once sending has ended: they hold patient data and are needed no more
            size_bytes bigint NOT NULL,
            sets integer NOT NULL,
            documents jsonb NOT NULL,  -- in their order: document_id, sha256 and the code that each answers
            written_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, appeal_id)
        )
        """
    )
    op.execute("CREATE INDEX records_answers_key ON records_answers (key)")
    secure_tenant_table("appeals", "records_answers")


def downgrade() -> None:
    op.execute("DROP TABLE records_answers")
