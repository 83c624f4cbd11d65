"""`bi.claims` tells the day of a claim's submission beside the day on which what it says now became known."""

from typing import Final

from alembic import op

revision = "0031"
down_revision = "0030"

READERS: Final = "analytics_bi"

_CLAIMS: Final = """
CREATE {replace} VIEW bi.claims WITH (security_barrier) AS
SELECT (fact->>'claim_id')::uuid AS claim_id, claim_key, fact->>'payer_id' AS payer_id, payer_name,
    (fact->>'known_on')::date AS known_on, (fact->>'charge_cents')::bigint AS charge_cents,
    fact->>'frequency_code' AS frequency_code, (fact->>'replaces')::uuid AS replaces_claim_id,
    coalesce((fact->>'is_secondary')::boolean, false) AS is_secondary, coalesce(fact->>'claim_type', '') AS claim_type,
    coalesce(fact->>'facility', '') AS facility, coalesce(fact->>'provider', '') AS provider,
    coalesce(fact->>'service_group', '') AS service_group,
    coalesce((fact->>'has_error')::boolean, false) AS has_error,
    coalesce((fact->>'has_warning')::boolean, false) AS has_warning, coalesce(fact->>'coder', '') AS coder{submitted_on}
FROM (
    SELECT DISTINCT ON (fact->>'claim_id') tenant_id, claim_key, fact
    FROM public.facts, LATERAL (SELECT convert_from(told, 'UTF8')::json AS fact) AS read
    WHERE tenant_id = (SELECT bi.tenant()) AND kind = 'claim'
    ORDER BY fact->>'claim_id', coalesce((fact->>'version')::integer, 0) DESC
) AS newest
LEFT JOIN public.payers ON payers.tenant_id = newest.tenant_id AND payers.payer_id = fact->>'payer_id'
"""
_SUBMITTED_ON: Final = ", coalesce(fact->>'submitted_on', fact->>'known_on')::date AS submitted_on"


def upgrade() -> None:
    op.execute(_CLAIMS.format(replace="OR REPLACE", submitted_on=_SUBMITTED_ON))


def downgrade() -> None:
    op.execute("DROP VIEW bi.claims")
    op.execute(_CLAIMS.format(replace="", submitted_on=""))
    op.execute(f"GRANT SELECT ON bi.claims TO {READERS}")
