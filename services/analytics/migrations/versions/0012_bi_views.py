"""Views for BI tools, in a schema of their own: what docs/exports.md lists, of the reader's own tenant alone.

A session may change any setting, so the tenant is not one: it follows from the role that logged in (`session_user`, which only a
superuser changes), by a table that only the owner reads and writes. The views run with their owner's rights, so readers need none
on the tables; policies and the views' own condition keep the owner's rights to that tenant while somebody else is logged in.
"""

from typing import Final

from alembic import op

revision = "0012"
down_revision = "0011"

OWNER: Final = "analytics_owner"
READERS: Final = "analytics_bi"
TABLES: Final = ("facts", "payers", "cells", "rollups")

_READERS: Final = """
CREATE TABLE bi.readers (
    tenant_id text NOT NULL,
    role_name text NOT NULL UNIQUE,  -- one that logs in, of the group analytics_bi
    PRIMARY KEY (tenant_id, role_name)
)
"""
_TENANT: Final = """
CREATE FUNCTION bi.tenant() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'SELECT tenant_id FROM bi.readers WHERE role_name = session_user::text'
"""
# The ids of services/analytics/facts/measures.py, which never change.
_MEASURES: Final = """
CREATE VIEW bi.measures AS
SELECT measure_id, measure, amount_unit FROM (VALUES
    (1, 'submitted', 'cents'), (2, 'clean', 'cents'), (3, 'answered', 'cents'), (4, 'rejected', 'cents'),
    (5, 'outstanding', 'cents'), (6, 'first_adjudicated', 'cents'), (7, 'initially_denied', 'cents'),
    (8, 'initially_refused', 'cents'), (9, 'first_lines', 'none'), (10, 'initially_denied_lines', 'none'),
    (11, 'resolved_first', 'cents'), (12, 'responded', 'days'), (13, 'standing', 'cents'), (14, 'standing_denied', 'cents'),
    (15, 'denied', 'cents'), (16, 'preventable', 'cents'), (17, 'preventable_known', 'cents'), (18, 'unrecovered', 'cents'),
    (19, 'recovered', 'cents'), (20, 'closed', 'cents'), (21, 'overturned', 'cents'), (22, 'appealed', 'days'),
    (23, 'decided', 'days'), (24, 'cashed', 'days'), (25, 'filed_with_deadline', 'cents'), (26, 'filed_in_time', 'cents'),
    (27, 'timely_filing_lost', 'cents'), (28, 'worked', 'cents'), (29, 'caught', 'cents'), (30, 'catchable', 'cents')
) AS named (measure_id, measure, amount_unit)
"""
_DAILY_SUMS: Final = """
CREATE VIEW bi.daily_sums WITH (security_barrier) AS
SELECT measures.measure, day, known_on, payer AS payer_id, payer_name, facility, provider, service_group, category, level,
    count, amount, amount_unit
FROM public.rollups JOIN public.cells USING (tenant_id, cell) JOIN bi.measures ON measure_id = rollups.measure
LEFT JOIN public.payers ON payers.tenant_id = rollups.tenant_id AND payer_id = payer
WHERE rollups.tenant_id = (SELECT bi.tenant()) AND grain = 0
"""

