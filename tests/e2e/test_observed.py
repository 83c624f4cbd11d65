"""A real Prometheus over the real stack: it reads every process, every query of rules and dashboards means something to it, and
what goes wrong is seen by the alert that is for it.
"""

import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from aiokafka import AIOKafkaProducer

from deploy.local.layout import ROOT, Ports
from deploy.observability.dashboards import BOARDS
from libs.common.contracts import denial_classified
from libs.synthetic import remittances
from tests.support import eventually, run_apart
from tests.support.promtool import needs_prometheus
from tests.support.scraping import PROCESSES, address
from tests.support.system import System

pytestmark = needs_prometheus
RULES = ROOT / "deploy" / "observability" / "rules.yaml"
EXPRESSIONS = {
    rule.get("alert") or rule["record"]: rule["expr"]
    for group in yaml.safe_load(RULES.read_text())["groups"]
    for rule in group["rules"]
}
# What only happens to a system that is unwell, or takes longer than a test.
_SILENT = {
    "Alerts that fire",
    "Remits missing in a service; promised: none",
    "Files that do not balance",
    "Posts by outcome",
    "One post, p99",
    "Given up",
    "Waited in vain for a connection",
    "Requests that fail",
    "Dead letters",
    "Duplicates passed over",
}


class Prometheus:
    """One that scrapes each second."""

    def __init__(self, folder: Path, system: System) -> None:
        told: dict[str, Any] = yaml.safe_load((RULES.parent / "prometheus.yaml").read_text())
        told["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        told["rule_files"] = [str(RULES)]
        told["scrape_configs"][0]["static_configs"] = [{"targets": [address(system, process) for process in PROCESSES]}]
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(told))
        self._address = f"127.0.0.1:{Ports.free().kafka}"
        self._process = subprocess.Popen(
            [
                "prometheus", f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={self._address}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def ask(self, query: str) -> list[dict[str, Any]]:
        answer = httpx.get(f"http://{self._address}/api/v1/query", params={"query": query}, trust_env=False)
        assert answer.status_code == 200, (query, answer.text)
        found = answer.json()["data"]["result"]
        return [each for each in found if each["value"][1] != "NaN"]

    def answers(self) -> bool:
        try:  # it listens before it has read its storage, and answers 503 until then
            ready = httpx.get(f"http://{self._address}/-/ready", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False
        return ready and len(self.ask("up == 1")) == len(PROCESSES)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, system: System) -> Iterator[Prometheus]:
    made = Prometheus(tmp_path_factory.mktemp("prometheus"), system)
    eventually(made.answers, seconds=60)
    for seed in (31, 32):  # a counter that is new has no rate before it grows
        (file,) = remittances(seed=seed, claims=20, claims_per_file=20, first_on=date(2033, 1, 1))
        system.post(file.body)
        system.come_to_rest()
        time.sleep(3)  # so that each is in a scrape of its own
    yield made
    made.close()


@pytest.mark.parametrize("panel", [panel for _, panels in BOARDS.values() for panel in panels], ids=lambda panel: panel.title)
def test_a_panel_shows_something(prometheus: Prometheus, panel: Any) -> None:
    query = panel.query.replace("$__rate_interval", "5m")
    if panel.title in _SILENT:
        prometheus.ask(query)  # it is understood
    else:
        eventually(lambda: bool(prometheus.ask(query)), seconds=90, otherwise=lambda: f"{panel.title} shows nothing: {query}")


def test_prometheus_takes_every_rule_and_a_healthy_system_is_silent(prometheus: Prometheus) -> None:
    rules = httpx.get(f"http://{prometheus._address}/api/v1/rules").json()["data"]["groups"]
    taken = {rule["name"]: rule for group in rules for rule in group["rules"]}
    assert set(taken) == set(EXPRESSIONS)
    assert [name for name, rule in taken.items() if rule.get("lastError")] == []
    assert prometheus.ask('ALERTS{alertstate="firing",severity="page"}') == []


def seen(prometheus: Prometheus, alert: str) -> list[dict[str, Any]]:
    return prometheus.ask(EXPRESSIONS[alert])


def test_a_record_that_nobody_can_read_is_seen(prometheus: Prometheus, system: System) -> None:
    async def send() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=system.stack.bootstrap)
        await producer.start()
        headers = [("ce_specversion", b"1.0"), ("ce_type", denial_classified.TYPE.encode())]
        await producer.send_and_wait(denial_classified.TOPIC, b"not JSON", key=b"key", headers=headers)
        await producer.stop()

    run_apart(send())
    eventually(lambda: len(seen(prometheus, "RecoursDeadLetters")) >= 2, seconds=60)


def test_a_halted_worker_is_seen_by_who_scrapes_it(prometheus: Prometheus, system: System) -> None:
    assert seen(prometheus, "RecoursTargetDown") == []
    system.stack.kill("appeals-worker", signal.SIGSTOP)
    try:
        eventually(lambda: bool(seen(prometheus, "RecoursTargetDown")), seconds=60)
    finally:
        system.stack.kill("appeals-worker", signal.SIGCONT)
    eventually(lambda: seen(prometheus, "RecoursTargetDown") == [], seconds=60)


def test_a_cent_that_differs_is_seen(prometheus: Prometheus, system: System) -> None:
    """Looks at the ledger are a minute apart."""
    change = (
        "UPDATE ledger_days SET paid_cents = paid_cents + $1"
        " WHERE (tenant_id, day) = (SELECT tenant_id, day FROM ledger_days ORDER BY 1, 2 LIMIT 1) RETURNING 1"
    )
    system.come_to_rest()
    eventually(lambda: seen(prometheus, "RecoursLedgerDiffers") == [], seconds=150)
    system.rows("classifier", change, 1)
    try:
        eventually(lambda: bool(seen(prometheus, "RecoursLedgerDiffers")), seconds=150)
        (found,) = seen(prometheus, "RecoursLedgerDiffers")
        assert found["metric"]["service_name"] == "recours-classifier"
    finally:
        system.rows("classifier", change, -1)
