"""Three real brokers, each its own controller, too: what is written stands on all of them, and is acknowledged when two have it."""

import asyncio
import contextlib
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from deploy.local import provision
from deploy.local.kafka import EmbeddedKafka, new_cluster_id
from tests.support import eventually, run_apart

_BROKERS = 3
_IN_SYNC_AT_LEAST = 2
_START_SECONDS = 120
_STOP_SECONDS = 60


class Broker(EmbeddedKafka):
    """One of several."""

    heap = "320m"

    def __init__(self, number: int, cluster: str, folder: Path, ports: Sequence[tuple[int, int]]) -> None:
        self.number = number
        self.folder = folder / f"kafka-{number}"
        self._cluster = cluster
        self._voters = ",".join(f"{each + 1}@127.0.0.1:{controller}" for each, (_, controller) in enumerate(ports))
        super().__init__(self.folder, *ports[number - 1], folder / "logs" / f"kafka-{number}.log")
        self.process: subprocess.Popen[bytes] | None = None

    def cluster_id(self) -> str:
        return self._cluster

    def properties(self) -> dict[str, str]:
        return super().properties() | {
            "node.id": str(self.number),
            "controller.quorum.voters": self._voters,
            "default.replication.factor": str(_BROKERS),
            "min.insync.replicas": str(_IN_SYNC_AT_LEAST),
            "offsets.topic.replication.factor": str(_BROKERS),
            "transaction.state.log.replication.factor": str(_BROKERS),
            "transaction.state.log.min.isr": str(_IN_SYNC_AT_LEAST),
            "unclean.leader.election.enable": "false",
            "leader.imbalance.check.interval.seconds": "5",  # a broker that is back gets its share of leaders back while we look
        }

    def launch(self) -> None:
        self.process = self.start()

    def lives(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send(self, sign: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(sign)

    def end(self, sign: signal.Signals = signal.SIGKILL) -> None:
        """Kill it, or ask it to end: then it hands its leaders over first."""
        if self.process is None:
            return
        self.process.send_signal(sign)
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wipe(self) -> None:
        """Lose its disk; it must be down."""
        shutil.rmtree(self.folder / "data")


class Cluster:
    """`bootstrap` names all brokers. Topics are made on `start`, before anybody else could make them with one replica."""

    def __init__(self, folder: Path, ports: Sequence[tuple[int, int]]) -> None:
        cluster = new_cluster_id()
        self.brokers = [Broker(number + 1, cluster, folder, ports) for number in range(_BROKERS)]

    @property
    def bootstrap(self) -> str:
        return ",".join(broker.bootstrap for broker in self.brokers)

    def start(self) -> None:
        self._launch_all()
        run_apart(self._make_topics())
        self.await_whole()

    def _launch_all(self) -> None:
        with ThreadPoolExecutor(_BROKERS) as pool:  # each formats its disk first
            list(pool.map(Broker.launch, self.brokers))

    def stop(self) -> None:
        for broker in self.brokers:
            broker.end()

    async def _make_topics(self) -> None:
        wanted = [
            NewTopic(name, told["partitions"], _BROKERS, topic_configs=told["config"] | {"min.insync.replicas": _IN_SYNC_AT_LEAST})
            for name, told in provision.wanted_topics().items()
        ]
        async with asyncio.timeout(_START_SECONDS):
            while True:
                admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
                try:
                    await admin.start()
                    if len((await admin.describe_cluster())["brokers"]) == _BROKERS:
                        await admin.create_topics(wanted)
                        return
                except KafkaError:
                    pass
                finally:
                    await admin.close()
                await asyncio.sleep(0.5)

    def await_whole(self, seconds: float = _START_SECONDS) -> None:
        """Return when every partition has all its replicas in sync."""
        eventually(lambda: self.missing_replicas() == 0, seconds=seconds, otherwise=lambda: "a replica does not come into sync")

    def missing_replicas(self) -> int | None:
        """Count replicas that are not in sync, of all topics and the offsets'; None when nobody tells."""

        async def ask() -> int | None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=5_000)
            try:
                async with asyncio.timeout(10):
                    await admin.start()
                    topics = await admin.describe_topics()
            except (KafkaError, TimeoutError, OSError):
                return None
            finally:
                with contextlib.suppress(Exception):
                    async with asyncio.timeout(5):
                        await admin.close()
            parts = [part for topic in topics for part in topic["partitions"]]
            return sum(_BROKERS - len(part["isr"]) for part in parts) if parts else None

        found = run_apart(ask())
        return None if found is None else int(found)

    def leader_of_most(self) -> Broker:
        """Return the broker that leads most partitions: the one whose loss is felt."""

        async def ask() -> dict[int, int]:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
            try:
                await admin.start()
                leads = dict.fromkeys(range(1, _BROKERS + 1), 0)
                for topic in await admin.describe_topics():
                    for part in topic["partitions"]:
                        leads[part["leader"]] = leads.get(part["leader"], 0) + 1
                return leads
            finally:
                await admin.close()

        leads = run_apart(ask())
        return max(self.brokers, key=lambda broker: leads.get(broker.number, 0))

    def relaunch(self, broker: Broker) -> None:
        """Start one again as soon as its ports are free."""
        deadline = time.monotonic() + _STOP_SECONDS
        while True:
            try:
                broker.launch()
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return
