"""SQL of tenants' rules; nothing here commits."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver, lock_name
from services.classifier.rules.model import NO_RULES, Rule, RuleSet

_rules = msgspec.json.Decoder(tuple[Rule, ...]).decode
_encode = msgspec.json.Encoder().encode


class Version(Struct, frozen=True):
    """One version of a tenant's rules; `in_force_since` is None of those that are not in force."""

    version: int
    rules: tuple[Rule, ...]
    note: str
    created_at: datetime
    published_at: datetime | None
    in_force_since: datetime | None


_IN_FORCE: Final = """
SELECT newest.tenant_id, newest.version, rule_sets.rules::text AS rules
FROM (SELECT DISTINCT ON (tenant_id) tenant_id, version FROM rule_publications WHERE tenant_id = ANY($1)
      ORDER BY tenant_id, ordinal DESC) AS newest
JOIN rule_sets USING (tenant_id, version)
"""


async def in_force(tx: AsyncConnection, tenant_ids: Collection[str]) -> dict[str, RuleSet]:
    """Return the rules in force of those tenants that have any."""
    rows = await (await driver(tx)).fetch(_IN_FORCE, list(tenant_ids))
    return {row["tenant_id"]: _compiled(row["tenant_id"], row["version"], row["rules"]) for row in rows}


@lru_cache(maxsize=256)
def _compiled(_: str, version: int, rules: str) -> RuleSet:
    """Compile a version once: a judgement remembers what it met by the identity of its rules."""
    return RuleSet(version, _rules(rules))


async def rule_set(tx: AsyncConnection, tenant_id: str, version: int) -> RuleSet | None:
    """Return one version, compiled; version 0 is none of a tenant's rules."""
    if version == 0:
        return NO_RULES
    query = text("SELECT rules::text FROM rule_sets WHERE tenant_id = :tenant AND version = :version")
    rules = (await tx.execute(query, {"tenant": tenant_id, "version": version})).scalar_one_or_none()
    return None if rules is None else _compiled(tenant_id, version, rules)


async def lock(tx: AsyncConnection, tenant_id: str) -> None:
    """Hold a tenant's rules: two changes at once must not take the same number."""
    await lock_name(tx, "recours.rules", tenant_id)


async def insert_version(
    tx: AsyncConnection, tenant_id: str, version: int, rules: Sequence[Rule], note: str, now: datetime
) -> None:
    await tx.execute(
        text("INSERT INTO rule_sets (tenant_id, version, rules, note, created_at) VALUES (:t, :v, CAST(:r AS jsonb), :n, :now)"),
        {"t": tenant_id, "v": version, "r": _encode(rules).decode(), "n": note, "now": now},
    )


async def publish(tx: AsyncConnection, tenant_id: str, version: int, now: datetime) -> None:
    """Put a version in force."""
    await tx.execute(
        text(
            "INSERT INTO rule_publications (tenant_id, ordinal, version, published_at)"
            " SELECT :t, COALESCE(max(ordinal), 0) + 1, :v, :now FROM rule_publications WHERE tenant_id = :t"
        ),
        {"t": tenant_id, "v": version, "now": now},
    )


_VERSIONS: Final = """
SELECT version, rules::text AS rules, note, created_at,
       (SELECT max(p.published_at) FROM rule_publications AS p
        WHERE p.tenant_id = s.tenant_id AND p.version = s.version) AS published_at,
       (SELECT newest.published_at FROM (SELECT version, published_at FROM rule_publications AS p WHERE p.tenant_id = s.tenant_id
        ORDER BY ordinal DESC LIMIT 1) AS newest WHERE newest.version = s.version) AS in_force_since
FROM rule_sets AS s WHERE s.tenant_id = :t
"""


async def versions(tx: AsyncConnection, tenant_id: str, *, before: int | None, limit: int) -> list[Version]:
    """Return versions, newest first."""
    query = text(_VERSIONS + " AND (CAST(:before AS integer) IS NULL OR version < :before) ORDER BY version DESC LIMIT :limit")
    rows = await tx.execute(query, {"t": tenant_id, "before": before, "limit": limit})
    return [_version(row) for row in rows.mappings()]


async def version_of(tx: AsyncConnection, tenant_id: str, version: int) -> Version | None:
    row = (await tx.execute(text(_VERSIONS + " AND version = :v"), {"t": tenant_id, "v": version})).mappings().one_or_none()
    return None if row is None else _version(row)


async def newest(tx: AsyncConnection, tenant_id: str) -> Version | None:
    return next(iter(await versions(tx, tenant_id, before=None, limit=1)), None)


def _version(row: Any) -> Version:
    return Version(**{name: row[name] for name in Version.__struct_fields__ if name != "rules"}, rules=_rules(row["rules"]))
