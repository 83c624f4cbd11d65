"""The spine's tables, made by each service's first migration, and how a tenant's table is closed to other tenants.

Migrations call these by version and a version never changes: a later need is a new function.
"""

from alembic import op

_OUTBOX = """
CREATE TABLE outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY (CACHE 1),  -- given under the aggregate's lock: the order inside a window
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id uuid NOT NULL,
    tenant_id text NOT NULL,
    aggregatetype text NOT NULL,
    aggregateid text NOT NULL,
    type text NOT NULL,
    payload bytea NOT NULL,
    headers text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (created_at)
"""

_RELAY_POSITION = """
CREATE TABLE relay_position (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    last_xid xid8 NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now()
)
"""

_INBOX = """
CREATE TABLE inbox (
    event_id uuid NOT NULL,
    source text NOT NULL,
    admitted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, source)
)
"""

# Called by the worker, which may not create or drop; hence SECURITY DEFINER. A day's partition is made ahead of its day, and
# dropped when it is older than asked and the relay has sent all of it: what was never sent is never dropped.
_TEND_OUTBOX = """
CREATE FUNCTION tend_outbox(keep_days integer, days_ahead integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
    day date;
    part text;
    unsent boolean;
BEGIN
    FOR day IN SELECT today + n FROM generate_series(0, days_ahead) AS n LOOP
        CONTINUE WHEN to_regclass('outbox_' || to_char(day, 'YYYYMMDD')) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I PARTITION OF outbox FOR VALUES FROM (%L) TO (%L)', 'outbox_' || to_char(day, 'YYYYMMDD'),
            day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
    END LOOP;
    FOR part IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'outbox'::regclass LOOP
        CONTINUE WHEN to_date(right(part, 8), 'YYYYMMDD') >= today - keep_days;
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE xid > (SELECT last_xid FROM relay_position))', part) INTO unsent;
        CONTINUE WHEN unsent;
        EXECUTE format('DROP TABLE %I', part);
    END LOOP;
END $$
"""


def create_spine_v1(service: str) -> None:
    """Create outbox, inbox and the relay's position, and grant them to the service's roles.

    They hold no row-level security: COPY is refused where it binds, and the API role reaches them only to write its events and
    to read and replay dead letters, always by tenant.
    """
    op.execute(_OUTBOX)
    op.execute("CREATE INDEX outbox_xid ON outbox (xid)")
    op.execute("CREATE INDEX outbox_dead_letters ON outbox (tenant_id, id) WHERE aggregatetype LIKE '%.dlq'")
    op.execute("CREATE INDEX outbox_replays ON outbox (seq) WHERE headers LIKE '%\"ce_replayof\":%'")
    op.execute(_RELAY_POSITION)
    op.execute("INSERT INTO relay_position (last_xid) VALUES ('0')")
    op.execute(_INBOX)
    op.execute(_TEND_OUTBOX)
    op.execute("SELECT tend_outbox(7, 7)")
    op.execute(f"GRANT SELECT, INSERT ON outbox TO {service}_api, {service}_worker")
    op.execute(f"GRANT SELECT, UPDATE ON relay_position TO {service}_worker")
    op.execute(f"GRANT SELECT ON relay_position TO {service}_api")
    op.execute(f"GRANT SELECT, INSERT, DELETE ON inbox TO {service}_worker")
    op.execute("REVOKE EXECUTE ON FUNCTION tend_outbox FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION tend_outbox TO {service}_worker")


def show_trail_v1(service: str) -> None:
    """Let the API say what was told of an account and which events were dealt with.

    What comes by the million has no part in the index: its rows are written once and mostly never asked for, and an index on
    keys that come in no order costs more than the row (ingest knows them by its own tables). An inbox row is an id and a time.
    """
    op.execute(
        "CREATE INDEX outbox_of_account ON outbox USING hash (aggregateid)"
        " WHERE aggregatetype NOT IN ('remit.received', 'claim.submitted')"
    )
    op.execute(f"GRANT SELECT ON inbox TO {service}_api")


def hide_trail_v1(service: str) -> None:
    op.execute(f"REVOKE SELECT ON inbox FROM {service}_api")  # noqa: S608 - our own name
    op.execute("DROP INDEX outbox_of_account")


def secure_tenant_table(service: str, table: str) -> None:
    """Close a table by tenant: the API role sees and writes only rows of `recours.tenant`, the worker role all rows.

    The table must lead with a `tenant_id` column.
    """
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant ON {table} USING (tenant_id = current_setting('recours.tenant', true))"
        f" WITH CHECK (tenant_id = current_setting('recours.tenant', true))"
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {service}_api, {service}_worker")
