"""Sums by the codes that say why something was refused, and a column of them for BI tools."""

from typing import Final

from alembic import op

revision = "0033"
down_revision = "0032"

READERS: Final = "analytics_bi"

_BEFORE: Final = """
    (1, 'submitted', 'cents'), (2, 'clean', 'cents'), (3, 'answered', 'cents'), (4, 'rejected', 'cents'),
    (5, 'outstanding', 'cents'), (6, 'first_adjudicated', 'cents'), (7, 'initially_denied', 'cents'),
    (8, 'initially_refused', 'cents'), (9, 'first_lines', 'none'), (10, 'initially_denied_lines', 'none'),
    (11, 'resolved_first', 'cents'), (12, 'responded', 'days'), (13, 'standing', 'cents'), (14, 'standing_denied', 'cents'),
    (15, 'denied', 'cents'), (16, 'preventable', 'cents'), (17, 'preventable_known', 'cents'), (18, 'unrecovered', 'cents'),
    (19, 'recovered', 'cents'), (20, 'closed', 'cents'), (21, 'overturned', 'cents'), (22, 'appealed', 'days'),
    (23, 'decided', 'days'), (24, 'cashed', 'days'), (25, 'filed_with_deadline', 'cents'), (26, 'filed_in_time', 'cents'),
    (27, 'timely_filing_lost', 'cents'), (28, 'worked', 'cents'), (29, 'caught', 'cents'), (30, 'catchable', 'cents'),
    (31, 'written_off', 'cents'), (32, 'underpaid', 'cents'), (33, 'saved', 'cents')
"""
_MORE: Final = ", (34, 'coded', 'cents'), (35, 'remarked', 'cents')"
_DAILY_SUMS: Final = """
CREATE {replace} VIEW bi.daily_sums WITH (security_barrier) AS
SELECT measures.measure, day, known_on, payer AS payer_id, payer_name, facility, provider, service_group, category, level,
    count, amount, amount_unit, coder{code}
FROM public.rollups JOIN public.cells USING (tenant_id, cell) JOIN bi.measures ON measure_id = rollups.measure
LEFT JOIN public.payers ON payers.tenant_id = rollups.tenant_id AND payer_id = payer
WHERE rollups.tenant_id = (SELECT bi.tenant()) AND grain = 0
"""


def _measures(named: str) -> str:
    return (
        "CREATE OR REPLACE VIEW bi.measures AS SELECT measure_id, measure, amount_unit"  # noqa: S608 - ours
        f" FROM (VALUES {named}) AS named (measure_id, measure, amount_unit)"
    )


def upgrade() -> None:
    op.execute("ALTER TABLE cells ADD COLUMN code text NOT NULL DEFAULT ''")
    op.execute(_measures(_BEFORE + _MORE))
    op.execute(_DAILY_SUMS.format(replace="OR REPLACE", code=", code"))


def downgrade() -> None:
    op.execute("DROP VIEW bi.daily_sums")
    op.execute(_measures(_BEFORE))
    op.execute(_DAILY_SUMS.format(replace="", code=""))
    op.execute(f"GRANT SELECT ON bi.daily_sums TO {READERS}")
    for table in ("rollups", "cells"):  # what is there is every tenant's, and the owner is bound by their policies
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM rollups WHERE measure IN (34, 35)")
    op.execute("DELETE FROM cells WHERE code <> ''")
    for table in ("rollups", "cells"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE cells DROP COLUMN code")
