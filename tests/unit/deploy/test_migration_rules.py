"""From the present heads on no migration blocks or breaks the version before it; and the rules find what does."""

import re
import subprocess
from types import ModuleType

import pytest
from alembic import op

from deploy.local.layout import ROOT, SERVICES
from libs.common.migrate import BOUND_AFTER
from libs.common.schema import outside_of_transaction
from tests.support.migration_rules import Finding, findings, module_of, statements_of, versions
from tests.support.releases import MissingHistory, previous


def unused_before(service: str, name: str) -> bool:
    """Say whether the release before has a name nowhere in the code that runs on a service's database."""
    places = [f"services/{service}", "libs/common", f":!services/{service}/migrations"]
    word = name.rpartition(".")[2]
    asked = ["git", "grep", "-qw", word, previous(), "--", *places]
    return subprocess.run(asked, cwd=ROOT, check=False, capture_output=True).returncode == 1


@pytest.mark.parametrize("service", SERVICES)
def test_no_migration_blocks_or_breaks_the_version_before_it(service: str) -> None:
    wrong: list[str] = []
    for path in versions(service, BOUND_AFTER[service]):
        for each in findings(statements_of(module_of(path))):
            try:
                if each.gone is None or not unused_before(service, each.gone):
                    wrong.append(f"{path.name} {each}")
            except MissingHistory as missing:
                pytest.skip(str(missing))
    assert wrong == []


@pytest.mark.parametrize("service", SERVICES)
def test_the_rules_read_every_migration_that_can_be_shown_as_sql(service: str) -> None:
    """Those before the rules, too: they make tables that are read as made, and some did what is refused from now on."""
    read = {}
    for path in versions(service, "0000"):
        if "get_bind" not in path.read_text():
            read[path.name] = statements_of(module_of(path))
    assert len(read) >= len(versions(service, "0000")) - 2
    assert not any(findings(told) for name, told in read.items() if name.startswith("0001"))
    assert any(findings(told) for told in read.values())


REFUSED = {
    "ALTER TABLE remits DROP COLUMN segments": "segments",
    "ALTER TABLE remits RENAME COLUMN segments TO pieces": "segments",
    "ALTER TABLE remits RENAME TO answers": "remits",
    "DROP TABLE remits": "remits",
    "DROP VIEW bi.claims": "bi.claims",
    "REVOKE SELECT ON remits FROM ingest_api": "remits",
    "ALTER TABLE remits ALTER COLUMN segments SET NOT NULL": "segments",
    "ALTER TABLE remits ALTER COLUMN segments DROP DEFAULT": "segments",
    "ALTER TABLE remits ADD COLUMN more text NOT NULL": None,
    "ALTER TABLE remits ADD COLUMN less text, ADD COLUMN more text NOT NULL": None,
    "ALTER TABLE remits ADD COLUMN more uuid NOT NULL DEFAULT gen_random_uuid()": None,
    "ALTER TABLE remits ADD COLUMN more text UNIQUE": None,
    "ALTER TABLE remits ALTER COLUMN segments TYPE jsonb USING segments::jsonb": None,
    "ALTER TABLE remits ADD CONSTRAINT told CHECK (segments <> '')": None,
    "ALTER TABLE remits ADD FOREIGN KEY (remittance_id) REFERENCES remittances": None,
    "ALTER TABLE remits ADD CONSTRAINT one UNIQUE (tenant_id, trace)": None,
    "CREATE INDEX more ON remits (trace)": None,
    "CREATE UNIQUE INDEX more ON remits (trace)": None,
    "CREATE INDEX CONCURRENTLY more ON remits (trace)": None,
    "DROP INDEX more": None,
    "UPDATE remits SET segments = ''": None,
    "DELETE FROM remits WHERE segments = ''": None,
    "INSERT INTO sums (day, amount) SELECT day, sum(paid_cents) FROM remits GROUP BY day": None,
    "WITH old AS (SELECT 1) UPDATE remits SET segments = ''": None,
    "CREATE FUNCTION all_remits() RETURNS SETOF remits LANGUAGE sql AS 'SELECT * FROM remits'": None,
    "LOCK TABLE remits": None,
    "TRUNCATE remits": None,
}


@pytest.mark.parametrize("statement", REFUSED)
def test_what_blocks_or_breaks_is_found(statement: str) -> None:
    assert [each.gone for each in findings(["BEGIN", statement, "COMMIT"])] == [REFUSED[statement]], statement


@pytest.mark.parametrize(
    "statements",
    [
        ["ALTER TABLE remits ADD COLUMN more text"],
        ["ALTER TABLE remits ADD COLUMN more text NOT NULL DEFAULT ''"],
        ["ALTER TABLE remits ADD COLUMN more timestamptz NOT NULL DEFAULT now()"],
        ["ALTER TABLE remits ALTER COLUMN segments DROP NOT NULL"],
        ["ALTER TABLE remits ADD CONSTRAINT told CHECK (segments <> '') NOT VALID"],
        ["ALTER TABLE remits VALIDATE CONSTRAINT told"],
        ["ALTER TABLE remits ADD CONSTRAINT one UNIQUE USING INDEX made_before"],
        ["INSERT INTO kinds (kind) VALUES ('one')"],
        ["CREATE TABLE sums (day date NOT NULL)", "CREATE INDEX sums_day ON sums (day)", "INSERT INTO sums SELECT day FROM remits"],
        ["CREATE TABLE sums (day date)", "ALTER TABLE sums ADD COLUMN more text NOT NULL", "GRANT SELECT ON sums TO ingest_api"],
        ["COMMIT", "DROP INDEX CONCURRENTLY IF EXISTS more", "CREATE INDEX CONCURRENTLY more ON remits (trace)", "BEGIN"],
        ["CREATE FUNCTION traces() RETURNS TABLE (trace text) LANGUAGE sql AS 'SELECT r.trace FROM remits AS r'"],
        ["CREATE OR REPLACE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM remits; END $$"],
    ],
)
def test_what_may_be_done_is_let_pass(statements: list[str]) -> None:
    assert findings(["BEGIN", *statements, "COMMIT"]) == []


def test_a_migration_is_shown_with_its_helpers_and_what_it_runs_outside_of_its_transaction() -> None:
    def upgrade() -> None:
        op.execute("CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT ';' $$")
        with outside_of_transaction():
            op.execute("CREATE INDEX CONCURRENTLY more -- no ';' here\n ON remits (trace)")
        op.execute("ALTER TABLE remits DROP COLUMN segments")

    module = ModuleType("shown")
    module.upgrade = upgrade  # type: ignore[attr-defined]  # as a migration has it
    told = statements_of(module)
    assert "CREATE INDEX CONCURRENTLY more ON remits (trace)" in told
    assert findings(told) == [Finding("drops a column", "ALTER TABLE remits DROP COLUMN segments", "segments")]


def test_what_the_release_before_still_uses_is_known() -> None:
    try:
        assert not unused_before("ingest", "segments")
        assert unused_before("ingest", "never_was_there")
    except MissingHistory as missing:
        pytest.skip(str(missing))


def test_every_service_has_a_place_from_which_the_rules_hold() -> None:
    assert set(BOUND_AFTER) == set(SERVICES)
    assert all(re.fullmatch(r"\d{4}", version) for version in BOUND_AFTER.values())
