"""Who coded a claim is a dimension of sums and of root causes, and a column for BI tools."""

from typing import Final

from alembic import op

revision = "0024"
down_revision = "0023"

READERS: Final = "analytics_bi"

# Of what is there nobody knows who coded it: its sums by coder are those by nothing.
_BY_NOBODY: Final = """
INSERT INTO rollups (tenant_id, grain, measure, day, known_on, cell, count, amount)
SELECT tenant_id, grain + 8, measure, day, known_on, cell, count, amount FROM rollups WHERE grain IN (10, 20, 30, 40)
"""
_DAILY_SUMS: Final = """
CREATE {replace} VIEW bi.daily_sums WITH (security_barrier) AS
SELECT measures.measure, day, known_on, payer AS payer_id, payer_name, facility, provider, service_group, category, level,
    count, amount, amount_unit{coder}
FROM public.rollups JOIN public.cells USING (tenant_id, cell) JOIN bi.measures ON measure_id = rollups.measure
LEFT JOIN public.payers ON payers.tenant_id = rollups.tenant_id AND payer_id = payer
WHERE rollups.tenant_id = (SELECT bi.tenant()) AND grain = 0
"""
_CLAIMS: Final = """
CREATE {replace} VIEW bi.claims WITH (security_barrier) AS
SELECT (fact->>'claim_id')::uuid AS claim_id, claim_key, fact->>'payer_id' AS payer_id, payer_name,
    (fact->>'known_on')::date AS known_on, (fact->>'charge_cents')::bigint AS charge_cents,
    fact->>'frequency_code' AS frequency_code, (fact->>'replaces')::uuid AS replaces_claim_id,
    coalesce((fact->>'is_secondary')::boolean, false) AS is_secondary, coalesce(fact->>'claim_type', '') AS claim_type,
    coalesce(fact->>'facility', '') AS facility, coalesce(fact->>'provider', '') AS provider,
    coalesce(fact->>'service_group', '') AS service_group,
    coalesce((fact->>'has_error')::boolean, false) AS has_error,
    coalesce((fact->>'has_warning')::boolean, false) AS has_warning{coder}
FROM (
    SELECT DISTINCT ON (fact->>'claim_id') tenant_id, claim_key, fact
    FROM public.facts, LATERAL (SELECT convert_from(told, 'UTF8')::json AS fact) AS read
    WHERE tenant_id = (SELECT bi.tenant()) AND kind = 'claim'
    ORDER BY fact->>'claim_id', coalesce((fact->>'version')::integer, 0) DESC
) AS newest
LEFT JOIN public.payers ON payers.tenant_id = newest.tenant_id AND payers.payer_id = fact->>'payer_id'
"""


def upgrade() -> None:
    op.execute("ALTER TABLE cells ADD COLUMN coder text NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE outcome_subjects ADD COLUMN coder text NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE rollups NO FORCE ROW LEVEL SECURITY")  # what is there is every tenant's, as in 0016
    op.execute(_BY_NOBODY)
    op.execute("ALTER TABLE rollups FORCE ROW LEVEL SECURITY")
    op.execute(_DAILY_SUMS.format(replace="OR REPLACE", coder=", coder"))
    op.execute(_CLAIMS.format(replace="OR REPLACE", coder=", coalesce(fact->>'coder', '') AS coder"))


def downgrade() -> None:
    op.execute("DROP VIEW bi.daily_sums, bi.claims")
    for view in (_DAILY_SUMS, _CLAIMS):
        op.execute(view.format(replace="", coder=""))
    op.execute(f"GRANT SELECT ON bi.daily_sums, bi.claims TO {READERS}")
    op.execute("ALTER TABLE rollups NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM rollups WHERE grain IN (18, 28, 38, 48)")
    op.execute("ALTER TABLE rollups FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE outcome_subjects DROP COLUMN coder")
    op.execute("ALTER TABLE cells DROP COLUMN coder")
