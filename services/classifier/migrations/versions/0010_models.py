"""Learned models: their files and lives, the jobs that train and evaluate them, and what they said of each claim or denial."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0010"
down_revision = "0009"

SERVICE = "classifier"
_TABLES = ("models", "model_evaluations", "model_jobs", "model_scores")


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE models (
            tenant_id text NOT NULL,
            model_id uuid NOT NULL,
            subject text NOT NULL CHECK (subject IN ('risk', 'overturn')),
            version integer NOT NULL,
            state text NOT NULL CHECK (state IN ('candidate', 'shadow', 'live', 'retired', 'rolled_back')),
            body bytea NOT NULL,
            sha256 text NOT NULL,
            first_on date NOT NULL,
            last_on date NOT NULL,
            rows bigint NOT NULL,
            card jsonb NOT NULL,
            created_at timestamptz NOT NULL,
            changed_at timestamptz NOT NULL,
            promoted_at timestamptz,
            scored_xid xid8 NOT NULL,  -- what came in later transactions it has not learned from; up to here it has said its score
            scored_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
            PRIMARY KEY (tenant_id, model_id),
            UNIQUE (tenant_id, subject, version)
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX models_in_use ON models (tenant_id, subject, state) WHERE state IN ('live', 'shadow')")
    op.execute(
        """
        CREATE TABLE model_evaluations (
            tenant_id text NOT NULL,
            evaluation_id uuid NOT NULL,
            model_id uuid NOT NULL,
            rival_id uuid,
            first_on date NOT NULL,
            last_on date NOT NULL,
            rows bigint NOT NULL,
            metrics jsonb NOT NULL,
            rival jsonb NOT NULL,
            evaluated_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, model_id, evaluation_id)
        )
        """
    )
    _jobs_and_scores()
    for table in _TABLES:
        secure_tenant_table(SERVICE, table)


def _jobs_and_scores() -> None:
    op.execute(
        """
        CREATE TABLE model_jobs (
            tenant_id text NOT NULL,
            job_id uuid NOT NULL,
            subject text NOT NULL CHECK (subject IN ('risk', 'overturn')),
            work text NOT NULL CHECK (work IN ('train', 'evaluate')),
            model_id uuid,  -- which is evaluated, or was trained
            state text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'refused', 'failed', 'cancelled')),
            step text NOT NULL,
            progress real NOT NULL,
            attempts integer NOT NULL,
            lease_until timestamptz,
            detail text,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, job_id)
        )
        """
    )
    op.execute("CREATE INDEX model_jobs_to_do ON model_jobs (job_id) WHERE state IN ('waiting', 'running')")
    op.execute(
        """
        CREATE TABLE model_scores (
            tenant_id text NOT NULL,
            model_id uuid NOT NULL,
            about uuid NOT NULL,  -- the claim or denial
            score real NOT NULL,
            judged_on date NOT NULL,
            PRIMARY KEY (tenant_id, model_id, about)
        )
        """
    )


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.execute(f"DROP TABLE {table}")
