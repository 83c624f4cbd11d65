"""Secrets of a stack in containers: each process has its own and no other's, and they stay."""

from pathlib import Path

import pytest

from deploy import provision
from deploy.local.layout import SERVICES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    provision.make_secrets(tmp_path / "secrets", "db:5432", "sslmode=verify-full")
    return tmp_path / "secrets"


def test_each_process_is_given_its_own_role_of_its_own_database(folder: Path) -> None:
    for service in SERVICES:
        for process, role in (("migrate", "owner"), ("api", "api"), ("worker", "worker")):
            url = (folder / f"{service}-{process}" / "database-url").read_text()
            assert url.startswith(f"postgresql://{service}_{role}:")
            assert url.endswith(f"@db:5432/recours_{service}?sslmode=verify-full")


def test_a_key_is_where_it_is_needed_and_nowhere_else(folder: Path) -> None:
    def holders(name: str) -> set[str]:
        return {path.parent.name for path in folder.rglob(name)}

    assert holders("master-keys") == {f"{service}-{role}" for service in SERVICES for role in ("api", "worker")}
    assert holders("pseudonym-key") == {"ingest-api", "ingest-worker"}
    assert holders("model-key") == {"classifier-api", "classifier-worker"}
    assert holders("audit-signing-key") == {f"{service}-worker" for service in SERVICES}
    assert holders("passwords.json") == holders("postgres-url") == {"provision"}
    assert holders("key.json") == {"access"}  # what signs people's tokens is in no container


def test_what_is_there_stays_and_a_revocation_is_published(folder: Path) -> None:
    before = {path: path.read_text() for path in folder.rglob("*") if path.is_file() and path.parent.name != "access"}
    provision.make_secrets(folder, "db:5432", "sslmode=verify-full")
    assert {path: path.read_text() for path in before} == before
    (folder / "access" / "revoked.json").write_text('{"a": 1}')
    provision.make_secrets(folder, "db:5432", "sslmode=verify-full")
    assert (folder / "keys" / "revoked.json").read_text() == '{"a": 1}'


def test_containers_may_read_their_files_and_only_the_owner_gets_to_the_folder(folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    handed = [path for path in folder.glob("*/*") if path.is_file() and path.parent.name != "access"]
    assert {path.stat().st_mode & 0o777 for path in handed} == {0o444}


def test_a_larger_cluster_has_more_partitions_and_copies_but_of_dead_letters_only_more_copies() -> None:
    wanted = provision.sized_topics(3, 24)
    assert {topic["replication"] for topic in wanted.values()} == {3}
    assert {(name.endswith(".dlq"), topic["partitions"]) for name, topic in wanted.items()} == {(True, 1), (False, 24)}
    assert provision.sized_topics(None, None)["remit.received"]["partitions"] == 6
