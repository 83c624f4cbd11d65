"""What models said, in the order of days: a week is read, and what is old forgotten, without going through the rest."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    # A claim or denial has one day, so that this is as unique as what it takes the place of.
    op.execute("ALTER TABLE model_scores DROP CONSTRAINT model_scores_pkey")
    op.execute("ALTER TABLE model_scores ADD PRIMARY KEY (tenant_id, model_id, judged_on, about)")


def downgrade() -> None:
    op.execute("ALTER TABLE model_scores DROP CONSTRAINT model_scores_pkey")
    op.execute("ALTER TABLE model_scores ADD PRIMARY KEY (tenant_id, model_id, about)")