# view -> (kind of its facts, what tells them apart, columns); a default is what the fact leaves out
_FACTS: Final = {
    "claims": (
        "claim",
        "claim_id",
        """
        (fact->>'claim_id')::uuid AS claim_id, claim_key, fact->>'payer_id' AS payer_id, payer_name,
        (fact->>'known_on')::date AS known_on, (fact->>'charge_cents')::bigint AS charge_cents,
        fact->>'frequency_code' AS frequency_code, (fact->>'replaces')::uuid AS replaces_claim_id,
        coalesce((fact->>'is_secondary')::boolean, false) AS is_secondary, coalesce(fact->>'claim_type', '') AS claim_type,
        coalesce(fact->>'facility', '') AS facility, coalesce(fact->>'provider', '') AS provider,
        coalesce(fact->>'service_group', '') AS service_group,
        coalesce((fact->>'has_error')::boolean, false) AS has_error, coalesce((fact->>'has_warning')::boolean, false) AS has_warning
        """,
    ),
    "adjudications": (
        "remit",
        "remit_id",
        """
        (fact->>'remit_id')::uuid AS remit_id, claim_key,
        (
            SELECT (other->>'claim_id')::uuid
            FROM public.facts AS others, LATERAL (SELECT convert_from(told, 'UTF8')::json AS other) AS read
            WHERE others.tenant_id = newest.tenant_id AND others.claim_key = newest.claim_key
                AND kind IN ('match', 'remit') AND other->>'remit_id' = fact->>'remit_id'
            ORDER BY kind, (other->>'version')::integer DESC LIMIT 1  -- what was matched, before what the remit says itself
        ) AS claim_id,
        fact->>'payer_id' AS payer_id, payer_name, (fact->>'known_on')::date AS known_on,
        (fact->>'payment_on')::date AS payment_on, fact->>'status' AS claim_status_code,
        (fact->>'charge_cents')::bigint AS charge_cents, (fact->>'paid_cents')::bigint AS paid_cents,
        (fact->>'lines')::integer AS lines, coalesce(fact->>'service_group', '') AS service_group
        """,
    ),
    "denials": (
        "denial",
        "denial_id",
        """
        (fact->>'denial_id')::uuid AS denial_id, (fact->>'remit_id')::uuid AS remit_id, claim_key,
        (fact->>'version')::integer AS revision, (fact->>'is_active')::boolean AS is_active,
        fact->>'payer_id' AS payer_id, payer_name,
        (fact->>'known_on')::date AS known_on, (fact->>'payment_on')::date AS payment_on, fact->>'category' AS category,
        coalesce(fact->>'action', '') AS action, (fact->>'preventable')::boolean AS is_preventable,
        (fact->>'denied_cents')::bigint AS denied_cents, coalesce((fact->>'lines')::integer, 0) AS denied_lines,
        (fact->>'confidence')::double precision AS confidence
        """,
    ),
    "filings": (
        "filing",
        "appeal_id",
        """
        (fact->>'appeal_id')::uuid AS appeal_id, (fact->>'denial_id')::uuid AS denial_id, claim_key, fact->>'payer_id' AS payer_id,
        payer_name, (fact->>'known_on')::date AS known_on, fact->>'category' AS category, fact->>'action' AS action,
        coalesce(fact->>'level', '') AS level, (fact->>'disputed_cents')::bigint AS disputed_cents,
        (fact->>'filed_on')::date AS filed_on, (fact->>'due_on')::date AS due_on
        """,
    ),
    "outcomes": (
        "decision",
        "appeal_id",
        """
        (fact->>'appeal_id')::uuid AS appeal_id, (fact->>'denial_id')::uuid AS denial_id, claim_key, fact->>'payer_id' AS payer_id,
        payer_name, (fact->>'known_on')::date AS known_on, fact->>'category' AS category, fact->>'action' AS action,
        coalesce(fact->>'level', '') AS level, fact->>'outcome' AS outcome, (fact->>'disputed_cents')::bigint AS disputed_cents,
        (fact->>'recovered_cents')::bigint AS recovered_cents, (fact->>'filed_on')::date AS filed_on,
        (fact->>'decided_on')::date AS decided_on, (fact->>'by_remittance')::boolean AS by_remittance
        """,
    ),
}


def upgrade() -> None:
    op.execute("CREATE SCHEMA bi")
    op.execute(_READERS)
    op.execute(_TENANT)
    op.execute("REVOKE EXECUTE ON FUNCTION bi.tenant FROM PUBLIC")
    for table in TABLES:
        op.execute(f"CREATE POLICY bi ON {table} FOR SELECT TO {OWNER} USING (tenant_id = (SELECT bi.tenant()))")
        op.execute(
            f"CREATE POLICY bi_alone ON {table} AS RESTRICTIVE FOR SELECT TO {OWNER}"
            f" USING (session_user = '{OWNER}' OR tenant_id = (SELECT bi.tenant()))"
        )
    op.execute(_MEASURES)
    op.execute(_DAILY_SUMS)
    for view, (kind, named, columns) in _FACTS.items():
        op.execute(
            f"""
            CREATE VIEW bi.{view} WITH (security_barrier) AS
            SELECT {columns}
            FROM (
                SELECT DISTINCT ON (fact->>'{named}') tenant_id, claim_key, fact
                FROM public.facts, LATERAL (SELECT convert_from(told, 'UTF8')::json AS fact) AS read
                WHERE tenant_id = (SELECT bi.tenant()) AND kind = '{kind}'
                ORDER BY fact->>'{named}', coalesce((fact->>'version')::integer, 0) DESC
            ) AS newest
            LEFT JOIN public.payers ON payers.tenant_id = newest.tenant_id AND payers.payer_id = fact->>'payer_id'
            """  # noqa: S608 - names are ours
        )
    op.execute(f"GRANT USAGE ON SCHEMA bi TO {READERS}")
    op.execute(f"GRANT EXECUTE ON FUNCTION bi.tenant TO {READERS}")
    op.execute(f"GRANT SELECT ON bi.measures, bi.daily_sums, {', '.join(f'bi.{view}' for view in _FACTS)} TO {READERS}")


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP POLICY bi ON {table}")
        op.execute(f"DROP POLICY bi_alone ON {table}")
    op.execute("DROP SCHEMA bi CASCADE")
