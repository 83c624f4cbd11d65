"""What tenants tell of their money, measures of what is given up, underpaid and saved, and reasons of denials for BI tools."""

from typing import Final

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0018"
down_revision = "0017"

SERVICE = "analytics"
READERS: Final = "analytics_bi"

_BEFORE: Final = """
    (1, 'submitted', 'cents'), (2, 'clean', 'cents'), (3, 'answered', 'cents'), (4, 'rejected', 'cents'),
    (5, 'outstanding', 'cents'), (6, 'first_adjudicated', 'cents'), (7, 'initially_denied', 'cents'),
    (8, 'initially_refused', 'cents'), (9, 'first_lines', 'none'), (10, 'initially_denied_lines', 'none'),
    (11, 'resolved_first', 'cents'), (12, 'responded', 'days'), (13, 'standing', 'cents'), (14, 'standing_denied', 'cents'),
    (15, 'denied', 'cents'), (16, 'preventable', 'cents'), (17, 'preventable_known', 'cents'), (18, 'unrecovered', 'cents'),
    (19, 'recovered', 'cents'), (20, 'closed', 'cents'), (21, 'overturned', 'cents'), (22, 'appealed', 'days'),
    (23, 'decided', 'days'), (24, 'cashed', 'days'), (25, 'filed_with_deadline', 'cents'), (26, 'filed_in_time', 'cents'),
    (27, 'timely_filing_lost', 'cents'), (28, 'worked', 'cents'), (29, 'caught', 'cents'), (30, 'catchable', 'cents')
"""
_MORE: Final = ", (31, 'written_off', 'cents'), (32, 'underpaid', 'cents'), (33, 'saved', 'cents')"
# Everybody is looked at once more.
_EVERY_PAYER: Final = """
INSERT INTO alert_marks (tenant_id, payer_id)
SELECT DISTINCT tenant_id, payer FROM rollups JOIN cells USING (tenant_id, cell) WHERE grain = 1 AND measure IN (6, 7, 8)
ON CONFLICT DO NOTHING
"""
# A reason is an array in its fact: line, category, CARC, cents, group code, RARCs; the last two are not in older facts.
_REASONS: Final = """
CREATE VIEW bi.denial_reasons WITH (security_barrier) AS
SELECT (fact->>'denial_id')::uuid AS denial_id, claim_key, (fact->>'version')::integer AS revision, place::integer AS place,
    (reason->>0)::integer AS line, reason->>1 AS category, reason->>4 AS group_code, reason->>2 AS carc,
    CASE WHEN reason->5 IS NULL THEN NULL ELSE ARRAY(SELECT json_array_elements_text(reason->5)) END AS rarcs,
    (reason->>3)::bigint AS refused_cents
FROM (
    SELECT DISTINCT ON (fact->>'denial_id') claim_key, fact
    FROM public.facts, LATERAL (SELECT convert_from(told, 'UTF8')::json AS fact) AS read
    WHERE tenant_id = (SELECT bi.tenant()) AND kind = 'denial'
    ORDER BY fact->>'denial_id', coalesce((fact->>'version')::integer, 0) DESC
) AS newest, LATERAL json_array_elements(fact->'reasons') WITH ORDINALITY AS told (reason, place)
"""


def _measures(named: str) -> str:
    return (
        "CREATE OR REPLACE VIEW bi.measures AS SELECT measure_id, measure, amount_unit"  # noqa: S608 - ours
        f" FROM (VALUES {named}) AS named (measure_id, measure, amount_unit)"
    )


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE told_amounts (
            tenant_id text NOT NULL,
            name text NOT NULL CHECK (name IN ('net_revenue', 'rework_cost')),
            month date NOT NULL,  -- its first day; 1970-01-01: of no month
            told_at timestamptz NOT NULL,
            cents bigint NOT NULL,
            PRIMARY KEY (tenant_id, name, month, told_at)
        )
        """
    )
    secure_tenant_table(SERVICE, "told_amounts")
    op.execute("ALTER TABLE alert_marks DROP COLUMN mark, ALTER COLUMN looked_at DROP NOT NULL")
    op.execute("ALTER TABLE alert_marks ADD COLUMN moved bigint NOT NULL DEFAULT 1, ADD COLUMN looked bigint NOT NULL DEFAULT 0")
    op.execute("CREATE INDEX alert_marks_moved ON alert_marks (tenant_id, payer_id) WHERE moved <> looked")
    for table in ("rollups", "cells", "alert_marks"):  # what is there is every tenant's, and the owner is bound by their policies
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(_EVERY_PAYER)
    for table in ("rollups", "cells", "alert_marks"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE recounts ADD COLUMN outcomes bigint NOT NULL DEFAULT 0")
    op.execute(_measures(_BEFORE + _MORE))
    op.execute(_REASONS)
    op.execute(f"GRANT SELECT ON bi.denial_reasons TO {READERS}")


def downgrade() -> None:
    op.execute("DROP VIEW bi.denial_reasons")
    op.execute(_measures(_BEFORE))
    op.execute("DELETE FROM alert_marks")
    op.execute("ALTER TABLE alert_marks DROP COLUMN moved, DROP COLUMN looked")
    op.execute("ALTER TABLE alert_marks ADD COLUMN mark text NOT NULL, ALTER COLUMN looked_at SET NOT NULL")
    op.execute("ALTER TABLE recounts DROP COLUMN outcomes")
    op.execute("DROP TABLE told_amounts")
