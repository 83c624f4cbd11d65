"""What waits for a person: documents that guests offer, and requests for records."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.execute("CREATE INDEX documents_offered ON documents (tenant_id, document_id) WHERE state = 'offered'")
    op.execute("CREATE INDEX records_requests_newest ON records_requests (tenant_id, received_at, request_id)")


def downgrade() -> None:
    op.execute("DROP INDEX documents_offered")
    op.execute("DROP INDEX records_requests_newest")
