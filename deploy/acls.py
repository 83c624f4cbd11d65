"""Who may do what at the brokers: `python -m deploy.acls` lists it by service, from deploy/topics.yaml; `--apply` makes it so.

Each service is a principal of its own name. It may read what its group reads, send its own events and its dead letters, and send
again what it reads (a dead letter that is replayed goes out as its record came in). It may create, alter and delete nothing.

With `--apply` the rules go to RECOURS_KAFKA, reached as RECOURS_KAFKA_PROTOCOL and its like say (docs/security.md), by somebody who
may alter the cluster. What is there beside them is left alone, and listed.
"""

import argparse
import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

import yaml
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest, DescribeAclsRequest

from deploy.local.layout import SERVICES
from deploy.local.provision import TOPICS_FILE
from libs.common.messaging.brokers import BrokerAccess
from libs.common.settings import KafkaSettings, load

Kind = Literal["topic", "group"]
Operation = Literal["read", "write", "describe"]
# Kafka's numbers, from its protocol: kinds of resource, operations, permissions, patterns.
_KINDS: Final = {"topic": 2, "group": 3}
_OPERATIONS: Final = {"read": 3, "write": 4, "describe": 8}
_ALLOW, _LITERAL, _ANY = 3, 3, 1
_WATCHES_GROUPS: Final = "analytics"  # its page System shows how far behind the others are


class Rule(NamedTuple):
    """One thing that one service may do."""

    service: str
    operation: Operation
    kind: Kind
    name: str

    def line(self) -> str:
        """Return the arguments of kafka-acls that say the same."""
        return f"--add --allow-principal User:{self.service} --operation {self.operation.title()} --{self.kind} {self.name}"


def rules(path: Path = TOPICS_FILE) -> list[Rule]:
    """Return every rule, each once, in the order of services."""
    topics = yaml.safe_load(path.read_text())["topics"]
    return sorted(set(_rules(topics)), key=lambda rule: (SERVICES.index(rule.service), rule))


def _rules(topics: dict[str, dict[str, object]]) -> Iterator[Rule]:
    for topic, own in topics.items():
        yield Rule(str(own["from"]), "write", "topic", topic)
        groups = own["groups"]
        if not isinstance(groups, list):
            raise TypeError("groups are a list")
        for group in groups:
            yield Rule(group, "read", "topic", topic)
            yield Rule(group, "read", "group", group)
            yield Rule(group, "write", "topic", topic)  # a replay
            yield Rule(group, "write", "topic", f"{topic}.{group}.dlq")
            if group != _WATCHES_GROUPS:
                yield Rule(_WATCHES_GROUPS, "describe", "group", group)
                yield Rule(_WATCHES_GROUPS, "describe", "topic", topic)


async def apply(bootstrap: str, access: BrokerAccess, wanted: Sequence[Rule]) -> list[str]:
    """Make the rules; return those that are there beside them. Errors: RuntimeError where the broker refuses one."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, **access.options())
    try:
        await admin.start()
        for rule in wanted:
            numbers = _KINDS[rule.kind], rule.name, _LITERAL, f"User:{rule.service}", "*", _OPERATIONS[rule.operation], _ALLOW
            told = await admin._send_to_controller(CreateAclsRequest(*numbers))  # noqa: SLF001 - there is no public name for it
            for code, message in told.creation_responses:
                if code:
                    raise RuntimeError(f"the broker refused `{rule.line()}`: {message or code}")
        found = await admin._send_to_controller(DescribeAclsRequest(_ANY, None, _ANY, None, None, _ANY, _ANY))  # noqa: SLF001 - as above
    finally:
        await admin.close()
    ours = {(_KINDS[rule.kind], rule.name, f"User:{rule.service}", _OPERATIONS[rule.operation]) for rule in wanted}
    return [
        f"{principal}: operation {operation} on {name}"
        for kind, name, _, held in found.resources
        for principal, _, operation, _ in held
        if (kind, name, principal, operation) not in ours
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.acls", description="Kafka's ACLs of each service")
    parser.add_argument("--apply", action="store_true", help="make them at RECOURS_KAFKA")
    wanted = rules()
    if not parser.parse_args().apply:
        print(*(rule.line() for rule in wanted), sep="\n")
        return
    settings = load(KafkaSettings)
    beside = asyncio.run(apply(settings.kafka, settings.broker_access(), wanted))
    print(f"{len(wanted)} rules stand at {settings.kafka}.", *(f"Beside them: {each}" for each in beside), sep="\n")


if __name__ == "__main__":
    main()
