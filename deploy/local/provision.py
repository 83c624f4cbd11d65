"""Databases, roles, schemas and topics: made when missing, left alone when there."""

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import asyncpg
import yaml
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from deploy.local.layout import READERS, ROLES, ROOT, Secrets, StackError
from libs.common.messaging.brokers import OPEN, BrokerAccess

TOPICS_FILE = ROOT / "deploy" / "topics.yaml"
_KAFKA_SECONDS = 60
_READER_TIMEOUT = "5min"


def database_name(service: str) -> str:
    return f"recours_{service}"


def role_url(admin_url: str, service: str, role: str, secrets: Secrets, database: str | None = None) -> str:
    """Return the address of a service's database as one of its roles."""
    parts = urlsplit(admin_url)
    user = f"{service}_{role}"
    host = f"{parts.hostname}:{parts.port or 5432}"
    return f"postgresql://{user}:{quote(secrets.get(user))}@{host}/{database or database_name(service)}"


async def _connect(admin_url: str) -> "asyncpg.Connection[Any]":
    try:
        return await asyncpg.connect(admin_url, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        parts = urlsplit(admin_url)
        raise StackError(f"PostgreSQL at {parts.hostname}:{parts.port or 5432} lets us not in: {type(error).__name__}.") from error


async def make_roles(admin_url: str, service: str, secrets: Secrets) -> None:
    """Create the three roles: the owner migrates, the API role is bound by row-level security, the worker role is not.

    Who else may read a service's database belongs to a fourth, which does not log in itself.
    """
    connection = await _connect(admin_url)
    try:
        for role in ROLES:
            name = f"{service}_{role}"
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name):
                await connection.execute(f'CREATE ROLE "{name}" LOGIN')
            # The password is ours, made of letters, digits, - and _ alone.
            await connection.execute(f"ALTER ROLE \"{name}\" PASSWORD '{secrets.get(name)}'")
        await connection.execute(f'ALTER ROLE "{service}_worker" BYPASSRLS')
        group = READERS.get(service)
        if group and not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", group):
            await connection.execute(f'CREATE ROLE "{group}" NOLOGIN')
    finally:
        await connection.close()


async def make_database(admin_url: str, service: str, *, name: str | None = None, template: str | None = None) -> None:
    """Create a service's database, owned by its owner role and open to its three roles alone."""
    database = name or database_name(service)
    connection = await _connect(admin_url)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
            copied = f' TEMPLATE "{template}"' if template else ""
            await connection.execute(f'CREATE DATABASE "{database}" OWNER "{service}_owner"{copied}')
        await connection.execute(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC')
        for role in ROLES:
            await connection.execute(f'GRANT CONNECT ON DATABASE "{database}" TO "{service}_{role}"')
        if service in READERS:
            await connection.execute(f'GRANT CONNECT ON DATABASE "{database}" TO "{READERS[service]}"')
    finally:
        await connection.close()


async def make_reader(admin_url: str, tenant_id: str, secrets: Secrets, database: str | None = None) -> str:
    """Make the role that reads one tenant's BI views, if it is missing; return the address for the BI tool.

    Which tenant a role reads is told in bi.readers, which it cannot write; its settings guard against accidents, not against it.
    """
    group = READERS["analytics"]
    role = f"bi_{hashlib.sha256(tenant_id.encode()).hexdigest()[:12]}"
    name = f"analytics_{role}"
    connection = await _connect(admin_url)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name):
            await connection.execute(f'CREATE ROLE "{name}" LOGIN CONNECTION LIMIT 10 IN ROLE "{group}"')
        await connection.execute(f"ALTER ROLE \"{name}\" PASSWORD '{secrets.get(name)}'")
        await connection.execute(f'ALTER ROLE "{name}" SET default_transaction_read_only = on')
        await connection.execute(f"ALTER ROLE \"{name}\" SET statement_timeout = '{_READER_TIMEOUT}'")
        await connection.execute(f'ALTER ROLE "{name}" SET search_path = bi')
    finally:
        await connection.close()
    owner = await _connect(role_url(admin_url, "analytics", "owner", secrets, database))
    try:
        await owner.execute("INSERT INTO bi.readers (tenant_id, role_name) VALUES ($1, $2) ON CONFLICT DO NOTHING", tenant_id, name)
    finally:
        await owner.close()
    return role_url(admin_url, "analytics", role, secrets, database)


