"""Tables that several services have beside the spine's, made by their first migrations.

Apart from the modules that use them, because a running process has no use for Alembic. A version never changes: a later need is a
new function.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from alembic import op

from libs.common.messaging.schema import secure_tenant_table
from libs.common.migrate import LOCK_TIMEOUT, STATEMENT_TIMEOUT


@contextmanager
def outside_of_transaction() -> Iterator[None]:
    """For CREATE INDEX CONCURRENTLY and its like, which hold up nobody and take the time they take.

    What stands before it in its version is committed when it begins. When it fails, the version begins again from its start: so it
    stands in a version alone, and drops first what a failed try left (DROP INDEX CONCURRENTLY IF EXISTS).
    """
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute("SET statement_timeout = 0")
        yield
        op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        op.execute(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'")


_VACUUMED_EARLY = {
    "autovacuum_vacuum_threshold": "50000",
    "autovacuum_vacuum_insert_threshold": "100000",
    "autovacuum_analyze_threshold": "50000",
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_vacuum_insert_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.02",
}


def vacuum_early_v1(*tables: str) -> None:
    """Have tables vacuumed and counted when a fiftieth of them has changed, and not a fifth.

    Of a hundred million rows a fifth are twenty million dead ones, and as many that no index-only scan may trust. The least number
    of rows keeps a small table from being looked through again and again.
    """
    for table in tables:
        op.execute(f"ALTER TABLE {table} SET ({', '.join(f'{name} = {value}' for name, value in _VACUUMED_EARLY.items())})")


def vacuum_as_usual_v1(*tables: str) -> None:
    for table in tables:
        op.execute(f"ALTER TABLE {table} RESET ({', '.join(_VACUUMED_EARLY)})")


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


_STATES: Final = "ALTER TABLE tenants ADD CONSTRAINT tenants_state_check CHECK (state IN ({}))"
# Called by the worker, which may delete neither events nor what only grows. Whoever calls them, they take away nothing but rows of
# a tenant that is to be erased and not held, and never the register or the audit log.
_ERASABLE: Final = """
    PERFORM set_config('recours.tenant', tenant, true);
    PERFORM 1 FROM tenants WHERE tenant_id = tenant AND state IN ('erasing', 'erased') AND NOT legal_hold FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'not to be erased' USING ERRCODE = 'insufficient_privilege';
    END IF;
"""
_ERASE_ROWS: Final = f"""
CREATE FUNCTION erase_rows(tenant text, told text, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public SET enable_seqscan = off SET enable_bitmapscan = off SET lock_timeout = '5s' AS $$
DECLARE
    gone bigint;
BEGIN
    {_ERASABLE}
    -- Where row-level security does not bind, and over partitions, a place on a page may be another tenant's.
    IF told IN ('tenants', 'audit_log', 'audit_chain', 'audit_seals') OR NOT EXISTS (
        SELECT 1 FROM pg_class WHERE oid = to_regclass(quote_ident(told)) AND relkind = 'r' AND relforcerowsecurity
    ) THEN
        RAISE EXCEPTION 'not a table to be erased' USING ERRCODE = 'insufficient_privilege';
    END IF;
    EXECUTE format('DELETE FROM %1$I WHERE ctid = ANY (ARRAY(SELECT ctid FROM %1$I WHERE tenant_id = $1 LIMIT $2))', told)
        USING tenant, most;
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM set_config('recours.tenant', '', true);
    RETURN gone;
END $$
"""  # noqa: S608 - our own words
# An outbox has no index by tenant: some pages of a partition at a time. One that was dropped meanwhile holds nothing.
_ERASE_EVENTS: Final = f"""
CREATE FUNCTION erase_events(tenant text, part text, first_page bigint, pages integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public SET enable_seqscan = off SET enable_bitmapscan = off SET enable_indexscan = off SET lock_timeout = '5s'
AS $$
DECLARE
    gone bigint;
BEGIN
    {_ERASABLE}
    IF NOT EXISTS (
        SELECT 1 FROM pg_inherits WHERE inhparent = 'outbox'::regclass AND inhrelid = to_regclass(quote_ident(part))
    ) THEN
        RETURN 0;
    END IF;
    EXECUTE format('DELETE FROM %I WHERE tenant_id = $1 AND ctid >= $2 AND ctid < $3', part)
        USING tenant, format('(%s,0)', first_page)::tid, format('(%s,0)', first_page + pages)::tid;
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM set_config('recours.tenant', '', true);
    RETURN gone;
END $$
"""  # noqa: S608 - as above


_EVERY_TENANT: Final = (
    "tenant_id text, state text, why text, changed_by text, changed_at timestamptz, legal_hold boolean, hold_why text"
)
_ERASED: Final = "erasing_from timestamptz, erased_at timestamptz, erased jsonb"


def _make_every_tenant(service: str, columns: str) -> None:
    """Make `every_tenant` anew with the columns that are named. One statement: nobody finds it missing."""
    names = ", ".join(f"t.{column.split()[0]}" for column in columns.split(", "))
    op.execute(
        f"""
        DO $do$ BEGIN
            DROP FUNCTION every_tenant;
            CREATE FUNCTION every_tenant() RETURNS TABLE ({columns})
                LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS 'SELECT {names} FROM tenants AS t';
            REVOKE EXECUTE ON FUNCTION every_tenant FROM PUBLIC;
            GRANT EXECUTE ON FUNCTION every_tenant TO {service}_api, {service}_worker;
        END $do$
        """  # noqa: S608 - our own names
    )


def add_erasure_v1(service: str) -> None:
    """Let a tenant be erased: its states, how much is gone, and the functions by which the worker does it."""
    # A function that gives whole rows of a table fails for who waits in it while the table gets a column: PostgreSQL knows the
    # row by its old columns and reads the new ones. So its columns are named, and that is committed, before any is added.
    with op.get_context().autocommit_block():
        _make_every_tenant(service, _EVERY_TENANT)
    op.execute("ALTER TABLE tenants DROP CONSTRAINT tenants_state_check")
    op.execute(_STATES.format("'active', 'suspended', 'erasing', 'erased'"))
    op.execute("ALTER TABLE tenants ADD COLUMN erasing_from timestamptz, ADD COLUMN erased_at timestamptz")
    op.execute("ALTER TABLE tenants ADD COLUMN erased jsonb NOT NULL DEFAULT '{}'")  # rows by table
    _make_every_tenant(service, f"{_EVERY_TENANT}, {_ERASED}")
    for statement, name in ((_ERASE_ROWS, "erase_rows"), (_ERASE_EVENTS, "erase_events")):
        op.execute(statement)
        op.execute(f"REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO {service}_worker")


def drop_erasure_v1(service: str) -> None:
    """Undo `add_erasure_v1` where no tenant is erased."""
    _make_every_tenant(service, _EVERY_TENANT)
    op.execute("DROP FUNCTION erase_rows, erase_events")
    op.execute("ALTER TABLE tenants DROP COLUMN erased, DROP COLUMN erased_at, DROP COLUMN erasing_from")
    op.execute("ALTER TABLE tenants DROP CONSTRAINT tenants_state_check")
    op.execute(_STATES.format("'active', 'suspended'"))


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
