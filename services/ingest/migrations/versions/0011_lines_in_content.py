"""A claim's lines are read from its content, and its first step from its row: neither is written twice any more."""

import json
from typing import Any

import cramjam
import sqlalchemy as sa
from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0011"
down_revision = "0010"

SERVICE = "ingest"

LINES = """
    tenant_id text NOT NULL,
    claim_row_id uuid NOT NULL,
    place integer NOT NULL,
    line integer NOT NULL,
    procedure_code text NOT NULL,
    modifiers text NOT NULL,  -- in order, separated by blanks
    revenue_code text NOT NULL,
    units text NOT NULL,
    charge_cents bigint NOT NULL,
    service_from_on date,
    service_to_on date,
    line_control_number text NOT NULL,
    PRIMARY KEY (tenant_id, claim_row_id, place)
"""
_ZSTD = b"\x28\xb5\x2f\xfd"
_SLICE = sa.text("SELECT tenant_id, claim_id, row_id, content FROM claims WHERE row_id > :after ORDER BY row_id LIMIT 1000")
_REPACK = sa.text("UPDATE claims SET content = :content WHERE tenant_id = :tenant AND claim_id = :claim")
_INSERT = sa.text(
    "INSERT INTO claim_lines VALUES (:tenant, :row, :place, :line, :procedure_code, :modifiers, :revenue_code, :units,"
    " :charge_cents, CAST(:service_from_on AS date), CAST(:service_to_on AS date), :line_control_number)"
)


def upgrade() -> None:
    op.execute("DROP TABLE claim_lines")
    op.execute("ALTER TABLE claim_history NO FORCE ROW LEVEL SECURITY")  # it binds the owner too, who has no tenant
    op.execute("DELETE FROM claim_history WHERE why = 'submitted'")
    op.execute("ALTER TABLE claim_history FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.execute(f"CREATE TABLE claim_lines ({LINES})")
    for table in ("claims", "claim_history"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "INSERT INTO claim_history SELECT tenant_id, claim_id, row_id, 'submitted', 'submitted', NULL, submitted_at FROM claims"
    )
    _write_lines()
    for table in ("claims", "claim_history"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    secure_tenant_table(SERVICE, "claim_lines")


def _write_lines() -> None:
    """Write each claim's lines, and pack it as it was packed before."""
    bind, after = op.get_bind(), "00000000-0000-0000-0000-000000000000"
    while found := bind.execute(_SLICE, {"after": after}).all():
        for row in found:
            is_zstd = row.content[:4] == _ZSTD
            content = bytes(cramjam.zstd.decompress(row.content) if is_zstd else cramjam.lz4.decompress_block(row.content))
            if not is_zstd:
                packed = bytes(cramjam.zstd.compress(content, 3))
                bind.execute(_REPACK, {"content": packed, "tenant": row.tenant_id, "claim": row.claim_id})
            lines = [_line(place, line) for place, line in enumerate(json.loads(content)["lines"], start=1)]
            if lines:
                bind.execute(_INSERT, [{"tenant": row.tenant_id, "row": row.row_id, **line} for line in lines])
        after = found[-1].row_id


def _line(place: int, line: dict[str, Any]) -> dict[str, Any]:
    names = ("procedure_code", "revenue_code", "units", "line_control_number")
    return {
        "place": place,
        "line": line["number"] or place,
        "modifiers": " ".join(line.get("modifiers", ())),
        "charge_cents": line["charge_cents"],
        "service_from_on": line.get("service_from_on"),
        "service_to_on": line.get("service_to_on"),
        **{name: line.get(name, "") for name in names},
    }
