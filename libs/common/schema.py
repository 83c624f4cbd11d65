"""Tables that several services have beside the spine's, made by their first migrations.

Apart from the modules that use them, because a running process has no use for Alembic. A version never changes: a later need is a
new function.
"""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table


def create_ledger_v1(service: str) -> None:
    """Create the ledger's tables in a service's first migration."""
    op.execute(
        """
        CREATE TABLE ledger_days (
            tenant_id text NOT NULL,
            day date NOT NULL,
            remits bigint NOT NULL,
            charge_cents bigint NOT NULL,
            paid_cents bigint NOT NULL,
            unbalanced_cents bigint NOT NULL,
            PRIMARY KEY (tenant_id, day)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE ledger_adjustments (
            tenant_id text NOT NULL,
            day date NOT NULL,
            group_code text NOT NULL,
            amount_cents bigint NOT NULL,
            PRIMARY KEY (tenant_id, day, group_code)
        )
        """
    )
    for table in ("ledger_days", "ledger_adjustments"):
        secure_tenant_table(service, table)


def create_idempotency_v1(service: str) -> None:
    """Create the table in a service's migration."""
    op.execute(
        """
        CREATE TABLE idempotency_keys (
            tenant_id text NOT NULL,
            key text NOT NULL,
            request_digest text NOT NULL,
            status integer,
            location text,
            body text,
            kept_until timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, key)
        )
        """
    )
    secure_tenant_table(service, "idempotency_keys")
