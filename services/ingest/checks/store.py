"""SQL of what checks found in claims; nothing here commits."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import copy_rows, driver
from services.ingest.checks.finding import Finding
from services.ingest.checks.rules import RULES

_COLUMNS = ("tenant_id", "claim_id", "ordinal", "rule_id", "severity", "path", "line", "found")
_INSERT = f"""
INSERT INTO claim_findings ({", ".join(_COLUMNS)})
SELECT * FROM unnest($1::text[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[], $7::int[], $8::text[])
"""  # noqa: S608 - our own names


async def insert_findings(tx: AsyncConnection, tenant_id: str, found: Mapping[UUID, Sequence[Finding]], *, copies: bool) -> None:
    """Write the findings of new claims, in their order. `copies`: this role may COPY."""
    rows = [
        (tenant_id, claim_id, ordinal, each.rule.rule_id, each.severity, each.path, each.line, each.found)
        for claim_id, findings in found.items()
        for ordinal, each in enumerate(findings)
    ]
    if copies:
        await copy_rows(tx, "claim_findings", _COLUMNS, rows)
    elif rows:
        await (await driver(tx)).execute(_INSERT, *map(list, zip(*rows, strict=True)))


async def findings_of(tx: AsyncConnection, tenant_id: str, claim_ids: Collection[UUID]) -> dict[UUID, list[Finding]]:
    """Return the findings of some claims; those of rules that no longer exist are left out."""
    rows = await (await driver(tx)).fetch(
        "SELECT claim_id, rule_id, path, line, found FROM claim_findings"
        " WHERE tenant_id = $1 AND claim_id = ANY ($2::uuid[]) ORDER BY claim_id, ordinal",
        tenant_id,
        list(claim_ids),
    )
    found: dict[UUID, list[Finding]] = {}
    for row in rows:
        if row["rule_id"] in RULES:
            finding = Finding(RULES[row["rule_id"]], row["path"], row["line"], row["found"])
            found.setdefault(row["claim_id"], []).append(finding)
    return found
