"""The audit log's tables, made by a migration of each service. A version never changes: a later need is a new function.

Nobody's role may update or delete, and triggers refuse it to the owner too: only `audit_cut` takes old entries away.
"""

from typing import Final

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

TABLES: Final = ("audit_log", "audit_chain", "audit_seals")

_LOG: Final = """
CREATE TABLE audit_log (
    tenant_id text NOT NULL,
    entry_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    subject text NOT NULL,
    token_id text,
    action text NOT NULL,
    object_kind text NOT NULL,
    object_ids text[] NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('changed', 'disclosed', 'refused')),
    trace_id text,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),  -- the order in which entries are sealed
    PRIMARY KEY (tenant_id, entry_id)
)
"""
_CHAIN: Final = """
CREATE TABLE audit_chain (
    tenant_id text NOT NULL,
    seq bigint NOT NULL,  -- 1, 2, 3, ... without a gap
    entry_id uuid NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (tenant_id, seq),
    UNIQUE (tenant_id, entry_id)
)
"""
_SEALS: Final = """
CREATE TABLE audit_seals (
    tenant_id text NOT NULL,
    seq bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('seal', 'cut')),  -- a cut: entries up to this one were taken away
    hash bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    key_id text,
    signature bytea,
    PRIMARY KEY (tenant_id, seq, kind)
)
"""
_POSITION: Final = """
CREATE TABLE audit_position (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    last_xid xid8 NOT NULL
)
"""
_REFUSE: Final = """
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('recours.audit_cut', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the audit log only grows' USING ERRCODE = 'insufficient_privilege';
END $$
"""
# Called by the worker after it has written the cut that says so. What is younger than 90 days stays, whatever it asks.
_CUT: Final = """
CREATE FUNCTION audit_cut(tenant text, up_to bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    gone bigint;
BEGIN
    PERFORM set_config('recours.tenant', tenant, true);
    IF NOT EXISTS (SELECT 1 FROM audit_seals WHERE tenant_id = tenant AND seq = up_to AND kind = 'cut')
        OR NOT EXISTS (SELECT 1 FROM audit_chain WHERE tenant_id = tenant AND seq > up_to)  -- the head always stays
        OR EXISTS (
            SELECT 1 FROM audit_chain AS c JOIN audit_log AS l USING (tenant_id, entry_id)
            WHERE c.tenant_id = tenant AND c.seq <= up_to AND l.at > now() - interval '90 days'
        )
    THEN
        RAISE EXCEPTION 'no such cut' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM set_config('recours.audit_cut', 'on', true);
    DELETE FROM audit_log AS l USING audit_chain AS c
    WHERE c.tenant_id = tenant AND c.seq <= up_to AND l.tenant_id = tenant AND l.entry_id = c.entry_id;
    DELETE FROM audit_chain WHERE tenant_id = tenant AND seq <= up_to;
    GET DIAGNOSTICS gone = ROW_COUNT;
    DELETE FROM audit_seals WHERE tenant_id = tenant AND seq < up_to;
    PERFORM set_config('recours.audit_cut', 'off', true);
    PERFORM set_config('recours.tenant', '', true);
    RETURN gone;
END $$
"""


def create_audit_v1(service: str) -> None:
    """Create the log, the chain over it, the seals of the chain, and how far it is sealed."""
    for statement in (_LOG, _CHAIN, _SEALS, _POSITION, _REFUSE, _CUT):
        op.execute(statement)
    op.execute("CREATE INDEX audit_log_xid ON audit_log (xid)")
    op.execute("CREATE INDEX audit_log_at ON audit_log (tenant_id, at)")
    op.execute("INSERT INTO audit_position (last_xid) VALUES ('0')")
    for table in TABLES:
        secure_tenant_table(service, table)
        op.execute(f"REVOKE UPDATE, DELETE ON {table} FROM {service}_api, {service}_worker")
        op.execute(
            f"CREATE TRIGGER {table}_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()"
        )
    op.execute(f"REVOKE INSERT ON audit_chain, audit_seals FROM {service}_api")
    op.execute(f"GRANT SELECT, UPDATE ON audit_position TO {service}_worker")
    op.execute("REVOKE EXECUTE ON FUNCTION audit_cut FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION audit_cut TO {service}_worker")


def drop_audit_v1() -> None:
    """Take them away again."""
    op.execute("DROP TABLE audit_log, audit_chain, audit_seals, audit_position")
    op.execute("DROP FUNCTION audit_cut, refuse_audit_change")