async def is_newest(service: str, owner_url: str) -> bool:
    """Say whether a database has the newest schema. Versions are named by the numbers that their files begin with."""
    versions = (ROOT / "services" / service / "migrations" / "versions").glob("[0-9]*_*.py")
    newest = max(path.name for path in versions).partition("_")[0]
    connection = await _connect(owner_url)
    try:
        return bool(await connection.fetchval("SELECT version_num = $1 FROM alembic_version", newest))
    except asyncpg.UndefinedTableError:
        return False
    finally:
        await connection.close()


def migrate(service: str, owner_url: str) -> None:
    """Bring a database to the newest schema, in a process of its own. Errors: StackError."""
    done = subprocess.run(
        [sys.executable, "-m", "libs.common.migrate", service],
        cwd=ROOT,
        env={**os.environ, "RECOURS_DATABASE_URL": owner_url},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise StackError(f"The migration of {service} failed: {done.stderr.strip().splitlines()[-1]}")


def wanted_topics(path: Path = TOPICS_FILE) -> dict[str, dict[str, Any]]:
    """Read deploy/topics.yaml: topic name -> partitions, replication, config; dead-letter topics included."""
    told = yaml.safe_load(path.read_text())
    wanted = {}
    for topic, own in told["topics"].items():
        wanted[topic] = {**told["defaults"], **{name: value for name, value in own.items() if name not in ("from", "groups")}}
        for group in own["groups"]:
            wanted[f"{topic}.{group}.dlq"] = {**told["defaults"], **told["dead_letters"]}
    return wanted


def topic_groups(path: Path = TOPICS_FILE) -> dict[str, list[str]]:
    """Read deploy/topics.yaml: topic name -> the consumer groups that read it."""
    return {topic: own["groups"] for topic, own in yaml.safe_load(path.read_text())["topics"].items()}


async def make_topics(bootstrap: str, access: BrokerAccess = OPEN, wanted: Mapping[str, Any] | None = None) -> list[str]:
    """Create the topics that are missing; return a sentence for each that is there with other partitions than wanted."""
    admin = await _connected_admin(bootstrap, access)
    try:
        wanted = wanted_topics() if wanted is None else wanted
        there = {each["topic"]: len(each["partitions"]) for each in await admin.describe_topics() if not each["error_code"]}
        missing = [
            NewTopic(name, told["partitions"], told["replication"], topic_configs=told["config"])
            for name, told in wanted.items()
            if name not in there
        ]
        if missing:
            try:
                await admin.create_topics(missing)
            except TopicAlreadyExistsError:
                return await make_topics(bootstrap, access, wanted)  # another stack on the same broker was quicker
        return [
            f"Topic {name} has {there[name]} partitions, {told['partitions']} are wanted; it was left as it is."
            for name, told in wanted.items()
            if name in there and there[name] != told["partitions"]
        ]
    finally:
        await admin.close()


async def _connected_admin(bootstrap: str, access: BrokerAccess) -> AIOKafkaAdminClient:
    """Connect as soon as the broker can answer; just started, it takes a moment."""
    deadline = asyncio.get_running_loop().time() + _KAFKA_SECONDS
    while True:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, **access.options())
        try:
            await admin.start()
            await admin.describe_cluster()
        except KafkaError as error:
            await admin.close()
            if asyncio.get_running_loop().time() > deadline:
                raise StackError(f"Kafka at {bootstrap} does not answer: {type(error).__name__}.") from error
            await asyncio.sleep(0.3)
        else:
            return admin
