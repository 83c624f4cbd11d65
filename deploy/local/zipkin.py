"""A real Zipkin to look at traces with, from its jar; what it was told it holds in memory.

Started where traces are to go to a Zipkin (OTEL_TRACES_EXPORTER=zipkin) and no other is named (OTEL_EXPORTER_ZIPKIN_ENDPOINT).
"""

import os
import subprocess
from pathlib import Path
from typing import Final

from deploy.local.kafka import fetch_jar, find_java
from deploy.local.layout import require_free

_VERSION: Final = "3.5.1"


class EmbeddedZipkin:
    """One server, on the loopback address alone."""

    def __init__(self, port: int, log: Path) -> None:
        self._port = port
        self._log = log

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def health_url(self) -> str:
        return f"{self.url}/health"

    @property
    def environment(self) -> dict[str, str]:
        """What processes are told that send their spans there, and what pages are told that link to traces."""
        return {"OTEL_EXPORTER_ZIPKIN_ENDPOINT": f"{self.url}/api/v2/spans", "RECOURS_TRACES_URL": f"{self.url}/zipkin/traces/"}

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it. Errors: StackError."""
        require_free(self._port, "zipkin")
        jar = fetch_jar("io.zipkin", "zipkin-server", _VERSION, "exec")
        here = [f"--armeria.ports[0].{name}" for name in ("ip=127.0.0.1", f"port={self._port}", "protocols[0]=http")]
        command = [find_java(), "-Xmx300m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar", jar, *here]
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)


def wanted() -> bool:
    return "zipkin" in os.environ.get("OTEL_TRACES_EXPORTER", "").split(",") and "OTEL_EXPORTER_ZIPKIN_ENDPOINT" not in os.environ
