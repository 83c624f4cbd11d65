"""Where PostgreSQL and Kafka come from: servers of somebody else, containers, or jars and wheels."""

import importlib
import io
import json
import os
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from deploy.local import kafka
from deploy.local.infra import Docker, Embedded, External, choose
from deploy.local.layout import Ports, Secrets, StackError
from deploy.local.stack import Stack
from tests.support import eventually


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return Secrets(tmp_path / "secrets.json")


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A command `docker` that writes down what it is asked; no engine is needed to see what we ask of one."""
    calls = tmp_path / "calls"
    command = tmp_path / "bin" / "docker"
    command.parent.mkdir()
    command.write_text(
        f'#!/bin/sh\necho "$@" >> {calls}\nenv | grep ^RECOURS_ >> {calls}\n'
        f'[ ! -e {tmp_path}/broken ] || {{ echo "no engine" >&2; exit 1; }}\n'
    )
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    for name in ("RECOURS_INFRA", "RECOURS_POSTGRES", "RECOURS_KAFKA"):
        monkeypatch.delenv(name, raising=False)
    return calls


def test_servers_that_are_given_are_used_as_they_are(servers: Stack, tmp_path: Path) -> None:
    given = {"RECOURS_INFRA": "external", "RECOURS_POSTGRES": servers.admin_url, "RECOURS_KAFKA": servers.bootstrap}
    before = [servers.pid("postgres"), servers.pid("kafka")]
    stack = Stack(tmp_path / "stack", Ports.free(), services=("ingest", "classifier"), environment=given)
    # The roles are the whole server's: with the passwords of the tests that share it, these still get in afterwards.
    stack.folder.mkdir()
    shutil.copyfile(servers.folder / "secrets.json", stack.folder / "secrets.json")
    try:
        stack.start()
        state = stack.state()
        assert state["infra"] == "external"
        assert sorted(state["processes"]) == ["classifier-api", "classifier-worker", "ingest-api", "ingest-worker"]
        assert httpx.get(stack.url("classifier") + "/readyz").json()["status"] == "ok"
    finally:
        stack.discard()
    assert [servers.pid("postgres"), servers.pid("kafka")] == before


def test_given_servers_that_do_not_answer_are_named(tmp_path: Path) -> None:
    port = Ports.free().postgres
    given = {
        "RECOURS_INFRA": "external",
        "RECOURS_POSTGRES": f"postgresql://nobody@127.0.0.1:{port}/postgres",
        "RECOURS_KAFKA": f"127.0.0.1:{port}",
    }
    stack = Stack(tmp_path / "stack", Ports.free(), services=("ingest",), environment=given)
    with pytest.raises(StackError, match=f"PostgreSQL at 127.0.0.1:{port} lets us not in"):
        stack.start()


def test_external_without_addresses_is_one_sentence(tmp_path: Path, secrets: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOURS_INFRA", "external")
    monkeypatch.delenv("RECOURS_POSTGRES", raising=False)
    with pytest.raises(StackError, match="RECOURS_INFRA=external needs RECOURS_POSTGRES"):
        choose(tmp_path, Ports(), secrets)


def test_the_first_way_that_the_machine_can_do_is_taken(
    tmp_path: Path, secrets: Secrets, docker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(choose(tmp_path, Ports(), secrets), Docker)
    (tmp_path / "broken").touch()
    assert isinstance(choose(tmp_path, Ports(), secrets), Embedded)
    monkeypatch.setenv("RECOURS_POSTGRES", "postgresql://somebody@db/postgres")
    monkeypatch.setenv("RECOURS_KAFKA", "broker:9092")
    assert isinstance(choose(tmp_path, Ports(), secrets), External)


def test_containers_are_asked_for_by_stack_with_its_ports_and_password(tmp_path: Path, secrets: Secrets, docker: Path) -> None:
    infra = Docker(tmp_path, Ports(postgres=7001, kafka=7002), secrets)
    assert infra.servers() == ()
    infra.stop()
    infra.remove()
    asked = docker.read_text().splitlines()
    project = f"--project-name recours-{(tmp_path / 'id').read_text()}"
    verbs = [line for line in asked if line.startswith("compose")]
    assert [line.split("compose.yaml ")[1] for line in verbs] == ["up --detach --wait postgres kafka", "stop", "down --volumes"]
    assert all(project in line for line in verbs)
    assert {"RECOURS_POSTGRES_PORT=7001", "RECOURS_KAFKA_PORT=7002"} <= set(asked)
    (told,) = {line.partition("=")[2] for line in asked if line.startswith("RECOURS_SECRETS=")}
    assert (Path(told) / "postgres" / "password").read_text() == secrets.get("postgres")
    assert tmp_path.stat().st_mode & 0o077 == 0  # the file itself may be read by whatever user the container's server is


def test_an_engine_that_fails_is_quoted_in_one_sentence(tmp_path: Path, secrets: Secrets, docker: Path) -> None:
    (tmp_path / "broken").touch()
    with pytest.raises(StackError, match=r"^docker compose failed: no engine$"):
        Docker(tmp_path, Ports(), secrets).servers()


def test_a_jar_that_was_fetched_by_half_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "")
    jar = tmp_path / "kafka.jar"
    jar.write_bytes(whole.getvalue()[:20])

    def resolve() -> Path:
        if not jar.exists():
            jar.write_bytes(whole.getvalue())
        return jar

    monkeypatch.setattr(importlib.import_module("jgo"), "resolve", lambda _: [SimpleNamespace(resolve=resolve)])
    assert kafka.broker_jars() == [str(jar)]
    assert zipfile.is_zipfile(jar)


def test_jars_that_cannot_be_fetched_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(_: str) -> None:
        raise ConnectionError("no way to the repository\nand much more")

    monkeypatch.setattr(importlib.import_module("jgo"), "resolve", resolve)
    with pytest.raises(StackError, match=r"^Kafka's jars could not be fetched .* coordinates: no way to the repository$"):
        kafka.broker_jars()


def test_a_java_that_is_too_old_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert kafka.find_java() != str(old)


def test_passwords_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "state" / "secrets.json")
    first = secrets.get("ingest_api")
    assert Secrets(tmp_path / "state" / "secrets.json").get("ingest_api") == first
    assert secrets.get("ingest_worker") != first
    path = tmp_path / "state" / "secrets.json"
    assert path.stat().st_mode & 0o077 == 0
    assert set(json.loads(path.read_text())) == {"ingest_api", "ingest_worker"}


def test_a_cluster_id_that_begins_with_a_dash_is_no_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "new_cluster_id", lambda: "-QIDBgcKSV2Hk9mYx1b3zA")
    ports = Ports.free()
    broker = kafka.EmbeddedKafka(tmp_path / "kafka", ports.kafka, ports.kafka_controller, tmp_path / "kafka.log")
    process = broker.start()
    try:
        eventually(broker.answers)
    finally:
        process.terminate()
        process.wait(60)
    assert "cluster.id=-QIDBgcKSV2Hk9mYx1b3zA" in (tmp_path / "kafka" / "data" / "meta.properties").read_text()
