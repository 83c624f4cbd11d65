"""PostgreSQL and Kafka in containers that Testcontainers starts and removes, with the images and settings of compose.yaml."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import yaml

from deploy.local.layout import ROOT, Ports
from tests.support import eventually

_PASSWORD = "of-a-container-that-lives-as-long-as-the-tests"  # noqa: S105 - of nothing that is kept


@contextmanager
def servers(ports: Ports) -> Iterator[Mapping[str, str]]:
    """Start both; yield what a stack is told to use them (RECOURS_INFRA=external)."""
    told = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    kafka_settings = {
        name: str(value).replace("${RECOURS_KAFKA_PORT:-19092}", str(ports.kafka))
        for name, value in told["kafka"]["environment"].items()
    }
    postgres = _container(told["postgres"], 5432, ports.postgres).with_env("POSTGRES_PASSWORD", _PASSWORD)
    kafka = _container(told["kafka"], 9092, ports.kafka)
    for name, value in kafka_settings.items():
        kafka.with_env(name, value)
    with postgres, kafka:
        eventually(lambda: _succeeds(postgres, told["postgres"]), otherwise=lambda: "PostgreSQL does not answer in its container")
        eventually(lambda: _succeeds(kafka, told["kafka"]), otherwise=lambda: "Kafka does not answer in its container")
        yield {
            "RECOURS_INFRA": "external",
            "RECOURS_POSTGRES": f"postgresql://postgres:{_PASSWORD}@127.0.0.1:{ports.postgres}/postgres",
            "RECOURS_KAFKA": f"127.0.0.1:{ports.kafka}",
        }


def _container(told: Mapping[str, Any], inside: int, outside: int) -> Any:
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - only where containers are asked for

    container: Any = DockerContainer(told["image"])
    container.ports = {f"{inside}/tcp": ("127.0.0.1", outside)}  # the method for it knows all addresses only
    return container.with_command(told["command"]) if "command" in told else container


def _succeeds(container: Any, told: Mapping[str, Any]) -> bool:
    """Run the container's own check of health."""
    kind, *command = told["healthcheck"]["test"]
    return bool(container.exec(["sh", "-c", *command] if kind == "CMD-SHELL" else command).exit_code == 0)
