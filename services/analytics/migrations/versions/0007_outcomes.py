"""What became of each service line at its first answer, for the search of root causes. Facts that were there before have none."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0007"
down_revision = "0006"

SERVICE = "analytics"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE outcomes (
            tenant_id text NOT NULL,
            claim_key uuid NOT NULL,
            episode smallint NOT NULL,  -- which claim of the account
            line smallint NOT NULL,  -- 0, 1, 2, ... of it
            day date NOT NULL,
            subject bigint NOT NULL,
            service bigint NOT NULL,
            reason integer NOT NULL,  -- 0: not refused
            denied_cents bigint NOT NULL,
            claim_id uuid,
            denial_id uuid,
            PRIMARY KEY (tenant_id, claim_key, episode, line)
        )
        """
    )
    op.execute("CREATE INDEX outcomes_day ON outcomes USING brin (day)")
    op.execute("CREATE INDEX outcomes_refused ON outcomes (tenant_id, day, claim_key, episode, line) WHERE reason <> 0")
    op.execute(
        """
        CREATE TABLE outcome_subjects (
            tenant_id text NOT NULL,
            subject bigint NOT NULL,
            payer text NOT NULL,
            facility text NOT NULL,
            provider text NOT NULL,
            place text NOT NULL,
            claim_type text NOT NULL,
            "authorization" text NOT NULL,
            diagnosis text NOT NULL,
            PRIMARY KEY (tenant_id, subject)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE outcome_services (
            tenant_id text NOT NULL,
            service bigint NOT NULL,
            told text NOT NULL,  -- procedure and modifiers, set apart by colons
            PRIMARY KEY (tenant_id, service)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE outcome_reasons (
            tenant_id text NOT NULL,
            reason integer NOT NULL,
            category text NOT NULL,
            carc text NOT NULL,
            PRIMARY KEY (tenant_id, reason)
        )
        """
    )
    for table in ("outcomes", "outcome_subjects", "outcome_services", "outcome_reasons"):
        secure_tenant_table(SERVICE, table)


def downgrade() -> None:
    op.execute("DROP TABLE outcomes, outcome_subjects, outcome_services, outcome_reasons")
