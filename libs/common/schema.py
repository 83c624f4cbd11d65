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


def create_tenants_v1(service: str) -> None:
    """Create the register of tenants in a service's migration."""
    op.execute(
        """
        CREATE TABLE tenants (
            tenant_id text PRIMARY KEY,
            state text NOT NULL CHECK (state IN ('active', 'suspended')),
            why text NOT NULL,
            changed_by text NOT NULL,
            changed_at timestamptz NOT NULL
        )
        """
    )
    secure_tenant_table(service, "tenants")
    # Who is served is asked at every door, of all tenants at once: the owner, in whose name the function runs, may see them.
    op.execute("CREATE POLICY every_tenant ON tenants FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(
        "CREATE FUNCTION every_tenant() RETURNS SETOF tenants"
        " LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS 'SELECT * FROM tenants'"
    )
    op.execute("REVOKE EXECUTE ON FUNCTION every_tenant FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION every_tenant TO {service}_api, {service}_worker")


def add_legal_hold_v1() -> None:
    """Let a tenant be under legal hold."""
    op.execute("ALTER TABLE tenants ADD COLUMN legal_hold boolean NOT NULL DEFAULT false")
    op.execute("ALTER TABLE tenants ADD COLUMN hold_why text NOT NULL DEFAULT ''")


def drop_legal_hold_v1() -> None:
    op.execute("ALTER TABLE tenants DROP COLUMN hold_why, DROP COLUMN legal_hold")


def drop_tenants_v1() -> None:
    op.execute("DROP FUNCTION every_tenant")
    op.execute("DROP TABLE tenants")


def create_data_keys_v1(service: str) -> None:
    """Create the tables of a service that seals columns: tenants' wrapped data keys, and what is being sealed anew."""
    op.execute(
        """
        CREATE TABLE data_keys (
            tenant_id text NOT NULL,
            key_id integer NOT NULL,  -- the highest one seals
            wrapped bytea NOT NULL,
            master text NOT NULL,  -- the name of the master key that wrapped it
            created_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            created_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (tenant_id, key_id)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE key_rewrites (
            tenant_id text NOT NULL,
            key_id integer NOT NULL,  -- to be sealed with this one; 1: what was there before anything was sealed
            place text NOT NULL,
            begins_at timestamptz NOT NULL,
            after jsonb,  -- the key of the last row that was gone through; null: from the start
            rows bigint NOT NULL DEFAULT 0,
            changed boolean NOT NULL DEFAULT false,  -- in this pass; the pass that changes nothing is the last
            done_at timestamptz,
            PRIMARY KEY (tenant_id, key_id, place)
        )
        """
    )
    op.execute("CREATE INDEX key_rewrites_open ON key_rewrites (begins_at) WHERE done_at IS NULL")
    for table in ("data_keys", "key_rewrites"):
        secure_tenant_table(service, table)


def seal_answers_v1() -> None:
    """Make kept answers bytes in a service that seals columns, and list whose are to be sealed."""
    op.execute("ALTER TABLE idempotency_keys ALTER COLUMN body TYPE bytea USING convert_to(body, 'UTF8')")
    op.execute("ALTER TABLE idempotency_keys ALTER COLUMN body SET STORAGE EXTERNAL")  # sealed bytes cannot be compressed
    for table in ("idempotency_keys", "key_rewrites"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")  # it binds the owner too, who has no tenant
    op.execute(
        "INSERT INTO key_rewrites (tenant_id, key_id, place, begins_at)"
        " SELECT DISTINCT tenant_id, 1, 'idempotency_keys.body', now() FROM idempotency_keys"
    )
    for table in ("idempotency_keys", "key_rewrites"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def unseal_answers_v1() -> None:
    """Undo `seal_answers_v1` where no answer is kept."""
    op.execute("ALTER TABLE idempotency_keys ALTER COLUMN body TYPE text USING convert_from(body, 'UTF8')")
    op.execute("ALTER TABLE idempotency_keys ALTER COLUMN body SET STORAGE EXTENDED")
