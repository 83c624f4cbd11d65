"""What a stack in containers needs before its first process: `python -m deploy.provision secrets|databases|topics`.

    secrets FOLDER   make passwords, keys and the owner's token that are missing; a folder for each container, with its own alone
    databases        make the roles and databases that are missing, at the PostgreSQL of FOLDER/provision/postgres-url
    topics           make the topics of deploy/topics.yaml that are missing, at RECOURS_KAFKA (by TLS: docs/security.md)

All may be run again at any time: what is there stays. `secrets` publishes the keys and revocations of FOLDER/access anew.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any, Final

from deploy.local import access, provision
from deploy.local.layout import SERVICES, Secrets, StackError, master_key_file, tenant, write_whole
from libs.common.messaging.dead_letters import SUFFIX
from libs.common.settings import KafkaSettings, load

_MOUNTED: Final = Path("/run/secrets")
_PUBLIC: Final = ("jwks.json", "services.json", "revoked.json")


def make_secrets(folder: Path, postgres: str, query: str) -> None:
    """Fill a folder. `postgres` is host:port as containers reach it, `query` what its addresses end with: sslmode=verify-full."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)  # what lies in it may be read by whoever is let in: containers run as other users than its owner
    passwords, own = Secrets(folder / "provision" / "passwords.json"), Secrets(folder / "own.json")
    ending = f"?{query}" if query else ""
    admin_url = f"postgresql://postgres:{passwords.get('postgres')}@{postgres}/postgres"
    _show(folder / "postgres" / "password", passwords.get("postgres"))
    _show(folder / "provision" / "postgres-url", admin_url + ending)
    _show(folder / "grafana" / "password", own.get("grafana"))
    keys, master_keys = access.keys(folder), master_key_file(folder).read_text()
    for name in _PUBLIC:
        _show(folder / "keys" / name, (keys.folder / name).read_text())
    for service in SERVICES:
        urls = {role: provision.role_url(admin_url, service, role, passwords) + ending for role in ("owner", "api", "worker")}
        _show(folder / f"{service}-migrate" / "database-url", urls["owner"])
        for role in ("api", "worker"):
            mine = {"database-url": urls[role], "service-key": keys.service_key(service).read_text(), "master-keys": master_keys}
            mine |= {"pseudonym-key": own.get("pseudonym_key")} if service == "ingest" else {}
            mine |= {"model-key": own.get("model_key")} if service == "classifier" else {}
            mine |= {"audit-signing-key": own.get("audit_signing_key")} if role == "worker" else {}
            mine |= {"session-key": own.get("session_key")} if (service, role) == ("analytics", "api") else {}
            for name, told in mine.items():
                _show(folder / f"{service}-{role}" / name, told)
    (folder / "provision" / "passwords.json").chmod(0o444)
    access.write_token(folder, tenant())


def _show(path: Path, told: str) -> None:
    """Write a file, if it says something else, that a container's user can read."""
    if not path.exists() or path.read_text() != told:
        write_whole(path, told)
    path.chmod(0o444)


async def make_databases(mounted: Path) -> None:
    """Make what is missing of roles and databases. Errors: StackError."""
    admin_url, passwords = (mounted / "postgres-url").read_text(), Secrets(mounted / "passwords.json")
    for service in SERVICES:
        await provision.make_roles(admin_url, service, passwords)
        await provision.make_database(admin_url, service)


def sized_topics(replication: int | None, partitions: int | None) -> dict[str, dict[str, Any]]:
    """Return the topics that are wanted, for a cluster of another size than deploy/topics.yaml is for."""
    wanted = provision.wanted_topics()
    for name, topic in wanted.items():
        topic["replication"] = replication or topic["replication"]
        if not name.endswith(SUFFIX):
            topic["partitions"] = partitions or topic["partitions"]
    return wanted


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.provision", description="what a stack needs before its first process")
    verbs = parser.add_subparsers(dest="verb", required=True)
    made = verbs.add_parser("secrets", help="make what is missing of secrets")
    made.add_argument("folder", type=Path)
    made.add_argument("--postgres", default="postgres:5432", help="host:port of PostgreSQL, as the services reach it")
    made.add_argument("--query", default="", help="what the databases' addresses end with: sslmode=verify-full&sslrootcert=...")
    verbs.add_parser("databases", help="make what is missing of roles and databases")
    topics = verbs.add_parser("topics", help="make what is missing of topics")
    topics.add_argument("--replication", type=int, help="brokers that hold each record; deploy/topics.yaml, if not told")
    topics.add_argument("--partitions", type=int, help="of each topic that is no dead letters'; deploy/topics.yaml, if not told")
    told = parser.parse_args()
    try:
        if told.verb == "secrets":
            make_secrets(told.folder, told.postgres, told.query)
        elif told.verb == "databases":
            asyncio.run(make_databases(_MOUNTED))
        else:
            brokers, wanted = load(KafkaSettings), sized_topics(told.replication, told.partitions)
            print(*asyncio.run(provision.make_topics(brokers.kafka, brokers.broker_access(), wanted)), sep="\n")
    except StackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
