"""Real servers for tests: one PostgreSQL and one Kafka a session, started when a test first asks for them."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import hypothesis
import pytest
import structlog

from deploy.local import provision
from deploy.local.layout import SERVICES, Ports, Secrets
from deploy.local.stack import Stack
from tests.support import ServiceDatabase, access, containers, run_apart

access.trust()

# Where logs are not set up, an exception is told as Python tells it: `rich` would draw every variable of every frame, for seconds.
_plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _plain])

# How long an example takes says nothing on a machine that others use, too.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

SAMPLES = Path(os.environ.get("RECOURS_SAMPLES", Path(__file__).resolve().parents[2] / "shared" / "data" / "x12"))


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack without services: PostgreSQL and Kafka alone; with RECOURS_INFRA=docker in containers that go with the tests."""
    ports = Ports.free()
    with contextlib.ExitStack() as held:
        environment = held.enter_context(containers.servers(ports)) if os.environ.get("RECOURS_INFRA") == "docker" else {}
        stack = Stack(tmp_path_factory.mktemp("servers"), ports, services=(), environment=environment)
        stack.start()
        # No test cuts the power, and what is thrown away at the end need not reach the disk.
        run_apart(_execute(stack.admin_url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"))
        yield stack
        stack.discard()


@pytest.fixture(scope="session")
def kafka_server(servers: Stack) -> Stack:
    """Something with `.bootstrap`."""
    return servers


@pytest.fixture(scope="session")
def postgres_server(servers: Stack) -> Stack:
    """Something with `.admin_url`."""
    return servers


@pytest.fixture(scope="session")
def templates(servers: Stack) -> Callable[[str], str]:
    """Return the name of a migrated template database of a service, made once."""
    made: set[str] = set()
    secrets = Secrets(servers.folder / "secrets.json")

    def template(service: str) -> str:
        name = f"template_{service}"
        if service not in made:
            run_apart(provision.make_roles(servers.admin_url, service, secrets))
            run_apart(provision.make_database(servers.admin_url, service, name=name))
            provision.migrate(service, provision.role_url(servers.admin_url, service, "owner", secrets, name))
            made.add(service)
        return name

    return template


@pytest.fixture(scope="module")
def service_database(servers: Stack, templates: Callable[[str], str]) -> Iterator[Callable[[str], ServiceDatabase]]:
    """Make a fresh, migrated database of a service: `service_database("ingest").worker_url`. It goes with its module's tests.

    A thousand of them left to the end are half a million files, which take minutes to remove.
    """
    secrets, made = Secrets(servers.folder / "secrets.json"), []

    def make(service: str) -> ServiceDatabase:
        assert service in SERVICES
        name = f"test_{service}_{uuid4().hex[:10]}"
        run_apart(provision.make_database(servers.admin_url, service, name=name, template=templates(service)))
        made.append(name)
        urls = {role: provision.role_url(servers.admin_url, service, role, secrets, name) for role in ("owner", "api", "worker")}
        return ServiceDatabase(**{f"{role}_url": url for role, url in urls.items()})

    yield make
    run_apart(_execute(servers.admin_url, *(f'DROP DATABASE "{name}" WITH (FORCE)' for name in made)))


@pytest.fixture(scope="session")
def samples() -> Path:
    """The public sample files, which are no part of this repository."""
    if not SAMPLES.is_dir():
        pytest.skip("the sample files are not here; set RECOURS_SAMPLES to their folder")
    return SAMPLES
