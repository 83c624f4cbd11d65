"""What the processes of a stack answer to `/metrics`, as Prometheus reads it."""

from collections.abc import Mapping
from dataclasses import asdict

import httpx
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.layout import SERVICES
from tests.support.system import System

PROCESSES = (*(f"{service}_{role}" for role in ("api", "worker") for service in SERVICES), "analytics_webhooks")

Series = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]  # by name and labels


def address(system: System, process: str) -> str:
    return f"127.0.0.1:{asdict(system.stack.ports)[process]}"


def scrape(system: System, process: str) -> Series:
    text = httpx.get(f"http://{address(system, process)}/metrics").raise_for_status().text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(series: Series, name: str, **labels: str) -> float:
    """Sum what has a name and, among others, some labels."""
    return sum(value for (each, told), value in series.items() if each == name and labels.items() <= dict(told).items())
